"""Postings: inverted files on disk, memory-mapped, and the sets of rows they give.

For each value the ascending rows that hold it (Zobel and Moffat, "Inverted files for text search engines", 2006).
A value that many rows hold is kept as a bitmap as well, so that a set of many rows costs no more than one of few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.rows import bitmap_bytes, bitmap_of

FEW = 32
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
    def of(cls, offsets: NDArray[np.int64], rows: NDArray[np.uint32], universe: int) -> Self:
        """Finds out which values are dense."""
        dense = np.flatnonzero(np.diff(offsets) > universe // FEW)
        bitmaps = np.empty((len(dense), bitmap_bytes(universe)), np.uint8)
        for place, value in enumerate(dense.tolist()):
            mask = np.zeros(universe, bool)
            mask[rows[offsets[value] : offsets[value + 1]]] = True
            bitmaps[place] = bitmap_of(mask)
        return cls(offsets, rows, dense, bitmaps, universe)

    @classmethod
    def empty(cls) -> Self:
        """No values, no rows."""
        return cls.of(np.zeros(1, np.int64), np.empty(0, np.uint32), 0)

    def extended(self, values: NDArray[np.int64], rows: NDArray[np.int64], size: int, universe: int) -> "Postings":
        """With further pairs (value, row), whose rows ascend and come after all rows here, of ``size`` values."""
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=size)
        offsets = np.concatenate((self.offsets, np.full(size + 1 - len(self.offsets), self.offsets[-1])))
        merged = np.insert(self.rows, offsets[1:][values[order]], rows[order].astype(np.uint32))
        return Postings.of(offsets + np.concatenate(([0], np.cumsum(counts))), merged, universe)

    def count(self, values: Sequence[int]) -> int:
        """Rows that hold one of the values, those that hold several counted so often."""
        return sum(int(self.offsets[value + 1] - self.offsets[value]) for value in values)

    def ids(self, values: Sequence[int]) -> NDArray[np.int64]:
        """The rows, ascending, that hold any of the values."""
        parts = [self.rows[self.offsets[value] : self.offsets[value + 1]] for value in values]
        if not parts:
            return np.empty(0, np.int64)
        return (parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))).astype(np.int64)

    def bitmap(self, values: Sequence[int]) -> NDArray[np.uint8]:
        """The same as ``Rows.bitmap``."""
        held = np.searchsorted(self.dense, values).tolist() if len(self.dense) else []
        dense = [place for place, value in zip(held, values, strict=False) if self._is(place, value)]
        known = set(self.dense[dense].tolist())
        result: NDArray[np.uint8] = np.bitwise_or.reduce(self.bitmaps[dense], axis=0)
        rest = [value for value in values if value not in known]
        if rest:
            mask = np.zeros(self.universe, bool)
            for value in rest:
                mask[self.rows[self.offsets[value] : self.offsets[value + 1]]] = True
            result = result | bitmap_of(mask)
        return result

    def _is(self, place: int, value: int) -> bool:
        return place < len(self.dense) and int(self.dense[place]) == value

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


def load_array(directory: Path, name: str) -> NDArray[Any]:
    """An array that ``numpy.save`` wrote, memory-mapped unless it is small: a file of no elements cannot be mapped."""
    path = directory / f"{name}.npy"
    mapped = path.stat().st_size > 65_536
    # The plain ndarray over the map: every slice of a numpy.memmap costs ten times that of an array.
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)).view(np.ndarray)
