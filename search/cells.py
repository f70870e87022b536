"""Cells: which parts of the codes a question has to look at, and what it misses by leaving out the others.

The rows are clustered into cells (inverted lists; Jegou, Douze and Schmid, "Product quantization for nearest
neighbor search", TPAMI 2011). How many cells to scan is not a constant but follows the question: the scores of a
cell's rows are taken as normal around the score of the cell's mean, and cells are scanned until the rows expected
above the k-th best score found, in all cells left out, are few. A filter that passes rows of few cells only needs
those; one that nothing near the question passes makes the others come into question, up to all of them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.rows import Rows

_FIRST_SHARE = 0.04
"""Share of the passing rows in the cells that are scanned before anything is known."""
_ABOVE_MEAN = 2.0
"""Deviations above the mean of its scores by which a cell is ranked before anything is known."""
_UNRELATED = 2.0
"""How many times as often rows near the question may pass, or not pass, as any, for the two to be unrelated."""
_SAMPLE = 16_384
"""Rows among which the passing ones are counted to tell how many lie in each cell, where very many pass."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one generation's codes.

    Attributes:
        means: (cells, dim) float32. spread: (cells,) float32, the deviation of a row's score around its cell's mean.
        of_row: (rows,) uint16, the cell each row lies in.
    """

    means: NDArray[np.float32]
    spread: NDArray[np.float32]
    of_row: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.means)

    def passing(self, rows: Rows, *, listed: bool) -> NDArray[np.float64]:
        """(cells,) how many of the rows lie in each: counted where they are ``listed``, else estimated by a sample."""
        if len(rows) == rows.universe:
            return self.sizes
        if listed:
            return np.bincount(self.of_row[rows.ids], minlength=len(self)).astype(np.float64)
        sample, held, seen = self._sample
        hits = np.bincount(held[rows.holds(sample)], minlength=len(self))
        share = len(rows) / rows.universe
        return self.sizes * (hits + share) / (seen + 1)

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """(cells,) rows in each."""
        return np.asarray(np.bincount(self.of_row, minlength=len(self)), np.float64)

    @cached_property
    def _sample(self) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]:
        rows = np.arange(0, len(self.of_row), max(1, len(self.of_row) // _SAMPLE))
        return rows, self.of_row[rows], np.bincount(self.of_row[rows], minlength=len(self))


class Probing:
    """The scan of one question through the cells.

    Args:
        cells: those of the codes. vector: the question, (dim,) float32. passing: (cells,) rows that may answer in each.
    Attributes:
        missed: rows expected among the k best that lie in cells not scanned, when ``more`` was last asked.
    """

    def __init__(self, cells: Cells, vector: NDArray[np.float32], passing: NDArray[np.float64]) -> None:
        self._cells, self._means, self._passing = cells, cells.means @ vector, passing
        self._left = passing > 0
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._unrelated = True
        self.missed = 0.0

    def first(self, k: int) -> NDArray[np.int64]:
        """The cells, most promising first, that hold some hundredths of the passing rows and more than k."""
        key = self._means + _ABOVE_MEAN * self._cells.spread
        order = np.argsort(-key)
        self._unrelated = self._passes_alike(order)
        self._order = order[self._left[order]]
        held = np.cumsum(self._passing[self._order])
        wanted = max(_FIRST_SHARE * held[-1], 4 * k)
        return self._take(self._order[: int(np.searchsorted(held, wanted)) + 1])

    def more(self, threshold: float, k: int, most_missed: float) -> NDArray[np.int64]:
        """The next cells to scan, now that the k-th best score found is known (minus infinity: k were not found); none
        when few are missed. At most as many rows as were scanned, since what they hold makes others unlikely.

        Where more than the normal tail says were found in the cells scanned, it is raised in proportion.
        """
        if not self._left.any():
            return np.empty(0, np.int64)
        if threshold == -np.inf or not self._unrelated:
            return self._take(self._order[self._left[self._order]])
        above = self._passing * normal_tail((threshold - self._means) / self._cells.spread)
        predicted = float(above[self.scanned].sum())
        above[~self._left] = 0
        above *= max(k / max(predicted, 1e-9), 1.0)
        order = np.argsort(-above)
        missed = np.maximum(above.sum() - np.concatenate(([0.0], np.cumsum(above[order]))), 0)
        self.missed = float(missed[0])
        scanned = self._cells.sizes[self.scanned].sum()
        affordable = int(np.searchsorted(np.cumsum(self._cells.sizes[order]), scanned)) + 1
        return self._take(order[: min(int(np.argmax(missed <= most_missed)), affordable)])

    def _passes_alike(self, order: NDArray[np.int64]) -> bool:
        """Whether rows near the question pass about as often as any: only then do the passing rows of a cell lie
        around its mean as all its rows do."""
        sizes = self._cells.sizes[order]
        near = int(np.searchsorted(np.cumsum(sizes), _FIRST_SHARE * sizes.sum())) + 1
        share = float(self._passing[order[:near]].sum() / sizes[:near].sum())
        overall = float(self._passing.sum() / sizes.sum())
        return overall / _UNRELATED <= share <= overall * _UNRELATED

    @property
    def scanned(self) -> NDArray[np.bool_]:
        """(cells,) which were given out."""
        return (self._passing > 0) & ~self._left

    def _take(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        self._left[cells] = False
        return cells


def normal_tail(deviations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The chance that a standard normal value exceeds each of these (Page, "Approximations to the Cumulative Normal
    Function", 1977: within .0003)."""
    return np.asarray(0.5 - 0.5 * np.tanh(0.7978846 * (deviations + 0.044715 * deviations**3)), np.float64)
