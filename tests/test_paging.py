"""Pages: cursors, orders of date, facets and total, held to the whole answer and to counts by hand."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import AUTHOR_MATCHES, WORDS, MakeSearcher, filters, write_papers

import oracle
from fake_embedder import FakeEmbedder
from indexer.build import index
from search.errors import InvalidValue
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.page import Page
from search.query.query import Mode, Query, Sort
from search.searcher import Searcher

queries = st.builds(
    Query,
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    filters(),
    st.sampled_from(["hybrid", "semantic"]),
    limit=st.integers(20, 200),
    sort=st.sampled_from(["relevance", "newest", "oldest"]),
)


def follow_cursors(searcher: Searcher, query: Query) -> list[Page]:
    """Every page of an answer."""
    pages = [searcher.search(query)]
    while cursor := pages[-1].cursor:
        pages.append(searcher.search(replace(query, cursor=cursor)))
    return pages


@given(query=queries)
@example(Query("cache", sort="newest", limit=20))  # deep pages have more that is relevant than the first stretch
@settings(max_examples=60, deadline=None)
def test_pages_together_are_the_whole_answer_once_each(random_searcher: Searcher, query: Query) -> None:
    pages = follow_cursors(random_searcher, query)
    whole = random_searcher.search(replace(query, limit=1000))
    ids = [hit.paper.id for page in pages for hit in page.hits]
    assert ids == [hit.paper.id for hit in whole.hits]
    assert len(set(ids)) == len(ids) == whole.total
    assert {page.total for page in pages} == {whole.total}
    assert all(len(page.hits) == query.limit for page in pages[:-1])


def test_lexical_pages_cover_every_matching_paper(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    pages = follow_cursors(random_searcher, Query("galaxy", mode="lexical", limit=40))
    holding = {paper.id for paper in random_papers if "galaxy" in paper.text.replace(".", " ").split()}
    ids = [hit.paper.id for page in pages for hit in page.hits]
    assert set(ids) == holding
    assert len(ids) == len(holding) == pages[0].total


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize(("text", "mode"), [("", "hybrid"), ("galaxy spectrum", "hybrid"), ("galaxy", "lexical")])
def test_date_sort_puts_undated_papers_last(random_searcher: Searcher, text: str, mode: Mode, sort: Sort) -> None:
    page = random_searcher.search(Query(text, mode=mode, sort=sort, limit=1000))
    days = [hit.paper.published.first_day if hit.paper.published else None for hit in page.hits]
    dated = [day for day in days if day is not None]
    assert dated == sorted(dated, reverse=sort == "newest")
    assert days == dated + [None] * (len(days) - len(dated))
    assert page.total == len(page.hits) > 0


def test_ties_reverse_with_the_sort_order(random_searcher: Searcher) -> None:
    newest, oldest = (
        [hit.paper.id for hit in random_searcher.search(Query(sort=sort, limit=1000)).hits if hit.paper.published]
        for sort in ("newest", "oldest")
    )
    assert newest == oldest[::-1]


@given(wanted=filters())
@settings(max_examples=40, deadline=None)
def test_facets_count_every_matching_paper(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter
) -> None:
    passing = [paper for paper in random_papers if oracle.matches(paper, wanted.condition, AUTHOR_MATCHES)]
    facets = random_searcher.search(Query("", wanted, facets=True)).facets
    assert facets
    assert (facets.scope, facets.papers) == ("filter", len(passing))
    years = Counter(str(paper.published.year) for paper in passing if paper.published)
    assert {count.value: count.papers for count in facets.years} == years
    assert [count.value for count in facets.years] == sorted(years, reverse=True)
    codes = Counter(
        code for paper in passing for code in {*paper.categories, *(each.split(".")[0] for each in paper.categories)}
    )
    assert {count.value: count.papers for count in facets.categories} == codes
    assert {count.value: count.papers for count in facets.sources} == (
        {"jsonl:papers.jsonl": len(passing)} if passing else {}
    )
    assert [count.papers for count in facets.authors] == sorted(
        (count.papers for count in facets.authors), reverse=True
    )


def test_facets_of_a_question_count_its_relevant_part(random_searcher: Searcher) -> None:
    page = random_searcher.search(Query("galaxy spectrum", facets=True, limit=1000))
    assert page.facets
    assert page.facets.scope == "relevant"
    assert page.facets.papers == sum(hit.band != "weak" for hit in page.hits) < page.total
    dated = random_searcher.search(Query("galaxy spectrum", facets=True, sort="newest", limit=1000))
    assert dated.facets == page.facets
    assert {hit.paper.id for hit in dated.hits} == {hit.paper.id for hit in page.hits if hit.band != "weak"}


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "💥", "A" * 5000, "bnVsbA"])
def test_an_invalid_cursor_is_rejected(random_searcher: Searcher, cursor: str) -> None:
    with pytest.raises(InvalidValue, match="cursor"):
        random_searcher.search(Query(cursor=cursor))


def test_a_cursor_is_bound_to_its_query(random_searcher: Searcher) -> None:
    cursor = random_searcher.search(Query("galaxy")).cursor
    assert cursor
    with pytest.raises(InvalidValue, match="another question"):
        random_searcher.search(Query("cache", cursor=cursor))
    assert random_searcher.search(Query("galaxy", cursor=cursor, limit=3)).hits


def test_a_cursor_of_a_removed_generation_is_rejected(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    records: list[dict[str, object]] = [{"title": f"paper {number}", "abstract": "words"} for number in range(30)]
    index([write_papers(tmp_path, records)], tmp_path / "index", embedder)
    searcher = Searcher(tmp_path / "index", lambda _model: embedder)
    cursor = searcher.search(Query("paper")).cursor
    assert cursor
    index([write_papers(tmp_path, [*records, {"title": "one more", "abstract": "word"}])], tmp_path / "index", embedder)
    with pytest.raises(InvalidValue, match="gen-000001 is gone, gen-000002 answers now"):
        searcher.search(Query("paper", cursor=cursor))


def test_queried_authors_show_their_variants(make_searcher: MakeSearcher) -> None:
    searcher = make_searcher(
        [
            {"title": "a", "authors": ["Guorui Zhou", "Kun Gai"]},
            {"title": "b", "authors": ["G. Zhou"]},
            {"title": "c", "authors": ["Gang Zhou"]},
            {"title": "d", "authors": ["Guorui Zhou"]},
            {"title": "e", "authors": ["Kun Gai"]},
        ]
    )
    page = searcher.search(Query(filter=Filter(authors=("G. Zhou",))))
    (match,) = page.authors
    assert match.name == "G. Zhou"
    assert [(count.value, count.papers) for count in match.variants] == [
        ("Guorui Zhou", 2),
        ("G. Zhou", 1),
        ("Gang Zhou", 1),
    ]
    less = searcher.search(Query(filter=Filter(authors=("G. Zhou",), not_authors=("Gang Zhou",))))
    assert {hit.paper.title for hit in less.hits} == {"a", "b", "d"}
    only = searcher.search(Query(filter=Filter(authors=("Zhou",), not_authors=("G. Zhou", "Gang Zhou"))))
    assert {hit.paper.title for hit in only.hits} == {"a", "d"}
    assert {hit.paper.title for hit in searcher.search(Query(filter=Filter(not_authors=("Zhou",)))).hits} == {"e"}
    assert [count.value for count in searcher.authors("zhou").variants] == ["Guorui Zhou", "G. Zhou", "Gang Zhou"]
    none = searcher.search(Query(filter=Filter(authors=("Guorui Zhuo",))))
    assert none.total == 0
    assert "Guorui Zhou" in none.authors[0].suggestions
