"""Posting lists: memory-mapped inverted files that map each value of a field to the rows that have it.

Each value has an ascending list of row numbers (Zobel and Moffat, "Inverted files for text search engines", 2006).
Values that many rows have are also stored as bitmaps, so that a large set of rows costs no more than a small one.
"""

import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search import files
from search.rows import PaperSet, Rows, as_rows, bitmap_nbytes, expand_ranges, mask_to_bitmap


@dataclass(frozen=True, slots=True)
class PostingsTuning:
    """Tuning of the representation of row sets. ``sparse_divisor`` is also part of the file format."""

    sparse_divisor: int = 32
    """Universe size per row up to which a set is sparse. At this ratio, uint32 row numbers and a bitmap of one bit per
    row take the same space."""
    min_mapped_bytes: int = 65_536
    """File size in bytes above which arrays are memory-mapped instead of read: 16 pages. Not tuned."""
    scans_before_table: int = 8
    """Counts that scan all posting lists before the table of values by row is built, which takes as long as ten."""


TUNING = PostingsTuning()
NO_ID = 2**32 - 1
"""The id of a value that a row lacks."""

_PARTS = ("offsets", "rows", "dense", "bitmaps")


@dataclass(frozen=True)
class Postings:
    """An inverted file. The rows of value v are ``rows[offsets[v]:offsets[v + 1]]``, ascending.

    Attributes:
        offsets: (values + 1,) int64, the start of each value's posting list in ``rows``.
        rows: (pairs,) uint32 row numbers.
        dense: (d,) int64, ascending, the values whose posting list is not sparse (``is_sparse``).
        bitmaps: (d, bytes) uint8, the rows of each dense value in the format of ``mask_to_bitmap``.
        universe: number of rows in the index.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]
    dense: NDArray[np.int64]
    bitmaps: NDArray[np.uint8]
    universe: int
    _scans: "itertools.count[int]" = field(default_factory=itertools.count, init=False, repr=False)

    @classmethod
    def from_lists(cls, offsets: NDArray[np.int64], rows: NDArray[np.uint32], universe: int) -> Self:
        """Creates an inverted file from posting lists and computes the bitmaps of dense values.

        Args:
            offsets: see the attribute.
            rows: see the attribute.
            universe: see the attribute.
        """
        dense = np.flatnonzero(np.diff(offsets) > universe // TUNING.sparse_divisor)
        bitmaps = np.empty((len(dense), bitmap_nbytes(universe)), np.uint8)
        for index, value in enumerate(dense.tolist()):
            mask = np.zeros(universe, bool)
            mask[rows[offsets[value] : offsets[value + 1]]] = True
            bitmaps[index] = mask_to_bitmap(mask)
        return cls(offsets, rows, dense, bitmaps, universe)

    @classmethod
    def empty(cls) -> Self:
        """Returns an inverted file without values or rows."""
        return cls.from_lists(np.zeros(1, np.int64), np.empty(0, np.uint32), 0)

    def with_pairs(self, values: NDArray[np.int64], rows: NDArray[np.int64], size: int, universe: int) -> "Postings":
        """Returns a copy with more (value, row) pairs.

        Args:
            values: (n,) int64, the value of each pair.
            rows: (n,) int64, the row of each pair, ascending and greater than every row so far.
            size: number of values in the result.
            universe: number of rows in the result.
        """
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=size)
        offsets = np.concatenate((self.offsets, np.full(size + 1 - len(self.offsets), self.offsets[-1])))
        merged = np.insert(self.rows, offsets[1:][values[order]], rows[order].astype(np.uint32))
        return Postings.from_lists(offsets + np.concatenate(([0], np.cumsum(counts))), merged, universe)

    def posting_count(self, values: NDArray[np.int64]) -> int:
        """Returns the total length of the values' posting lists."""
        if len(values) == 1:
            return int(self.offsets[values[0] + 1] - self.offsets[values[0]])
        return int(self.counts_of(values).sum())

    def counts_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the length of each value's posting list, (n,) int64."""
        return np.asarray(self.offsets[values + 1] - self.offsets[values])

    def count_by_value(self, papers: PaperSet, values: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Counts the rows of a set by value.

        Args:
            papers: the set.
            values: (n,) int64, the values to count; None for all.

        Returns:
            (n,) int64, for each value the number of rows in the set that have it.
        """
        rows = as_rows(papers)
        if values is None and len(rows) == self.universe:
            return np.diff(self.offsets)
        if values is None:
            return self._count_all_values(rows, self._sparse_values(rows))
        matching = rows.mask[self._gather_rows(values).astype(np.int64)]  # uint32 indices take three times as long
        ends = np.concatenate(([0], np.cumsum(self.offsets[values + 1] - self.offsets[values])))
        running_count = np.zeros(len(matching) + 1, np.int64)
        np.cumsum(matching, out=running_count[1:])
        return running_count[ends[1:]] - running_count[ends[:-1]]

    def most_frequent(self, papers: PaperSet, limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Finds the values that most rows of a set have.

        Args:
            papers: the set.
            limit: number of values, at least 1.

        Returns:
            Distinct values in any order, and the number of rows of each, both (n,) int64: the ``limit`` most frequent
            values that occur, all values that are as frequent as the last of them, and possibly others.
        """
        rows = as_rows(papers)
        found = np.empty(0, np.uint32) if len(rows) == self.universe else self._sparse_values(rows)
        if len(rows) == self.universe or len(found) >= len(self.offsets) - 1:
            counts = np.diff(self.offsets) if len(rows) == self.universe else self._count_all_values(rows, found)
            used = np.flatnonzero(counts)
            return used, counts[used]
        values, sparse_counts = _most_frequent(found, limit)
        counts = self._count_dense_values(rows)
        return np.append(values, self.dense[counts > 0]), np.append(sparse_counts, counts[counts > 0])

    def _count_all_values(self, rows: Rows, found: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Returns the number of rows of a set that have each value, given the output of ``_sparse_values``."""
        counts = np.bincount(found, minlength=len(self.offsets) - 1)
        counts[self.dense] = self._count_dense_values(rows)
        return counts

    def _count_dense_values(self, rows: Rows) -> NDArray[np.uint32]:
        """Returns the number of rows of a set that have each dense value, in the order of ``dense``."""
        if not len(self.dense):
            return np.empty(0, np.uint32)
        common = self.bitmaps.view(np.uint64) & rows.bitmap.view(np.uint64)
        return np.asarray(np.add.reduce(np.bitwise_count(common), axis=1, dtype=np.uint32))

    def _sparse_values(self, rows: Rows) -> NDArray[np.uint32]:
        """Returns the values that are not dense of all rows of a set, as often as rows have them."""
        if "_sparse_values_by_row" not in self.__dict__ and next(self._scans) < TUNING.scans_before_table:
            found = np.searchsorted(self.offsets, np.flatnonzero(rows.mask[self.rows]), "right") - 1
            return found[~np.isin(found, self.dense)].astype(np.uint32)
        starts, values = self._sparse_values_by_row
        if not len(values):
            return values
        return values[expand_ranges(starts[rows.ids].astype(np.int64), starts[rows.ids + 1].astype(np.int64))]

    def pairs_of_rows(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the values of some rows.

        Args:
            ids: (n,) int64 row numbers.

        Returns:
            The position in ``ids`` and the value of each (row, value) pair, both (pairs,) int64, in order of position
            and value.
        """
        starts, values = self._sparse_values_by_row
        first, end = starts[ids].astype(np.int64), starts[ids + 1].astype(np.int64)
        dense, having = np.nonzero(self.bitmaps[:, ids >> 3] >> (ids & 7).astype(np.uint8) & 1)
        position = np.concatenate((np.repeat(np.arange(len(ids)), end - first), having))
        value_of = np.concatenate((values[expand_ranges(first, end)], self.dense[dense])).astype(np.int64)
        order = np.lexsort((value_of, position))
        return position[order], value_of[order]

    @cached_property
    def _sparse_values_by_row(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """(universe + 1,) the start of each row's values in the second array; the values that are not dense, by row.

        It is computed once, in some 50 ms per million pairs, and takes 4 bytes per row and 4 per pair.
        """
        lengths = np.diff(self.offsets)
        lengths[self.dense] = 0
        starts, ends = np.append(0, self.offsets[self.dense + 1]), np.append(self.offsets[self.dense], len(self.rows))
        rows = np.concatenate([self.rows[start:end] for start, end in zip(starts, ends, strict=True)])
        values = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
        order = np.argsort((rows & 0xFFFF).astype(np.uint16), kind="stable")  # a radix sort, in two passes
        order = order[np.argsort((rows[order] >> 16).astype(np.uint16), kind="stable")]
        first = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=self.universe))))
        return first.astype(np.uint32), values[order]

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows, ascending, that have at least one of the values."""
        if len(values) == 1:
            return self.rows[self.offsets[values[0]] : self.offsets[values[0] + 1]].astype(np.int64)
        return sorted_unique(self._gather_rows(values)).astype(np.int64)

    def ids_in(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows, ascending, of a set that have at least one of the values."""
        rows = self.ids(values)
        return rows[papers.contains(rows)]

    def sample(self, value: int, count: int) -> NDArray[np.int64]:
        """Returns at most ``count`` rows of a value, evenly spread and ascending."""
        rows = self.ids(np.array([value]))
        return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)]

    def pairs_of_values(self, values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the rows of several values.

        Args:
            values: (n,) int64.

        Returns:
            The position in ``values`` and the row of each (value, row) pair, both (pairs,) int64, in order of position
            and row.
        """
        return np.repeat(np.arange(len(values)), self.counts_of(values)), self._gather_rows(values).astype(np.int64)

    def bitmap(self, values: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the rows that have at least one of some values, ascending, in the format of ``mask_to_bitmap``."""
        positions = np.searchsorted(values, self.dense)
        is_given = np.append(values, -1)[positions] == self.dense
        result: NDArray[np.uint8] = np.bitwise_or.reduce(self.bitmaps[is_given], axis=0)
        rest = np.delete(values, positions[is_given])
        if len(rest):
            mask = np.zeros(self.universe, bool)
            mask[self._gather_rows(rest).astype(np.int64)] = True
            result = result | mask_to_bitmap(mask)
        return result

    def _gather_rows(self, values: NDArray[np.int64]) -> NDArray[np.uint32]:
        return self.rows[expand_ranges(self.offsets[values], self.offsets[values + 1])]

    @classmethod
    def open(cls, directory: Path, name: str, universe: int) -> Self:
        """Opens the arrays that ``save`` wrote.

        Args:
            directory: the directory of the columns.
            name: the name of the field.
            universe: number of rows in the index.
        """
        offsets, rows, dense, bitmaps = (load_array(directory, f"{name}-{part}") for part in _PARTS)
        return cls(offsets, rows, dense, bitmaps, universe)

    def save(self, directory: Path, name: str) -> None:
        """Writes the arrays of the field ``name`` into a directory."""
        arrays: list[NDArray[Any]] = [self.offsets, self.rows, self.dense, self.bitmaps]
        for part, values in zip(_PARTS, arrays, strict=True):
            files.save_array(directory / f"{name}-{part}.npy", values)


class NewPostings:
    """Collects the values of new rows in arrays: millions of Python objects would slow down garbage collection."""

    def __init__(self) -> None:
        self._values, self._counts = array("q"), array("I")

    def add(self, values: Sequence[int]) -> None:
        """Adds the next row with its values, each once."""
        self._values.extend(values)
        self._counts.append(len(values))

    def append_to(self, before: Postings, size: int) -> Postings:
        """Returns the postings of the rows before and the new ones.

        Args:
            before: the postings of the rows before.
            size: number of values in the result.
        """
        first, universe = before.universe, before.universe + len(self._counts)
        rows = np.repeat(np.arange(first, universe), np.frombuffer(self._counts, np.uint32))
        return before.with_pairs(np.frombuffer(self._values, np.int64), rows, size, universe)


def is_sparse(count: int, universe: int) -> bool:
    """Whether a set of ``count`` rows is processed as row numbers instead of as a bitmap."""
    return count * TUNING.sparse_divisor <= universe


def sorted_unique(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Returns the distinct values in ascending order, in a fifth of the time that ``numpy.unique`` takes."""
    values = np.sort(values)
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def _most_frequent(found: NDArray[np.uint32], limit: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Counts the most frequent of some values; see ``Postings.most_frequent``.

    No value occurs more often than all values with the same lower bits. Their counts take little memory, and only the
    values that may be among the most frequent are sorted. A count of every possible value would miss the cache.
    """
    size = 1 << len(found).bit_length()
    groups = found & np.uint32(size - 1)
    bounds = np.bincount(groups, minlength=size)[groups]
    values_by_bound = np.bincount(bounds)
    groups_from = np.cumsum((values_by_bound // np.maximum(np.arange(len(values_by_bound)), 1))[::-1])[::-1]
    least = max(int(np.count_nonzero(groups_from >= limit)) - 1, 0)
    values, counts = np.unique(found[bounds >= least], return_counts=True)
    last = int(np.partition(counts, -limit)[-limit]) if len(counts) >= limit else 0
    if last < least:
        values, counts = np.unique(found[bounds >= last], return_counts=True)
    return values, counts


def load_array(directory: Path, name: str) -> NDArray[Any]:
    """Opens ``directory/name.npy``, memory-mapped unless it is small. (An array without elements cannot be mapped.)"""
    path = directory / f"{name}.npy"
    if path.stat().st_size <= TUNING.min_mapped_bytes:
        return files.load_array(path)
    # A plain ndarray view of the map, since slicing a numpy.memmap takes ten times as long.
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)
