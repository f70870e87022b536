"""Trust: what the index's calibration says of the papers that answer one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from search.index.calibration import Evidence, Thresholds
from search.query.page import Band
from search.query.query import is_abstract_length
from search.ranking.fusion import FusedCandidates
from search.ranking.legs import FilteredIndex, LegInput


@dataclass(frozen=True, slots=True)
class Bands:
    """A yardstick for one question.

    Attributes:
        scale: None where the index has no calibration, or papers are stayed away from: nothing is said then.
        asked: the question. highest: the BM25 that its words cannot exceed; None where words say nothing, as no other
            paper shares those of a long text.
    """

    thresholds: Thresholds | None
    leg_input: LegInput
    max_bm25: float | None

    @classmethod
    def of(cls, index: FilteredIndex, leg_input: LegInput) -> Self:
        """For a question to a snapshot."""
        calibration, text = index.snapshot.calibration, leg_input.text or ""
        long = bool(leg_input.example_rows) or is_abstract_length(leg_input.word_count)
        steered = len(index.excluded) > len(leg_input.example_rows)  # a vector led away from papers is near none
        scale = None if not calibration or steered else calibration.texts if long else calibration.queries
        said = leg_input.text is not None and not (long and leg_input.vector is not None)
        return cls(scale, leg_input, index.snapshot.lexicon.max_score(text) if said else None)

    def classify(self, papers: FusedCandidates) -> Sequence[Band | None]:
        """Of each paper."""
        return self.thresholds.assign_bands(self._evidence(papers)) if self.thresholds else [None] * len(papers.rows)

    def has_close_match(self, papers: FusedCandidates, match_count: int) -> bool:
        """Whether the best papers of each leg answer the question, of so many that pass the filter."""
        return not self.thresholds or self.thresholds.has_answer(self._evidence(papers), match_count)

    def _evidence(self, papers: FusedCandidates) -> Evidence:
        cosine = None if self.leg_input.vector is None else papers.cosine
        return Evidence(cosine, None if self.max_bm25 is None else papers.bm25 / np.float32(self.max_bm25 or 1))
