"""Answer: builds a page of hits from a ranking."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from search.errors import InvalidValue
from search.papers.fingerprint import are_near_duplicates
from search.papers.paper import Paper
from search.query.explanation import Explanation, Strategy
from search.query.hit import Hit, LegMatch
from search.query.page import Page
from search.query.query import FieldOrder, Query
from search.ranking import cursor
from search.ranking.bands import Bands
from search.ranking.facets import count_facets
from search.ranking.fusion import FusedCandidates
from search.ranking.highlights import Highlighter
from search.ranking.legs import FilteredIndex, LegInput, Ranking
from search.ranking.relevance import RelevantPapers, find_closest, find_relevant
from search.ranking.variants import MAX_AUTHORS, included_authors, match_author
from search.rows import Ranked

_EXACT_MATCH_CANDIDATES = 20
"""Top papers that are compared with a pasted abstract to find the paper it belongs to."""


def list_papers(index: FilteredIndex, query: Query, start: int) -> Page:
    """Returns a page of the papers that match the filter, in order of a field; newest first by default."""
    order = "newest" if query.sort == "relevance" else query.sort
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_rows(index.rows.ids, start + query.limit, order)
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
        InvalidValue: lexical mode, and the query contains no word.
    """
    lexicon, text, end = index.snapshot.lexicon, leg_input.text or "", start + query.limit
    if leg_input.vector is None and not lexicon.terms(text):
        raise InvalidValue("q", text, "it contains no word to look up; add one, or use mode hybrid")
    order: FieldOrder | None = None if query.sort == "relevance" else query.sort
    ranking = Ranking.compute(index, leg_input, 0 if order else end)
    bands = Bands.of(index, leg_input)
    find = find_closest if order else find_relevant
    relevant = find(index, leg_input, bands, ranking.initial) if query.facets or order else None
    exact = _exact_matches(index, query, leg_input, ranking.fused)
    if order and relevant:
        others = relevant.rows.ids[~np.isin(relevant.rows.ids, exact.rows)]
        total = len(exact.rows) + len(others)
        positions = range(max(0, start - len(exact.rows)), max(0, end - len(exact.rows)))
        shown = exact.select_range(start, end).followed_by(_list_by_field(index, leg_input, others, order, positions))
    else:
        total = _count_matches(index, leg_input) + (len(exact.rows) if query.include_like else 0)
        shown = ranking.fused.preceded_by(exact).select_range(start, end)
    hits = _build_hits(index, leg_input, replace(ranking, fused=shown), bands, exact.rows.tolist())
    page = _build_page(index, query, start, hits, total, ranking.semantic, relevant)
    page = replace(page, has_close_match=bands.has_close_match(ranking.fused, len(index.rows)))
    return page, ranking.initial.rows


def _count_matches(index: FilteredIndex, leg_input: LegInput) -> int:
    """Returns the number of hits on all pages: in lexical mode, of papers with a query word."""
    lexicon, text = index.snapshot.lexicon, leg_input.text or ""
    if leg_input.vector is not None:
        return len(index.rows)
    if index.excluded:
        return int(index.rows.contains(lexicon.rows_with_any_term(text, index.condition)).sum())
    return lexicon.count_matches(text, index.condition)


def _list_by_field(
    index: FilteredIndex, leg_input: LegInput, ids: NDArray[np.int64], order: FieldOrder, positions: range
) -> FusedCandidates:
    """Returns papers in order of a field. Their score is the cosine, in lexical mode the BM25.

    Args:
        index: the papers that match the filter.
        leg_input: the query.
        ids: (n,) int64, the rows of all papers to list.
        order: see ``Columns.sort_rows``.
        positions: which of them to return.
    """
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_rows(ids, positions.stop, order)[positions.start :]
    vector, text = leg_input.vector, leg_input.text
    zeros = np.zeros(len(rows), np.float32)
    cosine = zeros if vector is None else index.snapshot.vectors.scores(vector, rows)
    bm25 = zeros if text is None else index.snapshot.lexicon.scores(text, rows)
    return FusedCandidates(rows, bm25 if vector is None else cosine, cosine, bm25)


def _exact_matches(index: FilteredIndex, query: Query, leg_input: LegInput, ranked: FusedCandidates) -> FusedCandidates:
    """Returns the papers that come first: those that the query names, or those whose abstract it is."""
    if query.include_like:
        return _score_examples(index, leg_input)
    rows = _find_exact_matches(index, ranked.rows[:_EXACT_MATCH_CANDIDATES], query.text) if query.is_abstract else ()
    return ranked.select(np.array(rows, np.int64))


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
    weights = lexicon.highlighted_terms(leg_input.text) if leg_input.text else {}
    semantic_ranks, lexical_ranks = ranking.semantic.ranks(), ranking.lexical.ranks()
    with index.time_stage("highlights"):
        highlighter = Highlighter(weights, lexicon.terms_by_unit)
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
    relevant: RelevantPapers | None = None,
) -> Page:
    """Returns a page.

    Args:
        index: the papers that match the filter.
        query: the query.
        start: position of the first hit in the ranking, from 0.
        hits: the hits of the page.
        total: number of hits on all pages.
        semantic: result of the semantic leg; None if it did not run.
        relevant: the papers that facets count, and that a page in order of a field lists; None for all that match the
            filter.
    """
    snapshot, end = index.snapshot, start + query.limit
    facets = None
    if query.facets:
        with index.time_stage("facets"):
            facets = count_facets(snapshot.columns, relevant.rows if relevant else index.rows)
            if relevant:
                facets = replace(facets, scope=relevant.scope, estimated=relevant.estimated)
    listed = islice(dict.fromkeys(included_authors(index.condition)), MAX_AUTHORS)
    authors = tuple(match_author(snapshot, author, index.rows) for author in listed)
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
        total_estimated=bool(relevant and relevant.estimated and query.sort != "relevance"),
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
