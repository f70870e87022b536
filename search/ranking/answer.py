"""Answer: from an order of papers to the page that shows a part of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.errors import InvalidValue
from search.papers.fingerprint import nearly_equal
from search.papers.paper import Paper
from search.query.page import Explanation, Hit, LegMatch, Page, Road
from search.query.query import Query
from search.ranking import cursor
from search.ranking.bands import Trust
from search.ranking.facets import facets
from search.ranking.fusion import Fused
from search.ranking.highlights import Marker
from search.ranking.legs import Asked, Order, Scope
from search.ranking.variants import asked_authors, variants
from search.rows import Ranked, Rows

_SAME_AMONG = 20
"""Best papers among which a pasted abstract that the index holds is looked for."""


def listed(scope: Scope, query: Query, start: int) -> Page:
    """The papers that pass, in order of date."""
    with scope.timed("sort"):
        rows = scope.snapshot.columns.by_date(scope.rows.ids, start + query.limit, oldest=query.sort == "oldest")
    hits = [Hit(paper, 0.0) for paper in _papers(scope, rows[start:])]
    return _page(scope, query, start, hits, len(scope.rows))


def answered(scope: Scope, query: Query, asked: Asked, start: int) -> Page:
    """The papers that answer, from the one at ``start`` on."""
    lexicon, end = scope.snapshot.lexicon, start + query.limit
    if asked.vector is None and not lexicon.terms(asked.text or ""):
        what = "lexical mode looks up words, and here is none, or none but the commonest; use mode hybrid"
        raise InvalidValue("q", asked.text or "", what)
    order = Order.of(scope, asked, end)
    trust = Trust.of(scope, asked)
    close = trust.close(order.fused, len(scope.rows))
    total = lexicon.count(asked.text or "", scope.condition) if asked.vector is None else len(scope.rows)
    relevant = _relevant(scope, asked, order, trust) if query.facets or query.sort != "relevance" else None
    if relevant is not None and query.sort != "relevance":
        order, total = _dated(scope, asked, order, relevant, query), len(relevant)
    same: tuple[int, ...] = ()
    if query.shown:
        same = asked.like
        order, total = order.led_by(_themselves(scope, asked)), total + len(same)
    elif query.pasted:
        same = _same(scope, order.fused.rows[:_SAME_AMONG], query.text)
        order = order.led_by(order.fused.at(np.array(same, np.int64)))
    hits = _hits(scope, asked, replace(order, fused=order.fused.part(start, end)), trust, same)
    page = _page(scope, query, start, hits, total, order.semantic, relevant)
    return replace(page, close=close)


def _relevant(scope: Scope, asked: Asked, order: Order, trust: Trust) -> NDArray[np.int64]:
    """The rows, ascending, that are an answer and not only the nearest there is: in lexical mode all that hold a word,
    else those of the first stretch that are not weak."""
    if asked.vector is None:
        return scope.snapshot.lexicon.matching(asked.text or "", scope.condition)
    near = np.array([band != "weak" for band in trust.bands(order.first)], bool)
    return np.sort(order.first.rows[near])


def _dated(scope: Scope, asked: Asked, order: Order, relevant: NDArray[np.int64], query: Query) -> Order:
    """The relevant part in order of date."""
    with scope.timed("sort"):
        rows = scope.snapshot.columns.by_date(relevant, len(relevant), oldest=query.sort == "oldest")
    if asked.vector is not None:
        return replace(order, fused=order.fused.at(rows))
    bm25 = scope.snapshot.lexicon.scores(asked.text or "", rows)
    return replace(order, fused=Fused(rows, bm25, np.zeros_like(bm25), bm25))


def _themselves(scope: Scope, asked: Asked) -> Fused:
    """The papers that answers are near, each with the highest score there is."""
    rows = np.array(asked.like, np.int64)
    none, ones = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    cosine = none if asked.vector is None else scope.snapshot.vectors.scores(asked.vector, rows)
    return Fused(rows, ones, cosine, none)


def _hits(scope: Scope, asked: Asked, order: Order, trust: Trust, same: Sequence[int]) -> list[Hit]:
    fused, lexicon = order.fused, scope.snapshot.lexicon
    papers = _papers(scope, fused.rows)
    weights = lexicon.weights(asked.text) if asked.text else {}
    semantic, lexical = order.semantic.ranks(), order.lexical.ranks()
    with scope.timed("why"):
        marker = Marker(weights, lexicon.term_of)
        reasons = [marker.why(paper) for paper in papers]
    hits = []
    scores = zip(*(column.tolist() for column in (fused.rows, fused.scores, fused.cosine, fused.bm25)), strict=True)
    for paper, reason, band, (row, score, cosine, bm25) in zip(
        papers, reasons, trust.bands(fused), scores, strict=True
    ):
        meaning = None if asked.vector is None else LegMatch(semantic.get(row), cosine)
        words = LegMatch(lexical.get(row), bm25) if asked.text is not None and bm25 > 0 else None
        hits.append(Hit(paper, score, meaning, words, row in same, band, reason))
    return hits


def _page(
    scope: Scope,
    query: Query,
    start: int,
    hits: list[Hit],
    total: int,
    semantic: Ranked | None = None,
    relevant: NDArray[np.int64] | None = None,
) -> Page:
    """``semantic`` is the vector leg's answer, where it was asked."""
    snapshot, end = scope.snapshot, start + query.limit
    counts = None
    if query.facets:
        with scope.timed("facets"):
            rows = scope.rows if relevant is None else Rows.of_ids(relevant, len(snapshot.columns))
            counts = facets(snapshot.columns, rows, relevant=relevant is not None)
    people = tuple(variants(snapshot, author, scope.rows) for author in asked_authors(scope.condition))
    leg = semantic or Ranked.none()
    road: Road = "none" if semantic is None else "rows" if leg.complete else "codes"
    generation = snapshot.manifest.generation
    return Page(
        tuple(hits),
        total,
        leg.complete,
        leg.expected_recall,
        generation,
        Explanation(road, leg.scanned, leg.scored, tuple(scope.stages)),
        authors=people,
        facets=counts,
        cursor=cursor.write(query, generation, end) if end < total else None,
    )


def _same(scope: Scope, rows: NDArray[np.int64], text: str) -> tuple[int, ...]:
    """The rows of papers that a pasted text is the abstract of, or title and abstract."""
    papers = zip(rows.tolist(), _papers(scope, rows), strict=True)
    return tuple(
        row
        for row, paper in papers
        if paper.abstract is not None and (nearly_equal(paper.abstract, text) or nearly_equal(paper.text, text))
    )


def _papers(scope: Scope, rows: NDArray[np.int64]) -> list[Paper]:
    with scope.timed("papers"):
        return scope.snapshot.store.get(rows.tolist())
