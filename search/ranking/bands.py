"""Trust: what the index's calibration says of the papers that answer one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from search.index.calibration import LONG_TEXT, Evidence, Scale
from search.query.page import Band
from search.ranking.fusion import Fused
from search.ranking.legs import Asked, Scope


@dataclass(frozen=True, slots=True)
class Trust:
    """A yardstick for one question.

    Attributes:
        scale: None where the index has no calibration, or papers are stayed away from: nothing is said then.
        asked: the question. highest: the BM25 that its words cannot exceed; None where words say nothing, as no other
            paper shares those of a long text.
    """

    scale: Scale | None
    asked: Asked
    highest: float | None

    @classmethod
    def of(cls, scope: Scope, asked: Asked) -> Self:
        """For a question to a snapshot."""
        calibration, text = scope.snapshot.calibration, asked.text or ""
        long = bool(asked.like) or asked.length >= LONG_TEXT
        steered = len(scope.without) > len(asked.like)  # a vector led away from papers is near none
        scale = None if not calibration or steered else calibration.texts if long else calibration.questions
        said = asked.text is not None and not (long and asked.vector is not None)
        return cls(scale, asked, scope.snapshot.lexicon.highest(text) if said else None)

    def bands(self, papers: Fused) -> Sequence[Band | None]:
        """Of each paper."""
        return self.scale.bands(self._evidence(papers)) if self.scale else [None] * len(papers.rows)

    def close(self, papers: Fused, passing: int) -> bool:
        """Whether the best papers of each leg answer the question, of so many that pass the filter."""
        return not self.scale or self.scale.close(self._evidence(papers), passing)

    def _evidence(self, papers: Fused) -> Evidence:
        cosine = None if self.asked.vector is None else papers.cosine
        return Evidence(cosine, None if self.highest is None else papers.bm25 / np.float32(self.highest or 1))
