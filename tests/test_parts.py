"""What the box asks, in parts: the box without one of them asks for exactly the others."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn import AUTHORS, PIECES, WORDS, conditions
from oracle import passes
from search.errors import InvalidValue, PaperNotFound
from search.language.parts import MOST
from search.papers.paper import Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Identified, Not
from search.query.filter import Filter
from search.query.page import Page
from search.query.query import Query
from search.searcher import Searcher

ALL = Query(limit=1_000)


def without(page: Page) -> dict[str, str]:
    return {part.said: part.without for part in page.parts}


def asks(condition: Condition) -> bool:
    """Whether the language can ask for it: nothing in it is empty."""
    if isinstance(condition, AllOf | AnyOf):
        return bool(condition.parts) and all(map(asks, condition.parts))
    if isinstance(condition, Not):
        return asks(condition.part)
    return not isinstance(condition, Dated) or bool(condition.start or condition.end)


def box_of(condition: Condition, draw: st.DrawFn) -> str:
    """A box that asks for a condition, in one of the ways there are."""
    if isinstance(condition, AllOf | AnyOf):
        sign = " OR " if isinstance(condition, AnyOf) else draw(st.sampled_from([" ", " AND "]))
        return f"({sign.join(box_of(part, draw) for part in condition.parts)})"
    if isinstance(condition, Not):
        return draw(st.sampled_from(["-({})", "NOT ({})"])).format(box_of(condition.part, draw))
    if isinstance(condition, Author):
        first, last = "^" * (condition.position == "first"), "$" * (condition.position == "last")
        return f'au:{first}"{condition.name}"{last}'
    if isinstance(condition, Category):
        return f"primary:{condition.code}" if condition.primary else f"cat:{condition.code}"
    if isinstance(condition, Dated):
        field = "updated" if condition.field == "updated" else "date"
        return f"{field}:{condition.start or '*'}..{condition.end or '*'}"
    if isinstance(condition, Identified):
        return f"id:{condition.id}"
    field = {"any": "all", "title": "ti", "abstract": "abs"}[condition.part]
    return f'{field}:"{condition.text}"' if condition.phrase else f"{field}:({condition.text})"


def chains(condition: Condition) -> list[Condition]:
    """The conditions that must all hold, each alone."""
    if isinstance(condition, AllOf) or (isinstance(condition, AnyOf) and len(condition.parts) == 1):
        return [each for part in condition.parts for each in chains(part)]
    return [condition]


items = st.lists(conditions.filter(asks) | st.sampled_from(WORDS), min_size=1, max_size=5)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[str, list[Condition], bool]:
    """A box, the conditions that it asks for, and whether words stand beside them."""
    drawn = draw(items)
    box = " ".join(item if isinstance(item, str) else box_of(item, draw) for item in drawn)
    wanted = [each for item in drawn if not isinstance(item, str) for each in chains(item)]
    return box, wanted, any(isinstance(item, str) for item in drawn)


@given(boxes())
@settings(max_examples=60, deadline=None)
def test_without_a_part_exactly_the_others_are_asked_for(
    library: Searcher, held: list[Paper], drawn: tuple[str, list[Condition], bool]
) -> None:
    box, wanted, words = drawn
    page = library.ask(box, ALL)
    assert len(page.parts) == len(wanted) + words
    for place, part in enumerate(page.parts):
        others = AllOf(tuple(each for other, each in enumerate(wanted) if other != place))
        again = library.ask(part.without, ALL)
        live = library.snapshot.live
        assert {hit.paper.id for hit in again.hits} == {
            paper.id for row, paper in enumerate(held) if row in live and passes(paper, others, AUTHORS)
        }
        assert [other.said for other in again.parts] == [other.said for other in page.parts if other is not part]


soups = st.tuples(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "])).map(
    lambda drawn: drawn[1].join(drawn[0])
)


@given(soups)
@settings(max_examples=300, deadline=None)
def test_so_it_is_of_any_text_that_can_be_read(library: Searcher, box: str) -> None:
    try:
        page = library.ask(box, Query(limit=1))
    except (InvalidValue, PaperNotFound):
        return
    for part in page.parts:
        again = library.ask(part.without, Query(limit=1))
        others = [other.said for other in page.parts if other is not part]
        assert [words(other.said) for other in again.parts] == [words(said) for said in others]


def words(said: str) -> list[str]:
    """Words that a condition requires are said without marks, and an operator among them in small letters."""
    return re.findall(r"\w+", said.lower())


@pytest.mark.parametrize(
    ("box", "parts"),
    [
        ("", {}),
        ("kv cache", {"about 'kv cache'": ""}),
        ("au:zhou kv cache", {"au:zhou": "kv cache", "about 'kv cache'": "au:zhou"}),
        ("au:zhou AND au:gai", {"au:zhou": "au:gai", "au:gai": "au:zhou"}),
        ("au:(zhou AND gai)", {"au:zhou": "au:(gai)", "au:gai": "au:(zhou)"}),
        ("au:zhou ANDNOT ti:survey", {"au:zhou": "NOT ti:survey", "not ti:survey": "au:zhou"}),
        ("(graph OR video) -survey", {"all:graph or all:video": "-survey", "not all:survey": "(graph OR video)"}),
        ("token cache OR au:zhou", {"all:(token cache) or au:zhou": ""}),
        ("token cache AND au:zhou", {"all:(token cache)": "au:zhou", "au:zhou": "all:(token cache)"}),
        ("id:10.1145/3292500 -x", {"doi:10.1145/3292500": "-x", "not all:x": "id:10.1145/3292500"}),
        ("doi:10.1145/3292500 -x", {"doi:10.1145/3292500": "-x", "not all:x": "(doi:10.1145/3292500)"}),
        ("1706.03762 au:zhou", {"au:zhou": "1706 03762", "about '1706.03762'": "au:zhou"}),
        ("see title: -x", {"not all:x": "see title", "about 'see title:'": "-x"}),
        ("-video, A OR B or not? -graph", {
            "not all:video": "A or B or not? -graph",
            "not all:graph": "-video, A or B or not?",
            "about 'A or B or not?'": "-video, -graph",
        }),
    ],
)  # fmt: skip
def test_the_parts_of(library: Searcher, box: str, parts: dict[str, str]) -> None:
    assert without(library.ask(box, ALL)) == parts


def test_a_required_word_belongs_to_its_condition_alone(library: Searcher) -> None:
    page = library.ask('"token cache" graph', ALL)
    assert page.reading == "\"token cache\", about 'token cache graph'"
    assert without(page) == {'"token cache"': "graph", "about 'graph'": '"token cache"'}


def test_options_are_not_in_the_box(library: Searcher) -> None:
    page = library.ask("graph", Query(filter=Filter.parse(["Zhou"]), like=("arxiv:2401.00000",)))
    assert without(page) == {"about 'graph'": ""}
    assert library.search(Query("graph")).parts == ()


def test_an_id_alone_is_one_part(library: Searcher) -> None:
    assert without(library.ask("arXiv:2401.00001", ALL)) == {"arxiv:2401.00001 and what is similar": ""}


def test_an_abstract_stays_one_and_so_do_its_conditions(library: Searcher) -> None:
    abstract = "We prune -tokens (or a cache) OR graphs. " + "We prune -tokens of a (cache). " * 11
    page = library.ask(f"{abstract}au:(Zhou OR Byron) date:2020..", ALL)
    assert [part.said for part in page.parts] == ["au:Zhou or au:Byron", "since 2020", "like a text of 74 words"]
    for part in page.parts:
        again = library.ask(part.without, ALL)
        assert [other.said for other in again.parts] == [other.said for other in page.parts if other is not part]


def test_no_part_is_told_without_which_a_long_question_would_be_an_abstract(library: Searcher) -> None:
    either = " OR ".join(["ti:graph"] * 40)
    page = library.ask(f"{'token ' * 70} {either} -video", ALL)
    assert [part.said[:12] for part in page.parts] == ["not all:vide", "about 'token"]
    assert library.ask(page.parts[0].without, ALL).parts[-1].said == page.parts[-1].said


def test_the_first_of_many_conditions_are_told(library: Searcher) -> None:
    page = library.ask(" ".join(["-ti:graph"] * 100), ALL)
    assert len(page.parts) == MOST
    assert all(part.without == " ".join(["-ti:graph"] * 99) for part in page.parts)
