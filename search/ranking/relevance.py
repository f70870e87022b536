"""Relevance: all papers that are relevant to a query, whether or not a leg returned them.

A paper is relevant if its band is ``related`` or ``strong``, so relevance depends on this paper and the query alone. In
lexical mode every paper with a query word is relevant.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.index.calibration import CALIBRATION_TUNING, Evidence, Thresholds
from search.ranking.bands import Bands
from search.ranking.fusion import FusedCandidates, combine_scores
from search.ranking.legs import FilteredIndex, LegInput
from search.rows import Ranked, Rows


@dataclass(frozen=True, slots=True, eq=False)
class RelevantPapers:
    """The papers that are relevant to a query.

    Attributes:
        rows: their rows.
        estimated: the codes of the vectors decided for some papers, so that a few may be missing or wrong.
        expected_errors: how many papers are expected to be missing or wrong; 0 unless estimated.
    """

    rows: Rows
    estimated: bool
    expected_errors: float = 0.0


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
        snapshot, rows = self.index.snapshot, self.papers.rows
        if self.leg_input is None:
            newest = snapshot.columns.sort_rows(rows.ids, limit)
            return Ranked(newest, np.ones(len(newest), np.float32), complete=True, scored_rows=newest)
        if self.leg_input.vector is not None:
            return snapshot.vectors.nearest(self.leg_input.vector[None], limit, rows)[0]
        scores = snapshot.lexicon.scores(self.leg_input.text or "", rows.ids)
        return Ranked.top_k(rows.ids, scores, limit, complete=True)

    def fused_scores(self, nearest: Ranked) -> NDArray[np.float32]:
        """Returns the scores of papers in the first step of fusion (``search.ranking.fusion``), (n,) float32.

        They tell papers that share the subject of a short query from those that only share its field. Without a vector
        or words, they are the scores as they are.

        Args:
            nearest: n papers with their cosines.
        """
        if self.leg_input is None or self.leg_input.vector is None or self.leg_input.text is None:
            return nearest.scores
        bm25 = self.index.snapshot.lexicon.scores(self.leg_input.text, nearest.rows)
        return combine_scores(nearest.scores, bm25, self.index.tuning.fusion)


def find_relevant(index: FilteredIndex, leg_input: LegInput, bands: Bands, best: FusedCandidates) -> RelevantPapers:
    """Finds all relevant papers among those that match the filter.

    Args:
        index: the papers that match the filter.
        leg_input: the query.
        bands: the thresholds that apply to the query. Without thresholds, the candidates of the legs are relevant.
        best: the candidates of both legs, whose scores are exact.
    """
    with index.time_stage("relevant"):
        universe = len(index.snapshot.columns)
        if leg_input.vector is None:
            rows = index.snapshot.lexicon.rows_with_any_term(leg_input.text or "", index.condition)
            rows = rows[index.rows.contains(rows)]  # without the examples of the query
            return RelevantPapers(Rows.from_ids(rows, universe), estimated=False)
        if bands.thresholds is None:
            return RelevantPapers(Rows.from_ids(np.sort(best.rows), universe), estimated=False)
        by_cosine = index.snapshot.vectors.rows_above(leg_input.vector, bands.thresholds.related, index.rows)
        is_relevant = np.zeros(universe, bool)
        is_relevant[by_cosine.rows] = True
        is_relevant[_related_by_bm25(index, leg_input, bands, bands.thresholds)] = True
        is_relevant[best.rows] = [band != "weak" for band in bands.classify(best)]
        return RelevantPapers(Rows.from_mask(is_relevant), not by_cosine.complete, by_cosine.expected_errors)


def _related_by_bm25(
    index: FilteredIndex, leg_input: LegInput, bands: Bands, thresholds: Thresholds
) -> NDArray[np.int64]:
    """Returns the rows that are relevant by their BM25 alone."""
    if not bands.max_bm25:
        return np.empty(0, np.int64)
    share = CALIBRATION_TUNING.single_occurrence_share
    rows, bm25 = index.snapshot.lexicon.search_reaching(leg_input.text or "", share, index.condition, index.rows)
    return rows[thresholds.are_related(Evidence(bm25_share=bands.bm25_share(bm25)))]
