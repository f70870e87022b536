"""Rows: a set of row numbers, the common language of columns, vectors and store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=False, eq=False)
class Rows:
    """A set of rows out of ``0 .. universe - 1``, held as sorted numbers where few, as a bitmap where many.

    Attributes:
        universe: how many rows there are, passing or not.
    """

    universe: int
    _ids: NDArray[np.int64] | None = None
    _bitmap: NDArray[np.uint8] | None = None

    @classmethod
    def from_ids(cls, ids: NDArray[np.int64], universe: int) -> Self:
        """Takes rows in ascending order without repetition.

        Raises:
            ValueError: they are not, or lie outside the universe.
        """
        if len(ids) and (ids[0] < 0 or ids[-1] >= universe or not (ids[1:] > ids[:-1]).all()):
            raise ValueError(f"rows must ascend without repetition from 0 to {universe - 1}")
        return cls(universe, _ids=ids)

    @classmethod
    def from_bitmap(cls, bitmap: NDArray[np.uint8], universe: int) -> Self:
        """Takes one bit a row, least significant first, padded with 0 to whole words of 64 (``bitmap_of``)."""
        return cls(universe, _bitmap=bitmap)

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> Self:
        """Takes one bool a row."""
        return cls(len(mask), _bitmap=mask_to_bitmap(mask))

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The passing rows, ascending, int64."""
        return np.flatnonzero(self.mask) if self._ids is None else self._ids

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(universe,) bool: which rows pass."""
        if self._ids is not None:
            mask = np.zeros(self.universe, bool)
            mask[self._ids] = True
            return mask
        return np.unpackbits(self.bitmap, count=self.universe, bitorder="little").view(np.bool_)

    @cached_property
    def bitmap(self) -> NDArray[np.uint8]:
        """One bit a row, least significant first, padded to whole words of 64: what faiss' IDSelectorBitmap reads."""
        if self._bitmap is not None:
            return self._bitmap
        return mask_to_bitmap(self.mask)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(len(ids),) bool: which of these rows pass."""
        if len(self) == self.universe:
            return np.ones(len(ids), bool)
        return np.asarray(self.bitmap[ids >> 3] >> (ids & 7).astype(np.uint8) & 1, np.uint8).view(np.bool_)

    @cached_property
    def _count(self) -> int:
        if self._ids is not None:
            return len(self._ids)
        return int(np.bitwise_count(self.bitmap.view(np.uint64)).sum())

    def __len__(self) -> int:
        return self._count

    def without(self, row: int) -> "Rows":
        """All of these but one."""
        if self._ids is not None:
            return Rows(self.universe, _ids=self._ids[self._ids != row])
        bitmap = self.bitmap.copy()
        bitmap[row >> 3] &= ~np.uint8(1 << (row & 7))
        return Rows.from_bitmap(bitmap, self.universe)

    def __contains__(self, row: int) -> bool:
        return bool(self.bitmap[row >> 3] >> (row & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())


def mask_to_bitmap(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """One bit for each bool, least significant first, padded with 0 to whole words of 64."""
    bits = np.packbits(mask, bitorder="little")
    padded = np.zeros(bitmap_nbytes(len(mask)), np.uint8)
    padded[: len(bits)] = bits
    return padded


def bitmap_nbytes(universe: int) -> int:
    """Bytes of a bitmap of so many rows."""
    return (universe + 63) // 64 * 8


_NO_ROWS: NDArray[np.int64] = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Rows in order of score, best first.

    Attributes:
        rows: (n,) int64. scores: (n,) float32, higher is better. complete: no other passing row has a score.
        looked: (m,) int64, in any order: the rows whose score was computed exactly, these among them.
        scanned: rows whose code was looked at.
        expected_recall: share of these rows expected to be among the true best so many; 1 where all were scored.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    complete: bool
    scored_rows: NDArray[np.int64]
    scanned: int = 0
    expected_recall: float = 1.0

    @classmethod
    def top_k(
        cls,
        rows: NDArray[np.int64],
        scores: NDArray[np.float32],
        k: int,
        *,
        complete: bool,
        scored_rows: NDArray[np.int64] | None = None,
    ) -> Self:
        """The k best of these rows; equal scores in row order, so that an answer does not depend on chance."""
        if len(scores) > 2 * k:  # to order the best is all that is needed
            best = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
            order = best[np.lexsort((rows[best], -scores[best]))[:k]]
        else:
            order = np.lexsort((rows, -scores))[:k]
        return cls(rows[order], scores[order], complete, rows if scored_rows is None else scored_rows)

    @property
    def scored(self) -> int:
        """How many rows were scored exactly."""
        return len(self.scored_rows)

    @classmethod
    def empty(cls) -> Self:
        """No rows, because none was asked for."""
        return cls(_NO_ROWS, np.empty(0, np.float32), complete=True, scored_rows=_NO_ROWS)

    def without(self, rows: Sequence[int]) -> "Ranked":
        """The same order with some rows left out."""
        if not rows:
            return self
        keep = ~np.isin(self.rows, rows)
        return replace(self, rows=self.rows[keep], scores=self.scores[keep])

    def ranks(self) -> dict[int, int]:
        """Each row's rank, from 1."""
        return {row: rank for rank, row in enumerate(self.rows.tolist(), 1)}
