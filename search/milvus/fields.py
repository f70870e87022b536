"""CollectionFields: dates, categories, authors, kinds and sources of the papers that a session has read.

Counts of values are exact for sets of at most ``table.MAX_WHOLE_SET`` papers; of larger sets, only the papers that
were read count.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.columns.builder import day_range
from search.columns.dates import DateColumn
from search.milvus import keys
from search.milvus.author_conditions import AuthorConditions
from search.milvus.collection import Collection
from search.milvus.entities import FetchedPaper
from search.milvus.sorting import sort_papers
from search.milvus.table import MatchingPapers, PaperTable
from search.papers import names
from search.papers.date import NO_DAY, Date
from search.papers.kind_rules import find_kinds
from search.papers.kinds import KINDS, Kind
from search.papers.paper import Paper
from search.query.condition import Author, DateField
from search.query.sort import FieldOrder
from search.rows import PaperSet, Rows, are_among

_MAX_COUNTED = 500
"""Authors whose papers in a large collection are counted: 10 MB of names have to be read for each segment."""
ValuesOf = Callable[[Paper], Iterable[int]]
"""Returns the ids of the values of a paper."""


class TableValues:
    """The values of one field (``search.index.backend_fields.FieldValues``).

    Args:
        table: the papers that were read.
        values_of: returns the ids of the values of a paper.
    """

    def __init__(self, table: PaperTable, values_of: ValuesOf) -> None:
        self._table, self._values_of = table, values_of
        self._known: dict[int, list[int]] = {}

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        rows, found = self._pairs(self._table.rows())
        return np.unique(rows[are_among(found, values)])

    def ids_in(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``; of a large set, only papers that were read."""
        rows, found = self._pairs(self._table.members(papers))
        return np.unique(rows[are_among(found, values)])

    def counts_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        return self._count(self._table.rows(), values)

    def pairs_of_values(self, values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See ``FieldValues``."""
        rows, found = self._pairs(self._table.rows())
        parts = [rows[found == value] for value in values.tolist()]
        places = np.repeat(np.arange(len(values)), [len(part) for part in parts])
        return places, np.concatenate([np.empty(0, np.int64), *parts])

    def sample(self, value: int, count: int) -> NDArray[np.int64]:
        """See ``FieldValues``; only papers that were read."""
        found = self.ids(np.array([value]))
        return found[np.linspace(0, len(found) - 1, min(len(found), count)).astype(np.int64)]

    def pairs_of_rows(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See ``FieldValues``."""
        found = self._of_rows(ids)
        places = np.repeat(np.arange(len(ids)), [len(values) for values in found])
        return places, np.array([value for values in found for value in values], np.int64)

    def count_by_value(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        return self._count(self._table.members(papers), values)

    def most_frequent(self, papers: PaperSet, limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # noqa: ARG002
        """See ``FieldValues``; returns all values."""
        _, found = self._pairs(self._table.members(papers))
        return np.unique(found, return_counts=True)

    def _count(self, rows: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
        found = np.sort(self._pairs(rows)[1])
        return np.searchsorted(found, values, "right") - np.searchsorted(found, values, "left")

    def _pairs(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the row and the value of each (row, value) pair of some papers."""
        places, values = self.pairs_of_rows(rows)
        return rows[places], values

    def _of_rows(self, rows: NDArray[np.int64]) -> list[list[int]]:
        wanted = rows.tolist()
        missing = [row for row in wanted if row not in self._known]
        for row, fetched in zip(missing, self._table.get(missing), strict=True):
            self._known[row] = sorted(set(self._values_of(fetched.paper)))
        return [self._known[row] for row in wanted]


class CategoryValues(TableValues):
    """The categories of papers, whose papers in the whole collection are counted."""

    def counts_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        return np.array([*self._table.collection.manifest.categories.values()], np.int64)[values]


class AuthorValues(TableValues):
    """The authors of papers, whose papers in the whole collection are found and counted as well.

    Args:
        table: the papers that were read.
        authors: the names of authors.
        conditions: has their numbers of papers.
    """

    def __init__(self, table: PaperTable, authors: "TableAuthors", conditions: AuthorConditions) -> None:
        super().__init__(table, authors.of_paper)
        self._authors, self._conditions = authors, conditions
        self._rows: dict[tuple[str, ...], NDArray[np.int64]] = {}

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``; of more than ``MAX_RESULTS`` rows, as many."""
        found = tuple(map(self._authors.key, values.tolist()))
        if found not in self._rows:
            papers = self._table.collection.values(self._conditions.expression_of(found), ["row"])
            self._rows[found] = np.array(sorted(int(paper["row"]) for paper in papers), np.int64)
        return self._rows[found]

    def ids_in(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        return self.ids(values) if _is_everything(papers) else super().ids_in(papers, values)

    def counts_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``; of many authors of a large collection, only papers that were read."""
        if len(values) > _MAX_COUNTED and not self._table.collection.authors.read_along:
            return super().counts_of(values)
        return np.array(self._conditions.count_papers(list(map(self._authors.key, values.tolist()))), np.int64)

    def count_by_value(self, papers: PaperSet, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``FieldValues``."""
        return self.counts_of(values) if _is_everything(papers) else super().count_by_value(papers, values)


def _is_everything(papers: PaperSet) -> bool:
    return isinstance(papers, MatchingPapers) and not papers.whole_expression


class TableDates:
    """The dates of one field (``search.index.backend_fields.Dates``).

    Args:
        table: the papers that were read.
        field: the field.
    """

    def __init__(self, table: PaperTable, field: DateField) -> None:
        self._table, self._field = table, field

    @property
    def intervals(self) -> NDArray[np.int32]:
        """See ``Dates``."""
        return self._column(self._table.rows()).intervals

    def days(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """See ``Dates``."""
        ranges = [day_range(self._date(fetched)) for fetched in self._table.get(ids.tolist())]
        return np.array(ranges, np.int32).reshape(-1, 2).T

    def count_intervals(self, papers: PaperSet) -> NDArray[np.int64]:
        """See ``Dates``."""
        members = self._table.members(papers)
        all_rows = self._table.rows()
        numbers = self._column(all_rows).interval_of_row[np.searchsorted(all_rows, members)]
        return np.bincount(numbers, minlength=self.intervals.shape[1])

    def count_by_year(self, papers: PaperSet) -> dict[int, int]:
        """See ``Dates``."""
        column = self._column(self._table.members(papers))
        return column.count_by_year(Rows.from_mask(np.ones(len(column), bool)))

    def range_of(self, papers: PaperSet) -> tuple[int, int] | None:
        """See ``Dates``."""
        if isinstance(papers, MatchingPapers) and not papers.whole_expression:
            first, last = self._table.collection.manifest.days[self._field]
            return None if last == NO_DAY[1] else (first, last)
        days = self.days(self._table.members(papers))[0]
        days = days[days != NO_DAY[0]]
        return (int(days.min()), int(days.max())) if len(days) else None

    def _column(self, rows: NDArray[np.int64]) -> DateColumn:
        return DateColumn.from_days(self.days(rows))

    def _date(self, fetched: FetchedPaper) -> Date | None:
        return fetched.paper.published if self._field == "published" else fetched.paper.updated


@dataclass(frozen=True, eq=False)
class TableCategories:
    """The categories (``search.index.backend_fields.Categories``).

    Attributes:
        codes: all codes of the collection.
        postings: the papers of each.
        table: the papers that were read.
    """

    codes: tuple[str, ...]
    postings: TableValues
    table: PaperTable

    def primary_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See ``Categories``."""
        numbers = {code: number for number, code in enumerate(self.codes)}
        papers = (fetched.paper for fetched in self.table.get(rows.tolist()))
        return np.array(
            [numbers[paper.categories[0]] if paper.categories else len(numbers) for paper in papers], np.int64
        )

    def is_archive(self, category: int) -> bool:
        """See ``Categories``."""
        return any(code.startswith(f"{self.codes[category]}.") for code in self.codes)


class TableAuthors:
    """The names of authors that a session has met (``search.index.backend_fields.Authors``).

    The id of an author is the key by which papers have it, so that all sessions of a generation have the same.

    Args:
        conditions: finds the authors that a name means.
    """

    def __init__(self, conditions: AuthorConditions) -> None:
        self._conditions = conditions
        self._keys: dict[int, str] = {}
        self._written: dict[int, str] = {}

    def number(self, canonical: str, written: str) -> int:
        """Returns the id of an author, and notes the name."""
        number = keys.author_key(canonical)
        self._keys[number] = canonical
        if self._written.setdefault(number, written).isupper() and not written.isupper():
            self._written[number] = written
        return number

    def of_paper(self, paper: Paper) -> list[int]:
        """Returns the ids of the authors of a paper."""
        found = ((names.index_keys(name)[0], name) for name in paper.authors)
        return [self.number(key, name) for key, name in found if not key.startswith("|")]

    def match(self, leaf: Author) -> NDArray[np.int64]:
        """Returns the ids, ascending, of the authors that a condition matches."""
        return self._numbers_of(self._conditions.match(leaf.name, leaf.exact))

    def key(self, author: int) -> str:
        """See ``Authors``."""
        return self._keys[author]

    def display_name(self, author: int) -> str:
        """See ``Authors``."""
        return self._written[author]

    def display_names(self, authors: NDArray[np.int64]) -> list[str]:
        """See ``Authors``."""
        return [self._written[author] for author in authors.tolist()]

    def expected_namesakes(self, author: int) -> float:
        """See ``Authors``."""
        return self._conditions.expected_namesakes(self._keys[author])

    def match_fuzzy(self, query: str) -> NDArray[np.int64]:
        """See ``Authors``; in a large collection, only names with the same surname."""
        return self._numbers_of(self._conditions.match_similar(query))

    def _numbers_of(self, canonical: Sequence[str]) -> NDArray[np.int64]:
        return np.array(sorted(self.number(key, self._conditions.written[key]) for key in canonical), np.int64)


class TableKinds:
    """The kinds (``search.index.backend_fields.Kinds``).

    Args:
        table: the papers that were read.
    """

    names: tuple[str, ...] = KINDS
    is_complete = True

    def __init__(self, table: PaperTable) -> None:
        self.postings = TableValues(table, lambda paper: map(KINDS.index, find_kinds(paper)))

    def of_rows(self, rows: NDArray[np.int64]) -> list[tuple[Kind, ...] | None]:
        """See ``Kinds``."""
        found: list[list[Kind]] = [[] for _ in rows]
        for place, kind in zip(*map(np.ndarray.tolist, self.postings.pairs_of_rows(rows)), strict=True):
            found[place].append(KINDS[kind])
        return list(map(tuple, found))


class CollectionFields:
    """The fields of one collection (``search.index.backend_fields.Fields``).

    Args:
        table: the papers that were read.
        conditions: finds the authors that a name means.
    """

    def __init__(self, table: PaperTable, conditions: AuthorConditions) -> None:
        self._table = table
        collection: Collection = table.collection
        manifest = collection.manifest
        codes = {code: number for number, code in enumerate(manifest.categories)}
        sources = {name: number for number, name in enumerate(manifest.sources)}
        category_values = CategoryValues(table, lambda paper: (codes[code] for code in keys.categories_of(paper)))
        self.categories = TableCategories(tuple(codes), category_values, table)
        self.sources: Sequence[str] = manifest.sources
        self.source_postings = TableValues(table, lambda paper: (sources[name] for name in paper.sources))
        self.authors = TableAuthors(conditions)
        self.author_postings = AuthorValues(table, self.authors, conditions)
        self.kinds = TableKinds(table)
        self.published, self.updated = TableDates(table, "published"), TableDates(table, "updated")
        self.has_citations = manifest.cited > 0

    def __len__(self) -> int:
        return self._table.collection.manifest.papers

    def author_ids(self, leaf: Author) -> NDArray[np.int64]:
        """See ``Fields``."""
        return self.authors.match(leaf)

    def date_column(self, field: DateField) -> TableDates:
        """See ``Fields``."""
        return self.published if field == "published" else self.updated

    def sort(self, papers: PaperSet, k: int, order: FieldOrder) -> NDArray[np.int64]:
        """See ``Fields``."""
        return sort_papers(self._table, papers, k, order)
