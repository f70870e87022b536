"""Answer: builds a page of hits from a ranking."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.errors import InvalidValue
from search.papers.fingerprint import are_near_duplicates
from search.papers.paper import Paper
from search.query.page import Explanation, Hit, LegMatch, Page, Strategy
from search.query.query import Query
from search.ranking import cursor
from search.ranking.bands import Bands
from search.ranking.facets import count_facets
from search.ranking.fusion import FusedCandidates
from search.ranking.highlights import Highlighter
from search.ranking.legs import FilteredIndex, LegInput, Ranking
from search.ranking.variants import included_authors, match_author
from search.rows import Ranked, Rows

_EXACT_MATCH_CANDIDATES = 20
"""Top papers that are compared with a pasted abstract to find the paper it belongs to."""


def list_papers(index: FilteredIndex, query: Query, start: int) -> Page:
    """Returns a page of the papers that match the filter, in order of date."""
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_by_date(index.rows.ids, start + query.limit, oldest=query.sort == "oldest")
    hits = [Hit(paper, 0.0) for paper in _load_papers(index, rows[start:])]
    return _build_page(index, query, start, hits, len(index.rows))


def answer_query(index: FilteredIndex, query: Query, leg_input: LegInput, start: int) -> tuple[Page, NDArray[np.int64]]:
    """Returns a page of hits for a query, and the rows nearest to it, best first.

    Args:
        index: the papers that match the filter.
        query: the query.
        leg_input: the query as the legs need it.
        start: position of the first hit in the ranking, from 0.

    Raises:
        InvalidValue: lexical mode, and the query contains only stop words.
    """
    lexicon, text, end = index.snapshot.lexicon, leg_input.text or "", start + query.limit
    if leg_input.vector is None and not lexicon.terms(text):
        problem = "it contains only stop words; add another word, or use mode hybrid"
        raise InvalidValue("q", text, problem)
    ranking = Ranking.compute(index, leg_input, end)
    bands = Bands.of(index, leg_input)
    has_close_match = bands.has_close_match(ranking.fused, len(index.rows))
    total = lexicon.count_matches(text, index.condition) if leg_input.vector is None else len(index.rows)
    relevant = None
    if query.facets or query.sort != "relevance":
        relevant = _relevant_rows(index, leg_input, ranking, bands)
    if relevant is not None and query.sort != "relevance":
        ranking, total = _sort_by_date(index, leg_input, ranking, relevant, query), len(relevant)
    exact_matches: tuple[int, ...] = ()
    if query.include_like:
        exact_matches = leg_input.example_rows
        ranking, total = ranking.preceded_by(_score_examples(index, leg_input)), total + len(exact_matches)
    elif query.is_abstract:
        exact_matches = _find_exact_matches(index, ranking.fused.rows[:_EXACT_MATCH_CANDIDATES], query.text)
        ranking = ranking.preceded_by(ranking.fused.select(np.array(exact_matches, np.int64)))
    shown = replace(ranking, fused=ranking.fused.select_range(start, end))
    hits = _build_hits(index, leg_input, shown, bands, exact_matches)
    page = _build_page(index, query, start, hits, total, ranking.semantic, relevant)
    return replace(page, has_close_match=has_close_match), ranking.initial.rows


def _relevant_rows(index: FilteredIndex, leg_input: LegInput, ranking: Ranking, bands: Bands) -> NDArray[np.int64]:
    """Returns the relevant rows, ascending.

    In lexical mode these are all rows with a query word, otherwise the rows of the first segment that are not weak.
    """
    if leg_input.vector is None:
        return index.snapshot.lexicon.rows_with_any_term(leg_input.text or "", index.condition)
    is_relevant = np.array([band != "weak" for band in bands.classify(ranking.initial)], bool)
    return np.sort(ranking.initial.rows[is_relevant])


def _sort_by_date(
    index: FilteredIndex, leg_input: LegInput, ranking: Ranking, relevant: NDArray[np.int64], query: Query
) -> Ranking:
    """Returns the relevant papers in order of date."""
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_by_date(relevant, len(relevant), oldest=query.sort == "oldest")
    if leg_input.vector is not None:
        return replace(ranking, fused=ranking.fused.select(rows))
    bm25 = index.snapshot.lexicon.scores(leg_input.text or "", rows)
    return replace(ranking, fused=FusedCandidates(rows, bm25, np.zeros_like(bm25), bm25))


def _score_examples(index: FilteredIndex, leg_input: LegInput) -> FusedCandidates:
    """Returns the example papers, each with the maximum score."""
    rows = np.array(leg_input.example_rows, np.int64)
    zeros, ones = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    cosine = zeros if leg_input.vector is None else index.snapshot.vectors.scores(leg_input.vector, rows)
    return FusedCandidates(rows, ones, cosine, zeros)


def _build_hits(
    index: FilteredIndex, leg_input: LegInput, ranking: Ranking, bands: Bands, exact_matches: Sequence[int]
) -> list[Hit]:
    fused, lexicon = ranking.fused, index.snapshot.lexicon
    papers = _load_papers(index, fused.rows)
    weights = lexicon.term_weights(leg_input.text) if leg_input.text else {}
    semantic_ranks, lexical_ranks = ranking.semantic.ranks(), ranking.lexical.ranks()
    with index.time_stage("highlights"):
        highlighter = Highlighter(weights, lexicon.term_by_word)
        highlights = [highlighter.highlight(paper) for paper in papers]
    hits = []
    columns = zip(*(column.tolist() for column in (fused.rows, fused.scores, fused.cosine, fused.bm25)), strict=True)
    for paper, marked, band, (row, score, cosine, bm25) in zip(
        papers, highlights, bands.classify(fused), columns, strict=True
    ):
        semantic = None if leg_input.vector is None else LegMatch(semantic_ranks.get(row), cosine)
        lexical = LegMatch(lexical_ranks.get(row), bm25) if leg_input.text is not None and bm25 > 0 else None
        hits.append(Hit(paper, score, semantic, lexical, row in exact_matches, band, marked))
    return hits


def _build_page(
    index: FilteredIndex,
    query: Query,
    start: int,
    hits: list[Hit],
    total: int,
    semantic: Ranked | None = None,
    relevant: NDArray[np.int64] | None = None,
) -> Page:
    """Returns a page.

    Args:
        index: the papers that match the filter.
        query: the query.
        start: position of the first hit in the ranking, from 0.
        hits: the hits of the page.
        total: number of hits on all pages.
        semantic: result of the semantic leg; None if it did not run.
        relevant: rows that facets count; None for all rows that match the filter.
    """
    snapshot, end = index.snapshot, start + query.limit
    facets = None
    if query.facets:
        with index.time_stage("facets"):
            rows = index.rows if relevant is None else Rows.from_ids(relevant, len(snapshot.columns))
            facets = count_facets(snapshot.columns, rows, relevant=relevant is not None)
    authors = tuple(match_author(snapshot, author, index.rows) for author in included_authors(index.condition))
    leg = semantic or Ranked.empty()
    strategy: Strategy = "none" if semantic is None else "exact" if leg.complete else "approximate"
    generation = snapshot.manifest.generation
    return Page(
        tuple(hits),
        total,
        leg.complete,
        leg.expected_recall,
        generation,
        Explanation(strategy, leg.scanned, leg.scored, tuple(index.stages)),
        authors=authors,
        facets=facets,
        cursor=cursor.encode(query, generation, end) if query.limit and end < total else None,
    )


def _find_exact_matches(index: FilteredIndex, rows: NDArray[np.int64], text: str) -> tuple[int, ...]:
    """Returns the rows of the papers whose abstract, or title and abstract, is the pasted text."""
    papers = zip(rows.tolist(), _load_papers(index, rows), strict=True)
    return tuple(
        row
        for row, paper in papers
        if paper.abstract is not None
        and (are_near_duplicates(paper.abstract, text) or are_near_duplicates(paper.text, text))
    )


def _load_papers(index: FilteredIndex, rows: NDArray[np.int64]) -> list[Paper]:
    with index.time_stage("load_papers"):
        return index.snapshot.store.get(rows.tolist())
