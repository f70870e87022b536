"""Selections: the rows that meet a condition, counted before they are touched, and how selections are combined.

Where one part of a conjunction is held by few rows, those are listed and tested against the others; else the parts are
bitmaps, and the rows that pass are their intersection.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import SPARSE_DIVISOR, Postings
from search.rows import Rows, mask_to_bitmap


class Selection(Protocol):
    """The rows that meet one condition, as numbers, as bits, or as an answer about some of them."""

    max_count: int
    """At most so many rows meet it."""

    def ids(self) -> NDArray[np.int64]: ...

    def bitmap(self) -> NDArray[np.uint8]: ...

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]: ...


class HasAny:
    """Rows that hold one of some values."""

    def __init__(self, postings: Postings, values: Sequence[int] | NDArray[np.int64]) -> None:
        self._postings, self._values = postings, np.asarray(values, np.int64)
        self.max_count = postings.posting_count(self._values)

    def ids(self) -> NDArray[np.int64]:
        return self._postings.ids(self._values)

    def bitmap(self) -> NDArray[np.uint8]:
        return self._postings.bitmap(self._values)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.max_count * SPARSE_DIVISOR <= self._postings.universe:
            return isin_sorted(ids, self.ids())
        return Rows.from_bitmap(self.bitmap(), self._postings.universe).contains(ids)


class HasValue:
    """Rows whose one value of a kind, such as the first author, is among some values.

    Args:
        of_row: (rows,) the value of each row. selection: a superset of the rows.
    """

    def __init__(
        self, of_row: NDArray[np.uint32], values: Sequence[int] | NDArray[np.int64], selection: Selection
    ) -> None:
        self._value_of_row, self._values, self._superset = of_row, np.asarray(values, np.int64), selection
        self.max_count = selection.max_count

    def ids(self) -> NDArray[np.int64]:
        ids = self._superset.ids()
        return ids[isin_sorted(self._value_of_row[ids], self._values)]

    def bitmap(self) -> NDArray[np.uint8]:
        mask = np.zeros(len(self._value_of_row), bool)
        mask[self.ids()] = True
        return mask_to_bitmap(mask)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return isin_sorted(self._value_of_row[ids], self._values)


class Fixed:
    """A set of rows that is known already."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.max_count = rows, len(rows)

    def ids(self) -> NDArray[np.int64]:
        return self._rows.ids

    def bitmap(self) -> NDArray[np.uint8]:
        return self._rows.bitmap

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._rows.contains(ids)


class Union:
    """Rows that meet at least one of some conditions."""

    def __init__(self, parts: Sequence[Selection], universe: int) -> None:
        self._parts, self._universe = parts, universe
        self.max_count = min(universe, sum(part.max_count for part in parts))

    def ids(self) -> NDArray[np.int64]:
        if self.max_count * SPARSE_DIVISOR <= self._universe:
            return np.unique(np.concatenate([part.ids() for part in self._parts] or [np.empty(0, np.int64)]))
        return Rows.from_bitmap(self.bitmap(), self._universe).ids

    def bitmap(self) -> NDArray[np.uint8]:
        none = mask_to_bitmap(np.zeros(self._universe, bool))
        return reduce(np.bitwise_or, (part.bitmap() for part in self._parts), none)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return reduce(np.logical_or, (part.contains(ids) for part in self._parts), np.zeros(len(ids), bool))


class Complement:
    """Rows that do not meet a condition."""

    def __init__(self, part: Selection, universe: int) -> None:
        self._part, self.max_count = part, universe

    def ids(self) -> NDArray[np.int64]:
        return Rows.from_bitmap(self.bitmap(), self.max_count).ids

    def bitmap(self) -> NDArray[np.uint8]:
        return ~self._part.bitmap()

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ~self._part.contains(ids)


class Intersection:
    """Rows that meet all of some conditions, at least one, and are live."""

    def __init__(self, parts: Sequence[Selection], live: Rows) -> None:
        self._parts, self._live = sorted(parts, key=lambda part: part.max_count), live
        self.max_count = self._parts[0].max_count

    def rows(self) -> Rows:
        """As numbers or as bits, whichever is less work."""
        if self.max_count * SPARSE_DIVISOR > self._live.universe:
            return Rows.from_bitmap(self.bitmap(), self._live.universe)
        return Rows(self._live.universe, _ids=self.ids())

    def ids(self) -> NDArray[np.int64]:
        ids = self._parts[0].ids()
        if len(self._live) < self._live.universe:
            ids = ids[self._live.contains(ids)]
        for part in self._parts[1:]:
            ids = ids[part.contains(ids)]
        return ids

    def bitmap(self) -> NDArray[np.uint8]:
        return reduce(np.bitwise_and, (part.bitmap() for part in self._parts), self._live.bitmap)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return reduce(np.logical_and, (part.contains(ids) for part in self._parts), self._live.contains(ids))


def isin_sorted(values: NDArray[np.int64] | NDArray[np.uint32], members: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(len(values),) bool: which of the values are among ``held``, which ascend."""
    places = np.searchsorted(members, values)
    return np.asarray(np.append(members, -1)[places] == values)
