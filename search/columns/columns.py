"""Columns: the dates, categories, authors and sources of every row, and the conditions on them.

The columns of a generation are one directory of numpy arrays, which are memory-mapped.
"""

import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.columns.authors import AuthorNames, AuthorsBuilder
from search.columns.dates import NO_DAY, DateColumn, OverlapsRange
from search.columns.kinds import KindColumn, KindColumnBuilder
from search.columns.name_order import drop_namesakes_in_other_order
from search.columns.postings import Postings, load_array
from search.columns.selection import Fixed, HasAny, HasValue, Selection
from search.errors import InvalidValue
from search.files import save_array
from search.papers import categories
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.condition import AddedBetween, Author, Category, ColumnLeaf, DateField, HasKind
from search.query.query import FieldOrder
from search.rows import Rows

NO_ID = 2**32 - 1
"""The id of the first or last value of a row that has none."""
_ADDED = "added"
"""Name of the file of added times."""
_CITATIONS = "citations"
"""Name of the file of citation counts."""
_MAX_CITATIONS = 2**32 - 2
"""The largest count in the file."""
_MAX_DAY = 1 << 22
"""Above the ordinal of every day, and of the years up to 9999."""
_CACHED_NAMES = 1_024
"""Names whose authors are kept, at 8 bytes per author; more than a query has conditions."""


@dataclass(frozen=True, slots=True)
class RowIds:
    """The ids of one row's categories, authors and kinds.

    Attributes:
        categories: category ids, ascending.
        primary: id of the first category, or NO_ID.
        authors: author ids, ascending.
        first_author: id of the first author, or NO_ID.
        last_author: id of the last author, or NO_ID.
        kinds: kind ids, ascending.
    """

    categories: tuple[int, ...]
    primary: int
    authors: tuple[int, ...]
    first_author: int
    last_author: int
    kinds: tuple[int, ...]


@dataclass(frozen=True)
class Columns:
    """The fields of every row that conditions refer to.

    Attributes:
        published: publication dates.
        updated: update dates.
        added: (rows,) uint32, the times at which papers became part of the index, in seconds since 1970 (UTC); 0 if
            that is not known.
        citations: (rows,) uint32, the citation counts, each one more than it is; 0 without a count.
        categories: category codes as the sources write them, and their archives, in order of first appearance. The
            index of a code is its id.
        category_postings: the rows of each category id.
        primary: (rows,) uint32, the id of each row's first category, or NO_ID.
        authors: the names of all authors.
        author_postings: the rows of each author id.
        first_author: (rows,) uint32, the id of each row's first author, or NO_ID.
        last_author: (rows,) uint32, the id of each row's last author, or NO_ID.
        sources: names of the sources that papers came from, ``format:file name``. The index of a name is its id.
        source_postings: the rows of each source id.
        kinds: the rows of each kind.
    """

    published: DateColumn
    updated: DateColumn
    added: NDArray[np.uint32]
    citations: NDArray[np.uint32]
    categories: tuple[str, ...]
    category_postings: Postings
    primary: NDArray[np.uint32]
    authors: AuthorNames
    author_postings: Postings
    first_author: NDArray[np.uint32]
    last_author: NDArray[np.uint32]
    sources: tuple[str, ...]
    source_postings: Postings
    kinds: KindColumn

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens a directory that ``ColumnsBuilder.save`` wrote."""
        published = DateColumn.open(directory, "published")
        rows = len(published)
        return cls(
            published,
            DateColumn.open(directory, "updated"),
            load_added_times(directory, rows),
            _load_optional(directory, _CITATIONS, rows),
            _load_names(directory, "categories"),
            Postings.open(directory, "categories", rows),
            load_array(directory, "primary"),
            AuthorNames.open(directory),
            Postings.open(directory, "authors", rows),
            load_array(directory, "first-author"),
            load_array(directory, "last-author"),
            _load_names(directory, "sources"),
            Postings.open(directory, "sources", rows),
            KindColumn.open(directory, rows),
        )

    @classmethod
    def empty(cls) -> Self:
        """Returns columns without rows."""
        no_ids, no_days = np.empty(0, np.uint32), DateColumn.from_days(np.empty((2, 0), np.int32))
        no_postings = Postings.empty()
        return cls(
            published=no_days,
            updated=no_days,
            added=no_ids,
            citations=no_ids,
            categories=(),
            category_postings=no_postings,
            primary=no_ids,
            authors=AuthorNames.empty(),
            author_postings=no_postings,
            first_author=no_ids,
            last_author=no_ids,
            sources=(),
            source_postings=no_postings,
            kinds=KindColumn.empty(),
        )

    def __len__(self) -> int:
        return len(self.published)

    def selection(self, leaf: ColumnLeaf) -> Selection:
        """Returns the rows that meet a condition, including replaced rows.

        Args:
            leaf: the condition.

        Raises:
            InvalidValue: the category exists neither in arXiv's taxonomy nor in this index; an author has a paper; see
                also ``KindColumn.id_of``.
        """
        budget.check()
        if isinstance(leaf, Author):
            if leaf.paper:  # nobody's papers are to be selected for those of a namesake
                raise InvalidValue("author", f"{leaf.name} @ {leaf.paper}", "only a search tells people apart; omit @")
            values = self.author_ids(leaf)
            in_any_position = HasAny(self.author_postings, values)
            if leaf.position == "any":
                return in_any_position
            column = self.first_author if leaf.position == "first" else self.last_author
            return HasValue(column, values, in_any_position)
        if isinstance(leaf, Category):
            in_any_position = HasAny(self.category_postings, self.category_ids(leaf.code))
            if not leaf.primary:
                return in_any_position
            return HasValue(self.primary, self.primary_ids(leaf.code), in_any_position)
        if isinstance(leaf, HasKind):
            return HasAny(self.kinds.postings, [self.kinds.id_of(leaf.kind)])
        if isinstance(leaf, AddedBetween):
            return Fixed(self.added_rows(leaf))
        return OverlapsRange(self.date_column(leaf.field), leaf.start, leaf.end)

    def added_rows(self, leaf: AddedBetween) -> Rows:
        """Returns the rows whose papers were added in a period, including replaced rows."""
        start, end = leaf.seconds
        # numpy compares integers beyond uint32 exactly
        return Rows.from_mask((self.added >= max(start, 1)) & (self.added <= end))

    def author_ids(self, leaf: Author) -> NDArray[np.int64]:
        """Returns the ids, ascending, of the authors that a condition matches."""
        budget.check()
        return self._match_author(leaf.name, leaf.exact)

    @cached_property
    def _match_author(self) -> Callable[[str, bool], NDArray[np.int64]]:
        """Matches a name. One query needs the authors of a condition several times: to select, to rank and to count."""

        def match(name: str, exact: bool) -> NDArray[np.int64]:
            found = self.authors.match(name, exact=exact)
            found = drop_namesakes_in_other_order(self.authors, self.author_postings, name, found)
            found.flags.writeable = False
            return found

        return lru_cache(_CACHED_NAMES)(match)

    def date_column(self, field: DateField) -> DateColumn:
        """Returns the column of publication or update dates."""
        return self.published if field == "published" else self.updated

    def sort_rows(self, ids: NDArray[np.int64], k: int, order: FieldOrder = "newest") -> NDArray[np.int64]:
        """Sorts rows by a field. Rows without it come last.

        Args:
            ids: (n,) int64, distinct rows.
            k: maximum number of rows to return.
            order: ``newest`` or ``oldest`` first by date of publication; ``added``: the last added first;
                ``citations``: the most cited first.

        Returns:
            The first k rows. Ties: newest first, then later import first, or earlier import first (oldest).
        """
        keys = self._sort_keys(ids, order)
        if len(ids) > k:  # sort only the rows up to the k-th key
            ids = ids[keys <= np.partition(keys, k - 1)[k - 1]]
            keys = self._sort_keys(ids, order)
        return ids[np.lexsort((ids if order == "oldest" else -ids, keys))][:k]

    def _sort_keys(self, ids: NDArray[np.int64], order: FieldOrder) -> NDArray[np.int64]:
        first = self.published.days(ids)[0].astype(np.int64)
        keys = np.where(first == NO_DAY[0], _MAX_DAY, first if order == "oldest" else -first)
        if order not in ("added", "citations"):
            return keys
        column = self.added if order == "added" else self.citations
        return keys - column[ids].astype(np.int64) * (2 * _MAX_DAY)

    def category_ids(self, text: str) -> list[int]:
        """Returns the ids, ascending, of the category or archive with a code or name.

        Raises:
            InvalidValue: it exists neither in arXiv's taxonomy nor in this index.
        """
        codes = categories.resolve_codes(text, self.categories)
        return sorted({number for code in codes for number in self.ids_for_code(code)})

    def ids_for_code(self, code: str) -> list[int]:
        """Returns the ids, ascending, of all spellings of a code; spellings differ in case."""
        return self._folded_categories.get(code.casefold(), [])

    def primary_ids(self, text: str) -> list[int]:
        """Returns the ids that a primary category can have: those of the category, or of the archive's categories.

        Raises:
            InvalidValue: see ``category_ids``.
        """
        codes = [code.casefold() for code in categories.resolve_codes(text, self.categories)]
        return [
            number
            for number, name in enumerate(self.categories)
            if any(name.casefold() == code or name.casefold().startswith(f"{code}.") for code in codes)
        ]

    def is_archive(self, category: int) -> bool:
        """Whether a category id is that of an archive with categories, such as ``cs``."""
        return category in self._archives

    @cached_property
    def _archives(self) -> frozenset[int]:
        names = {archive for name in self.categories for archive in _archive(name)}
        return frozenset(number for number, name in enumerate(self.categories) if name in names)

    @cached_property
    def _folded_categories(self) -> dict[str, list[int]]:
        folded: dict[str, list[int]] = {}
        for number, name in enumerate(self.categories):
            folded.setdefault(name.casefold(), []).append(number)
        return folded


class ColumnsBuilder:
    """Extends the columns of the previous generation with new rows.

    Args:
        previous: the columns of the previous generation, if any.
    """

    def __init__(self, previous: Columns | None = None) -> None:
        self._previous = previous or Columns.empty()
        # First and last day, alternating. Arrays, since millions of tuples would slow down garbage collection.
        self._published, self._updated = array("q"), array("q")
        self._categories = {name: number for number, name in enumerate(self._previous.categories)}
        self._sources = {name: number for number, name in enumerate(self._previous.sources)}
        self._authors = AuthorsBuilder(self._previous.authors)
        # Value id and row, alternating.
        self._category_pairs, self._author_pairs, self._source_pairs = array("q"), array("q"), array("q")
        self._citations = array("I")
        self._primary, self._first_author, self._last_author = array("I"), array("I"), array("I")
        self._kinds = KindColumnBuilder(self._previous.kinds)
        self._rows = len(self._previous)

    def add(self, paper: Paper) -> RowIds:
        """Appends a paper as the next row and returns the ids of its categories, authors and kinds."""
        ids = self.ids_of(paper)
        for days, when in ((self._published, paper.published), (self._updated, paper.updated)):
            days.extend(day_range(when))
        sources = sorted({self._sources.setdefault(name, len(self._sources)) for name in paper.sources})
        for pairs, values in (
            (self._category_pairs, ids.categories),
            (self._author_pairs, ids.authors),
            (self._source_pairs, sources),
        ):
            for value in values:
                pairs.extend((value, self._rows))
        self._citations.append(0 if paper.citations is None else min(paper.citations, _MAX_CITATIONS) + 1)
        self._kinds.add(ids.kinds, self._rows)
        self._primary.append(ids.primary)
        self._first_author.append(ids.first_author)
        self._last_author.append(ids.last_author)
        self._rows += 1
        return ids

    def ids_of(self, paper: Paper) -> RowIds:
        """Returns the ids of a paper's categories, authors and kinds; names that are new get new ids."""
        codes, primary = self._category_ids(paper)
        authors, first, last = self._author_ids(paper)
        return RowIds(codes, primary, authors, first, last, self._kinds.ids_of(paper))

    def __len__(self) -> int:
        return self._rows

    def save(self, directory: Path, added: NDArray[np.uint32] | None = None) -> None:
        """Writes the columns of all rows, previous and new, into a new directory.

        Args:
            directory: the directory.
            added: the times of all rows (``Columns.added``); by default those of the new rows are unknown.
        """
        directory.mkdir()
        before = self._previous
        for name, date_column, new_days in (
            ("published", before.published, self._published),
            ("updated", before.updated, self._updated),
        ):
            days = np.frombuffer(new_days, np.int64).astype(np.int32).reshape(-1, 2).T
            DateColumn.from_days(np.concatenate((date_column.days(), days), axis=1)).save(directory, name)
        if added is None:
            added = np.concatenate((before.added, np.zeros(self._rows - len(before), np.uint32)))
        save_array(directory / f"{_ADDED}.npy", added)
        for name, column, new in (
            (_CITATIONS, before.citations, self._citations),
            ("primary", before.primary, self._primary),
            ("first-author", before.first_author, self._first_author),
            ("last-author", before.last_author, self._last_author),
        ):
            save_array(directory / f"{name}.npy", np.concatenate((column, np.frombuffer(new, np.uint32))))
        authors = self._authors.build()
        authors.save(directory)
        for name, values in (("categories", self._categories), ("sources", self._sources)):
            (directory / f"{name}.json").write_text(json.dumps(list(values), ensure_ascii=False), "utf-8")
        for name, postings, pairs, size in (
            ("categories", before.category_postings, self._category_pairs, len(self._categories)),
            ("sources", before.source_postings, self._source_pairs, len(self._sources)),
            ("authors", before.author_postings, self._author_pairs, len(authors)),
        ):
            self._extend_postings(postings, pairs, size).save(directory, name)
        self._kinds.save(directory, self._rows)

    def _category_ids(self, paper: Paper) -> tuple[tuple[int, ...], int]:
        """Returns the ids of a paper's categories and their archives, ascending, and the id of the first category."""
        codes = dict.fromkeys(code for each in paper.categories for code in (each, *_archive(each)))
        ids = [self._categories.setdefault(code, len(self._categories)) for code in codes]
        return tuple(sorted(ids)), ids[0] if ids else NO_ID

    def _author_ids(self, paper: Paper) -> tuple[tuple[int, ...], int, int]:
        """Returns a paper's author ids, ascending, the first and the last; the last is unknown in a truncated list."""
        ids = [author for name in paper.authors if (author := self._authors.add(name)) is not None]
        last = ids[-1] if ids and not paper.authors_partial else NO_ID
        return tuple(sorted(set(ids))), ids[0] if ids else NO_ID, last

    def _extend_postings(self, before: Postings, added: "array[int]", size: int) -> Postings:
        pairs = np.frombuffer(added, np.int64).reshape(-1, 2)
        return before.with_pairs(pairs[:, 0], pairs[:, 1], size, self._rows)


def day_range(when: Date | None) -> tuple[int, int]:
    """Returns the first and last day that a date covers, as ordinals; NO_DAY for None."""
    return (when.first_day, when.last_day) if when else NO_DAY


def load_added_times(directory: Path, rows: int) -> NDArray[np.uint32]:
    """Opens ``Columns.added`` alone."""
    return _load_optional(directory, _ADDED, rows)


def _load_optional(directory: Path, name: str, rows: int) -> NDArray[np.uint32]:
    """Opens a column; all zeros if an earlier version wrote the columns without it."""
    if not (directory / f"{name}.npy").exists():
        return np.zeros(rows, np.uint32)
    column: NDArray[np.uint32] = load_array(directory, name)
    return column


def _load_names(directory: Path, name: str) -> tuple[str, ...]:
    return tuple(json.loads((directory / f"{name}.json").read_text("utf-8")))


def _archive(code: str) -> tuple[str, ...]:
    """Returns the archive of a category, ``cs`` for cs.CL; empty for hep-th, which is an archive itself."""
    archive, dot, _ = code.partition(".")
    return (archive,) if dot and archive else ()
