"""Selections: the rows that meet a condition, counted before they are read, and the boolean operations on them.

An intersection with a sparse operand lists that operand's rows and tests them against the others. Otherwise the
operands are intersected as bitmaps.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import Postings, is_sparse
from search.rows import Rows, mask_to_bitmap


class Selection(Protocol):
    """The rows that meet one condition, available as row numbers, as a bitmap or as a membership test."""

    max_count: int
    """Upper bound of the number of rows."""

    def ids(self) -> NDArray[np.int64]: ...

    def bitmap(self) -> NDArray[np.uint8]: ...

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]: ...


class HasAny:
    """Rows that have at least one of some values.

    Args:
        postings: the posting list of each value.
        values: value ids, ascending.
    """

    def __init__(self, postings: Postings, values: Sequence[int] | NDArray[np.int64]) -> None:
        self._postings, self._values = postings, np.asarray(values, np.int64)
        self.max_count = postings.posting_count(self._values)

    def ids(self) -> NDArray[np.int64]:
        return self._postings.ids(self._values)

    def bitmap(self) -> NDArray[np.uint8]:
        return self._postings.bitmap(self._values)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        if is_sparse(self.max_count, self._postings.universe):
            return isin_sorted(ids, self.ids())
        return Rows.from_bitmap(self.bitmap(), self._postings.universe).contains(ids)


class HasValue:
    """Rows whose value in a single-valued column, such as the first author, is one of some values.

    Args:
        value_of_row: (rows,) uint32, the value of each row.
        values: value ids, ascending.
        superset: a selection that contains all these rows.
    """

    def __init__(
        self, value_of_row: NDArray[np.uint32], values: Sequence[int] | NDArray[np.int64], superset: Selection
    ) -> None:
        self._value_of_row, self._values, self._superset = value_of_row, np.asarray(values, np.int64), superset
        self.max_count = superset.max_count

    def ids(self) -> NDArray[np.int64]:
        ids = self._superset.ids()
        return ids[self.contains(ids)]

    def bitmap(self) -> NDArray[np.uint8]:
        return mask_to_bitmap(self.contains(slice(None)))

    def contains(self, ids: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        is_value = np.zeros(self._values.max(initial=-1) + 2, bool)  # the last one stands for all greater values
        is_value[self._values] = True
        return is_value.take(self._value_of_row[ids], mode="clip")


class Fixed:
    """A precomputed set of rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.max_count = rows, len(rows)

    def ids(self) -> NDArray[np.int64]:
        return self._rows.ids

    def bitmap(self) -> NDArray[np.uint8]:
        return self._rows.bitmap

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._rows.contains(ids)


class Union:
    """Rows that are in at least one of some selections.

    Args:
        parts: the selections.
        universe: number of rows in the index.
    """

    def __init__(self, parts: Sequence[Selection], universe: int) -> None:
        self._parts, self._universe = parts, universe
        self.max_count = min(universe, sum(part.max_count for part in parts))

    def ids(self) -> NDArray[np.int64]:
        if is_sparse(self.max_count, self._universe):
            return np.unique(np.concatenate([part.ids() for part in self._parts] or [np.empty(0, np.int64)]))
        return Rows.from_bitmap(self.bitmap(), self._universe).ids

    def bitmap(self) -> NDArray[np.uint8]:
        empty = mask_to_bitmap(np.zeros(self._universe, bool))
        return reduce(np.bitwise_or, (part.bitmap() for part in self._parts), empty)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return reduce(np.logical_or, (part.contains(ids) for part in self._parts), np.zeros(len(ids), bool))


class Complement:
    """Rows that are not in a selection.

    Args:
        part: the selection.
        universe: number of rows in the index.
    """

    def __init__(self, part: Selection, universe: int) -> None:
        self._part, self.max_count = part, universe

    def ids(self) -> NDArray[np.int64]:
        return Rows.from_bitmap(self.bitmap(), self.max_count).ids

    def bitmap(self) -> NDArray[np.uint8]:
        return ~self._part.bitmap()

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ~self._part.contains(ids)


class Intersection:
    """Live rows that are in all of some selections.

    Args:
        parts: the selections, at least one.
        live: the rows that no later row replaced.
    """

    def __init__(self, parts: Sequence[Selection], live: Rows) -> None:
        self._parts, self._live = sorted(parts, key=lambda part: part.max_count), live
        self.max_count = self._parts[0].max_count

    def rows(self) -> Rows:
        """Returns the rows, computed as row numbers where few can match and as a bitmap otherwise."""
        if is_sparse(self.max_count, self._live.universe):
            return Rows(self._live.universe, _ids=self.ids())
        return Rows.from_bitmap(self.bitmap(), self._live.universe)

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


def isin_sorted(values: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tests membership by binary search.

    Args:
        values: (n,) non-negative values to look up.
        members: int64 values, ascending.

    Returns:
        (n,) bool, whether each value is one of ``members``.
    """
    positions = np.searchsorted(members, values)
    return np.asarray(np.append(members, -1)[positions] == values)
