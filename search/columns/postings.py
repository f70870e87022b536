"""Postings: inverted files on disk, memory-mapped, and the sets of rows they give.

For each value the ascending rows that hold it (Zobel and Moffat, "Inverted files for text search engines", 2006).
A value that many rows hold is kept as a bitmap as well, so that a set of many rows costs no more than one of few.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.rows import Rows, bitmap_nbytes, mask_to_bitmap

SPARSE_DIVISOR = 32
"""A set is held as row numbers while at most one row in so many is in it: they then take less than a bitmap does
to make, and to test."""

_PARTS = ("offsets", "rows", "dense", "bitmaps")


@dataclass(frozen=True)
class Postings:
    """An inverted file. Value v is held by ``rows[offsets[v]:offsets[v + 1]]``, ascending uint32.

    Attributes:
        offsets: (values + 1,) int64. rows: (pairs,) uint32.
        dense: (d,) int64, the values that more than one row in FEW holds. bitmaps: (d, bytes) uint8, their rows.
        universe: how many rows there are.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]
    dense: NDArray[np.int64]
    bitmaps: NDArray[np.uint8]
    universe: int

    @classmethod
    def from_lists(cls, offsets: NDArray[np.int64], rows: NDArray[np.uint32], universe: int) -> Self:
        """Finds out which values are dense."""
        dense = np.flatnonzero(np.diff(offsets) > universe // SPARSE_DIVISOR)
        bitmaps = np.empty((len(dense), bitmap_nbytes(universe)), np.uint8)
        for place, value in enumerate(dense.tolist()):
            mask = np.zeros(universe, bool)
            mask[rows[offsets[value] : offsets[value + 1]]] = True
            bitmaps[place] = mask_to_bitmap(mask)
        return cls(offsets, rows, dense, bitmaps, universe)

    @classmethod
    def empty(cls) -> Self:
        """No values, no rows."""
        return cls.from_lists(np.zeros(1, np.int64), np.empty(0, np.uint32), 0)

    def with_pairs(self, values: NDArray[np.int64], rows: NDArray[np.int64], size: int, universe: int) -> "Postings":
        """With further pairs (value, row), whose rows ascend and come after all rows here, of ``size`` values."""
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=size)
        offsets = np.concatenate((self.offsets, np.full(size + 1 - len(self.offsets), self.offsets[-1])))
        merged = np.insert(self.rows, offsets[1:][values[order]], rows[order].astype(np.uint32))
        return Postings.from_lists(offsets + np.concatenate(([0], np.cumsum(counts))), merged, universe)

    def posting_count(self, values: NDArray[np.int64]) -> int:
        """Rows that hold one of the values, those that hold several counted so often."""
        if len(values) == 1:
            return int(self.offsets[values[0] + 1] - self.offsets[values[0]])
        return int((self.offsets[values + 1] - self.offsets[values]).sum())

    def count_by_value(self, rows: Rows, values: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """(n,) int64: how many of the rows hold each of the values, or of all values there are."""
        if values is None:
            held, ends = self.rows, self.offsets
        else:
            held = self._gather_rows(values)
            ends = np.concatenate(([0], np.cumsum(self.offsets[values + 1] - self.offsets[values])))
        passing = rows.mask[held]
        if len(rows) * SPARSE_DIVISOR < self.universe:  # the few pairs that pass are looked up one by one
            return np.bincount(np.searchsorted(ends, np.flatnonzero(passing), "right") - 1, minlength=len(ends) - 1)
        found = np.zeros(len(held) + 1, np.int64)
        np.cumsum(passing, out=found[1:])
        return found[ends[1:]] - found[ends[:-1]]

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows, ascending, that hold any of the values."""
        if len(values) == 1:
            return self.rows[self.offsets[values[0]] : self.offsets[values[0] + 1]].astype(np.int64)
        return sorted_unique(self._gather_rows(values)).astype(np.int64)

    def bitmap(self, values: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The same as ``Rows.bitmap``."""
        dense = np.isin(self.dense, values)
        result: NDArray[np.uint8] = np.bitwise_or.reduce(self.bitmaps[dense], axis=0)
        rest = values[~np.isin(values, self.dense)]
        if len(rest):
            mask = np.zeros(self.universe, bool)
            mask[self._gather_rows(rest)] = True
            result = result | mask_to_bitmap(mask)
        return result

    def _gather_rows(self, values: NDArray[np.int64]) -> NDArray[np.uint32]:
        return self.rows[expand_ranges(self.offsets[values], self.offsets[values + 1])]

    @classmethod
    def open(cls, directory: Path, name: str, universe: int) -> Self:
        """Reads what ``save`` wrote, memory-mapped."""
        offsets, rows, dense, bitmaps = (load_array(directory, f"{name}-{part}") for part in _PARTS)
        return cls(offsets, rows, dense, bitmaps, universe)

    def save(self, directory: Path, name: str) -> None:
        """Writes its arrays into the directory."""
        arrays: list[NDArray[Any]] = [self.offsets, self.rows, self.dense, self.bitmaps]
        for part, values in zip(_PARTS, arrays, strict=True):
            np.save(directory / f"{name}-{part}.npy", values)


def expand_ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """All numbers from each start to before its end, one span after the other."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def sorted_unique(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The different values in order; a fifth of the time of ``numpy.unique``."""
    values = np.sort(values)
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def load_array(directory: Path, name: str) -> NDArray[Any]:
    """An array that ``numpy.save`` wrote, memory-mapped unless it is small: a file of no elements cannot be mapped."""
    path = directory / f"{name}.npy"
    mapped = path.stat().st_size > 65_536
    # The plain ndarray over the map: every slice of a numpy.memmap costs ten times that of an array.
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)).view(np.ndarray)
