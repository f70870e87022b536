"""Pages: cursors, date sort, facets and totals, compared with the complete result and with direct counts."""

import base64
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import oracle
from fake_embedder import FakeEmbedder
from indexer.build import index
from search.errors import InvalidValue
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.page import Page
from search.query.query import Mode, Query
from search.query.sort import Sort
from search.searcher import Searcher
from strategies import AUTHOR_MATCHES, WORDS, MakeSearcher, filters, write_papers

queries = st.builds(
    Query,
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    filters(),
    st.sampled_from(["hybrid", "semantic"]),
    limit=st.integers(20, 200),
    sort=st.sampled_from(["relevance", "newest", "oldest", "added", "citations"]),
)


def follow_cursors(searcher: Searcher, query: Query) -> list[Page]:
    """Returns all pages of a query."""
    pages = [searcher.search(query)]
    while cursor := pages[-1].cursor:
        pages.append(searcher.search(replace(query, cursor=cursor)))
    return pages


@given(query=queries)
@example(Query("cache", sort="newest", limit=20))  # deep pages have more relevant papers than the first
@settings(max_examples=60, deadline=None)
def test_pages_together_contain_every_hit_once(random_searcher: Searcher, query: Query) -> None:
    pages = follow_cursors(random_searcher, query)
    whole = random_searcher.search(replace(query, limit=1000))
    ids = [hit.paper.id for page in pages for hit in page.hits]
    assert ids == [hit.paper.id for hit in whole.hits]
    assert len(set(ids)) == len(ids) == whole.total
    assert {page.total for page in pages} == {whole.total}
    assert all(len(page.hits) == query.limit for page in pages[:-1])


@given(query=queries, offset=st.integers(0, 320))
@settings(max_examples=40, deadline=None)
def test_an_offset_leads_to_the_hits_after_it(random_searcher: Searcher, query: Query, offset: int) -> None:
    whole = random_searcher.search(replace(query, limit=1000))
    page = random_searcher.search(replace(query, offset=offset))
    assert [hit.paper.id for hit in page.hits] == [hit.paper.id for hit in whole.hits[offset : offset + query.limit]]
    assert page.total == whole.total
    if page.cursor:
        following = random_searcher.search(replace(query, cursor=page.cursor))
        assert following.hits == random_searcher.search(replace(query, offset=offset + query.limit)).hits


@pytest.mark.parametrize(
    "options", [{"offset": -1}, {"offset": 10_001}, {"offset": True}, {"offset": 1, "cursor": "x"}]
)
def test_an_invalid_offset_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="offset"):
        Query("galaxy", **options)


def test_lexical_pages_cover_every_matching_paper(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    pages = follow_cursors(random_searcher, Query("galaxy", mode="lexical", limit=40))
    expected = {paper.id for paper in random_papers if "galaxy" in paper.text.replace(".", " ").split()}
    ids = [hit.paper.id for page in pages for hit in page.hits]
    assert set(ids) == expected
    assert len(ids) == len(expected) == pages[0].total


@pytest.mark.parametrize("sort", ["relevance", "newest"])
@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_pages_beside_an_example_do_not_count_it(
    random_searcher: Searcher, random_papers: list[Paper], mode: Mode, sort: Sort
) -> None:
    example = next(paper for paper in random_papers if "galaxy" in paper.text)
    pages = follow_cursors(random_searcher, Query("galaxy", mode=mode, sort=sort, like=(example.id,), limit=40))
    ids = [hit.paper.id for page in pages for hit in page.hits]
    assert len(set(ids)) == len(ids) == pages[0].total
    assert example.id not in ids
    named = replace(Query("galaxy", mode=mode, sort=sort, like=(example.id,), limit=40), include_like=True)
    shown = [hit.paper.id for page in follow_cursors(random_searcher, named) for hit in page.hits]
    assert shown[0] == example.id
    assert set(shown[1:]) == set(ids)
    assert len(shown) == len(ids) + 1


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize(("text", "mode"), [("", "hybrid"), ("galaxy spectrum", "hybrid"), ("galaxy", "lexical")])
def test_date_sort_puts_undated_papers_last(random_searcher: Searcher, text: str, mode: Mode, sort: Sort) -> None:
    page = random_searcher.search(Query(text, mode=mode, sort=sort, limit=1000))
    days = [hit.paper.published.first_day if hit.paper.published else None for hit in page.hits]
    dated = [day for day in days if day is not None]
    assert dated == sorted(dated, reverse=sort == "newest")
    assert days == dated + [None] * (len(days) - len(dated))
    assert page.total == len(page.hits) > 0


@pytest.mark.parametrize(("text", "mode"), [("", "hybrid"), ("galaxy spectrum", "hybrid"), ("galaxy", "lexical")])
def test_sorted_by_citations_papers_without_a_count_are_last(random_searcher: Searcher, text: str, mode: Mode) -> None:
    page = random_searcher.search(Query(text, mode=mode, sort="citations", limit=1000))
    counts = [hit.paper.citations for hit in page.hits]
    known = [count for count in counts if count is not None]
    assert known == sorted(known, reverse=True)
    assert counts == known + [None] * (len(counts) - len(known))
    assert 0 < len(known) < len(counts) == page.total
    assert not any("citation count" in notice for notice in page.notices)


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
    matching = [paper for paper in random_papers if oracle.matches(paper, wanted.condition, AUTHOR_MATCHES)]
    facets = random_searcher.search(Query("", wanted, facets=True)).facets
    assert facets
    assert (facets.scope, facets.papers) == ("filter", len(matching))
    years = Counter(str(paper.published.year) for paper in matching if paper.published)
    assert {count.value: count.papers for count in facets.years} == years
    assert [count.value for count in facets.years] == sorted(years, reverse=True)
    codes = Counter(
        code for paper in matching for code in {*paper.categories, *(each.split(".")[0] for each in paper.categories)}
    )
    assert {count.value: count.papers for count in facets.categories} == codes
    assert {count.value: count.papers for count in facets.sources} == (
        {"jsonl:papers.jsonl": len(matching)} if matching else {}
    )
    assert [count.papers for count in facets.authors] == sorted(
        (count.papers for count in facets.authors), reverse=True
    )


def test_facets_of_a_question_count_relevant_papers(random_searcher: Searcher) -> None:
    page = random_searcher.search(Query("galaxy spectrum", facets=True, limit=1000))
    assert page.facets
    assert page.facets.scope == "relevant"
    assert page.facets.papers == sum(hit.band != "weak" for hit in page.hits) < page.total
    dated = random_searcher.search(Query("galaxy spectrum", facets=True, sort="newest", limit=1000))
    assert dated.facets
    assert (dated.facets.scope, dated.facets.papers) == ("closest", dated.total)
    listed = {hit.paper.id for hit in dated.hits}
    assert {hit.paper.id for hit in page.hits if hit.band == "strong"} <= listed
    assert listed < {hit.paper.id for hit in page.hits if hit.band != "weak"}


def encode_cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)


def check_cursor_is_rejected(searcher: Searcher, cursor: str) -> None:
    with pytest.raises(InvalidValue, match=r"pass the cursor exactly as returned, or omit it|another query") as caught:
        searcher.search(Query(cursor=cursor))
    assert caught.value.field == "cursor"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "WzEsMl0",
        "💥",
        "A" * 5000,
        "bnVsbA",
        "WyJnIiwxZTk5OSwieCJd",
        encode_cursor("[" * 5_000),
        encode_cursor('["gen-000001", true, "x"]'),
        encode_cursor('["gen-000001", -1, "x"]'),
        encode_cursor('["\\ud800", 1, "x"]'),
    ],
)
def test_an_invalid_cursor_is_rejected(random_searcher: Searcher, cursor: str) -> None:
    check_cursor_is_rejected(random_searcher, cursor)


@given(st.text(min_size=1))
def test_any_text_as_a_cursor_is_rejected(random_searcher: Searcher, cursor: str) -> None:
    check_cursor_is_rejected(random_searcher, cursor)


@given(json_values | st.tuples(st.text(), st.integers() | st.floats(), st.text()))
def test_any_json_in_a_cursor_is_rejected(random_searcher: Searcher, value: object) -> None:
    check_cursor_is_rejected(random_searcher, encode_cursor(json.dumps(value)))


@given(st.integers() | st.just(10**30), st.text(max_size=10) | st.none())
def test_a_forged_start_or_generation_is_rejected_or_in_range(
    random_searcher: Searcher, start: int, generation: str | None
) -> None:
    """The digest of a real cursor, with another start or generation."""
    real = random_searcher.search(Query("galaxy")).cursor or ""
    published, _, digest = json.loads(base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)))
    forged = encode_cursor(json.dumps([published if generation is None else generation, start, digest]))
    query = Query("galaxy", cursor=forged)
    if generation is None and 0 <= start <= 300:
        assert len(random_searcher.search(query)) == min(10, 300 - start)
        return
    with pytest.raises(InvalidValue, match="invalid cursor") as caught:
        random_searcher.search(query)
    assert str(caught.value).encode()


@given(query=queries, facets=st.booleans())
@settings(max_examples=40, deadline=None)
def test_limit_0_returns_only_counts(random_searcher: Searcher, query: Query, facets: bool) -> None:
    counts = random_searcher.search(replace(query, limit=0, facets=facets))
    page = random_searcher.search(replace(query, facets=facets))
    assert (counts.hits, counts.cursor) == ((), None)
    assert (counts.total, counts.facets, counts.authors) == (page.total, page.facets, page.authors)
    assert counts.has_close_match == page.has_close_match


def test_limit_0_returns_only_counts_in_lexical_mode(random_searcher: Searcher) -> None:
    counts = random_searcher.ask("galaxy", mode="lexical", limit=0, facets=True)
    page = random_searcher.ask("galaxy", mode="lexical", limit=1_000, facets=True)
    assert (counts.hits, counts.cursor) == ((), None)
    assert (counts.total, counts.facets) == (page.total, page.facets)
    assert counts.total == len(page) > 0


def test_a_cursor_is_bound_to_its_query(random_searcher: Searcher) -> None:
    cursor = random_searcher.search(Query("galaxy")).cursor
    assert cursor
    with pytest.raises(InvalidValue, match="another query"):
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
    with pytest.raises(InvalidValue, match="gen-000001 was replaced by gen-000002"):
        searcher.search(Query("paper", cursor=cursor))


def test_authors_in_a_query_show_their_variants(make_searcher: MakeSearcher) -> None:
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
