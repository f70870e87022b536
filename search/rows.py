"""Row sets and rankings: the types that columns, vectors and the paper store exchange.

A row number identifies a paper within one generation of an index (``search.index.backend``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from search.lazy import lazy_property


class PaperSet(Protocol):
    """A set of papers of one backend, such as those that match a filter.

    A backend that is a service may compute each answer when it is asked for. It receives its own sets only.
    """

    def __len__(self) -> int:
        """Returns the exact number of papers."""

    def __contains__(self, row: int) -> bool:
        """Returns whether a paper is in the set."""

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(len(ids),) bool: whether each of the given papers is in the set."""

    def without(self, row: int) -> "PaperSet":
        """Returns the set without one paper, which may be in it or not."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """(len(self),) int64: the rows of all its papers, ascending. Use it for sets of limited size only."""


@dataclass(frozen=True, slots=False, eq=False)
class Rows:
    """A set of rows out of ``0 .. universe - 1``, stored as sorted row numbers or as a bitmap.

    It is the ``PaperSet`` of a local index.

    Attributes:
        universe: number of rows in the index, in the set or not.
    """

    universe: int
    _ids: NDArray[np.int64] | None = None
    _bitmap: NDArray[np.uint8] | None = None

    @classmethod
    def from_ids(cls, ids: NDArray[np.int64], universe: int) -> Self:
        """Creates a set from row numbers.

        Args:
            ids: (n,) int64, strictly ascending row numbers.
            universe: number of rows in the index.

        Raises:
            ValueError: the row numbers do not strictly ascend or are outside the universe.
        """
        if len(ids) and (ids[0] < 0 or ids[-1] >= universe or not (ids[1:] > ids[:-1]).all()):
            raise ValueError(f"row numbers must strictly ascend within 0 to {universe - 1}")
        return cls(universe, _ids=ids)

    @classmethod
    def from_bitmap(cls, bitmap: NDArray[np.uint8], universe: int) -> Self:
        """Creates a set from a bitmap.

        Args:
            bitmap: uint8 in the format of ``mask_to_bitmap``.
            universe: number of rows in the index.
        """
        return cls(universe, _bitmap=bitmap)

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> Self:
        """Creates a set from a mask, (universe,) bool."""
        return cls(len(mask), _bitmap=mask_to_bitmap(mask))

    @lazy_property
    def ids(self) -> NDArray[np.int64]:
        """(len(self),) int64: the rows of the set, ascending."""
        return np.flatnonzero(self.mask) if self._ids is None else self._ids

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(universe,) bool: whether each row is in the set."""
        if self._ids is not None:
            mask = np.zeros(self.universe, bool)
            mask[self._ids] = True
            return mask
        return np.unpackbits(self.bitmap, count=self.universe, bitorder="little").view(np.bool_)

    @lazy_property
    def bitmap(self) -> NDArray[np.uint8]:
        """One bit per row in the format of ``mask_to_bitmap``, which faiss' IDSelectorBitmap reads."""
        if self._bitmap is not None:
            return self._bitmap
        return mask_to_bitmap(self.mask)

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(len(ids),) bool: whether each of the given rows is in the set."""
        if len(self) == self.universe:
            return np.ones(len(ids), bool)
        return np.asarray(self.bitmap[ids >> 3] >> (ids & 7).astype(np.uint8) & 1, np.uint8).view(np.bool_)

    @lazy_property
    def _count(self) -> int:
        if self._ids is not None:
            return len(self._ids)
        return int(np.bitwise_count(self.bitmap.view(np.uint64)).sum())

    def __len__(self) -> int:
        return self._count

    def without(self, row: int) -> "Rows":
        """Returns a copy of the set without one row."""
        if self._ids is not None:
            return Rows(self.universe, _ids=self._ids[self._ids != row])
        bitmap = self.bitmap.copy()
        bitmap[row >> 3] &= ~np.uint8(1 << (row & 7))
        return Rows.from_bitmap(bitmap, self.universe)

    def __contains__(self, row: int) -> bool:
        return bool(self.bitmap[row >> 3] >> (row & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())


def as_rows(papers: PaperSet) -> Rows:
    """Returns a set of papers of a local index as rows, which it is.

    Raises:
        TypeError: it is a set of another backend.
    """
    if not isinstance(papers, Rows):
        raise TypeError(f"{type(papers).__name__} is no set of a local index; pass one that this index has returned")
    return papers


def mask_to_bitmap(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Packs one bit per bool, least significant first, padded with zeros to whole 64-bit words."""
    bits = np.packbits(mask, bitorder="little")
    padded = np.zeros(bitmap_nbytes(len(mask)), np.uint8)
    padded[: len(bits)] = bits
    return padded


def bitmap_nbytes(universe: int) -> int:
    """Number of bytes in the bitmap of a universe."""
    return (universe + 63) // 64 * 8


def are_among(rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(len(rows),) bool: whether each of some rows is among others, in half the time of ``numpy.isin``."""
    if not len(others):
        return np.zeros(len(rows), bool)
    ordered = np.sort(others)
    return np.asarray(ordered.take(np.searchsorted(ordered, rows), mode="clip") == rows)


def expand_ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenates the integers of several half-open ranges ``starts[i] .. ends[i] - 1``."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


NO_ROWS: NDArray[np.int64] = np.empty(0, np.int64)
NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The best rows of a search, in descending order of score.

    Attributes:
        rows: (n,) int64 row numbers.
        scores: (n,) float32, higher is better.
        complete: whether every matching row was scored exactly.
        scored_rows: (m,) int64, in any order: all rows whose exact score was computed, including ``rows``.
        scanned: number of rows whose code was scanned.
        expected_recall: expected share of the true n best rows that ``rows`` contains; 1 for an exact search.
        scored_scores: (m,) float32, the scores of ``scored_rows``; empty if they were not kept.
        scored_codes: (m,) float32, the scores of the codes of ``scored_rows``; empty if these are in the order of their
            codes, or if they have none.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    complete: bool
    scored_rows: NDArray[np.int64]
    scanned: int = 0
    expected_recall: float = 1.0
    scored_scores: NDArray[np.float32] = field(default_factory=lambda: NO_SCORES)
    scored_codes: NDArray[np.float32] = field(default_factory=lambda: NO_SCORES)

    @classmethod
    def top_k(
        cls,
        rows: NDArray[np.int64],
        scores: NDArray[np.float32],
        k: int,
        *,
        complete: bool,
    ) -> Self:
        """Selects the k best of some scored rows. Ties are broken by row number, so that results are deterministic.

        Args:
            rows: (n,) int64 row numbers.
            scores: (n,) float32, the score of each row.
            k: number of rows to keep.
            complete: see the attribute.
        """
        if len(scores) > 2 * k:  # sort only the rows at or above the k-th best score
            best = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
            order = best[np.lexsort((rows[best], -scores[best]))[:k]]
        else:
            order = np.lexsort((rows, -scores))[:k]
        return cls(rows[order], scores[order], complete, rows, scored_scores=scores)

    def most_promising_rows(self, limit: int) -> NDArray[np.int64]:
        """Returns those ``limit`` of ``scored_rows`` that have the best codes, in any order."""
        if len(self.scored_rows) <= limit:
            return self.scored_rows
        if not len(self.scored_codes):
            return self.scored_rows[:limit]
        return self.scored_rows[np.argpartition(-self.scored_codes, limit)[:limit]]

    @property
    def scored(self) -> int:
        """Number of rows scored exactly."""
        return len(self.scored_rows)

    @classmethod
    def empty(cls) -> Self:
        """Returns the complete ranking of zero rows."""
        return cls(NO_ROWS, NO_SCORES, complete=True, scored_rows=NO_ROWS)

    def without(self, rows: Sequence[int]) -> "Ranked":
        """Returns the ranking without some rows."""
        if not rows:
            return self
        keep = ~np.isin(self.rows, rows)
        return replace(self, rows=self.rows[keep], scores=self.scores[keep])

    def ranks_of(self, rows: NDArray[np.int64]) -> dict[int, int]:
        """Maps those of some rows that are ranked to their rank, starting at 1."""
        places = np.flatnonzero(are_among(self.rows, rows))
        return dict(zip(self.rows[places].tolist(), (places + 1).tolist(), strict=True))
