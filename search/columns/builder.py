"""ColumnsBuilder: writes the columns of a new generation."""

import json
from array import array
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.columns.authors import AuthorsBuilder
from search.columns.categories import CategoryColumnBuilder
from search.columns.columns import ADDED, CITATIONS, Columns
from search.columns.dates import DateColumn
from search.columns.kinds import KindColumnBuilder
from search.columns.postings import NO_ID, NewPostings
from search.files import save_array
from search.papers.date import NO_DAY, Date
from search.papers.paper import Paper

_MAX_CITATIONS = 2**32 - 2
"""The largest count in the file."""


class ColumnsBuilder:
    """Extends the columns of the previous generation with new rows.

    Args:
        previous: the columns of the previous generation, if any.
    """

    def __init__(self, previous: Columns | None = None) -> None:
        self._previous = previous or Columns.empty()
        # First and last day, alternating. Arrays, since millions of tuples would slow down garbage collection.
        self._published, self._updated = array("q"), array("q")
        self._sources = {name: number for number, name in enumerate(self._previous.sources)}
        self._authors = AuthorsBuilder(self._previous.authors)
        self._author_postings, self._source_postings = NewPostings(), NewPostings()
        self._citations, self._first_author, self._last_author = array("I"), array("I"), array("I")
        self._categories = CategoryColumnBuilder(self._previous.categories)
        self._kinds = KindColumnBuilder(self._previous.kinds)
        self._rows = len(self._previous)

    def add(self, paper: Paper) -> None:
        """Appends a paper as the next row."""
        categories, primary = self._categories.ids_of(paper)
        authors, first_author, last_author = self._author_ids(paper)
        for days, when in ((self._published, paper.published), (self._updated, paper.updated)):
            days.extend(day_range(when))
        sources = sorted({self._sources.setdefault(name, len(self._sources)) for name in paper.sources})
        self._author_postings.add(authors)
        self._source_postings.add(sources)
        self._citations.append(0 if paper.citations is None else min(paper.citations, _MAX_CITATIONS) + 1)
        self._categories.add(categories, primary)
        self._kinds.add(self._kinds.ids_of(paper))
        self._first_author.append(first_author)
        self._last_author.append(last_author)
        self._rows += 1

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
        save_array(directory / f"{ADDED}.npy", added)
        for name, column, new in (
            (CITATIONS, before.citations, self._citations),
            ("first-author", before.first_author, self._first_author),
            ("last-author", before.last_author, self._last_author),
        ):
            save_array(directory / f"{name}.npy", np.concatenate((column, np.frombuffer(new, np.uint32))))
        authors = self._authors.build()
        authors.save(directory)
        (directory / "sources.json").write_text(json.dumps(list(self._sources), ensure_ascii=False), "utf-8")
        for name, postings, new_postings, size in (
            ("sources", before.source_postings, self._source_postings, len(self._sources)),
            ("authors", before.author_postings, self._author_postings, len(authors)),
        ):
            new_postings.append_to(postings, size).save(directory, name)
        self._categories.save(directory)
        self._kinds.save(directory)

    def _author_ids(self, paper: Paper) -> tuple[tuple[int, ...], int, int]:
        """Returns a paper's author ids, ascending, the first and the last; the last is unknown in a truncated list."""
        ids = [author for name in paper.authors if (author := self._authors.add(name)) is not None]
        last = ids[-1] if ids and not paper.authors_partial else NO_ID
        return tuple(sorted(set(ids))), ids[0] if ids else NO_ID, last


@lru_cache(65_536)
def day_range(when: Date | None) -> tuple[int, int]:
    """Returns the first and last day that a date covers, as ordinals; NO_DAY for None."""
    return (when.first_day, when.last_day) if when else NO_DAY
