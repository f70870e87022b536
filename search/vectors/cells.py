"""Cells: selects the parts of the codes that a query has to scan and estimates what the other parts contain.

The rows are clustered into cells (inverted lists; Jegou, Douze and Schmid, "Product quantization for nearest neighbor
search", TPAMI 2011). The number of cells scanned depends on the query. The nearest cells are scanned first. The k-th
best score found there, the score of every other cell's centroid and the spread of the cell's rows around it predict how
many better rows each cell contains. Cells are scanned until the rest are expected to contain few of the k best rows.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.rows import Rows


@dataclass(frozen=True, slots=True)
class ProbeTuning:
    """Tuning of the choice of cells. Recall and share of rows scanned with these values:
    ``benchmarks/results/recall-100000.json``, ``recall-1000000.json`` and ``recall-3000000.json``.
    """

    first_probe_rows: int = 25_000
    """Rows in the cells of the first scan; docs/design/core.md."""
    min_first_share: float = 0.05
    """Lower bound of the first scan, as a share of the matching rows; docs/design/core.md."""
    max_first_share: float = 0.25
    """Upper bound of the first scan, as a share of the matching rows; docs/design/core.md."""
    ranking_deviations: float = 2.0
    """Standard deviations added to the mean score when cells of the first scan are ranked; not measured separately."""
    tail_linear: float = 0.6
    """Linear term of the log tail, per standard deviation; fits ``measured`` in cell_tails-1000000.json."""
    tail_quadratic: float = 0.09
    """Quadratic term without a filter, per squared deviation; fits ``measured`` in cell_tails-1000000.json."""
    tail_quadratic_filtered: float = 0.076
    """Quadratic term with a filter, whose rows need not be spread like all rows; cases U50 to U1 of recall-*.json."""
    tail_quadratic_correlated: float = 0.055
    """Quadratic term with a filter correlated with the query; case C of recall-*.json."""
    nearest_cells_divisor: int = 25
    """Correlation is measured in the nearest 1/25 of the cells; not measured separately."""
    correlation_threshold: float = 2.0
    """Match rate in the nearest cells over the overall rate: above 2 correlated, below 1/2 anti-correlated; cases C and
    N of recall-*.json."""
    samples_per_cell: int = 16
    """Rows per cell in the sample that estimates the matching rows of each cell; docs/design/core.md."""
    smoothing_rows: int = 8
    """Pseudo-rows at the overall match rate added to each cell's sample; not measured separately."""


DEFAULT_PROBE_TUNING = ProbeTuning()


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one generation's codes.

    Attributes:
        centroids: (cells, dim) float32, the mean vector of each cell.
        spread: (cells,) float32, the standard deviation of the scores of a cell's rows around its centroid's score.
        cell_of_row: (rows,) uint16, the cell of each row.
        tuning: see ``ProbeTuning``.
    """

    centroids: NDArray[np.float32]
    spread: NDArray[np.float32]
    cell_of_row: NDArray[np.uint16]
    tuning: ProbeTuning = DEFAULT_PROBE_TUNING

    def __len__(self) -> int:
        return len(self.centroids)

    def count_by_cell(self, rows: Rows, *, exact: bool) -> NDArray[np.float32]:
        """Counts the rows of a set by cell.

        Args:
            rows: the set.
            exact: count every row; otherwise estimate from a sample of each cell.

        Returns:
            (cells,) float32.
        """
        if len(rows) == rows.universe:
            return self.sizes
        if exact:
            return np.bincount(self.cell_of_row[rows.ids], minlength=len(self)).astype(np.float32)
        sample, cell_of_sample, sample_sizes = self._sample
        matching = np.bincount(cell_of_sample[rows.contains(sample)], minlength=len(self))
        smoothing, overall_share = self.tuning.smoothing_rows, len(rows) / rows.universe
        shares = (matching + smoothing * overall_share) / (sample_sizes + smoothing)
        return self.sizes * shares.astype(np.float32)

    @cached_property
    def sizes(self) -> NDArray[np.float32]:
        """(cells,) float32, the number of rows in each cell."""
        return np.asarray(np.bincount(self.cell_of_row, minlength=len(self)), np.float32)

    @cached_property
    def _sample(self) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]:
        step = max(1, len(self.cell_of_row) // (self.tuning.samples_per_cell * len(self)))
        rows = np.arange(0, len(self.cell_of_row), step)
        return rows, self.cell_of_row[rows], np.bincount(self.cell_of_row[rows], minlength=len(self))


_NO_CELLS: NDArray[np.int64] = np.empty(0, np.int64)


class ProbePlan:
    """Chooses the cells to scan for one query.

    Args:
        cells: the cells of the codes.
        centroid_scores: (cells,) float32, the score of each centroid for the query.
        match_counts: (cells,) float32, the number of matching rows in each cell; ``cells.sizes`` without a filter.

    Attributes:
        expected_misses: expected number of the k best rows in cells that are not scanned.
    """

    def __init__(self, cells: Cells, centroid_scores: NDArray[np.float32], match_counts: NDArray[np.float32]) -> None:
        self.expected_misses = 0.0
        self._cells, self._centroid_scores, self._match_counts = cells, centroid_scores, match_counts
        self._scanned = match_counts <= 0
        self._correlation = 1.0

    def nearest_cells(self, k: int) -> NDArray[np.int64]:
        """Returns the most promising cells, best first, that contain the rows of the first scan and more than k."""
        tuning = self._cells.tuning
        key = self._centroid_scores + tuning.ranking_deviations * self._cells.spread
        share = tuning.first_probe_rows / len(self._cells.cell_of_row)
        share = min(max(share, tuning.min_first_share), tuning.max_first_share)
        wanted = max(share * float(self._match_counts.sum()), 4 * k)
        for count in (int(2 * share * len(key)) + 1, len(key)):
            order = _top_indices(key, count)
            self._correlation = self._measure_correlation(order[: 1 + len(key) // tuning.nearest_cells_divisor])
            order = order[~self._scanned[order]]
            rows_up_to = np.cumsum(self._match_counts[order])
            if len(rows_up_to) and rows_up_to[-1] >= wanted:
                break
        return self._mark_scanned(order[: int(np.searchsorted(rows_up_to, wanted)) + 1])

    def remaining_cells(self, threshold: float, k: int, max_misses: float) -> NDArray[np.int64]:
        """Returns all further cells to scan.

        If the cells scanned so far contain more rows above the threshold than predicted, the predictions for the other
        cells are scaled up in proportion. If the filter is anti-correlated with the query, its rows are not spread
        within a cell as all rows are. All cells with a matching row are scanned then.

        Args:
            threshold: the k-th best score found so far; minus infinity if fewer than k rows were found.
            k: number of results.
            max_misses: maximum expected number of rows above the threshold in cells that are left out.
        """
        if self._correlation < 1 / self._cells.tuning.correlation_threshold:
            return self._mark_scanned(np.flatnonzero(~self._scanned))
        deviations = (threshold - self._centroid_scores) / self._cells.spread
        above = self._match_counts * tail_share(deviations, self._cells.tuning.tail_linear, self._tail_quadratic)
        predicted = float(above[self._scanned].sum())
        above[self._scanned] = 0
        if predicted < k:
            above *= k / max(predicted, 1e-9)
        ascending = np.sort(above)
        misses_up_to = np.cumsum(ascending)
        left_out = int(np.searchsorted(misses_up_to, max_misses, "right"))  # cells, those with the fewest rows
        self.expected_misses = float(misses_up_to[left_out - 1]) if left_out else 0.0
        if left_out == len(above):
            return self._mark_scanned(_NO_CELLS)
        return self._mark_scanned(np.flatnonzero(above >= ascending[left_out]))

    @property
    def _tail_quadratic(self) -> float:
        tuning = self._cells.tuning
        if self._match_counts is self._cells.sizes:
            return tuning.tail_quadratic
        correlated = self._correlation > tuning.correlation_threshold
        return tuning.tail_quadratic_correlated if correlated else tuning.tail_quadratic_filtered

    def _measure_correlation(self, nearest: NDArray[np.int64]) -> float:
        """Returns the match rate of the rows in the nearest cells over the match rate of all rows."""
        counts, sizes = self._match_counts, self._cells.sizes
        overall = float(counts.sum() / sizes.sum())
        return float(counts[nearest].sum() / max(sizes[nearest].sum(), 1)) / max(overall, 1e-9)

    def _mark_scanned(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        self._scanned[cells] = True
        return cells


def _top_indices(key: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Returns the indices of the ``count`` highest values, highest first."""
    if count >= len(key):
        return np.argsort(-key)
    indices = np.argpartition(-key, count)[:count]
    return indices[np.argsort(-key[indices])]


def tail_share(deviations: NDArray[np.float32], linear: float, quadratic: float) -> NDArray[np.float32]:
    """Returns the share of a cell's rows that score above some thresholds.

    The tail ``exp(-(linear + quadratic * d) * d) / 2`` is lighter than exponential and heavier than normal
    (``benchmarks/results/cell_tails-1000000.json``).

    Args:
        deviations: distance of each threshold above the centroid's score, in standard deviations.
        linear: see ``ProbeTuning.tail_linear``.
        quadratic: see ``ProbeTuning.tail_quadratic``.
    """
    distance = np.abs(deviations)
    outer = 0.5 * np.exp(-(linear + quadratic * distance) * distance)
    return np.where(deviations > 0, outer, 1 - outer)


def normal_tail(deviations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Returns the probability that a standard normal variable exceeds each value, with an error below .0003.

    The formula is from Page, "Approximations to the Cumulative Normal Function", 1977.
    """
    return np.asarray(0.5 - 0.5 * np.tanh(0.7978846 * (deviations + 0.044715 * deviations**3)), np.float64)
