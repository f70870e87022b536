"""Properties of the query syntax: any text parses or reports a position; written condition trees parse back."""

import re
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.language.parser import ParsedQuery, parse_query
from search.language.tokens import may_contain_syntax, tokenize
from search.papers.date import Date
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    Not,
)
from strategies import QUERY_FRAGMENTS

TODAY = date(2026, 11, 25)


def parse(text: str) -> ParsedQuery:
    return parse_query(text, today=TODAY)


Leaf = Author | Category | InDateRange | AddedBetween | HasKind | HasId | ContainsText


def leaves(condition: Condition | None) -> list[Leaf]:
    if isinstance(condition, AllOf | AnyOf):
        return [leaf for part in condition.parts for leaf in leaves(part)]
    if isinstance(condition, Not):
        return leaves(condition.part)
    return [condition] if condition else []


fragment_texts = st.tuples(st.lists(st.sampled_from(QUERY_FRAGMENTS), max_size=40), st.sampled_from(["", " "])).map(
    lambda drawn: drawn[1].join(drawn[0])
)


def try_parse(text: str) -> ParsedQuery | InvalidValue:
    try:
        return parse(text)
    except InvalidValue as error:
        return error


def check_parsed(text: str) -> None:
    found = try_parse(text)
    if isinstance(found, InvalidValue):
        assert found.field == "q"
        assert found.position
        assert 1 <= found.position <= len(text) + 1
        return
    for leaf in leaves(found.condition)[:100]:
        if isinstance(leaf, ContainsText):
            assert leaf.text in text
        if isinstance(leaf, Author | Category | ContainsText):
            assert leaf.text_position
            assert text[leaf.text_position - 1 :].strip()
        if isinstance(leaf, Author):
            assert leaf.name in found.description
    assert set(re.findall(r"\w+", found.text)) <= set(re.findall(r"\w+", text))
    assert (found.kind == "paper") == (found.paper_id is not None)


plain_texts = st.lists(st.sampled_from((*QUERY_FRAGMENTS, "kv-cache", "a", "-", "--b", ".NET", "and", "x^2", "don't")))


@given(plain_texts.map(" ".join) | st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_text_that_cannot_contain_syntax_has_only_words(text: str) -> None:
    if not may_contain_syntax(text):
        assert all(token.kind == "word" and not token.negated and not token.field for token in tokenize(text))


@given(st.text(max_size=200) | fragment_texts)
@settings(max_examples=300, deadline=None)
def test_any_text_parses_or_reports_a_position(text: str) -> None:
    check_parsed(text)


@given(st.sampled_from(QUERY_FRAGMENTS), st.sampled_from(QUERY_FRAGMENTS), st.sampled_from(["", " "]))
@settings(max_examples=25, deadline=None)
def test_repetitive_long_text_parses_or_reports_a_position(one: str, other: str, between: str) -> None:
    unit = one + between + other + between
    check_parsed((unit * 20_000)[:20_000] if unit else "")


letters = st.text("abcdefghijklmnopqrstuvwxyzéßøABCDEF", min_size=1, max_size=9).filter(
    lambda drawn: drawn.lower() not in ("au", "ti", "abs", "doi") and drawn not in ("AND", "OR", "NOT")
)
word_endings = st.sampled_from(["", "", "", ",", ":", ";", " -", "?", "."])


@given(
    st.lists(st.tuples(letters | st.sampled_from(["or", "and", "not", "Or", "a", "title"]), word_endings), max_size=50)
)
def test_a_question_of_words_is_unchanged(drawn: list[tuple[str, str]]) -> None:
    text = " ".join(f"{each}{end}" for each, end in drawn).rstrip(": -")
    found = parse(text)
    assert (found.text, found.condition, found.paper_id) == (text, None, None)


LEAF_TEXTS: dict[Leaf, tuple[str, str]] = {
    Author("zhou"): ("au:zhou", ""),
    Author("Zhou, G", "first"): ('au:^"Zhou, G"', ""),
    Author("Kun Gai", exact=True): ('au:="Kun Gai"', ""),
    Category("cs.IR"): ("cat:cs.IR", ""),
    Category("hep-th", primary=True): ("primary:hep-th", ""),
    InDateRange(Date(2020), Date(2024)): ("year:2020-2024", ""),
    InDateRange(Date(2026, 3), None, "updated"): ("updated:>=2026-03", ""),
    AddedBetween(Date(2026, 3)): ("added:>=2026-03", ""),
    AddedBetween(datetime(2026, 11, 24, 9, 14, tzinfo=UTC)): ("added:2026-11-24T09:14:00Z..", ""),
    HasKind("survey"): ("kind:survey", ""),
    HasId("doi:10.1145/3292500"): ("id:10.1145/3292500", ""),
    ContainsText("kv cache", phrase=True): ('"kv cache"', "kv cache"),
    ContainsText("kv cache", "title"): ("ti:(kv cache)", "kv cache"),
    ContainsText("x", "abstract"): ("abs:x", "x"),
    ContainsText("electron"): ("all:electron", "electron"),
}
condition_trees: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(list(LEAF_TEXTS)),
    lambda part: (
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(part, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | part.map(Not)
    ),
    max_leaves=12,
)


def query_text(tree: Condition, draw: st.DataObject) -> str:
    """Writes a condition tree as a query, in one of the possible forms."""
    if isinstance(tree, AllOf | AnyOf):
        sign = " OR " if isinstance(tree, AnyOf) else draw.draw(st.sampled_from([" AND ", " "]))
        return f"({sign.join(query_text(part, draw) for part in tree.parts)})"
    if isinstance(tree, Not):
        sign = draw.draw(st.sampled_from(["-", "NOT "]))
        inner = query_text(tree.part, draw)
        return f"{sign}({inner})" if inner[0] in "-N" else sign + inner
    return LEAF_TEXTS[tree][0]


def flatten(tree: Condition) -> Condition:
    """Returns the tree without an AllOf in an AllOf, an AnyOf in an AnyOf or a Not of a Not."""
    if isinstance(tree, Not):
        part = flatten(tree.part)
        return part.part if isinstance(part, Not) else Not(part)
    if isinstance(tree, AllOf):
        return AllOf(
            tuple(
                each
                for part in map(flatten, tree.parts)
                for each in (part.parts if isinstance(part, AllOf) else [part])
            )
        )
    if isinstance(tree, AnyOf):
        return AnyOf(
            tuple(
                each
                for part in map(flatten, tree.parts)
                for each in (part.parts if isinstance(part, AnyOf) else [part])
            )
        )
    return tree


def required_words(tree: Condition, negated: bool = False) -> list[str]:
    if isinstance(tree, AllOf | AnyOf):
        return [each for part in tree.parts for each in required_words(part, negated)]
    if isinstance(tree, Not):
        return []
    return LEAF_TEXTS[tree][1].split()


@given(condition_trees, st.data())
@settings(deadline=None)
def test_a_written_tree_parses_back(tree: Condition, data: st.DataObject) -> None:
    found = parse(query_text(tree, data))
    assert found.condition == flatten(tree)
    assert found.text.split() == required_words(tree)


@given(st.integers(0, 49), st.booleans())
def test_nested_parentheses_change_nothing(depth: int, negated: bool) -> None:
    text = "(" * depth + "-" * negated + "au:zhou" + ")" * depth
    assert parse(text).condition == (Not(Author("zhou")) if negated else Author("zhou"))
