"""The one box, given anything: a reading or an error; words stay words, and every tree is read as it is written."""

import re
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from drawn import PIECES
from search.errors import InvalidValue
from search.language.parser import Reading, read
from search.papers.paper import Date
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Holds, Identified, Not

TODAY = date(2026, 11, 25)


def ask(text: str) -> Reading:
    return read(text, today=TODAY)


Leaf = Author | Category | Dated | Identified | Holds


def leaves(condition: Condition | None) -> list[Leaf]:
    if isinstance(condition, AllOf | AnyOf):
        return [leaf for part in condition.parts for leaf in leaves(part)]
    if isinstance(condition, Not):
        return leaves(condition.part)
    return [condition] if condition else []


soups = st.tuples(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(["", " "])).map(
    lambda drawn: drawn[1].join(drawn[0])
)


def tried(text: str) -> Reading | InvalidValue:
    try:
        return ask(text)
    except InvalidValue as error:
        return error


def check(text: str) -> None:
    found = tried(text)
    if isinstance(found, InvalidValue):
        place = re.match(r"at character (\d+): ", found.allowed)
        assert place
        assert found.field == "q"
        assert 1 <= int(place[1]) <= len(text) + 1
        return
    for leaf in leaves(found.condition)[:100]:
        if isinstance(leaf, Holds):
            assert leaf.text in text
        if isinstance(leaf, Author | Category | Holds):
            assert leaf.at
            assert text[leaf.at - 1 :].strip()
        if isinstance(leaf, Author):
            assert leaf.name in found.said
    assert set(re.findall(r"\w+", found.text)) <= set(re.findall(r"\w+", text))
    assert (found.kind == "paper") == (found.paper_id is not None)


@given(st.text(max_size=200) | soups)
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_reading_or_an_error_with_its_place(text: str) -> None:
    check(text)


@given(st.sampled_from(PIECES), st.sampled_from(PIECES), st.sampled_from(["", " "]))
@settings(max_examples=25, deadline=None)
def test_so_is_the_longest_text_of_anything_again_and_again(one: str, other: str, between: str) -> None:
    unit = one + between + other + between
    check((unit * 20_000)[:20_000] if unit else "")


letters = st.text("abcdefghijklmnopqrstuvwxyzéßøABCDEF", min_size=1, max_size=9).filter(
    lambda drawn: drawn.lower() not in ("au", "ti", "abs", "doi") and drawn not in ("AND", "OR", "NOT")
)
ends = st.sampled_from(["", "", "", ",", ":", ";", " -", "?", "."])


@given(st.lists(st.tuples(letters | st.sampled_from(["or", "and", "not", "Or", "a", "title"]), ends), max_size=50))
def test_a_question_of_words_comes_back_unchanged(drawn: list[tuple[str, str]]) -> None:
    text = " ".join(f"{each}{end}" for each, end in drawn).rstrip(": -")
    assert ask(text) == Reading("question", text, None, None) or (
        len(text) > 150 and ask(text).text == text and ask(text).condition is None
    )


leaf_texts: dict[Leaf, tuple[str, str]] = {
    Author("zhou"): ("au:zhou", ""),
    Author("Zhou, G", "first"): ('au:^"Zhou, G"', ""),
    Author("Kun Gai", exact=True): ('au:="Kun Gai"', ""),
    Category("cs.IR"): ("cat:cs.IR", ""),
    Category("hep-th", primary=True): ("primary:hep-th", ""),
    Dated(Date(2020), Date(2024)): ("year:2020-2024", ""),
    Dated(Date(2026, 3), None, "updated"): ("updated:>=2026-03", ""),
    Identified("doi:10.1145/3292500"): ("id:10.1145/3292500", ""),
    Holds("kv cache", phrase=True): ('"kv cache"', "kv cache"),
    Holds("kv cache", "title"): ("ti:(kv cache)", "kv cache"),
    Holds("x", "abstract"): ("abs:x", "x"),
    Holds("electron"): ("all:electron", "electron"),
}
trees: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(list(leaf_texts)),
    lambda part: (
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(part, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | part.map(Not)
    ),
    max_leaves=12,
)


def written(tree: Condition, draw: st.DataObject) -> str:
    """A text that asks for the tree, in one of the ways there are."""
    if isinstance(tree, AllOf | AnyOf):
        sign = " OR " if isinstance(tree, AnyOf) else draw.draw(st.sampled_from([" AND ", " "]))
        return f"({sign.join(written(part, draw) for part in tree.parts)})"
    if isinstance(tree, Not):
        sign = draw.draw(st.sampled_from(["-", "NOT "]))
        inner = written(tree.part, draw)
        return f"{sign}({inner})" if inner[0] in "-N" else sign + inner
    return leaf_texts[tree][0]


def plain(tree: Condition) -> Condition:
    """The tree without an AllOf in an AllOf, an AnyOf in an AnyOf or a Not of a Not."""
    if isinstance(tree, Not):
        part = plain(tree.part)
        return part.part if isinstance(part, Not) else Not(part)
    if isinstance(tree, AllOf):
        return AllOf(
            tuple(
                each for part in map(plain, tree.parts) for each in (part.parts if isinstance(part, AllOf) else [part])
            )
        )
    if isinstance(tree, AnyOf):
        return AnyOf(
            tuple(
                each for part in map(plain, tree.parts) for each in (part.parts if isinstance(part, AnyOf) else [part])
            )
        )
    return tree


def ranked(tree: Condition, negated: bool = False) -> list[str]:
    if isinstance(tree, AllOf | AnyOf):
        return [each for part in tree.parts for each in ranked(part, negated)]
    if isinstance(tree, Not):
        return []
    return leaf_texts[tree][1].split()


@given(trees, st.data())
@settings(deadline=None)
def test_every_tree_is_read_as_it_is_written(tree: Condition, data: st.DataObject) -> None:
    found = ask(written(tree, data))
    assert found.condition == plain(tree)
    assert found.text.split() == ranked(tree)


@given(st.integers(0, 49), st.booleans())
def test_parentheses_within_each_other_change_nothing(depth: int, negated: bool) -> None:
    text = "(" * depth + "-" * negated + "au:zhou" + ")" * depth
    assert ask(text).condition == (Not(Author("zhou")) if negated else Author("zhou"))
