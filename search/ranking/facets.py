"""Facets: counts the papers of a set by year, category, kind, author and source."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from search.index.backend_fields import Fields, FieldValues
from search.query.facets import Facets, ValueCount
from search.rows import PaperSet

NameLookup = Callable[[NDArray[np.int64]], list[str]]
"""Returns the names of (n,) values, in the order given."""

MAX_FACET_VALUES = 20
"""Most frequent categories, authors and sources that are listed."""


def count_facets(columns: Fields, papers: PaperSet) -> Facets:
    """Counts every paper of a set once for each of its values.

    Args:
        columns: the fields of the index.
        papers: the set: all papers that match a filter.
    """
    categories = _top_values(columns.categories.postings, papers, _lookup_in(columns.categories.codes))
    return Facets(
        "filter",
        len(papers),
        tuple(ValueCount(str(year), count) for year, count in columns.published.count_by_year(papers).items()),
        categories,
        _top_values(columns.author_postings, papers, columns.authors.display_names),
        _top_values(columns.source_postings, papers, _lookup_in(columns.sources)),
        _top_values(columns.kinds.postings, papers, _lookup_in(columns.kinds.names)) if columns.kinds.names else (),
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


def _top_values(postings: FieldValues, papers: PaperSet, names: NameLookup) -> tuple[ValueCount, ...]:
    return tuple(top_counts(*postings.most_frequent(papers, MAX_FACET_VALUES), names, MAX_FACET_VALUES))


def _lookup_in(names: Sequence[str]) -> NameLookup:
    return lambda values: [names[value] for value in values.tolist()]
