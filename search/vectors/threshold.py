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
Scanner = Callable[[float], tuple[NDArray[np.int64], NDArray[np.float32]] | None]
"""Returns all rows whose code score exceeds a minimum, (n,) int64 in any order, and these code scores, (n,) float32;
None if the minimum is below the range of code scores."""


@dataclass(frozen=True, slots=True)
class ThresholdTuning:
    """Tuning of threshold search. Errors and times with these values: ``benchmarks/results/counts-*.json``."""

    exact_max_rows: int = 20_000
    """Matching rows up to which all are scored exactly, in about 5 ms."""
    code_margin: float = 0.15
    """Distance below the threshold from which rows are scanned first."""
    margin_factor: float = 1.4
    """Factor of the margin of the next scan."""
    max_margin: float = 0.25
    """Margin from which no scan is repeated."""
    max_tail_share: float = 0.1
    """Expected errors in the lowest bin, as a share of those allowed, above which a scan is repeated."""
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


def search_above(
    scan: Scanner, threshold: float, score: Scorer, tuning: ThresholdTuning = DEFAULT_THRESHOLD_TUNING
) -> RowsAbove | None:
    """Finds the rows whose exact score reaches a threshold.

    Args:
        scan: finds rows by the scores of their codes.
        threshold: the minimum score.
        score: returns exact scores.
        tuning: see ``ThresholdTuning``.

    Returns:
        The rows; None if the codes cannot tell, because the threshold is among the lowest scores.
    """
    margin = tuning.code_margin
    while (found := scan(threshold - margin)) is not None:
        if not len(found[0]):
            return RowsAbove(found[0], complete=False)
        bins = _Bins.of(*found, threshold, margin, tuning.bins)
        reach = bins.fit_errors(score, tuning).reach(bins.centres, threshold)
        above = bins.sizes * reach
        allowed = max(tuning.max_error_share * float(above.sum()), tuning.min_errors)
        if above[0] <= tuning.max_tail_share * allowed or margin >= tuning.max_margin:
            return _select(bins, reach, allowed, threshold, score)
        margin *= tuning.margin_factor
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Bins:
    """Rows grouped by code score.

    Attributes:
        rows: (n,) int64, by ascending bin.
        codes: (n,) float32, their code scores.
        starts: (bins + 1,) int64, the start of each bin in ``rows``.
        centres: (bins,) float64, the mean code score of each bin.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.float32]
    starts: NDArray[np.int64]
    centres: NDArray[np.float64]

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], codes: NDArray[np.float32], threshold: float, margin: float, count: int
    ) -> Self:
        """Groups rows into bins between the threshold less the margin and the threshold plus the margin."""
        low, width = threshold - margin, 2 * margin / count
        bins = np.clip((codes - np.float32(low)) / np.float32(width), 0, count - 1).astype(np.uint8)
        order = np.argsort(bins, kind="stable")  # a radix sort, since the values are bytes
        starts = np.concatenate(([0], np.cumsum(np.bincount(bins, minlength=count))))
        return cls(rows[order], codes[order], starts, np.asarray(low + (np.arange(count) + 0.5) * width, np.float64))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(bins,) int64, the number of rows of each bin."""
        return np.diff(self.starts)

    def fit_errors(self, score: Scorer, tuning: ThresholdTuning) -> "_CodeErrors":
        """Scores some rows of each bin, evenly spaced, and fits the error of their codes."""
        steps = (
            self.starts[:-1, None] + self.sizes[:, None] * np.arange(tuning.samples_per_bin) // tuning.samples_per_bin
        )
        sample = np.unique(steps[self.sizes > 0])
        return _CodeErrors.fit(self.codes[sample], score(self.rows[sample]), tuning.deviation_factor)


@dataclass(frozen=True, slots=True)
class _CodeErrors:
    """Predicts exact scores from code scores: normally distributed around a line.

    Attributes:
        code_mean: mean code score of the sample.
        exact_mean: mean exact score of the sample.
        slope: slope of the exact score over the code score.
        deviation: standard deviation of the exact scores around the line.
    """

    code_mean: float
    exact_mean: float
    slope: float
    deviation: float

    @classmethod
    def fit(cls, codes: NDArray[np.float32], exact: NDArray[np.float32], deviation_factor: float) -> Self:
        """Fits the model to the code scores and exact scores of a sample, by ridge regression."""
        code_mean, exact_mean = float(codes.mean()), float(exact.mean())
        offsets, residuals = codes - code_mean, exact - exact_mean
        slope = (float(offsets @ residuals) + _PRIOR_WEIGHT) / (float(offsets @ offsets) + _PRIOR_WEIGHT)
        residuals = residuals - np.float32(slope) * offsets
        deviation = deviation_factor * sqrt(float(residuals @ residuals) / len(residuals))
        return cls(code_mean, exact_mean, max(slope, _MIN_SLOPE), max(deviation, _MIN_DEVIATION))

    def reach(self, codes: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
        """Returns the expected share of the rows with each code score whose exact score reaches a threshold."""
        return normal_tail((threshold - self.exact_mean - self.slope * (codes - self.code_mean)) / self.deviation)


_PRIOR_WEIGHT = 0.03
"""Weight of the prior slope, 1, in squared scores: three rows at one tenth from the mean add as much."""
_MIN_SLOPE = 0.5
"""Minimum slope, for samples of a few rows."""
_MIN_DEVIATION = 1e-4
"""Minimum standard deviation, for samples of a few rows."""
_MARKED_SHARE = 100
"""Rows of the index per row to sort, up to which marking the rows takes less time than sorting them."""


def _select(bins: _Bins, reach: NDArray[np.float64], allowed: float, threshold: float, score: Scorer) -> RowsAbove:
    """Selects the rows that reach the threshold.

    Args:
        bins: the rows by code score.
        reach: (bins,) float64, the expected share of each bin that reaches the threshold.
        allowed: expected number of rows that may be wrongly left out, and again wrongly accepted.
        threshold: the minimum score.
        score: returns exact scores.
    """
    above, below = bins.sizes * reach, bins.sizes * (1 - reach)
    first = int(np.searchsorted(np.cumsum(above), allowed, "right"))  # first bin that is not left out
    accepted = int(np.searchsorted(np.cumsum(below[::-1]), allowed, "right"))
    end = max(first, len(reach) - accepted)  # first bin that is accepted whole
    certain = bins.rows[bins.starts[end] :]
    uncertain = _sort_distinct(bins.rows[bins.starts[first] : bins.starts[end]])  # read in the order of the file
    found = np.concatenate((uncertain[score(uncertain) >= threshold], certain))
    return RowsAbove(_sort_distinct(found), float(above[:first].sum() + below[end:].sum()), complete=False)


def _sort_distinct(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns distinct rows in ascending order; many are marked in a table, in less time than a sort."""
    size = int(rows.max(initial=-1)) + 1
    if len(rows) * _MARKED_SHARE < size:
        return np.sort(rows)
    is_found = np.zeros(size, bool)
    is_found[rows] = True
    return np.flatnonzero(is_found)
