"""Answer: from an order of papers to the page that shows a part of it."""

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
"""Best papers among which a pasted abstract that the index holds is looked for."""


def list_papers(index: FilteredIndex, query: Query, start: int) -> Page:
    """The papers that pass, in order of date."""
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_by_date(index.rows.ids, start + query.limit, oldest=query.sort == "oldest")
    hits = [Hit(paper, 0.0) for paper in _load_papers(index, rows[start:])]
    return _build_page(index, query, start, hits, len(index.rows))


def answer_query(index: FilteredIndex, query: Query, leg_input: LegInput, start: int) -> Page:
    """The papers that answer, from the one at ``start`` on."""
    lexicon, end = index.snapshot.lexicon, start + query.limit
    if leg_input.vector is None and not lexicon.terms(leg_input.text or ""):
        what = "lexical mode looks up words, and here is none, or none but the commonest; use mode hybrid"
        raise InvalidValue("q", leg_input.text or "", what)
    order = Ranking.compute(index, leg_input, end)
    trust = Bands.of(index, leg_input)
    close = trust.has_close_match(order.fused, len(index.rows))
    total = (
        lexicon.count_matches(leg_input.text or "", index.condition) if leg_input.vector is None else len(index.rows)
    )
    relevant = _relevant_rows(index, leg_input, order, trust) if query.facets or query.sort != "relevance" else None
    if relevant is not None and query.sort != "relevance":
        order, total = _sort_by_date(index, leg_input, order, relevant, query), len(relevant)
    same: tuple[int, ...] = ()
    if query.include_like:
        same = leg_input.example_rows
        order, total = order.preceded_by(_score_examples(index, leg_input)), total + len(same)
    elif query.is_abstract:
        same = _find_exact_matches(index, order.fused.rows[:_EXACT_MATCH_CANDIDATES], query.text)
        order = order.preceded_by(order.fused.select(np.array(same, np.int64)))
    hits = _build_hits(index, leg_input, replace(order, fused=order.fused.select_range(start, end)), trust, same)
    page = _build_page(index, query, start, hits, total, order.semantic, relevant)
    return replace(page, has_close_match=close)


def _relevant_rows(index: FilteredIndex, leg_input: LegInput, ranking: Ranking, bands: Bands) -> NDArray[np.int64]:
    """The rows, ascending, that are an answer and not only the nearest there is: in lexical mode all that hold a word,
    else those of the first stretch that are not weak."""
    if leg_input.vector is None:
        return index.snapshot.lexicon.rows_with_any_term(leg_input.text or "", index.condition)
    near = np.array([band != "weak" for band in bands.classify(ranking.initial)], bool)
    return np.sort(ranking.initial.rows[near])


def _sort_by_date(
    index: FilteredIndex, leg_input: LegInput, ranking: Ranking, relevant: NDArray[np.int64], query: Query
) -> Ranking:
    """The relevant part in order of date."""
    with index.time_stage("sort"):
        rows = index.snapshot.columns.sort_by_date(relevant, len(relevant), oldest=query.sort == "oldest")
    if leg_input.vector is not None:
        return replace(ranking, fused=ranking.fused.select(rows))
    bm25 = index.snapshot.lexicon.scores(leg_input.text or "", rows)
    return replace(ranking, fused=FusedCandidates(rows, bm25, np.zeros_like(bm25), bm25))


def _score_examples(index: FilteredIndex, leg_input: LegInput) -> FusedCandidates:
    """The papers that answers are near, each with the highest score there is."""
    rows = np.array(leg_input.example_rows, np.int64)
    none, ones = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    cosine = none if leg_input.vector is None else index.snapshot.vectors.scores(leg_input.vector, rows)
    return FusedCandidates(rows, ones, cosine, none)


def _build_hits(
    index: FilteredIndex, leg_input: LegInput, ranking: Ranking, bands: Bands, exact_matches: Sequence[int]
) -> list[Hit]:
    fused, lexicon = ranking.fused, index.snapshot.lexicon
    papers = _load_papers(index, fused.rows)
    weights = lexicon.term_weights(leg_input.text) if leg_input.text else {}
    semantic, lexical = ranking.semantic.ranks(), ranking.lexical.ranks()
    with index.time_stage("highlights"):
        marker = Highlighter(weights, lexicon.term_by_word)
        reasons = [marker.highlight(paper) for paper in papers]
    hits = []
    scores = zip(*(column.tolist() for column in (fused.rows, fused.scores, fused.cosine, fused.bm25)), strict=True)
    for paper, reason, band, (row, score, cosine, bm25) in zip(
        papers, reasons, bands.classify(fused), scores, strict=True
    ):
        meaning = None if leg_input.vector is None else LegMatch(semantic.get(row), cosine)
        words = LegMatch(lexical.get(row), bm25) if leg_input.text is not None and bm25 > 0 else None
        hits.append(Hit(paper, score, meaning, words, row in exact_matches, band, reason))
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
    """``semantic`` is the vector leg's answer, where it was asked."""
    snapshot, end = index.snapshot, start + query.limit
    counts = None
    if query.facets:
        with index.time_stage("facets"):
            rows = index.rows if relevant is None else Rows.from_ids(relevant, len(snapshot.columns))
            counts = count_facets(snapshot.columns, rows, relevant=relevant is not None)
    people = tuple(match_author(snapshot, author, index.rows) for author in included_authors(index.condition))
    leg = semantic or Ranked.empty()
    road: Strategy = "none" if semantic is None else "exact" if leg.complete else "approximate"
    generation = snapshot.manifest.generation
    return Page(
        tuple(hits),
        total,
        leg.complete,
        leg.expected_recall,
        generation,
        Explanation(road, leg.scanned, leg.scored, tuple(index.stages)),
        authors=people,
        facets=counts,
        cursor=cursor.encode(query, generation, end) if query.limit and end < total else None,
    )


def _find_exact_matches(index: FilteredIndex, rows: NDArray[np.int64], text: str) -> tuple[int, ...]:
    """The rows of papers that a pasted text is the abstract of, or title and abstract."""
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
