"""Round trips: each export gives the same papers to the reader of its format and to a library of that field."""

import csv
import io
import json
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import bibtexparser
import feedparser
import pytest
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, MergeNameParts, SeparateCoAuthors, SplitNameParts

from exports import READERS, ROUND_TRIP_FORMATS, exported_fields, make_page, read_export, read_sample
from indexer.identity import ensure_id
from search.papers.folding import put_given_name_first
from search.papers.paper import Paper
from service import formats
from service.formats import FORMATS, Format
from source_mutations import SAMPLES
from source_samples import read

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # citeproc-py has old escape sequences
    from citeproc.source.json import CiteProcJSON


class Facts(NamedTuple):
    """What a library is asked for: each is empty if absent."""

    title: str
    authors: tuple[str, ...]
    year: str
    doi: str
    abstract: str


def read_samples() -> list[Paper]:
    """The papers of ``data/sample.jsonl``, and those of one file of each format that is imported."""
    papers = read_sample()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in SAMPLES.items():
            path = Path(folder) / name
            path.write_text(content, "utf-8")
            papers += [ensure_id(each) for each in read(path, name) if isinstance(each, Paper)]
    return papers


@pytest.fixture(scope="module")
def papers() -> list[Paper]:
    found = read_samples()
    assert {source.partition(":")[0] for paper in found for source in paper.sources} == set(SAMPLES)
    return found


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_our_reader_restores_the_papers(papers: list[Paper], name: Format) -> None:
    detected, restored = read_export(formats.render_page(name, make_page(papers)))
    assert detected == READERS[name]
    assert [replace(each, sources=()) for each in restored] == [exported_fields(paper, name) for paper in papers]


def facts_of(paper: Paper) -> Facts:
    doi = next((each.removeprefix("doi:") for each in paper.ids if each.startswith("doi:")), "")
    authors = tuple(put_given_name_first(name) for name in paper.authors)
    year = f"{paper.published.year:04}" if paper.published else ""
    return Facts(paper.title or "", authors, year, doi, paper.abstract or "")


def read_bibtex(content: str) -> list[Facts]:
    middleware = [SeparateCoAuthors(), SplitNameParts(), MergeNameParts(style="first"), LatexDecodingMiddleware()]
    library = bibtexparser.parse_string(content, append_middleware=middleware)
    assert not library.failed_blocks
    found = []
    for entry in library.entries:
        get = {name: field.value for name, field in entry.fields_dict.items()}.get
        authors = tuple(name.strip("{}") for name in get("author", ()) if name != "others")
        found.append(Facts(get("title", ""), authors, get("year", ""), get("doi", ""), get("abstract", "")))
    return found


def read_ris(content: str) -> list[Facts]:
    return [
        Facts(
            each.get("title", ""),
            tuple(put_given_name_first(name) for name in each.get("authors", [])),
            each.get("year", ""),
            each.get("doi", ""),
            each.get("abstract", ""),
        )
        for each in rispy.loads(content)
    ]


def read_csl_json(content: str) -> list[Facts]:
    items = json.loads(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # citeproc-py warns of "custom", which the schema allows
        source = CiteProcJSON(items)
    found = []
    for item in items:
        get = source[item["id"].lower()].get
        authors = []
        for name in get("author", ()):
            given, family, dropping, particle, suffix = name.parts()
            authors.append(" ".join(filter(None, (given, dropping, particle, family, suffix))))
        year = f"{get('issued').year:04}" if get("issued") else ""
        found.append(Facts(str(get("title", "")), tuple(authors), year, str(get("DOI", "")), str(get("abstract", ""))))
    return found


def read_csv(content: str) -> list[Facts]:
    found = []
    for row in csv.DictReader(io.StringIO(content)):
        cells = {name: re.sub(r"(^|(?<=[;\t\r\n]))'(?=['\"]*[=+@-])", "", cell) for name, cell in row.items()}
        doi = next((each.removeprefix("doi:") for each in cells["ids"].split() if each.startswith("doi:")), "")
        authors = json.loads(cells["authors"]) if cells["authors"].startswith("[") else cells["authors"].split("; ")
        names = tuple(put_given_name_first(name) for name in authors if name)
        found.append(Facts(cells["title"], names, cells["published"][:4], doi, cells["abstract"]))
    return found


def read_json(content: str) -> list[Facts]:
    return [facts_of_json(each) for each in json.loads(content)["hits"]]


def read_ndjson(content: str) -> list[Facts]:
    return [facts_of_json(json.loads(line)) for line in content.splitlines()]


def facts_of_json(fields: dict[str, Any]) -> Facts:
    doi = next((each.removeprefix("doi:") for each in fields["ids"] if each.startswith("doi:")), "")
    authors = tuple(put_given_name_first(name) for name in fields["authors"])
    return Facts(fields["title"] or "", authors, (fields["published"] or "")[:4], doi, fields["abstract"] or "")


def read_atom(content: str) -> list[Facts]:
    feed = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo
    found = []
    for entry in feed.entries:
        text = entry.get("summary") or "".join(each.value for each in entry.get("content", ()))
        authors = tuple(put_given_name_first(author.name) for author in entry.get("authors", ()))
        dois = [
            link.href.removeprefix("https://doi.org/") for link in entry.get("links", ()) if "/doi.org/" in link.href
        ]
        found.append(Facts(entry.title, authors, entry.get("published", "")[:4], next(iter(dois), ""), text))
    return found


LIBRARIES: dict[Format, Callable[[str], list[Facts]]] = {
    "bibtex": read_bibtex,
    "ris": read_ris,
    "csl-json": read_csl_json,
    "csv": read_csv,
    "json": read_json,
    "ndjson": read_ndjson,
    "atom": read_atom,
}
"""A reader by the library that programs of the field use: bibtexparser, rispy, citeproc-py, csv, json, feedparser."""


@pytest.mark.parametrize("name", FORMATS)
def test_the_library_of_the_field_finds_the_papers(papers: list[Paper], name: Format) -> None:
    found = LIBRARIES[name](formats.render_page(name, make_page(papers)).decode())
    assert len(found) == len(papers)
    for each, paper in zip(found, papers, strict=True):
        facts = facts_of(paper)
        if name == "atom":  # an entry needs a title, and links to one address
            facts = facts._replace(title=facts.title or each.title, doi=each.doi)
        if name == "bibtex":  # bibtexparser drops an accent over nothing, as LaTeX has these characters
            facts = Facts(*(_drop_accents(value) for value in facts))
        assert each == facts


def _drop_accents(value: Any) -> Any:
    return value.replace("~", "").replace("^", "") if isinstance(value, str) else value
