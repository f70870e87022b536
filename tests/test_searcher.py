"""Search on an index opened from disk, compared with brute force under random filters."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from fake_embedder import FakeEmbedder
from indexer.build import index
from search.embedding.model import ModelIdentity
from search.errors import InvalidValue, PaperNotFound
from search.index.lexicon import Lexicon
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Mode, Query
from search.ranking.filtered_index import LEGS_TUNING
from search.searcher import Searcher
from strategies import AUTHOR_MATCHES, WORDS, MakeSearcher, filters, paper_records, write_papers


def matching_rows(papers: list[Paper], wanted: Filter) -> list[int]:
    return [row for row, paper in enumerate(papers) if oracle.matches(paper, wanted.condition, AUTHOR_MATCHES)]


@given(wanted=filters(), limit=st.integers(1, 400), words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_semantic_search_equals_brute_force_over_matching_papers(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter, limit: int, words: list[str]
) -> None:
    text, rows = " ".join(words), matching_rows(random_papers, wanted)
    page = random_searcher.search(Query(text, wanted, "semantic", limit))
    stored = np.array([random_searcher.snapshot.vectors.get_vector(row) for row in range(300)]).astype(np.float16)
    best = oracle.nearest(FakeEmbedder().encode([text])[0], stored, rows, limit)
    assert page.total == len(rows)
    assert page.exact
    assert [hit.score for hit in page.hits] == pytest.approx([score for _, score in best], abs=1e-4)
    assert {hit.paper.id for hit in page.hits} <= {random_papers[row].id for row in rows}


@given(wanted=filters(), limit=st.integers(1, 400), words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_hybrid_search_can_return_every_matching_paper(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter, limit: int, words: list[str]
) -> None:
    allowed = {random_papers[row].id for row in matching_rows(random_papers, wanted)}
    page = random_searcher.search(Query(" ".join(words), wanted, "hybrid", limit))
    ids = [hit.paper.id for hit in page.hits]
    assert len(ids) == len(set(ids)) == min(len(allowed), limit)
    assert set(ids) <= allowed
    assert page.total == len(allowed)
    scores = [hit.score for hit in page.hits][: LEGS_TUNING.leg_depth]  # further papers are ranked separately
    assert scores == sorted(scores, reverse=True)


@given(wanted=filters(), limit=st.integers(1, 400), word=st.sampled_from(WORDS))
@settings(max_examples=60, deadline=None)
def test_lexical_search_returns_only_papers_with_a_query_word(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter, limit: int, word: str
) -> None:
    expected = {
        random_papers[row].id
        for row in matching_rows(random_papers, wanted)
        if word in random_papers[row].text.replace(".", " ").split()
    }
    page = random_searcher.search(Query(word, wanted, "lexical", limit))
    assert page.total == len(expected)
    assert len(page.hits) == min(limit, len(expected))
    assert {hit.paper.id for hit in page.hits} <= expected


@given(records=st.lists(paper_records, max_size=12), wanted=filters())
@settings(max_examples=25, deadline=None)
def test_a_filter_selects_the_papers_that_match(
    make_searcher: MakeSearcher, records: list[dict[str, object]], wanted: Filter
) -> None:
    snapshot = make_searcher(records).snapshot
    found = snapshot.rows_matching(wanted.condition).ids.tolist()
    expected = [
        row
        for row, paper in snapshot.store.scan(0)
        if row in snapshot.live and oracle.matches(paper, wanted.condition, AUTHOR_MATCHES)
    ]
    assert found == expected


@given(wanted=filters())
@settings(max_examples=40, deadline=None)
def test_a_filter_selects_the_papers_that_match_among_many(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter
) -> None:
    snapshot = random_searcher.snapshot
    expected = matching_rows(random_papers, wanted)
    assert snapshot.rows_matching(wanted.condition).ids.tolist() == expected


@given(wanted=filters(), limit=st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_a_filter_alone_lists_the_newest_first(
    random_searcher: Searcher, random_papers: list[Paper], wanted: Filter, limit: int
) -> None:
    rows = matching_rows(random_papers, wanted)
    page = random_searcher.search(Query("", wanted, limit=limit))
    days = [hit.paper.published.first_day if hit.paper.published else 0 for hit in page.hits]
    published = [random_papers[row].published for row in rows]
    assert days == sorted((date.first_day if date else 0 for date in published), reverse=True)[:limit]
    assert page.total == len(rows)


def coverage(lexicon: Lexicon, text: str, papers: int) -> NDArray[np.float32]:
    """Returns the share of the terms of a text that each paper has, weighted by rarity, from one search per term."""
    weights = lexicon.term_weights(text)
    contained = [weight * (lexicon.scores(term, np.arange(papers)) > 0) for term, weight in weights.items()]
    return np.asarray(sum(contained) / sum(weights.values()), np.float32)


@pytest.mark.parametrize("text", ["galaxy", "spectra of galaxies, galaxy", "proof of a galaxy theorem absentword"])
def test_coverage_is_the_share_of_the_terms(random_searcher: Searcher, text: str) -> None:
    lexicon, rows = random_searcher.snapshot.lexicon, np.array([250, 3, 17, 299])
    assert lexicon.coverage(text, np.arange(300)) == pytest.approx(coverage(lexicon, text, 300), abs=1e-5)
    assert lexicon.coverage(text, rows) == pytest.approx(coverage(lexicon, text, 300)[rows], abs=1e-5)
    assert lexicon.coverage("absentword", rows).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("text", ["galaxy spectrum", "spectrum of a galaxy: a galaxy", "proof"])
def test_scores_of_the_legs_are_reported_for_each_hit(
    random_searcher: Searcher, random_papers: list[Paper], text: str
) -> None:
    page = random_searcher.search(Query(text, limit=20))
    snapshot, vector = random_searcher.snapshot, FakeEmbedder().encode([text])[0]
    stored = np.array([snapshot.vectors.get_vector(row) for row in range(300)])
    bm25 = snapshot.lexicon.scores(text, np.arange(300))
    lexicon = snapshot.lexicon
    words = oracle.Words(bm25, coverage(lexicon, text, 300), lexicon.max_score(text), len(lexicon.terms(text)))
    expected = oracle.hybrid_scores(vector, stored, words)
    by_id = {paper.id: row for row, paper in enumerate(random_papers)}
    assert [hit.score for hit in page.hits] == pytest.approx(sorted(expected.values(), reverse=True)[:20], abs=1e-3)
    for hit in page.hits:
        row = by_id[hit.paper.id]
        assert hit.semantic is not None
        assert hit.semantic.score == pytest.approx(float(stored[row] @ vector), abs=1e-4)
        assert (hit.lexical.score if hit.lexical else 0.0) == pytest.approx(float(bm25[row]), abs=1e-4)
        assert hit.score == pytest.approx(expected[row], abs=1e-3)


def test_a_repeated_query_word_counts_each_time(random_searcher: Searcher) -> None:
    lexicon, rows = random_searcher.snapshot.lexicon, np.arange(300)
    galaxy, proof = lexicon.scores("galaxy", rows), lexicon.scores("proof", rows)
    assert lexicon.scores("galaxy, proof, galaxies", rows) == pytest.approx(2 * galaxy + proof, rel=1e-5)
    assert lexicon.max_score("galaxy galaxy") == pytest.approx(2 * lexicon.max_score("galaxy"))


def test_long_text_uses_its_heaviest_words(make_searcher: MakeSearcher) -> None:
    words = [f"term{number}" for number in range(80)]
    rare = {"title": " ".join(words[:40])}
    searcher = make_searcher(
        [rare, *({"title": " ".join(words[40:]), "abstract": f"paper {number}"} for number in range(9))]
    )
    repeated = words[79]
    terms = searcher.snapshot.lexicon.terms(" ".join([*words, *[repeated] * 30, "absent"]))
    assert len(terms) == 64
    assert {repeated, *words[:40]} <= set(terms)
    assert "absent" not in terms


def test_a_similar_search_excludes_the_paper_itself(random_searcher: Searcher) -> None:
    page = random_searcher.search(Query(like=("arXiv:2401.00007v3",), limit=300))
    assert page.total == len(page.hits) == 299
    assert "arxiv:2401.00007" not in {hit.paper.id for hit in page.hits}


def test_a_pasted_abstract_is_an_exact_match(make_searcher: MakeSearcher) -> None:
    abstract = (
        "We measure how far summaries of past tokens can stand in for the tokens themselves. "
        "Across nine tasks a ratio of eight loses little, and a ratio of sixty-four loses a lot."
    )
    searcher = make_searcher(
        [
            {"title": "Summaries of tokens", "abstract": abstract},
            {"title": "Tokens", "abstract": "Summaries of past tokens stand in for tokens in nine tasks."},
        ]
    )
    page = searcher.search(Query("  " + abstract.upper().replace(".", " . "), is_abstract=True))
    assert [(hit.paper.title, hit.exact_match) for hit in page.hits] == [
        ("Summaries of tokens", True),
        ("Tokens", False),
    ]


ODD_TEXTS = ("LLMs IN the loop", "A or B: C", "NOT all tokens", '"', "title:x", "\0", "深度学习", "مرحبا", "🙂")


@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
@given(text=st.text(max_size=60) | st.sampled_from(ODD_TEXTS))
@settings(max_examples=40, deadline=None)
def test_any_text_is_answered(random_searcher: Searcher, mode: Mode, text: str) -> None:
    assert len(random_searcher.search(Query(text, mode=mode)).hits) == 10


@given(text=st.text(max_size=60) | st.sampled_from(ODD_TEXTS))
@settings(max_examples=40, deadline=None)
def test_any_text_works_in_lexical_mode_or_is_rejected(random_searcher: Searcher, text: str) -> None:
    try:
        page = random_searcher.search(Query(text, mode="lexical"))
    except InvalidValue as error:
        page = None
        field = error.field
    assert page is not None or field == "q"


def test_operators_are_words_in_search(random_searcher: Searcher) -> None:
    plain = random_searcher.search(Query("attention galaxy", mode="lexical", limit=300))
    for text in ("attention NOT galaxy", "attention AND galaxy", "title:attention -galaxy", '"attention (galaxy'):
        page = random_searcher.search(Query(text, mode="lexical", limit=300))
        assert {hit.paper.id for hit in page.hits} >= {hit.paper.id for hit in plain.hits}


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Query(limit=-1), "limit"),
        (lambda: Query(limit=10**9), "limit"),
        (lambda: Query("x" * 1_000_000), "q"),
        (lambda: Filter(published_from=Date.parse("2026"), published_to=Date.parse("2025")), "from"),
    ],
)
def test_invalid_queries_are_rejected_by_field(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.allowed


def count_loads(directory: Path) -> tuple[Searcher, list[ModelIdentity]]:
    loads: list[ModelIdentity] = []

    def load(model: ModelIdentity) -> FakeEmbedder:
        loads.append(model)
        return FakeEmbedder()

    return Searcher(directory, load), loads


def test_sessions_opened_before_the_first_query_share_the_embedder(tmp_path: Path) -> None:
    index([write_papers(tmp_path, [{"title": "cache", "abstract": "words"}])], tmp_path / "index", FakeEmbedder())
    searcher, loads = count_loads(tmp_path / "index")
    first, second = searcher.session(), searcher.session()
    assert not loads
    for each in (first, second, searcher):
        assert each.ask("cache").hits
    assert len(loads) == 1


def test_concurrent_first_queries_load_the_embedder_once(tmp_path: Path) -> None:
    index([write_papers(tmp_path, [{"title": "cache", "abstract": "words"}])], tmp_path / "index", FakeEmbedder())
    searcher, loads = count_loads(tmp_path / "index")
    sessions = [searcher.session() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda session: session.ask("cache"), sessions))
    assert all(page.hits for page in pages)
    assert len(loads) == 1


def test_an_unknown_category_gets_a_suggestion(random_searcher: Searcher) -> None:
    with pytest.raises(InvalidValue, match=r"'cs\.LX': .*did you mean cs\.LG or cs\.LO\?"):
        random_searcher.search(Query("", Filter(categories=("cs.LX",))))


def test_unknown_id(random_searcher: Searcher) -> None:
    with pytest.raises(PaperNotFound, match=r"2499\.99999"):
        random_searcher.paper("2499.99999")
    with pytest.raises(PaperNotFound, match="IDs look like"):
        random_searcher.paper("../../etc/passwd")
