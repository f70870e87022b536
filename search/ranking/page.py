"""Builds the page of hits of an answer."""

from collections.abc import Collection
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from search.language.framing import drop_request
from search.papers.fingerprint import are_near_duplicates
from search.query.explanation import Explanation, Strategy
from search.query.facets import Facets
from search.query.hit import Hit, LegMatch
from search.query.page import Page
from search.query.query import Query
from search.query.sort import FieldOrder
from search.ranking import cursor
from search.ranking.answer import Answer
from search.ranking.facets import count_facets
from search.ranking.filtered_index import FilteredIndex
from search.ranking.fusion import FusedCandidates
from search.ranking.highlights import Highlighter
from search.ranking.legs import LegInput
from search.ranking.variants import MAX_AUTHORS, included_authors, match_author
from search.rows import PaperSet

_EXACT_MATCH_CANDIDATES = 20
"""Top papers that are compared with a pasted abstract to find the paper it belongs to."""


def build_page(answer: Answer) -> Page:
    """Returns the page of an answer that its query asks for: best first, or in order of a field.

    Without text and examples, all papers that match the filter are listed, the newest first by default.
    """
    index, query, leg = answer.index, answer.query, answer.ranking.semantic
    hits, total = _list_hits(answer) if answer.leg_input is None else _rank_hits(answer, answer.leg_input)
    facets = _count_facets(answer) if query.facets else None
    listed = islice(dict.fromkeys(included_authors(index.condition)), MAX_AUTHORS)
    authors = tuple(match_author(index.snapshot, author, index.rows) for author in listed)
    strategy: Strategy = "none" if answer.leg_input is None else "exact" if leg.complete else "approximate"
    generation, end = index.snapshot.generation, answer.start + query.limit
    return Page(
        tuple(hits),
        total,
        leg.complete,
        leg.expected_recall,
        generation,
        Explanation(strategy, leg.scanned, leg.scored, tuple(index.stages)),
        has_close_match=answer.has_close_match,
        authors=authors,
        facets=facets,
        cursor=cursor.encode(query, generation, end) if query.limit and end < total else None,
        total_estimated=query.sort != "relevance" and answer.listed.estimated,
    )


def _list_hits(answer: Answer) -> tuple[list[Hit], int]:
    """Returns the hits of a query that has only a filter, in order of a field, and their total."""
    index, end = answer.index, answer.start + answer.query.limit
    rows = index.sort(index.rows, end, _field_order(answer.query) or "newest")
    shown = rows[answer.start :]
    found = zip(index.load_papers(shown), index.kinds_of(shown), strict=True)
    return [Hit(paper, 0.0, indexed_kinds=kinds) for paper, kinds in found], len(index.rows)


def _rank_hits(answer: Answer, leg_input: LegInput) -> tuple[list[Hit], int]:
    """Returns the hits of a query with text or examples, and their total."""
    query, index, start, end = answer.query, answer.index, answer.start, answer.start + answer.query.limit
    order = _field_order(query)
    exact = _exact_matches(answer, leg_input)
    if order:
        others = answer.listed.rows
        for row in exact.rows.tolist():
            others = others.without(row)
        total = len(exact.rows) + len(others)
        positions = range(max(0, start - len(exact.rows)), max(0, end - len(exact.rows)))
        shown = exact.select_range(start, end).followed_by(_list_by_field(index, leg_input, others, order, positions))
    else:
        # in lexical mode, other papers than those with a query word are no hits
        total = index.count_with_any_word(leg_input.text or "") if leg_input.vector is None else len(index.rows)
        total += len(exact.rows) if query.include_like else 0
        shown = answer.ranking.extend(index, leg_input, end).preceded_by(exact).select_range(start, end)
    return _build_hits(answer, leg_input, shown, exact.rows.tolist()), total


def _field_order(query: Query) -> FieldOrder | None:
    """Returns the field in whose order a query lists papers; None for relevance."""
    return None if query.sort == "relevance" else query.sort


def _count_facets(answer: Answer) -> Facets:
    """Counts the papers that match the filter or, of a query with text or examples, those of ``Answer.listed``."""
    with answer.index.time_stage("facets"):
        listed = answer.listed
        facets = count_facets(answer.index.snapshot.columns, listed.rows)
    scope = listed.scope if answer.leg_input else "filter"
    counted_over = listed.counted_over
    return replace(facets, scope=scope, estimated=listed.estimated, strong=listed.strong, counted_over=counted_over)


def _list_by_field(
    index: FilteredIndex, leg_input: LegInput, papers: PaperSet, order: FieldOrder, positions: range
) -> FusedCandidates:
    """Returns papers in order of a field. Their score is the cosine, in lexical mode the BM25.

    Args:
        index: the papers that match the filter.
        leg_input: the query.
        papers: all papers to list.
        order: see ``Fields.sort``.
        positions: which of them to return.
    """
    rows = index.sort(papers, positions.stop, order)[positions.start :]
    vector, text = leg_input.vector, leg_input.text
    zeros = np.zeros(len(rows), np.float32)
    cosine = zeros if vector is None else index.cosines(vector, rows)
    bm25 = zeros if text is None else index.bm25(text, rows)
    return FusedCandidates(rows, bm25 if vector is None else cosine, cosine, bm25)


def _exact_matches(answer: Answer, leg_input: LegInput) -> FusedCandidates:
    """Returns the papers that come first: those that the query names, or those whose abstract it is."""
    index, query, ranked = answer.index, answer.query, answer.ranking.fused
    if query.include_like:
        return _score_examples(index, leg_input)
    rows = _find_exact_matches(index, ranked.rows[:_EXACT_MATCH_CANDIDATES], query.text) if query.is_abstract else ()
    return ranked.select(np.array(rows, np.int64))


def _score_examples(index: FilteredIndex, leg_input: LegInput) -> FusedCandidates:
    """Returns the example papers, each with the maximum score."""
    rows = np.array(leg_input.example_rows, np.int64)
    zeros, ones = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    cosine = zeros if leg_input.vector is None else index.cosines(leg_input.vector, rows)
    return FusedCandidates(rows, ones, cosine, zeros)


def _find_exact_matches(index: FilteredIndex, rows: NDArray[np.int64], text: str) -> tuple[int, ...]:
    """Returns the rows of the papers whose abstract, or title and abstract, is the pasted text."""
    papers = zip(rows.tolist(), index.load_papers(rows), strict=True)
    return tuple(
        row
        for row, paper in papers
        if paper.abstract is not None
        and (are_near_duplicates(paper.abstract, text) or are_near_duplicates(paper.text, text))
    )


def _build_hits(
    answer: Answer, leg_input: LegInput, shown: FusedCandidates, exact_matches: Collection[int]
) -> list[Hit]:
    index, ranking, lexicon = answer.index, answer.ranking, answer.index.snapshot.lexicon
    papers = index.load_papers(shown.rows)
    text = leg_input.text or ""
    weights = lexicon.highlighted_terms(drop_request(text)) or lexicon.highlighted_terms(text)
    semantic_ranks, lexical_ranks = ranking.semantic.ranks_of(shown.rows), ranking.lexical.ranks_of(shown.rows)
    with index.time_stage("highlights"):
        highlights = Highlighter(weights, lexicon.terms_by_unit).highlight(papers)
    bands = answer.bands.classify(shown) if answer.bands else [None] * len(papers)
    hits = []
    columns = zip(*(column.tolist() for column in (shown.rows, shown.scores, shown.cosine, shown.bm25)), strict=True)
    described = zip(papers, highlights, bands, index.kinds_of(shown.rows), columns, strict=True)
    for paper, marked, band, kinds, (row, score, cosine, bm25) in described:
        semantic = None if leg_input.vector is None else LegMatch(semantic_ranks.get(row), cosine)
        lexical = LegMatch(lexical_ranks.get(row), bm25) if leg_input.text is not None and bm25 > 0 else None
        is_exact = row in exact_matches
        hits.append(Hit(paper, score, semantic, lexical, is_exact, band, marked, indexed_kinds=kinds))
    return hits
