"""The removable parts of a query: the remaining query has exactly the other parts."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import matches
from search.errors import InvalidValue, PaperNotFound
from search.language import groups, tokens
from search.language.removable_parts import MAX_PARTS
from search.papers.paper import Paper
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    HasId,
    HasKind,
    InDateRange,
    Not,
    format_moment,
)
from search.query.filter import Filter
from search.query.page import Page
from search.query.query import Query
from search.searcher import Searcher
from strategies import AUTHOR_MATCHES, QUERY_FRAGMENTS, WORDS, conditions

ALL_RESULTS = Query(limit=1_000)


def remaining_queries(page: Page) -> dict[str, str]:
    return {part.description: part.remaining_query for part in page.parts}


def is_expressible(condition: Condition) -> bool:
    """Returns whether the query language can express a condition: nothing in it is empty."""
    if isinstance(condition, AllOf | AnyOf):
        return bool(condition.parts) and all(map(is_expressible, condition.parts))
    if isinstance(condition, Not):
        return is_expressible(condition.part)
    return not isinstance(condition, InDateRange | AddedBetween) or bool(condition.start or condition.end)


def query_text(condition: Condition, draw: st.DrawFn) -> str:
    """Writes a condition as a query, in one of the possible forms."""
    if isinstance(condition, AllOf | AnyOf):
        sign = " OR " if isinstance(condition, AnyOf) else draw(st.sampled_from([" ", " AND "]))
        return f"({sign.join(query_text(part, draw) for part in condition.parts)})"
    if isinstance(condition, Not):
        return draw(st.sampled_from(["-({})", "NOT ({})"])).format(query_text(condition.part, draw))
    if isinstance(condition, Author):
        first, last = "^" * (condition.position == "first"), "$" * (condition.position == "last")
        return f'au:{first}"{condition.name}"{last}'
    if isinstance(condition, Category):
        return f"primary:{condition.code}" if condition.primary else f"cat:{condition.code}"
    if isinstance(condition, InDateRange):
        field = "updated" if condition.field == "updated" else "date"
        return f"{field}:{condition.start or '*'}..{condition.end or '*'}"
    if isinstance(condition, AddedBetween):
        start, end = (format_moment(each) if each else "*" for each in (condition.start, condition.end))
        return f"added:{start}..{end}"
    if isinstance(condition, HasKind):
        return f"kind:{condition.kind}"
    if isinstance(condition, HasId):
        return f"id:{condition.id}"
    field = {"any": "all", "title": "ti", "abstract": "abs"}[condition.text_field]
    return f'{field}:"{condition.text}"' if condition.phrase else f"{field}:({condition.text})"


def conjuncts(condition: Condition) -> list[Condition]:
    """Returns the conditions that a condition requires together."""
    if isinstance(condition, AllOf) or (isinstance(condition, AnyOf) and len(condition.parts) == 1):
        return [each for part in condition.parts for each in conjuncts(part)]
    return [condition]


query_items = st.lists(conditions.filter(is_expressible) | st.sampled_from(WORDS), min_size=1, max_size=5)


@st.composite
def query_texts(draw: st.DrawFn) -> tuple[str, list[Condition], bool]:
    """Draws a query, its conditions, and whether it has further words."""
    drawn = draw(query_items)
    box = " ".join(item if isinstance(item, str) else query_text(item, draw) for item in drawn)
    wanted = [each for item in drawn if not isinstance(item, str) for each in conjuncts(item)]
    return box, wanted, any(isinstance(item, str) for item in drawn)


@given(query_texts())
@settings(max_examples=60, deadline=None)
def test_removing_a_part_keeps_the_others(
    random_searcher: Searcher, random_papers: list[Paper], drawn: tuple[str, list[Condition], bool]
) -> None:
    box, wanted, words = drawn
    page = random_searcher.ask(box, ALL_RESULTS)
    assert len(page.parts) == len(wanted) + words
    for place, part in enumerate(page.parts):
        others = AllOf(tuple(each for other, each in enumerate(wanted) if other != place))
        again = random_searcher.ask(part.remaining_query, ALL_RESULTS)
        live = random_searcher.snapshot.live
        assert {hit.paper.id for hit in again.hits} == {
            paper.id
            for row, paper in enumerate(random_papers)
            if row in live and matches(paper, others, AUTHOR_MATCHES)
        }
        assert [other.description for other in again.parts] == [
            other.description for other in page.parts if other is not part
        ]


fragment_texts = st.tuples(st.lists(st.sampled_from(QUERY_FRAGMENTS), max_size=12), st.sampled_from(["", " "])).map(
    lambda drawn: drawn[1].join(drawn[0])
)


@given(fragment_texts)
@settings(max_examples=300, deadline=None)
def test_removing_a_part_of_any_valid_text_keeps_the_others(random_searcher: Searcher, box: str) -> None:
    try:
        page = random_searcher.ask(box, Query(limit=1))
    except (InvalidValue, PaperNotFound):
        return
    for part in page.parts:
        again = random_searcher.ask(part.remaining_query, Query(limit=1))
        others = [other.description for other in page.parts if other is not part]
        assert [normalize_words(other.description) for other in again.parts] == [
            normalize_words(description) for description in others
        ]


def normalize_words(description: str) -> list[str]:
    """Required words are rewritten without punctuation, and operators among them in lower case."""
    return re.findall(r"\w+", description.lower())


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
def test_parts_of_a_query(random_searcher: Searcher, box: str, parts: dict[str, str]) -> None:
    assert remaining_queries(random_searcher.ask(box, ALL_RESULTS)) == parts


def test_a_required_word_belongs_only_to_its_condition(random_searcher: Searcher) -> None:
    page = random_searcher.ask('"token cache" graph', ALL_RESULTS)
    assert page.interpretation == "\"token cache\", about 'token cache graph'"
    assert remaining_queries(page) == {'"token cache"': "graph", "about 'graph'": '"token cache"'}


def test_options_are_not_parts(random_searcher: Searcher) -> None:
    page = random_searcher.ask("graph", Query(filter=Filter.parse(["Zhou"]), like=("arxiv:2401.00000",)))
    assert remaining_queries(page) == {"about 'graph'": ""}
    assert random_searcher.search(Query("graph")).parts == ()


def test_a_paper_id_is_one_part(random_searcher: Searcher) -> None:
    assert remaining_queries(random_searcher.ask("arXiv:2401.00001", ALL_RESULTS)) == {
        "arxiv:2401.00001 and similar papers": ""
    }


def test_removing_a_part_keeps_an_abstract_an_abstract(random_searcher: Searcher) -> None:
    abstract = "We prune -tokens (or a cache) OR graphs. " + "We prune -tokens of a (cache). " * 11
    page = random_searcher.ask(f"{abstract}au:(Zhou OR Byron) date:2020..", ALL_RESULTS)
    descriptions = ["au:Zhou or au:Byron", "since 2020", "similar to a text of 74 words"]
    assert [part.description for part in page.parts] == descriptions
    for part in page.parts:
        again = random_searcher.ask(part.remaining_query, ALL_RESULTS)
        assert [other.description for other in again.parts] == [
            other.description for other in page.parts if other is not part
        ]


def test_a_part_is_omitted_if_its_removal_would_leave_an_abstract(random_searcher: Searcher) -> None:
    alternatives = " OR ".join(["ti:graph"] * 40)
    page = random_searcher.ask(f"{'token ' * 70} {alternatives} -video", ALL_RESULTS)
    assert [part.description[:12] for part in page.parts] == ["not all:vide", "about 'token"]
    assert (
        random_searcher.ask(page.parts[0].remaining_query, ALL_RESULTS).parts[-1].description
        == page.parts[-1].description
    )


def test_only_the_first_conditions_are_listed(random_searcher: Searcher) -> None:
    page = random_searcher.ask(" ".join(["-ti:graph"] * 100), ALL_RESULTS)
    assert len(page.parts) == MAX_PARTS
    assert all(part.remaining_query == " ".join(["-ti:graph"] * 99) for part in page.parts)


@pytest.mark.parametrize(
    "query",
    [
        "kv (cache)",
        "au:zhou AND (ti:cache OR -survey) kv",
        f"{'token ' * 70} au:zhou date:2020..",
    ],
)
def test_a_query_is_tokenized_once(random_searcher: Searcher, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    tokenized: list[str] = []

    def record(text: str) -> Iterator[tokens.Token]:
        tokenized.append(text)
        return tokens.tokenize(text)

    monkeypatch.setattr(groups, "tokenize", record)
    assert random_searcher.ask(query).parts
    assert len(tokenized) == 1
