"""Bands: rates the hits of one query with the calibration of the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.index.calibration import Evidence, Thresholds
from search.query.hit import Band
from search.query.query import is_abstract_length
from search.ranking.filtered_index import FilteredIndex
from search.ranking.fusion import FusedCandidates
from search.ranking.legs import LegInput


@dataclass(frozen=True, slots=True)
class Bands:
    """The thresholds that apply to one query.

    Attributes:
        thresholds: None if the index has no calibration, or if the query has negative examples; hits then get no band.
        leg_input: the query.
        max_bm25: upper bound of its BM25; None if BM25 gives no evidence, because the query is a long text and no other
            paper contains all its words.
    """

    thresholds: Thresholds | None
    leg_input: LegInput
    max_bm25: float | None

    @classmethod
    def of(cls, index: FilteredIndex, leg_input: LegInput) -> Self:
        """Selects the thresholds for a query."""
        calibration = index.snapshot.calibration
        is_long = bool(leg_input.example_rows) or is_abstract_length(leg_input.word_count)
        # Negative examples lower the cosine of the query to every paper, so the thresholds do not apply.
        has_negative_examples = len(index.excluded) > len(leg_input.example_rows)
        thresholds = None
        if calibration and not has_negative_examples:
            thresholds = calibration.texts if is_long else calibration.queries
        uses_bm25 = leg_input.text is not None and not (is_long and leg_input.vector is not None)
        return cls(thresholds, leg_input, index.snapshot.lexicon.max_score(leg_input.text or "") if uses_bm25 else None)

    def classify(self, papers: FusedCandidates) -> Sequence[Band | None]:
        """Returns the band of each paper."""
        return self.thresholds.assign_bands(self.evidence(papers)) if self.thresholds else [None] * len(papers.rows)

    def has_close_match(self, papers: FusedCandidates, match_count: int) -> bool:
        """Returns whether one of the top papers is close to the query, given the number of papers that match."""
        return not self.thresholds or self.thresholds.has_answer(self.evidence(papers), match_count)

    def bm25_share(self, bm25: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Returns the BM25 of papers over the maximum that the query can reach; None if it gives no evidence."""
        return None if self.max_bm25 is None else bm25 / np.float32(self.max_bm25 or 1)

    def evidence(self, papers: FusedCandidates) -> Evidence:
        """Returns what is compared with the thresholds."""
        return Evidence(None if self.leg_input.vector is None else papers.cosine, self.bm25_share(papers.bm25))
