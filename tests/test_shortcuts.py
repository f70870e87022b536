"""Shortcuts of the import: what is done quickly for frequent input has the result of the code for any input."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.sources import placeholders
from indexer.sources.json import parse_json
from indexer.sources.markup import markup_to_text
from search.columns.postings import NewPostings, Postings
from search.index.database_checksums import key_checksum, sum_key_checksums
from search.papers import fingerprint, identifier_forms, names
from search.papers.date import Date
from search.papers.folding import is_plain, normalize_whitespace
from search.papers.latex import decode_commands
from search.papers.paper import Paper

NAME_WORDS = st.sampled_from(
    [
        "Wei",
        "Zhang",
        "Nguyen",
        "Garcia",
        "Van",
        "De",
        "Jr",
        "Iii",
        "A.",
        "B.",
        "And",
        "Mueller",
        "Oelze",
        "Kim",
        "Smith",
    ]
)


@given(st.lists(NAME_WORDS, min_size=1, max_size=4).map(" ".join))
@example("Samuel Coelho")
def test_plain_names_have_the_keys_of_any_name(text: str) -> None:
    keys = names.index_keys(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "_plain_key", lambda _text: "")
        assert names.index_keys(text) == keys


@given(st.text("ab <>&;\\{}$'`~^\"/\u00e9\n\t", max_size=12))
@example("&amp;")
@example("\\'e")
def test_cleaning_changes_no_plain_text(text: str) -> None:
    if is_plain(text):
        assert normalize_whitespace(markup_to_text(text)) == decode_commands(text) == text


@given(st.text("nNaAuU/#<>()[]-_.? o", max_size=10))
@example("[No author id available]")
@example("(null)")
def test_each_placeholder_starts_with_a_listed_character(text: str) -> None:
    assert placeholders.is_placeholder(text) == bool(placeholders._PLACEHOLDER.fullmatch(text.strip()))


@given(st.text("aB.!?;: \n", max_size=30))
def test_sentences_end_at_a_mark_before_white_space(text: str) -> None:
    assert list(fingerprint._split_sentences(text)) == re.split(r"(?<=[.!?;:])\s+", text)


@given(
    st.sampled_from(["arxiv:", "arXiv:", "http://arxiv.org/abs/", "https://arxiv.org/abs/"]),
    st.from_regex(r"\d{4}\.\d{4,5}(v\d{1,3})?", fullmatch=True),
)
def test_frequent_identifiers_are_read_like_all_others(prefix: str, number: str) -> None:
    found = identifier_forms.match_id(prefix + number)
    assert found
    assert found == identifier_forms.match_id(f"<{prefix}{number}>")


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**31 - 1)), max_size=20))
def test_key_checksums_are_summed(pairs: list[tuple[int, int]]) -> None:
    keys, rows = np.array(pairs, np.int64).reshape(-1, 2).T
    assert sum_key_checksums(keys, rows) == sum(key_checksum(key, row) for key, row in pairs)


VALUES = st.lists(st.sets(st.integers(0, 4)).map(sorted), max_size=6)


@given(VALUES, VALUES)
@settings(max_examples=50)
def test_new_postings_follow_those_before(before: list[list[int]], after: list[list[int]]) -> None:
    postings = Postings.empty()
    for part in (before, after):
        new = NewPostings()
        for values in part:
            new.add(values)
        postings = new.append_to(postings, 5)
    rows = [*before, *after]
    assert postings.universe == len(rows)
    for value in range(5):
        assert postings.ids(np.array([value])).tolist() == [row for row, values in enumerate(rows) if value in values]


@pytest.mark.parametrize("number", ["1e30", "123456789012345678901234567890", "[1.5, [2e40]]"])
def test_numbers_that_orjson_rounds_are_found_in_lists_and_objects(number: str) -> None:
    assert parse_json('{"a": "text", "b": [' + number + "]}") == {"b": [parse_json(number)], "a": "text"}


@pytest.mark.parametrize(
    "paper",
    [
        Paper(),
        Paper(("doi:10.1/x",), "T", citations=0, authors=("\u00c9va", "B"), published=Date(2020, 2)),
        Paper(("arxiv:1", "pmid:2"), abstract="A", authors_partial=True, extra={"n": 0, "x": [1, {}]}, version=2),
    ],
)
def test_a_paper_is_stored_as_json_without_absent_fields(paper: Paper) -> None:
    fields = paper.to_json()
    assert Paper.from_json(fields) == paper
    assert all(value is not None and value != [] and value is not False for value in fields.values())
