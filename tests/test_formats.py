"""Formats: what we write, other programs read where they expect it, and we read back as the same papers."""

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from indexer import sources
from indexer.identity import named
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, one_line, turned
from search.errors import InvalidValue, SourceError
from search.paper import Date, Json, Paper
from search.query import Explanation, Hit, LegMatch, Page, Span, Why
from service import formats
from service.formats import FORMATS, HIT_FIELDS, MEDIA, PROJECTED, Format, Wanted
from service.formats.citation import keys
from service.formats.person import Person
from service.render import hit_json, url_of

ROOT = Path(__file__).parent.parent
AS_OF = date(2026, 6, 15)
READ_BACK: tuple[Format, ...] = ("bibtex", "ris", "csl-json", "csv", "ndjson")
READERS = {"bibtex": "bibtex", "ris": "ris", "csl-json": "csl-json", "csv": "csv", "ndjson": "jsonl"}
ATOM = "{http://www.w3.org/2005/Atom}"


def page_of(papers: Sequence[Paper]) -> Page:
    hits = tuple(Hit(paper, -0.25, LegMatch(1, 0.5), None, band="weak", why=Why((Span(0, 1),))) for paper in papers)
    return Page(hits, len(hits), True, 1.0, "gen-000001", Explanation("rows", 0, 0, ()), reading="every paper")


def read(content: bytes) -> tuple[str, list[Paper]]:
    """What our own sources make of a file, told by its content alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(content)
        file = SourceFile(path, AS_OF)
        found = list(sources.read(file))
    assert [each for each in found if isinstance(each, SourceError)] == []
    return file.format, [each for each in found if isinstance(each, Paper)]


def kept(paper: Paper, name: Format) -> Paper:
    """What a format keeps of a paper (docs/formats.md)."""
    names = paper.authors if name == "ndjson" else tuple(dict.fromkeys(map(turned, paper.authors)))
    return replace(paper, authors=names, url=url_of(paper), sources=())


def sample() -> list[Paper]:
    found = sources.read(SourceFile(ROOT / "data" / "sample.jsonl", AS_OF))
    return [named(each) for each in found if isinstance(each, Paper)]


@pytest.mark.parametrize("name", READ_BACK)
def test_the_sample_is_written_and_read_back_whole(name: Format) -> None:
    papers = sample()
    told, back = read(formats.page(name, page_of(papers)))
    assert told == READERS[name]
    assert [replace(each, sources=()) for each in back] == [kept(paper, name) for paper in papers]


WORDS = st.sampled_from(
    ["KV", "cache", "PA&DA:", "50%", "a_b", "#1", "~5", "x^2", "{", "}", "{KV}", "\\textit{x}", "\\", "\\'e", "$O(n)$",
     "$\\{x$", "$x", "\\$5", "$\\alpha_{i}$", "\\(a_1\\)", "--", "---", "``q''", '"q"', "'", "`", "<b>", "]]>", "&amp;",
     "@misc{x,", "TY  - JOUR", "ER  -", "and", "others", "=1+1", "+1", "-1", "@x", "'=1", ";", ",", "é", "Müller", "李",
     "∂", "\u2014", "\u201cq\u201d", "…", "ø", "\U0001d54f", "%", "n\u0303"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=6), min_size=1, max_size=8).map(" ".join).map(one_line).filter(bool)
NAMES = st.one_of(
    st.sampled_from(
        ["Ada Byron", "José García Márquez", "Ludwig van Beethoven", "Rens van de Schoot", "Martin L. King Jr.", "李明",
         "Santiago Ramón y Cajal", "OneRec Team", "The ATLAS Collaboration", "Simon and Schuster", "Plato", "others",
         "Byron, Ada", "King, Jr., Martin", "García-Bellido, Antonio", "Chao-Lin Liu", "J.-P. O'Brien", "DeepSeek-AI",
         "Max Müller", "B. A. {Braces}", "Smith & Sons", "A; B", "Nguyễn Văn A", "et al."]
    ),
    TEXTS.filter(lambda text: "," not in text),
)  # fmt: skip
DATES = st.builds(Date, st.integers(1000, 2100), st.integers(1, 12), st.integers(1, 28)) | st.builds(
    Date, st.integers(1900, 2100), st.integers(0, 12)
)
IDS = st.lists(
    st.sampled_from(["2401.00001v3", "2401.00002", "hep-th/9901001", "10.1000/XYZ.1",
                     "10.1002/(SICI)1<1::AID-1>3.0.CO;2-#", "pmid:123", "acl:2022.acl-long.1", "h:0123456789ab", "10.1000/{x"]),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip
URLS = st.none() | st.sampled_from(
    [
        "https://arxiv.org/abs/2401.00009v2",
        "https://x.org/a;b?c=1&d=%20#e_f~g",
        "http://aclanthology.org/2022.acl-long.1/",
    ]
)
JSON: st.SearchStrategy[Json] = st.recursive(
    TEXTS | st.integers(1, 10**9) | st.floats(0.25, 99) | st.just(True),
    lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(TEXTS, inner, min_size=1, max_size=2),
    max_leaves=4,
)
EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "journal": TEXTS, "comment": TEXTS | JSON, "pages": st.sampled_from(["1-9", "e12", "1 - 9", "i--x", "3-"]),
        "keywords": st.lists(TEXTS, min_size=1, max_size=3), "citations": st.integers(1, 99), "affiliation": TEXTS,
        "other": JSON, "score": st.floats(1, 99),
    },
)  # fmt: skip


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """As a source reads one, so that it is as an index can hold it."""
    title, abstract = draw(st.none() | TEXTS), draw(TEXTS)
    drawn = Draft("", draw(IDS), title, abstract, draw(st.lists(NAMES, max_size=4)), draw(st.booleans()))
    drawn.published, drawn.updated = draw(st.none() | DATES), draw(st.none() | DATES)
    drawn.categories = draw(st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True))
    drawn.url, drawn.extra = draw(URLS), draw(EXTRA)
    drawn.version = draw(st.none() | st.integers(1, 9))
    return drawn.paper()


@pytest.mark.parametrize("name", READ_BACK)
@given(drawn=st.lists(papers(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_papers_are_written_and_read_back_whole(name: Format, drawn: list[Paper]) -> None:
    told, back = read(formats.page(name, page_of(drawn)))
    assert told == READERS[name]
    assert [replace(each, sources=()) for each in back] == [kept(paper, name) for paper in drawn]
    (alone,) = read(formats.paper(name, drawn[0]))[1]
    assert replace(alone, sources=()) == kept(drawn[0], name)
