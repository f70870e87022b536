"""Selections: the rows that meet a condition, counted before they are touched, and how selections are combined.

Where one part of a conjunction is held by few rows, those are listed and tested against the others; else the parts are
bitmaps, and the rows that pass are their intersection.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import FEW, Postings
from search.rows import Rows, bitmap_of


class Selection(Protocol):
    """The rows that meet one condition, as numbers, as bits, or as an answer about some of them."""

    most: int
    """At most so many rows meet it."""

    def ids(self) -> NDArray[np.int64]: ...

    def bitmap(self) -> NDArray[np.uint8]: ...

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]: ...


class Held:
    """Rows that hold one of some values."""

    def __init__(self, postings: Postings, values: Sequence[int] | NDArray[np.int64]) -> None:
        self._postings, self._values = postings, np.asarray(values, np.int64)
        self.most = postings.count(self._values)

    def ids(self) -> NDArray[np.int64]:
        return self._postings.ids(self._values)

    def bitmap(self) -> NDArray[np.uint8]:
        return self._postings.bitmap(self._values)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.most * FEW <= self._postings.universe:
            return among(ids, self.ids())
        return Rows.of_bitmap(self.bitmap(), self._postings.universe).holds(ids)


class HeldAs:
    """Rows whose one value of a kind, such as the first author, is among some values.

    Args:
        of_row: (rows,) the value of each row. selection: a superset of the rows.
    """

    def __init__(
        self, of_row: NDArray[np.uint32], values: Sequence[int] | NDArray[np.int64], selection: Selection
    ) -> None:
        self._of_row, self._values, self._selection = of_row, np.asarray(values, np.int64), selection
        self.most = selection.most

    def ids(self) -> NDArray[np.int64]:
        ids = self._selection.ids()
        return ids[among(self._of_row[ids], self._values)]

    def bitmap(self) -> NDArray[np.uint8]:
        mask = np.zeros(len(self._of_row), bool)
        mask[self.ids()] = True
        return bitmap_of(mask)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return among(self._of_row[ids], self._values)


class OfRows:
    """A set of rows that is known already."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.most = rows, len(rows)

    def ids(self) -> NDArray[np.int64]:
        return self._rows.ids

    def bitmap(self) -> NDArray[np.uint8]:
        return self._rows.bitmap

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._rows.holds(ids)


class Either:
    """Rows that meet at least one of some conditions."""

    def __init__(self, parts: Sequence[Selection], universe: int) -> None:
        self._parts, self._universe = parts, universe
        self.most = min(universe, sum(part.most for part in parts))

    def ids(self) -> NDArray[np.int64]:
        if self.most * FEW <= self._universe:
            return np.unique(np.concatenate([part.ids() for part in self._parts] or [np.empty(0, np.int64)]))
        return Rows.of_bitmap(self.bitmap(), self._universe).ids

    def bitmap(self) -> NDArray[np.uint8]:
        none = bitmap_of(np.zeros(self._universe, bool))
        return reduce(np.bitwise_or, (part.bitmap() for part in self._parts), none)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return reduce(np.logical_or, (part.holds(ids) for part in self._parts), np.zeros(len(ids), bool))


class Except:
    """Rows that do not meet a condition."""

    def __init__(self, part: Selection, universe: int) -> None:
        self._part, self.most = part, universe

    def ids(self) -> NDArray[np.int64]:
        return Rows.of_bitmap(self.bitmap(), self.most).ids

    def bitmap(self) -> NDArray[np.uint8]:
        return ~self._part.bitmap()

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ~self._part.holds(ids)


class Both:
    """Rows that meet all of some conditions, at least one, and are live."""

    def __init__(self, parts: Sequence[Selection], live: Rows) -> None:
        self._parts, self._live = sorted(parts, key=lambda part: part.most), live
        self.most = self._parts[0].most

    def rows(self) -> Rows:
        """As numbers or as bits, whichever is less work."""
        if self.most * FEW > self._live.universe:
            return Rows.of_bitmap(self.bitmap(), self._live.universe)
        return Rows(self._live.universe, _ids=self.ids())

    def ids(self) -> NDArray[np.int64]:
        ids = self._parts[0].ids()
        if len(self._live) < self._live.universe:
            ids = ids[self._live.holds(ids)]
        for part in self._parts[1:]:
            ids = ids[part.holds(ids)]
        return ids

    def bitmap(self) -> NDArray[np.uint8]:
        return reduce(np.bitwise_and, (part.bitmap() for part in self._parts), self._live.bitmap)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return reduce(np.logical_and, (part.holds(ids) for part in self._parts), self._live.holds(ids))


def among(values: NDArray[np.int64] | NDArray[np.uint32], held: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(len(values),) bool: which of the values are among ``held``, which ascend."""
    places = np.searchsorted(held, values)
    return np.asarray(np.append(held, -1)[places] == values)
