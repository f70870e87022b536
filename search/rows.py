"""Rows: a set of row numbers, the common language of columns, vectors and store."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=False, eq=False)
class Rows:
    """A set of rows out of ``0 .. universe - 1``, held as sorted numbers where few, as a mask where many.

    Attributes:
        universe: how many rows there are, passing or not.
    """

    universe: int
    _ids: NDArray[np.int64] | None = None
    _mask: NDArray[np.bool_] | None = None

    @classmethod
    def of_ids(cls, ids: NDArray[np.int64], universe: int) -> Self:
        """Takes rows in ascending order without repetition."""
        return cls(universe, _ids=ids)

    @classmethod
    def of_mask(cls, mask: NDArray[np.bool_]) -> Self:
        """Takes one bool a row."""
        return cls(len(mask), _mask=mask)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The passing rows, ascending, int64."""
        if self._ids is not None:
            return self._ids
        return np.flatnonzero(self.mask)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(universe,) bool: which rows pass."""
        if self._mask is not None:
            return self._mask
        mask = np.zeros(self.universe, bool)
        mask[self._ids] = True
        return mask

    @cached_property
    def count(self) -> int:
        """How many rows pass."""
        if self._ids is not None:
            return len(self._ids)
        return int(np.count_nonzero(self.mask))

    @cached_property
    def bitmap(self) -> NDArray[np.uint8]:
        """One bit a row, least significant first, padded to whole bytes: what faiss' IDSelectorBitmap reads."""
        return np.packbits(self.mask, bitorder="little")

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Rows in order of score, best first.

    Attributes:
        rows: (n,) int64. scores: (n,) float32, higher is better. complete: no other passing row has a score.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    complete: bool

    @classmethod
    def best(cls, rows: NDArray[np.int64], scores: NDArray[np.float32], k: int, *, complete: bool) -> Self:
        """The k best of these rows; equal scores in row order, so that an answer does not depend on chance."""
        order = np.lexsort((rows, -scores))[:k]
        return cls(rows[order], scores[order], complete)

    def without(self, row: int | None) -> "Ranked":
        """The same order with one row left out."""
        keep = self.rows != (-1 if row is None else row)
        return Ranked(self.rows[keep], self.scores[keep], self.complete)

    def ranks(self) -> dict[int, int]:
        """Each row's rank, from 1."""
        return {row: rank for rank, row in enumerate(self.rows.tolist(), 1)}
