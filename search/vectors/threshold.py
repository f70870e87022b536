"""Threshold search: all rows whose score reaches a threshold, from the scores of their codes.

The codes give approximate scores. A few rows of every code score are scored exactly. A line through them and their
standard deviation around it predict which part of the rows with each code score reaches the threshold. Rows that
probably do not reach it are left out and rows that probably do are accepted, as long as few errors are expected; those
in between are scored exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.vectors.cells import normal_tail

Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Returns the exact scores of (n,) rows, (n,) float32."""


@dataclass(frozen=True, slots=True)
class ThresholdTuning:
    """Tuning of threshold search. Errors and times with these values: ``benchmarks/results/counts-*.json``."""

    exact_max_rows: int = 20_000
    """Matching rows up to which all are scored exactly, in about 4 ms."""
    code_margin: float = 0.15
    """Distance from the threshold beyond which a code score decides alone: five standard deviations of the error."""
    bins: int = 128
    """Bins of code scores within the margin on both sides; at most 256."""
    samples_per_bin: int = 4
    """Rows of each bin that are scored to estimate the error of the codes."""
    deviation_factor: float = 1.4
    """Correction of the standard deviation of the exact scores, whose tails are heavier than normal."""
    max_error_share: float = 0.004
    """Expected share of the rows that are wrongly left out, and again of those wrongly accepted."""
    min_errors: float = 0.1
    """Expected rows wrongly left out, and again wrongly accepted, that are allowed however few rows there are."""


DEFAULT_THRESHOLD_TUNING = ThresholdTuning()


@dataclass(frozen=True, slots=True, eq=False)
class RowsAbove:
    """The rows whose score reaches a threshold.

    Attributes:
        rows: (n,) int64, ascending.
        expected_errors: expected number of rows that are wrongly included or left out; 0 if complete.
        complete: whether every matching row was scored exactly.
    """

    rows: NDArray[np.int64]
    expected_errors: float = 0.0
    complete: bool = True


def select_above(
    rows: NDArray[np.int64],
    codes: NDArray[np.float32],
    threshold: float,
    score: Scorer,
    tuning: ThresholdTuning = DEFAULT_THRESHOLD_TUNING,
) -> RowsAbove:
    """Selects the rows whose exact score reaches a threshold.

    Args:
        rows: (n,) int64, all rows whose code score is above the threshold less ``code_margin``, in any order.
        codes: (n,) float32, their code scores.
        threshold: the minimum score.
        score: returns exact scores.
        tuning: see ``ThresholdTuning``.
    """
    if not len(rows):
        return RowsAbove(rows, complete=False)
    bins = _Bins.of(rows, codes, threshold, tuning)
    sample = bins.sample(tuning.samples_per_bin)
    reach = _predict_reach(codes[bins.order[sample]], score(bins.rows[sample]), bins.centres, threshold, tuning)
    above, below = bins.sizes * reach, bins.sizes * (1 - reach)
    allowed = max(tuning.max_error_share * float(above.sum()), tuning.min_errors)
    missed, wrong = np.cumsum(above), np.cumsum(below[::-1])
    left_out = int(np.searchsorted(missed, allowed, "right"))
    accepted = min(int(np.searchsorted(wrong, allowed, "right")), tuning.bins - left_out)
    uncertain = bins.rows[bins.starts[left_out] : bins.starts[tuning.bins - accepted]]
    found = np.concatenate((uncertain[score(uncertain) >= threshold], bins.rows[bins.starts[tuning.bins - accepted] :]))
    errors = sum(float(counts[count - 1]) for counts, count in ((missed, left_out), (wrong, accepted)) if count)
    return RowsAbove(np.sort(found), errors, complete=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Bins:
    """Rows grouped by code score.

    Attributes:
        order: (n,) int64, the positions of the rows by ascending bin.
        rows: (n,) int64, the rows in this order.
        starts: (bins + 1,) int64, the start of each bin in ``rows``.
        centres: (bins,) float64, the mean code score of each bin.
    """

    order: NDArray[np.int64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    centres: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.int64], codes: NDArray[np.float32], threshold: float, tuning: ThresholdTuning) -> Self:
        low, width = threshold - tuning.code_margin, 2 * tuning.code_margin / tuning.bins
        bins = np.clip((codes - np.float32(low)) / np.float32(width), 0, tuning.bins - 1).astype(np.uint8)
        order = np.argsort(bins, kind="stable")  # a radix sort, since the values are bytes
        starts = np.concatenate(([0], np.cumsum(np.bincount(bins, minlength=tuning.bins))))
        centres = np.asarray(low + (np.arange(tuning.bins) + 0.5) * width, np.float64)
        return cls(order, rows[order], starts, centres)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(bins,) int64, the number of rows of each bin."""
        return np.diff(self.starts)

    def sample(self, count: int) -> NDArray[np.int64]:
        """Returns up to ``count`` indices in ``rows`` per bin, evenly spaced and ascending."""
        steps = self.starts[:-1, None] + self.sizes[:, None] * np.arange(count) // count
        return np.unique(steps[self.sizes > 0])


def _predict_reach(
    codes: NDArray[np.float32],
    exact: NDArray[np.float32],
    centres: NDArray[np.float64],
    threshold: float,
    tuning: ThresholdTuning,
) -> NDArray[np.float64]:
    """Returns the expected share of the rows with each code score that reach the threshold, (bins,) float64.

    Args:
        codes: (n,) code scores of a sample.
        exact: (n,) its exact scores.
        centres: (bins,) code scores.
        threshold: the minimum exact score.
        tuning: see ``ThresholdTuning``.
    """
    code_mean, exact_mean = float(codes.mean()), float(exact.mean())
    offsets, residuals = codes - code_mean, exact - exact_mean
    squares = float(offsets @ offsets)
    slope = (float(offsets @ residuals) + _PRIOR_WEIGHT) / (squares + _PRIOR_WEIGHT)
    residuals = residuals - np.float32(slope) * offsets
    deviation = max(tuning.deviation_factor * sqrt(float(residuals @ residuals) / len(residuals)), _MIN_DEVIATION)
    return normal_tail((threshold - exact_mean - slope * (centres - code_mean)) / deviation)


_PRIOR_WEIGHT = 0.03
"""Weight of the prior slope, 1, in squared scores: ten rows at one tenth from the mean add as much."""
_MIN_DEVIATION = 1e-4
"""Minimum standard deviation of exact scores around the line, for samples of a few rows."""
