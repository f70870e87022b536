"""The part of a backend that answers questions about fields: dates, categories, authors, kinds and sources.

``search.columns`` conforms to these protocols. Every value of a field has a number within its field, its id.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.papers.kinds import Kind
from search.query.condition import Author, DateField
from search.query.sort import FieldOrder
from search.rows import PaperSet


class Fields(Protocol):
    """The fields of every paper."""

    def __len__(self) -> int:
        """Returns the number of papers that the counts of values are of; at least that of ``Backend.live``."""

    @property
    def published(self) -> "Dates":
        """Publication dates."""

    @property
    def categories(self) -> "Categories":
        """The categories."""

    @property
    def authors(self) -> "Authors":
        """The names of all authors."""

    @property
    def author_postings(self) -> "FieldValues":
        """The papers of each author id."""

    @property
    def sources(self) -> Sequence[str]:
        """Names of the sources that papers came from; the index of a name is its id."""

    @property
    def source_postings(self) -> "FieldValues":
        """The papers of each source id."""

    @property
    def kinds(self) -> "Kinds":
        """The kinds."""

    @property
    def has_citations(self) -> bool:
        """Whether some paper has a citation count."""

    def author_ids(self, leaf: Author) -> NDArray[np.int64]:
        """Returns the ids, ascending, of the authors that a condition matches."""

    def date_column(self, field: DateField) -> "Dates":
        """Returns the publication or update dates."""

    def sort(self, papers: PaperSet, k: int, order: FieldOrder) -> NDArray[np.int64]:
        """Returns the first k papers of a set in order of a field.

        Args:
            papers: the set.
            k: maximum number of papers.
            order: ``newest`` or ``oldest`` first by date of publication; ``added``: the last added first;
                ``citations``: the most cited first. Papers without the field come last.

        Returns:
            Their rows. Ties: newest first, then later import first, or earlier import first (oldest).
        """


class FieldValues(Protocol):
    """The values of one field."""

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows, ascending, that have at least one of the values; some may not be in ``Backend.live``."""

    def ids_in(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows, ascending, of the papers of a set that have at least one of the values."""

    def sample(self, value: int, count: int) -> NDArray[np.int64]:
        """Returns at most ``count`` of the rows that have a value, evenly spread."""

    def counts_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the number of rows that have each of (n,) values, in ``Backend.live`` or not, (n,) int64."""

    def pairs_of_values(self, values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the rows that have each of (n,) values.

        Returns:
            The position in ``values`` and the row of each (value, row) pair, both (pairs,) int64, in order of position
            and row.
        """

    def pairs_of_rows(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the values of (n,) rows.

        Returns:
            The position in ``ids`` and the value of each (row, value) pair, both (pairs,) int64, in order of position
            and value.
        """

    def count_by_value(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the number of papers of a set that have each of (n,) values, (n,) int64."""

    def most_frequent(self, papers: PaperSet, limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Finds the values that most papers of a set have.

        Args:
            papers: the set.
            limit: number of values, at least 1.

        Returns:
            Distinct values in any order, and the number of papers of each, both (n,) int64: the ``limit`` most frequent
            values that occur, all values that are as frequent as the last of them, and possibly others.
        """


class Dates(Protocol):
    """One date per paper: an interval of days (``date.toordinal``), NO_DAY (``search.papers.date``) without a date."""

    @property
    def intervals(self) -> NDArray[np.int32]:
        """(2, n) int32, the distinct pairs of first and last day, ascending."""

    def days(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Returns the first and last day of some papers, (2, n) int32."""

    def count_intervals(self, papers: PaperSet) -> NDArray[np.int64]:
        """Returns how many papers of a set have each of ``intervals``, (n,) int64."""

    def count_by_year(self, papers: PaperSet) -> dict[int, int]:
        """Counts papers by the year of their first day, latest year first."""

    def range_of(self, papers: PaperSet) -> tuple[int, int] | None:
        """Returns the earliest and the latest first day of the papers of a set; None if none of them has a date."""


class Categories(Protocol):
    """The categories of every paper. The index of a code is its id."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Category codes as the sources write them, and their archives."""

    @property
    def postings(self) -> FieldValues:
        """The papers of each category id."""

    def primary_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the id of the first category of some papers, (n,) int64; one beyond all ids for a paper without."""

    def is_archive(self, category: int) -> bool:
        """Whether a category id is that of an archive with categories, such as ``cs``."""


class Authors(Protocol):
    """The names of the authors."""

    def key(self, author: int) -> str:
        """Returns an author's canonical key (``search.papers.names``)."""

    def display_name(self, author: int) -> str:
        """Returns an author's name as its first source writes it."""

    def display_names(self, authors: NDArray[np.int64]) -> list[str]:
        """Returns the display names of several authors, in the given order."""

    def expected_namesakes(self, author: int) -> float:
        """Returns how many authors would have an author's name if surname and first given name were independent."""

    def match_fuzzy(self, query: str) -> NDArray[np.int64]:
        """Returns the ids, ascending, of the authors that match a name except for one edit."""


class Kinds(Protocol):
    """The kinds of every paper. The index of a name is its id."""

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that the index knows; none if an earlier version wrote it."""

    @property
    def postings(self) -> FieldValues:
        """The papers of each kind id."""

    @property
    def is_complete(self) -> bool:
        """Whether the index knows every kind of this version."""

    def of_rows(self, rows: NDArray[np.int64]) -> list[tuple[Kind, ...] | None]:
        """Returns the kinds of some papers, each in the order of ``KINDS``; None where the index is not complete."""
