"""Columns: dates, categories and authors of every row, and the Filter turned into Rows.

One directory of plain numpy arrays, opened memory-mapped. Categories and authors are inverted files: for each
value the ascending rows that hold it (Zobel and Moffat, "Inverted files for text search engines", 2006).
Author ids are numbered by first appearance and never change while rows are only appended, which is what lets
the lexicon index them.
"""

import difflib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search import names
from search.categories import ARCHIVES, CATEGORIES
from search.errors import InvalidValue
from search.names import Name
from search.paper import Paper
from search.query import Filter
from search.rows import Rows

_NO_DAY = (np.iinfo(np.int32).max, -1)
"""First and last day of a paper without a date: an interval that overlaps none."""


@dataclass(frozen=True, slots=True)
class RowIds:
    """The ids of one row's categories and authors, ascending."""

    categories: tuple[int, ...]
    authors: tuple[int, ...]


@dataclass(frozen=True)
class Postings:
    """An inverted file. Value v is held by ``rows[offsets[v]:offsets[v + 1]]``, ascending uint32."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]

    @classmethod
    def invert(cls, values: NDArray[np.int64], rows: NDArray[np.int64], size: int) -> Self:
        """From pairs (value, row), in row order, of ``size`` different values."""
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=size)
        return cls(np.concatenate(([0], np.cumsum(counts))), rows[order].astype(np.uint32))

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs (value, row) again, by value."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets)), self.rows.astype(np.int64)

    def of(self, value: int) -> NDArray[np.uint32]:
        """The rows, ascending, that hold a value."""
        return self.rows[self.offsets[value] : self.offsets[value + 1]]

    def union(self, values: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows, ascending, that hold any of the values."""
        parts = [self.of(value) for value in values]
        if not parts:
            return np.empty(0, np.int64)
        return (parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))).astype(np.int64)

    @classmethod
    def open(cls, directory: Path, name: str) -> Self:
        """Reads what ``save`` wrote, memory-mapped."""
        return cls(_open(directory, f"{name}-offsets"), _open(directory, f"{name}-rows"))

    def save(self, directory: Path, name: str) -> None:
        """Writes two arrays into the directory."""
        np.save(directory / f"{name}-offsets.npy", self.offsets)
        np.save(directory / f"{name}-rows.npy", self.rows)


@dataclass(frozen=True)
class AuthorNames:
    """The folded names (``Name.key``, UTF-8) of all authors, found by surname with a binary search.

    Attributes:
        blob: all keys one after the other in order of id, uint8. offsets: (ids + 1,) int64 into it.
        order: (ids,) uint32, the ids in byte order of their keys.
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    order: NDArray[np.uint32]

    @classmethod
    def of(cls, keys: Sequence[str]) -> Self:
        """Numbers the keys in the order given."""
        encoded = [key.encode() for key in keys]
        offsets = np.concatenate(([0], np.cumsum([len(key) for key in encoded], dtype=np.int64)))
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets.astype(np.int64), np.array(order, np.uint32))

    def __len__(self) -> int:
        return len(self.order)

    def key(self, author: int) -> str:
        """The folded name of an id."""
        return self._bytes(author).decode()

    def matching(self, query: str) -> list[int]:
        """Ids of the names that a query name can mean, ascending."""
        found: set[int] = set()
        for reading in names.readings(query):
            near = self._starting(f"{reading.surname}|{reading.initial}")
            if reading.given:
                near = [author for author in near if names.fits(reading, Name.from_key(self.key(author)))]
            found.update(near)
        return sorted(found)

    def _starting(self, key: str) -> list[int]:
        """Ids of the keys that start so."""
        prefix = key.encode()
        end = self._bisect(prefix[:-1] + bytes([prefix[-1] + 1]))  # never past 255: no byte of UTF-8 is 255
        return [int(author) for author in self.order[self._bisect(prefix) : end]]

    def _bisect(self, key: bytes) -> int:
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(int(self.order[middle])) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def _bytes(self, author: int) -> bytes:
        return bytes(self.blob[self.offsets[author] : self.offsets[author + 1]])


@dataclass(frozen=True)
class Columns:
    """What a Filter asks of every row.

    Attributes:
        days: (2, rows) int32, first and last day of publication as ordinals.
        categories: codes as the sources write them, in order of first appearance.
    """

    days: NDArray[np.int32]
    categories: tuple[str, ...]
    category_postings: Postings
    authors: AuthorNames
    author_postings: Postings

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens a directory that ``ColumnsBuilder.save`` wrote."""
        return cls(
            _open(directory, "days"),
            tuple(json.loads((directory / "categories.json").read_text("utf-8"))),
            Postings.open(directory, "categories"),
            AuthorNames(_open(directory, "names"), _open(directory, "names-offsets"), _open(directory, "names-order")),
            Postings.open(directory, "authors"),
        )

    def __len__(self) -> int:
        return int(self.days.shape[1])

    def rows(self, wanted: Filter, live: NDArray[np.bool_]) -> Rows:
        """The live rows that pass.

        Args:
            wanted: the filter. live: (rows,) bool, False where a later row took the paper over.

        Raises:
            InvalidValue: a category that neither arXiv nor this index knows.
        """
        few = self._author_rows(wanted)
        holding = self._holding(self.category_ids(wanted.categories)) if wanted.categories else None
        if few is None:
            mask = self._in_days(wanted, slice(None)) & live
            return Rows.of_mask(mask if holding is None else mask & holding)
        passing = self._in_days(wanted, few) & live[few]
        return Rows.of_ids(few[passing if holding is None else passing & holding[few]], len(self))

    def newest(self, rows: Rows, k: int) -> NDArray[np.int64]:
        """The k rows published last, newest first; undated ones come last, the later import first."""
        ids, first = rows.ids, self.days[0][rows.ids].astype(np.int64)
        first[first == _NO_DAY[0]] = -1
        if len(ids) > k:  # all rows at least as new as the k-th, then a sort of those few
            ids = ids[first >= np.partition(first, len(first) - k)[len(first) - k]]
            first = self.days[0][ids].astype(np.int64)
            first[first == _NO_DAY[0]] = -1
        return ids[np.lexsort((-ids, -first))][:k]

    def category_ids(self, wanted: Sequence[str]) -> list[int]:
        """Ids of the categories that are one of these or lie in one of these archives, in any case.

        Raises:
            InvalidValue: one that neither arXiv nor this index knows.
        """
        return sorted({category for code in wanted for category in self._category(code)})

    def _holding(self, categories: Sequence[int]) -> NDArray[np.bool_]:
        """(rows,) bool: which hold one of the categories."""
        mask = np.zeros(len(self), bool)
        for category in categories:
            mask[self.category_postings.of(category)] = True
        return mask

    def _category(self, code: str) -> list[int]:
        folded = code.strip().casefold()
        found = [
            number
            for number, name in enumerate(self._folded_categories)
            if name == folded or name.startswith(folded + ".")
        ]
        if not found and folded not in _ARXIV_CODES:
            known = {*_ARXIV_CODES, *self._folded_categories}
            close = difflib.get_close_matches(folded, sorted(known), n=1, cutoff=0.5)
            spelled = {name.casefold(): name for name in (*ARCHIVES, *CATEGORIES, *self.categories)}
            hint = f"did you mean {spelled[close[0]]}?" if close else "try cs, cs.CL, hep-th or stat.ML"
            raise InvalidValue("category", code, f"neither arXiv nor this index has such a category; {hint}")
        return found

    @cached_property
    def _folded_categories(self) -> tuple[str, ...]:
        return tuple(name.casefold() for name in self.categories)

    def _author_rows(self, wanted: Filter) -> NDArray[np.int64] | None:
        held: NDArray[np.int64] | None = None
        for author in wanted.authors:
            rows = self.author_postings.union(self.authors.matching(author))
            held = rows if held is None else np.intersect1d(held, rows, assume_unique=True)
        return held

    def _in_days(self, wanted: Filter, rows: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        first, last = self.days[0][rows], self.days[1][rows]
        passing = np.ones(len(first), bool)
        if wanted.published_from:
            passing &= last >= wanted.published_from.first_day
        if wanted.published_to:
            passing &= first <= wanted.published_to.last_day
        return passing


class ColumnsBuilder:
    """Columns in the making: those of the last generation, if any, and the rows that came since."""

    def __init__(self, before: Columns | None = None) -> None:
        self._days = array("q")  # first and last day by turns; arrays, since millions of tuples slow collection down
        self._categories: dict[str, int] = {}
        self._authors: dict[str, int] = {}
        self._author_of: dict[str, int] = {}  # by the name as written: parsing a name costs more than finding it
        self._category_pairs, self._author_pairs = array("q"), array("q")  # value and row by turns
        self._before = before
        if before:
            self._categories = {name: number for number, name in enumerate(before.categories)}
            self._authors = {before.authors.key(author): author for author in range(len(before.authors))}
        self._rows = len(before) if before else 0

    def add(self, paper: Paper) -> RowIds:
        """Appends the next row."""
        published = paper.published
        self._days.extend((published.first_day, published.last_day) if published else _NO_DAY)
        categories = sorted({self._categories.setdefault(code, len(self._categories)) for code in paper.categories})
        authors = sorted({author for name in paper.authors if (author := self._author(name)) is not None})
        for category in categories:
            self._category_pairs.extend((category, self._rows))
        for author in authors:
            self._author_pairs.extend((author, self._rows))
        self._rows += 1
        return RowIds(tuple(categories), tuple(authors))

    def save(self, directory: Path) -> None:
        """Writes the whole columns into a new directory."""
        directory.mkdir()
        days = np.frombuffer(self._days, np.int64).astype(np.int32).reshape(-1, 2).T
        before = self._before
        np.save(directory / "days.npy", np.concatenate((before.days, days), axis=1) if before else days)
        (directory / "categories.json").write_text(json.dumps(list(self._categories), ensure_ascii=False), "utf-8")
        self._postings(self._category_pairs, before.category_postings if before else None, len(self._categories)).save(
            directory, "categories"
        )
        names_ = AuthorNames.of(list(self._authors))
        np.save(directory / "names.npy", names_.blob)
        np.save(directory / "names-offsets.npy", names_.offsets)
        np.save(directory / "names-order.npy", names_.order)
        self._postings(self._author_pairs, before.author_postings if before else None, len(self._authors)).save(
            directory, "authors"
        )

    def _author(self, written: str) -> int | None:
        if written not in self._author_of:
            name = names.parse(written)
            if not name.surname:
                return None
            self._author_of[written] = self._authors.setdefault(name.key, len(self._authors))
        return self._author_of[written]

    @staticmethod
    def _postings(added: "array[int]", before: Postings | None, size: int) -> Postings:
        pairs = np.frombuffer(added, np.int64).reshape(-1, 2)
        values, rows = pairs[:, 0], pairs[:, 1]
        if before:
            old_values, old_rows = before.pairs()
            values, rows = np.concatenate((old_values, values)), np.concatenate((old_rows, rows))
        return Postings.invert(values, rows, size)


def _open(directory: Path, name: str) -> NDArray[Any]:  # a file of no elements cannot be mapped
    path = directory / f"{name}.npy"
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    return array if array.size < 1024 else np.load(path, mmap_mode="r", allow_pickle=False)


_ARXIV_CODES = frozenset(code.casefold() for code in (*ARCHIVES, *CATEGORIES))
