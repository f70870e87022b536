"""Queries of any shape take time in proportion to their length, and equal conditions count once."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.language.groups import MAX_CONDITIONS
from search.language.operators import SYNTAX, syntax_operators
from search.language.parser import parse_query
from search.query.query import MAX_TEXT_LENGTH
from search.searcher import Searcher

Items = Sequence[int | str]


def left_contexts(items: Items, operators: frozenset[int]) -> list[int]:
    """Returns the number of words between each item and the operators or syntax before it; SYNTAX next to syntax."""
    contexts, context, after_operator = [], 0, False
    for place, item in enumerate(items):
        contexts.append(context)
        if place in operators:
            after_operator = True
            continue
        context, after_operator = (0 if after_operator else context), False
        if item == SYNTAX:
            context = SYNTAX
        elif item != 0:
            context = max(context, 0) + 1
    return contexts


def repeat_until_stable(items: Items) -> frozenset[int]:
    """Returns the operators that are syntax, by the definition: all are judged anew until no further one is a word."""
    operators = frozenset(place for place, item in enumerate(items) if isinstance(item, str))
    while True:
        before = left_contexts(items, operators)
        mirrored = frozenset(len(items) - 1 - place for place in operators)
        after = left_contexts(items[::-1], mirrored)[::-1]
        syntax = frozenset(
            place
            for place in operators
            if items[place] == "ANDNOT"
            or SYNTAX in (before[place], after[place])
            or (after[place] == 1 and (before[place] == 1 or (items[place] == "NOT" and before[place] == 0)))
        )
        if syntax == operators:
            return syntax
        operators = syntax


@given(st.lists(st.sampled_from(["AND", "OR", "NOT", "ANDNOT", 1, 1, 1, 0, SYNTAX]), max_size=30))
@settings(max_examples=500)
def test_operators_are_syntax_by_definition(items: list[int | str]) -> None:
    assert syntax_operators(items) == repeat_until_stable(items)


@pytest.mark.parametrize("unit", ["au:a ", 'ti:"a" ', "a OR ", "au:(a OR b) ", "au:a AND ", "NOT au:a "])
def test_too_many_conditions_are_refused_with_the_place_of_the_first(unit: str) -> None:
    text = (unit * MAX_TEXT_LENGTH)[:MAX_TEXT_LENGTH].removesuffix("OR ").removesuffix("AND ")
    with pytest.raises(InvalidValue, match=r"more than 500 conditions; split it into several") as caught:
        parse_query(text, today=date(2026, 1, 1))
    assert caught.value.position
    parse_query(unit * (MAX_CONDITIONS // 2) + "cache", today=date(2026, 1, 1))


def test_filters_do_not_make_a_text_longer_than_allowed(random_searcher: Searcher) -> None:
    with pytest.raises(InvalidValue, match=r"20,001 characters exceed the limit of 20,000; shorten the text"):
        random_searcher.ask(f"cache au:zhou{' ' * 19_987}.")


@pytest.mark.parametrize(
    ("repeated", "once"),
    [
        ("au:zhou au:zhou cat:cs au:zhou", "au:zhou cat:cs"),
        ("(au:zhou OR cat:cs OR au:zhou) (au:zhou OR cat:cs)", "(au:zhou OR cat:cs)"),
        ("(au:zhou OR au:zhou)", "au:zhou"),
        ("-(au:zhou au:zhou) ti:cache ti:cache", "-au:zhou ti:cache"),
    ],
)
def test_equal_conditions_count_once(random_searcher: Searcher, repeated: str, once: str) -> None:
    one, other = random_searcher.ask(repeated, limit=1_000), random_searcher.ask(once, limit=1_000)
    assert [hit.paper.id for hit in one.hits] == [hit.paper.id for hit in other.hits]
    assert (one.total, [each.name for each in one.authors]) == (other.total, [each.name for each in other.authors])
