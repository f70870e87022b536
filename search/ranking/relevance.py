"""Relevance: all papers that are relevant or closest to a query, whether or not a leg returned them.

A paper is relevant if its band is ``related`` or ``strong``. Relevant papers by date would begin with those that are
related to the query and not about it, so an order other than by relevance lists the closest papers alone: those whose
band is ``strong``, and of long queries, which hardly any paper matches that well, the nearest relevant ones of the
index. Either depends on the paper, the query and the index, and not on the filter. In lexical mode every paper with a
query word is both.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.index.backend import Backend
from search.index.calibration import CALIBRATION_TUNING
from search.query.facets import Scope
from search.ranking.bands import Bands
from search.ranking.filtered_index import FilteredIndex
from search.ranking.fusion import FusedCandidates, combine_scores
from search.ranking.legs import LegInput, Ranking
from search.rows import PaperSet, Ranked
from search.vectors.threshold import RowsAbove

NEAREST_PAPERS = 30
"""Relevant papers of the index that are among the closest whatever their band: three pages. Most questions of one
sentence have at most two strong hits among 155,274 papers."""


@dataclass(frozen=True, slots=True, eq=False)
class RelevantPapers:
    """The papers that are relevant to a query, or closest to it.

    Attributes:
        rows: their rows.
        estimated: the codes of the vectors decided for some papers, so that a few may be missing or wrong.
        expected_errors: how many papers are expected to be missing or wrong; 0 unless estimated.
        scope: whether they are the relevant papers or only those closest to the query.
        strong: how many of them have the band ``strong``; None if no thresholds tell.
        counted_over: the papers among which they were found (``Backend.counted_over``); empty if among all.
    """

    rows: PaperSet
    estimated: bool
    expected_errors: float = 0.0
    scope: Scope = "relevant"
    strong: int | None = None
    counted_over: str = ""

    @classmethod
    def matching(cls, snapshot: Backend, rows: PaperSet) -> Self:
        """Returns all papers of a set that a condition or words select."""
        return cls(rows, estimated=False, counted_over=snapshot.counted_over(rows))


@dataclass(frozen=True, slots=True, eq=False)
class RelevantSet:
    """The papers that are relevant to a query, and the query, which ranks them.

    Attributes:
        index: the papers that match the filter.
        leg_input: the query; None if it has only a filter, whose papers are all relevant.
        papers: the relevant papers.
        box: the text of the search box that was answered.
    """

    index: FilteredIndex
    leg_input: LegInput | None
    papers: RelevantPapers
    box: str

    def nearest(self, limit: int) -> Ranked:
        """Returns the papers nearest to the query, best first.

        Their score is the cosine, in lexical mode the BM25. Without a query, the newest papers come first and all
        scores are 1.
        """
        index, rows = self.index, self.papers.rows
        if self.leg_input is None:
            newest = index.sort(rows, limit, "newest")
            return Ranked(newest, np.ones(len(newest), np.float32), complete=True, scored_rows=newest)
        if self.leg_input.vector is not None:
            return index.nearest(self.leg_input.vector, limit, rows)
        return index.snapshot.lexicon.search(self.leg_input.text or "", limit, rows)

    def fused_scores(self, nearest: Ranked) -> NDArray[np.float32]:
        """Returns the scores of papers in the first step of fusion (``search.ranking.fusion``), (n,) float32.

        They tell papers that share the subject of a short query from those that only share its field. Without a vector
        or words, they are the scores as they are.

        Args:
            nearest: n papers with their cosines.
        """
        if self.leg_input is None or self.leg_input.vector is None or self.leg_input.text is None:
            return nearest.scores
        bm25 = self.index.bm25(self.leg_input.text, nearest.rows)
        return combine_scores(nearest.scores, bm25, self.index.tuning.fusion)


def find_relevant(index: FilteredIndex, leg_input: LegInput, bands: Bands, ranking: Ranking) -> RelevantPapers:
    """Finds all relevant papers among those that match the filter.

    Args:
        index: the papers that match the filter.
        leg_input: the query.
        bands: the thresholds that apply to the query. Without thresholds, the candidates of the legs are relevant.
        ranking: the candidates of both legs, whose scores are exact.
    """
    with index.time_stage("relevant"):
        if leg_input.vector is None:
            return RelevantPapers.matching(index.snapshot, index.with_any_word(leg_input.text or ""))
        if bands.thresholds is None:
            return RelevantPapers(index.snapshot.set_of(ranking.fused.rows), estimated=False)
        share = CALIBRATION_TUNING.single_occurrence_share
        return _find_reaching(index, leg_input.vector, bands, ranking, bands.thresholds.related, share)


def find_closest(index: FilteredIndex, leg_input: LegInput, bands: Bands, ranking: Ranking) -> RelevantPapers:
    """Finds the closest papers among those that match the filter; see ``find_relevant`` for the arguments.

    The whole index decides which papers are the nearest, so that a filter adds none. Without a vector or thresholds,
    all relevant papers count.
    """
    if leg_input.vector is None or bands.thresholds is None:
        return find_relevant(index, leg_input, bands, ranking)
    with index.time_stage("relevant"):
        live, nearest = index.snapshot.live, ranking.semantic
        if len(index.rows) < len(live):
            nearest = index.nearest(leg_input.vector, index.tuning.leg_depth, live)
        cosine = bands.thresholds.limit_to_bands(float(nearest.scores[:NEAREST_PAPERS].min(initial=1.0)))
        share = CALIBRATION_TUNING.title_occurrence_share
        found = _find_reaching(index, leg_input.vector, bands, ranking, cosine, share)
        return replace(found, scope="closest")


def _find_reaching(
    index: FilteredIndex,
    vector: NDArray[np.float32],
    bands: Bands,
    ranking: Ranking,
    cosine: float,
    bm25_share: float,
) -> RelevantPapers:
    """Finds all papers that reach a cosine to a vector or a share of the maximum BM25; see ``find_relevant``."""
    best, scored = ranking.fused, ranking.semantic
    if scored.complete:  # the semantic leg has scored every paper that matches the filter
        by_cosine = RowsAbove(np.sort(scored.scored_rows[scored.scored_scores >= np.float32(cosine)]))
    else:
        by_cosine = index.snapshot.vectors.rows_above(vector, cosine, index.rows)
    by_words, shares = _find_by_bm25(index, bands, bm25_share)
    reaches = bands.evidence(best).reaches(cosine, bm25_share)
    rows = index.snapshot.set_of(by_cosine.rows, by_words, best.rows[reaches], without=best.rows[~reaches])
    strong_words = by_words[shares >= CALIBRATION_TUNING.title_occurrence_share]
    strong = _count_strong(index, vector, bands, best, by_cosine.rows, strong_words)
    counted_over = "" if by_cosine.complete else index.snapshot.counted_over(index.rows)
    estimated = not (by_cosine.complete or counted_over)
    return RelevantPapers(rows, estimated, by_cosine.expected_errors, strong=strong, counted_over=counted_over)


def _count_strong(
    index: FilteredIndex,
    vector: NDArray[np.float32],
    bands: Bands,
    best: FusedCandidates,
    by_cosine: NDArray[np.int64],
    by_words: NDArray[np.int64],
) -> int | None:
    """Counts the papers whose band is ``strong``.

    The candidates of the semantic leg have all papers that are strong by their cosine, unless as many of them are
    strong as it returns; only then are the cosines of more papers computed.

    Args:
        index: the papers that match the filter.
        vector: (dim,) float32, of the query.
        bands: the thresholds that apply to the query.
        best: the candidates of both legs.
        by_cosine: the rows that are relevant by their cosine.
        by_words: the rows that are strong by their BM25.
    """
    if bands.thresholds is None:
        return None
    strong = bands.thresholds.strong
    reached = best.rows[best.cosine >= np.float32(strong)]
    if len(reached) >= index.tuning.leg_depth:
        reached = by_cosine[index.cosines(vector, by_cosine) >= strong]
    return len(np.union1d(reached, by_words))


def _find_by_bm25(index: FilteredIndex, bands: Bands, share: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns the rows that reach a share of the maximum BM25, and their shares."""
    if not bands.max_bm25:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    text = bands.leg_input.text or ""
    rows, bm25 = index.snapshot.lexicon.search_reaching(text, share, index.rows)
    shares = bm25 / np.float32(bands.max_bm25)
    return rows[shares >= share], shares[shares >= share]
