"""JSON whose fields have values of other types than their format defines: a bad value costs its field alone."""

import builtins
import json
import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from more_source_samples import ADS, CROSSREF, OPENALEX
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper
from source_samples import CSL, S2, SNAPSHOT, WriteSource, read, read_papers, read_with_warnings

TITLE, ABSTRACT = "Small caches", "We keep less and lose little."
RECORDS: dict[str, dict[str, Any]] = {
    "openalex": json.loads(OPENALEX)["results"][0],
    "crossref": json.loads(CROSSREF)["message"]["items"][0] | {"subtitle": [], "journal-issue": {}, "created": {}},
    "ads": json.loads(ADS)["response"]["docs"][0],
    "semantic-scholar": json.loads(S2),
    "csl-json": json.loads(CSL)[0],
    "arxiv-snapshot": json.loads(SNAPSHOT),
    "jsonl": {
        "id": "2401.00001", "ids": ["doi:10.1000/xyz.1"], "title": "T", "abstract": "A", "authors": ["Ada Byron"],
        "authors_partial": True, "published": "2024", "updated": "2025", "categories": ["cs.CL"], "version": 2,
        "url": "https://example.org", "retraction": "retracted", "doi": "10.1000/a", "extra": {"n": 1}, "more": "x",
    },
    "json-table": {
        "Title": "T", "Abstract": "A", "Author": "Byron, Ada", "Year": 2024, "DOI": "10.1000/a", "Pages": "1-2",
        "Keywords": ["a"], "Cited by": 7, "Shelf": "x",
    },
}  # fmt: skip
"""A record of each JSON format."""
LISTED_TITLES = ("crossref", "ads")
"""Formats that have titles in lists."""
NAMES = {"json-table": ("Title", "Abstract"), "openalex": ("title", "abstract_inverted_index")}
"""The names of title and abstract, if not ``title`` and ``abstract``."""
EXCEPTIONS = re.compile(
    "|".join(name for name in vars(builtins) if name.endswith("Error")) + "|object has no|not subscriptable"
)


def make_record(format_: str) -> dict[str, Any]:
    record = deepcopy(RECORDS[format_])
    title, abstract = NAMES.get(format_, ("title", "abstract"))
    words = ABSTRACT.split()
    index = {word: [place] for place, word in enumerate(words)}
    record[title] = [TITLE] if format_ in LISTED_TITLES else TITLE
    record[abstract] = index if format_ == "openalex" else ABSTRACT
    return record


def list_places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for name, each in inner for place in list_places(each, (*path, name))]


def replace_value(record: dict[str, Any], place: tuple[str | int, ...], value: Json) -> None:
    inner: Any = record
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value


values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**25) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "10.1000/A", "2024", "a; b", "[1]", "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "0"]), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@pytest.mark.parametrize("format_", RECORDS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_values_of_other_types_cost_their_fields_alone(
    write_source: WriteSource, format_: str, data: st.DataObject
) -> None:
    good, bad = make_record(format_), make_record(format_)
    places = list_places(bad)
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        try:
            replace_value(bad, place, data.draw(values))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier replacement has removed the place
    title, abstract = NAMES.get(format_, ("title", "abstract"))

    def is_changed(name: str) -> bool:
        return json.dumps(bad.get(name)) != json.dumps(good.get(name))

    found = read(write_source("file.json", json.dumps([good, bad, good])), format_)
    expected = read_papers(write_source("file.json", json.dumps([good])), format_)[0]
    assert (found[0], found[-1], len(found)) == (expected, expected, 3)
    if isinstance(found[1], SourceError):
        assert not EXCEPTIONS.search(found[1].reason), found[1]
        assert is_changed(title), found[1]
        return
    if not (is_changed(title) or is_changed("subtitle")):  # a subtitle is part of the title
        assert found[1].title == TITLE
    if not is_changed(abstract):
        assert found[1].abstract == ABSTRACT


def read_one(write_source: WriteSource, format_: str, fields: dict[str, Json]) -> tuple[Paper, list[str]]:
    """Reads a record in which these fields are replaced."""
    path = write_source("file.json", json.dumps([make_record(format_) | fields]))
    (paper,), warnings = read_with_warnings(path, format_)
    assert isinstance(paper, Paper)
    return paper, warnings


@pytest.mark.parametrize("format_", [name for name in RECORDS if name != "json-table"])
def test_a_title_may_be_a_list_and_authors_a_text(write_source: WriteSource, format_: str) -> None:
    name = {"crossref": "author", "ads": "author", "csl-json": "author", "openalex": "authorships"}.get(
        format_, "authors"
    )
    record: dict[str, Json] = {"title": ["A list"], name: "Ada Byron and Rick Roe"}
    if format_ == "arxiv-snapshot":
        record["authors_parsed"] = None
    paper, _ = read_one(write_source, format_, record)
    assert paper.title == "A list"
    assert paper.authors == (("Ada Byron and Rick Roe",) if format_ == "ads" else ("Ada Byron", "Rick Roe"))


@pytest.mark.parametrize(
    ("format_", "name"),
    [("crossref", "DOI"), ("openalex", "doi"), ("csl-json", "DOI"), ("jsonl", "doi"), ("semantic-scholar", "url")],
)
def test_what_was_left_out_is_a_warning(write_source: WriteSource, format_: str, name: str) -> None:
    paper, warnings = read_one(write_source, format_, {name: {"value": 10.5}})
    assert paper.title == TITLE
    assert f":1: {name}: a value that is not a text was left out: {{'value': 10.5}}" in "".join(warnings)


def test_a_wrong_element_of_a_list_costs_itself(write_source: WriteSource) -> None:
    fields: dict[str, Json] = {
        "author": [{"given": 5, "family": "Byron"}, None, 7, True, "Rick Roe", []],
        "subject": [1, {}],
    }
    paper, warnings = read_one(write_source, "crossref", fields)
    assert paper.authors == ("Byron", "7", "Rick Roe")
    assert paper.extra["keywords"] == ["1"]
    assert sorted(warning.split(":")[2].strip() for warning in warnings) == ["author", "given", "subject"]


@pytest.mark.parametrize(
    ("dates", "published"),
    [
        ({"issued": {"date-parts": [[2020]]}, "published-online": {"date-parts": [[2020, 3, 5]]}}, Date(2020, 3, 5)),
        ({"issued": {"date-parts": [[2020]]}, "published-online": {"date-parts": [[2019, 3, 5]]}}, Date(2020)),
        ({"issued": {"date-parts": [[None]]}, "posted": {"date-parts": [[2020, 3, 5]]}}, Date(2020, 3, 5)),
        ({"issued": None, "approved": {"date-parts": [[2020, 3]]}}, Date(2020, 3)),
        ({"issued": {}, "journal-issue": {"published-print": {"date-parts": [["2020"]]}}}, Date(2020)),
        ({"issued": {}, "event": {"start": {"date-parts": [[2020, 3, 5]]}}}, Date(2020, 3, 5)),
        ({"issued": {"date-parts": [[2020]]}, "event": {"start": {"date-parts": [[2020, 3, 5]]}}}, Date(2020)),
        ({"issued": "2020-03"}, Date(2020, 3)),
        ({"issued": {"date-time": "2020-03-05T00:00:00Z"}}, Date(2020, 3, 5)),
        ({"issued": {}, "created": {"date-parts": [[2020, 3, 5]]}, "deposited": {"date-parts": [[2022]]}}, Date(2020)),
        ({"issued": {"date-parts": [[2020]]}, "created": {"date-parts": [[2020, 3, 5]]}}, Date(2020)),
        ({"issued": {}, "published-other": {"date-parts": [[2020]]}}, Date(2020)),
        ({"issued": {}, "deposited": {"date-parts": [[2022]]}, "indexed": {"date-parts": [[2023]]}}, None),
    ],
)
def test_dates_of_crossref(write_source: WriteSource, dates: dict[str, Json], published: Date | None) -> None:
    record = make_record("crossref")
    del record["published-online"]
    (paper,) = read_papers(write_source("file.json", json.dumps([record | dates])), "crossref")
    assert paper.published == published


def test_a_snapshot_without_parsed_authors_has_the_authors_of_its_text(write_source: WriteSource) -> None:
    for parsed in list[Json]([None, [], "Byron"]):
        fields: dict[str, Json] = {
            "authors_parsed": parsed,
            "authors": "Ada Byron (MIT), J. A. Doe and Rick Roe, Jr.",
        }
        paper, _ = read_one(write_source, "arxiv-snapshot", fields)
        assert paper.authors == ("Ada Byron", "J. A. Doe", "Rick Roe Jr.")


@pytest.mark.parametrize(
    ("title", "subtitle", "expected"),
    [
        (["Small caches"], ["Less is more"], "Small caches: Less is more"),
        (["Small caches: less is more"], ["Less is more"], "Small caches: less is more"),
        (["Why small caches?"], ["Less is more", "Weniger"], "Why small caches? Less is more"),
        ([], ["Less is more"], "Less is more"),
    ],
)
def test_subtitles_of_crossref(write_source: WriteSource, title: Json, subtitle: Json, expected: str) -> None:
    paper, _ = read_one(write_source, "crossref", {"title": title, "subtitle": subtitle})
    assert paper.title == expected
