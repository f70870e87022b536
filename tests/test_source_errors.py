"""Malformed files: each invalid record is yielded as an error with file and line, and the others are read."""

import gzip
import json
import lzma
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import sources
from indexer.sources.guard import FAILURE
from search.errors import SourceError, UnknownFormat
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper
from source_mutations import SAMPLES, mutate
from source_samples import (
    ATOM,
    CSL,
    PAGE,
    RIS,
    WriteSource,
    read,
    read_papers,
)

MALFORMED = {
    "half a line": ('{"title": "A"}\n{"title": "B\n', [2], "not JSON"),
    "a list": ('{"title": "A"}\n[1]\n', [2], "not a JSON object"),
    "NaN": ('{"title": "A"}\n{"title": "B", "score": NaN}\n', [2], "not JSON"),
    "half a surrogate pair": ('{"title": "A"}\n{"title": "B \\ud83d"}\n', [2], "surrogate"),
    "nested deep": ('{"title": "A"}\n' + '{"x":' * 100_000 + "\n", [2], "not JSON"),
    "neither": ('{"title": "A"}\n{"title": " ", "authors": ["B"]}\n', [2], "neither title nor abstract"),
    "a number": ('{"title": "A"}\n{"title": 5}\n', [2], "neither title nor abstract"),
    "a long title": ('{"title": "A"}\n{"title": "' + "x" * 2_001 + '"}\n', [2], "2,001 characters"),
    "broken xml": (ATOM.removesuffix("</feed>"), [15], "not well-formed XML"),
    "an open brace": ("@misc{a, title = {A}}\n@misc{b, title = {B\n@misc{c, title = {C}}\n", [2], "not a BibTeX entry"),
    "an empty ris": (RIS + "TY  - JOUR\nAU  - Byron, Ada\nER  - \n", [17], "neither title nor abstract"),
    "a list that breaks": (CSL.replace('"id": 2,', '"id" 2,'), [8], "not JSON"),
    "an item with a list as title": (CSL.replace('"PMID": 123', '"title": [1]'), [8], "neither title nor abstract"),
    "a list nested deep": (CSL.replace('"id": 2,', '"x":' + "[" * 100_000), [8], "not JSON"),
    "a cell without end": ('title,abstract\nA,b\nC,"' + "x" * 500_000, [3], "not CSV"),
    "an impossible date": (
        "IRFeb 30, 2023\n\nTitle\n\nAda Byron\n\nAn abstract.\n\n" + PAGE,
        [1],
        "Feb 30, 2023 does not exist",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_record_does_not_affect_others(write_source: WriteSource, name: str) -> None:
    content, lines, reason = MALFORMED[name]
    found = read(write_source("file", content))
    errors = [each for each in found if isinstance(each, SourceError)]
    assert [error.line for error in errors] == lines
    assert reason in str(errors[0])
    assert str(errors[0]).startswith(errors[0].path)
    assert len(found) > len(errors)


def test_a_truncated_file_yields_the_preceding_records(write_source: WriteSource) -> None:
    lines = "".join(json.dumps({"title": f"Paper {n} {hash(n * n)}"}) + "\n" for n in range(20_000)).encode()
    for name, compressed in (("a.gz", gzip.compress(lines)), ("a.xz", lzma.compress(lines))):
        found = read(write_source(name, compressed[: len(compressed) // 2]))
        assert isinstance(found[-1], SourceError)
        assert "cannot be read to its end" in found[-1].reason
        assert all(isinstance(each, Paper) for each in found[:-2])  # the last line may be truncated


def test_nothing_is_expanded_or_fetched_from_xml(write_source: WriteSource) -> None:
    secret = write_source("secret.txt", "the secret")
    bomb = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10 if n else "boom"}">' for n in range(12))
    doctype = f'<!DOCTYPE feed [{bomb}<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    for reference in ("&b11;", "&s;"):
        feed = ATOM.replace("?>", "?>" + doctype, 1).replace("We keep less", reference + " We keep less")
        for path in (
            write_source("feed", feed),
            write_source("feed.json", json.dumps({"body": feed.replace(' encoding="utf-8"', "")})),
        ):
            for each in read(path):
                assert "boom" not in repr(each)
                assert "the secret" not in repr(each)


def test_non_paper_files_are_rejected(write_source: WriteSource) -> None:
    (error,) = read(write_source("notes.md", "# Notes\nnothing here\n"))
    assert isinstance(error, SourceError)
    assert isinstance(error, UnknownFormat)


texts = st.text(max_size=80) | st.text(st.characters(categories=["Cs"]), max_size=3)
dates = st.builds(Date, st.integers(1000, 2100), st.integers(1, 12), st.integers(1, 28)) | st.builds(
    Date, st.integers(1000, 2100)
)
lines = st.text("abc xyz", min_size=1, max_size=9).map(str.split).map(" ".join).filter(bool)
plain_values: st.SearchStrategy[Json] = lines | st.integers(1, 99)


stored_papers = st.builds(
    Paper,
    ids=st.just(("arxiv:2401.00001",)),
    title=st.text("abc é∂深", min_size=1, max_size=30).map(str.split).map(" ".join).filter(bool),
    authors=st.lists(st.sampled_from(["Ada Byron", "José García", "李明"]), unique=True).map(tuple),
    authors_partial=st.booleans(),
    published=st.none() | dates,
    categories=st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True).map(tuple),
    version=st.none() | st.integers(1, 9),
    extra=st.dictionaries(st.sampled_from(["comment", "journal"]), plain_values),
    sources=st.just(("jsonl:papers.jsonl",)),
)


@given(paper=stored_papers)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_json_lines_round_trip(tmp_path: Path, paper: Paper) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text(json.dumps(paper.to_json()), "utf-8")
    assert read_papers(path) == [paper]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "ids", "title", "abstract", "authors", "published", "categories", "versions", "authors_parsed", "doi",
          "paperId", "externalIds", "extra", "version", "journal", "year", "data", "update_date")  # fmt: skip


@given(fields=st.dictionaries(st.sampled_from(FIELDS), json_values), format_=st.sampled_from(["", *sources.FORMATS]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read_or_yields_an_error(tmp_path: Path, fields: dict[str, Json], format_: str) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps(fields), "utf-8")
    for each in read(path, format_):
        assert isinstance(each, SourceError) or each.title or each.abstract
        if isinstance(each, Paper):
            json.dumps(each.to_json(), ensure_ascii=False).encode()


@given(
    sample=st.sampled_from(sorted(SAMPLES)),
    random=st.randoms(use_true_random=False),
    format_=st.sampled_from(["", *sources.FORMATS]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_yield_an_error(tmp_path: Path, sample: str, random: Random, format_: str) -> None:
    """``benchmarks/fuzz_sources.py`` reads more of them."""
    path = tmp_path / "any"
    path.write_bytes(mutate(SAMPLES[sample].encode(), random))
    for each in read(path, format_ or sample):
        if isinstance(each, SourceError):
            assert FAILURE not in each.reason
        else:
            assert each.title or each.abstract
            assert Paper.from_json(json.loads(orjson.dumps(each.to_json()))) == each
