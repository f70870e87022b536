"""Columns: the dates, categories, authors, kinds and sources of every row, and the order of rows by a field.

The columns of a generation are one directory of numpy arrays, which are memory-mapped.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.columns.authors import AuthorNames
from search.columns.categories import CategoryColumn
from search.columns.dates import DateColumn
from search.columns.kinds import KindColumn
from search.columns.name_order import drop_namesakes_in_other_order
from search.columns.other_given_names import drop_other_given_names
from search.columns.postings import Postings, load_array
from search.papers.date import NO_DAY
from search.query.condition import Author, DateField
from search.query.sort import FieldOrder
from search.rows import PaperSet, as_rows
from search.weak_methods import weak_method

ADDED = "added"
"""Name of the file of added times."""
CITATIONS = "citations"
"""Name of the file of citation counts."""
_MAX_DAY = 1 << 22
"""Above the ordinal of every day, and of the years up to 9999."""
_CACHED_NAMES = 1_024
"""Names whose authors are kept, at 8 bytes per author; more than a query has conditions."""


@dataclass(frozen=True)
class Columns:
    """The fields of every row that conditions refer to.

    Attributes:
        published: publication dates.
        updated: update dates.
        added: (rows,) uint32, the times at which papers became part of the index, in seconds since 1970 (UTC); 0 if
            that is not known.
        citations: (rows,) uint32, the citation counts, each one more than it is; 0 without a count.
        categories: the categories.
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
    categories: CategoryColumn
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
            _load_optional(directory, CITATIONS, rows),
            CategoryColumn.open(directory, rows),
            AuthorNames.open(directory),
            Postings.open(directory, "authors", rows),
            load_array(directory, "first-author"),
            load_array(directory, "last-author"),
            tuple(json.loads((directory / "sources.json").read_text("utf-8"))),
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
            categories=CategoryColumn.empty(),
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

    def author_ids(self, leaf: Author) -> NDArray[np.int64]:
        """Returns the ids, ascending, of the authors that a condition matches."""
        budget.check()
        return self._match_author(leaf.name, leaf.exact)

    @cached_property
    def _match_author(self) -> Callable[[str, bool], NDArray[np.int64]]:
        """Matches a name. One query needs the authors of a condition several times: to select, to rank and to count."""
        return lru_cache(_CACHED_NAMES)(weak_method(self._find_author))

    def _find_author(self, name: str, exact: bool) -> NDArray[np.int64]:
        found = self.authors.match(name, exact=exact)
        found = drop_namesakes_in_other_order(self.authors, self.author_postings, name, found)
        found = found if exact else drop_other_given_names(self.authors, name, found)
        found.flags.writeable = False
        return found

    def date_column(self, field: DateField) -> DateColumn:
        """Returns the column of publication or update dates."""
        return self.published if field == "published" else self.updated

    @property
    def has_citations(self) -> bool:
        """Whether some row has a citation count."""
        return bool(self.citations.any())

    def sort(self, papers: PaperSet, k: int, order: FieldOrder = "newest") -> NDArray[np.int64]:
        """Returns the first k rows of a set in order of a field; see ``sort_rows``."""
        return self.sort_rows(as_rows(papers).ids, k, order)

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


def load_added_times(directory: Path, rows: int) -> NDArray[np.uint32]:
    """Opens ``Columns.added`` alone."""
    return _load_optional(directory, ADDED, rows)


def _load_optional(directory: Path, name: str, rows: int) -> NDArray[np.uint32]:
    """Opens a column; all zeros if an earlier version wrote the columns without it."""
    if not (directory / f"{name}.npy").exists():
        return np.zeros(rows, np.uint32)
    column: NDArray[np.uint32] = load_array(directory, name)
    return column
