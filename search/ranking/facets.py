"""Facets: counts the papers of a set by year, category, kind, author and source."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns
from search.columns.postings import Postings
from search.query.facets import Facets, ValueCount
from search.rows import Rows

NameLookup = Callable[[NDArray[np.int64]], list[str]]
"""Returns the names of (n,) values, in the order given."""

MAX_FACET_VALUES = 20
"""Most frequent categories, authors and sources that are listed."""


def count_facets(columns: Columns, rows: Rows) -> Facets:
    """Counts every row of a set once for each of its values.

    Args:
        columns: the columns of the snapshot.
        rows: the set: all papers that match a filter.
    """
    categories = _top_values(columns.categories.postings, rows, _lookup_in(columns.categories.codes))
    return Facets(
        "filter",
        len(rows),
        tuple(ValueCount(str(year), papers) for year, papers in columns.published.count_by_year(rows).items()),
        categories,
        _top_values(columns.author_postings, rows, columns.authors.display_names),
        _top_values(columns.source_postings, rows, _lookup_in(columns.sources)),
        _top_values(columns.kinds.postings, rows, _lookup_in(columns.kinds.names)) if columns.kinds.names else (),
    )


def top_counts(
    values: NDArray[np.int64], papers: NDArray[np.int64], names: NameLookup, limit: int | None
) -> list[ValueCount]:
    """Returns the values with the most papers, without those of no paper; equal counts in order of name.

    Args:
        values: (n,) int64.
        papers: (n,) int64, the number of papers of each value.
        names: returns the names of values.
        limit: number of values; None for all.
    """
    used = np.flatnonzero(papers)
    if limit is not None and len(used) > limit:  # names only those that reach the count of the last one listed
        used = used[papers[used] >= np.partition(papers[used], len(used) - limit)[len(used) - limit]]
    by_count = zip((-papers[used]).tolist(), names(values[used]), strict=True)
    return [ValueCount(name, -negative) for negative, name in sorted(by_count)[:limit]]


def _top_values(postings: Postings, rows: Rows, names: NameLookup) -> tuple[ValueCount, ...]:
    return tuple(top_counts(*postings.most_frequent(rows, MAX_FACET_VALUES), names, MAX_FACET_VALUES))


def _lookup_in(names: Sequence[str]) -> NameLookup:
    return lambda values: [names[value] for value in values.tolist()]
