"""Columns: dates, categories and authors of every row, and the Filter turned into Rows.

One directory of plain numpy arrays, opened memory-mapped. Every condition of a filter counts its rows before it
touches them. Where one is held by few rows, those are listed and tested against the others; else the conditions
are bitmaps, and the rows that pass are their intersection.
"""

import difflib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from search import names
from search.authors import AuthorNames
from search.categories import ARCHIVES, CATEGORIES
from search.days import NO_DAY, Days, Published
from search.errors import InvalidValue
from search.paper import Paper
from search.postings import FEW, Postings
from search.query import Filter
from search.rows import Rows


@dataclass(frozen=True, slots=True)
class RowIds:
    """The ids of one row's categories and authors, ascending."""

    categories: tuple[int, ...]
    authors: tuple[int, ...]


class _Condition(Protocol):
    """One part of a filter."""

    most: int
    """At most so many rows meet it."""

    def ids(self) -> NDArray[np.int64]: ...

    def bitmap(self) -> NDArray[np.uint8]: ...

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]: ...


class _Held:
    """Rows that hold one of some values."""

    def __init__(self, postings: Postings, values: Sequence[int]) -> None:
        self._postings, self._values = postings, np.array(values, np.int64)
        self.most = postings.count(self._values)

    def ids(self) -> NDArray[np.int64]:
        return self._postings.ids(self._values)

    def bitmap(self) -> NDArray[np.uint8]:
        return self._postings.bitmap(self._values)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.most * FEW <= self._postings.universe:
            held = self.ids()
            places = np.searchsorted(held, ids)
            return np.asarray(np.append(held, -1)[places] == ids)
        return Rows.of_bitmap(self.bitmap(), self._postings.universe).holds(ids)


@dataclass(frozen=True)
class Columns:
    """What a Filter asks of every row.

    Attributes:
        categories: codes as the sources write them and the archives they lie in, in order of first appearance.
    """

    days: Days
    categories: tuple[str, ...]
    category_postings: Postings
    authors: AuthorNames
    author_postings: Postings

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens a directory that ``ColumnsBuilder.save`` wrote."""
        days = Days.open(directory)
        rows = len(days)
        return cls(
            days,
            tuple(json.loads((directory / "categories.json").read_text("utf-8"))),
            Postings.open(directory, "categories", rows),
            AuthorNames.open(directory),
            Postings.open(directory, "authors", rows),
        )

    def __len__(self) -> int:
        return len(self.days)

    def rows(self, wanted: Filter, live: Rows) -> Rows:
        """The live rows that pass.

        Raises:
            InvalidValue: a category that neither arXiv nor this index knows.
        """
        conditions = sorted(self._conditions(wanted), key=lambda condition: condition.most)
        if not conditions:
            return live
        if conditions[0].most * FEW > len(self):
            return Rows.of_bitmap(
                reduce(np.bitwise_and, (each.bitmap() for each in conditions), live.bitmap), len(self)
            )
        ids = conditions[0].ids()
        if len(live) < len(self):
            ids = ids[live.holds(ids)]
        for condition in conditions[1:]:
            ids = ids[condition.holds(ids)]
        return Rows(len(self), _ids=ids)

    def _conditions(self, wanted: Filter) -> list[_Condition]:
        found: list[_Condition] = [
            _Held(self.author_postings, self.authors.matching(author)) for author in wanted.authors
        ]
        if wanted.categories:
            found.append(_Held(self.category_postings, self.category_ids(wanted.categories)))
        if wanted.published_from or wanted.published_to:
            found.append(Published(self.days, wanted))
        return found

    def newest(self, rows: Rows, k: int) -> NDArray[np.int64]:
        """The k rows published last, newest first; undated ones come last, the later import first."""
        ids, first = rows.ids, self.days.days(rows.ids)[0].astype(np.int64)
        first[first == NO_DAY[0]] = -1
        if len(ids) > k:  # all rows at least as new as the k-th, then a sort of those few
            ids = ids[first >= np.partition(first, len(first) - k)[len(first) - k]]
            first = self.days.days(ids)[0].astype(np.int64)
            first[first == NO_DAY[0]] = -1
        return ids[np.lexsort((-ids, -first))][:k]

    def published(self, row: int) -> tuple[int, int] | None:
        """First and last day of a row; None where it has no date."""
        first, last = self.days.days(np.array([row]))[:, 0].tolist()
        return None if (first, last) == NO_DAY else (first, last)

    def category_ids(self, wanted: Sequence[str]) -> list[int]:
        """Ids of these categories and archives, in any case.

        Raises:
            InvalidValue: one that neither arXiv nor this index knows.
        """
        return sorted({category for code in wanted for category in self._category(code)})

    def _category(self, code: str) -> list[int]:
        folded = code.strip().casefold()
        found = self._folded_categories.get(folded, [])
        if not found and folded not in _ARXIV_CODES:
            known = {*_ARXIV_CODES, *self._folded_categories}
            close = difflib.get_close_matches(folded, sorted(known), n=1, cutoff=0.5)
            spelled = {name.casefold(): name for name in (*ARCHIVES, *CATEGORIES, *self.categories)}
            hint = f"did you mean {spelled[close[0]]}?" if close else "try cs, cs.CL, hep-th or stat.ML"
            raise InvalidValue("category", code, f"neither arXiv nor this index has such a category; {hint}")
        return found

    @cached_property
    def _folded_categories(self) -> dict[str, list[int]]:
        folded: dict[str, list[int]] = {}
        for number, name in enumerate(self.categories):
            folded.setdefault(name.casefold(), []).append(number)
        return folded


class ColumnsBuilder:
    """Columns in the making: those of the last generation, if any, and the rows that came since."""

    def __init__(self, before: Columns | None = None) -> None:
        self._before = before or Columns(
            Days.of(np.empty((2, 0), np.int32)), (), Postings.empty(), AuthorNames.empty(), Postings.empty()
        )
        self._days = array("q")  # first and last day by turns; arrays, since millions of tuples slow collection down
        self._categories = {name: number for number, name in enumerate(self._before.categories)}
        self._new_authors: dict[str, int] = {}
        self._author_of: dict[str, int] = {}  # by the name as written: parsing a name costs more than finding it
        self._category_pairs, self._author_pairs = array("q"), array("q")  # value and row by turns
        self._rows = len(self._before)

    def add(self, paper: Paper) -> RowIds:
        """Appends the next row."""
        published = paper.published
        self._days.extend((published.first_day, published.last_day) if published else NO_DAY)
        codes = dict.fromkeys(code for each in paper.categories for code in (each, *_archive(each)))
        categories = sorted({self._categories.setdefault(code, len(self._categories)) for code in codes})
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
        Days.of(np.concatenate((self._before.days.days(), days), axis=1)).save(directory)
        (directory / "categories.json").write_text(json.dumps(list(self._categories), ensure_ascii=False), "utf-8")
        self._extended(self._before.category_postings, self._category_pairs, len(self._categories)).save(
            directory, "categories"
        )
        authors = self._before.authors.extended(list(self._new_authors))
        authors.save(directory)
        self._extended(self._before.author_postings, self._author_pairs, len(authors)).save(directory, "authors")

    def _author(self, written: str) -> int | None:
        if written not in self._author_of:
            name = names.parse(written)
            if not name.surname:
                return None
            self._author_of[written] = self._author_id(name.key)
        return self._author_of[written]

    def _author_id(self, key: str) -> int:
        known = self._before.authors.find(key)
        if known is None:
            known = self._new_authors.setdefault(key, len(self._before.authors) + len(self._new_authors))
        return known

    def _extended(self, before: Postings, added: "array[int]", size: int) -> Postings:
        pairs = np.frombuffer(added, np.int64).reshape(-1, 2)
        return before.extended(pairs[:, 0], pairs[:, 1], size, self._rows)


def _archive(code: str) -> tuple[str, ...]:
    """The archive a category lies in, ``cs`` of cs.CL; nothing for hep-th, which is one itself."""
    archive, point, _ = code.partition(".")
    return (archive,) if point and archive else ()


_ARXIV_CODES = frozenset(code.casefold() for code in (*ARCHIVES, *CATEGORIES))
