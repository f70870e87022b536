"""Cells: which parts of the codes a question has to look at, and what it misses by leaving out the others.

The rows are clustered into cells (inverted lists; Jegou, Douze and Schmid, "Product quantization for nearest
neighbor search", TPAMI 2011). How many cells to scan is not a constant but follows the question. The nearest cells are
scanned first. From the k-th best score there, the score of every other cell's mean and the spread of its rows around it
follows how many better ones it may hold, and cells are scanned until few are missed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.rows import Rows

_FIRST_PROBE_ROWS, _MIN_FIRST_SHARE, _MAX_FIRST_SHARE = 25_000, 0.05, 0.25
"""Rows in the cells that are scanned before anything is known, and shares of all rows between which they lie."""
_RANKING_DEVIATIONS = 2.0
"""Deviations above the mean of its scores by which a cell is ranked before anything is known."""
_TAIL_LINEAR, _TAIL_QUADRATIC, _TAIL_QUADRATIC_FILTERED, _TAIL_QUADRATIC_CORRELATED = 0.6, 0.09, 0.076, 0.055
"""How the logarithm of the share of a cell's rows falls with deviations above its mean, as measured
(``benchmarks/results/tails-1000000.json``); more slowly where only some of them pass, which need not lie as all do, and
the more so where the filter is for the question."""
_NEAREST_CELLS_DIVISOR, _CORRELATION_THRESHOLD = 25, 2.0
"""One cell in so many is near the question; a filter is for it if rows there pass so many times as often as any, and
averse to it if they pass so many times less often."""
_SAMPLES_PER_CELL, _SMOOTHING_ROWS = 16, 8
"""Rows of each cell among which the passing ones are counted, where so many pass that all would take longer; and rows
that are added to them of which as many pass as of all."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one generation's codes.

    Attributes:
        means: (cells, dim) float32. spread: (cells,) float32, the deviation of a row's score around its cell's mean.
        of_row: (rows,) uint16, the cell each row lies in.
    """

    centroids: NDArray[np.float32]
    spread: NDArray[np.float32]
    cell_of_row: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.centroids)

    def count_by_cell(self, rows: Rows, *, exact: bool) -> NDArray[np.float32]:
        """(cells,) how many of the rows lie in each: counted where they are ``listed``, else estimated by a sample."""
        if len(rows) == rows.universe:
            return self.sizes
        if exact:
            return np.bincount(self.cell_of_row[rows.ids], minlength=len(self)).astype(np.float32)
        sample, held, seen = self._sample
        hits = np.bincount(held[rows.contains(sample)], minlength=len(self))
        share = len(rows) / rows.universe
        return self.sizes * ((hits + _SMOOTHING_ROWS * share) / (seen + _SMOOTHING_ROWS)).astype(np.float32)

    @cached_property
    def sizes(self) -> NDArray[np.float32]:
        """(cells,) rows in each."""
        return np.asarray(np.bincount(self.cell_of_row, minlength=len(self)), np.float32)

    @cached_property
    def _sample(self) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]:
        rows = np.arange(0, len(self.cell_of_row), max(1, len(self.cell_of_row) // (_SAMPLES_PER_CELL * len(self))))
        return rows, self.cell_of_row[rows], np.bincount(self.cell_of_row[rows], minlength=len(self))


_NO_CELLS: NDArray[np.int64] = np.empty(0, np.int64)


class ProbePlan:
    """The way of one question through the cells.

    Args:
        cells: those of the codes. scores: (cells,) float32, those of their means for the question.
        passing: (cells,) float32, rows that may answer in each.
    Attributes:
        missed: rows expected among the k best that lie in cells not scanned.
    """

    def __init__(self, cells: Cells, scores: NDArray[np.float32], passing: NDArray[np.float32]) -> None:
        self.expected_misses = 0.0
        self._cells, self._centroid_scores, self._match_counts = cells, scores, passing
        self._scanned = passing <= 0
        self._correlation = 1.0

    def nearest_cells(self, k: int) -> NDArray[np.int64]:
        """The cells, most promising first, that hold some hundredths of the passing rows and more than k."""
        key = self._centroid_scores + _RANKING_DEVIATIONS * self._cells.spread
        share = min(max(_FIRST_PROBE_ROWS / len(self._cells.cell_of_row), _MIN_FIRST_SHARE), _MAX_FIRST_SHARE)
        wanted = max(share * float(self._match_counts.sum()), 4 * k)
        for most in (int(2 * share * len(key)) + 1, len(key)):
            order = _top_indices(key, most)
            self._correlation = self._measure_correlation(order[: 1 + len(key) // _NEAREST_CELLS_DIVISOR])
            order = order[~self._scanned[order]]
            held = np.cumsum(self._match_counts[order])
            if len(held) and held[-1] >= wanted:
                break
        return self._mark_scanned(order[: int(np.searchsorted(held, wanted)) + 1])

    def remaining_cells(self, threshold: float, k: int, most_missed: float) -> NDArray[np.int64]:
        """All further cells to scan, now that the k-th best score found is known (minus infinity: k were not found).

        Where more rows than the shares say were found in the cells scanned, they are raised in proportion. Where rows
        near the question pass less often than others, those that pass lie in their cells as the filter has it, not as
        all rows do: then all cells that hold any are scanned.
        """
        if self._correlation < 1 / _CORRELATION_THRESHOLD:
            return self._mark_scanned(np.flatnonzero(~self._scanned))
        above = self._match_counts * _tail_share(
            (threshold - self._centroid_scores) / self._cells.spread, self._tail_quadratic
        )
        predicted = float(above[self._scanned].sum())
        above[self._scanned] = 0
        if predicted < k:
            above *= k / max(predicted, 1e-9)
        ascending = np.sort(above)
        left = np.cumsum(ascending)
        few = int(np.searchsorted(left, most_missed, "right"))  # so many cells that hold least may be left out
        self.expected_misses = float(left[few - 1]) if few else 0.0
        return self._mark_scanned(np.flatnonzero(above >= ascending[few]) if few < len(above) else _NO_CELLS)

    @property
    def _tail_quadratic(self) -> float:
        if self._match_counts is self._cells.sizes:
            return _TAIL_QUADRATIC
        return _TAIL_QUADRATIC_CORRELATED if self._correlation > _CORRELATION_THRESHOLD else _TAIL_QUADRATIC_FILTERED

    def _measure_correlation(self, near: NDArray[np.int64]) -> float:
        """How many times as often as any the rows near the question pass."""
        passing, sizes = self._match_counts, self._cells.sizes
        overall = float(passing.sum() / sizes.sum())
        return float(passing[near].sum() / max(sizes[near].sum(), 1)) / max(overall, 1e-9)

    def _mark_scanned(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        self._scanned[cells] = True
        return cells


def _top_indices(key: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Places of the highest so many, highest first."""
    if count >= len(key):
        return np.argsort(-key)
    places = np.argpartition(-key, count)[:count]
    return places[np.argsort(-key[places])]


def _tail_share(deviations: NDArray[np.float32], bend: float) -> NDArray[np.float32]:
    """The share of a cell's rows that score so many deviations above its mean: a tail lighter than exponential and
    heavier than normal."""
    away = np.abs(deviations)
    half = 0.5 * np.exp(-(_TAIL_LINEAR + bend * away) * away)
    return np.where(deviations > 0, half, 1 - half)


def normal_tail(deviations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The chance that a standard normal value exceeds each of these (Page, "Approximations to the Cumulative Normal
    Function", 1977: within .0003)."""
    return np.asarray(0.5 - 0.5 * np.tanh(0.7978846 * (deviations + 0.044715 * deviations**3)), np.float64)
