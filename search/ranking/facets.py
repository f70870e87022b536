"""Facets: how many papers of a set each year, category, author and source has."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns
from search.columns.postings import Postings
from search.query.page import Facets, ValueCount
from search.rows import Rows

NameLookup = Callable[[NDArray[np.int64]], list[str]]
"""Gives the names of values, in the order given."""

MAX_FACET_VALUES = 20
"""Categories, authors and sources that are told, the most frequent."""


def count_facets(columns: Columns, rows: Rows, *, relevant: bool) -> Facets:
    """Counts every row of a set once for each of its values; ``relevant``: the set is part of a question's answer."""
    categories = _top_values(columns.category_postings, rows, _lookup_in(columns.categories))
    return Facets(
        "relevant" if relevant else "filter",
        len(rows),
        tuple(ValueCount(str(year), papers) for year, papers in columns.published.count_by_year(rows).items()),
        categories,
        _top_values(columns.author_postings, rows, columns.authors.display_names),
        _top_values(columns.source_postings, rows, _lookup_in(columns.sources)),
    )


def top_counts(
    values: NDArray[np.int64], papers: NDArray[np.int64], names: NameLookup, limit: int | None
) -> list[ValueCount]:
    """The values that most papers have, at most so many, and those that none has left out; equal ones by name."""
    some = np.flatnonzero(papers)
    if limit is not None and len(some) > limit:  # all that are not behind the last one to be told
        some = some[papers[some] >= np.partition(papers[some], len(some) - limit)[len(some) - limit]]
    found = zip((-papers[some]).tolist(), names(values[some]), strict=True)
    return [ValueCount(name, -behind) for behind, name in sorted(found)[:limit]]


def _top_values(postings: Postings, rows: Rows, names: NameLookup) -> tuple[ValueCount, ...]:
    papers = postings.count_by_value(rows)
    return tuple(top_counts(np.arange(len(papers)), papers, names, MAX_FACET_VALUES))


def _lookup_in(names: Sequence[str]) -> NameLookup:
    return lambda values: [names[value] for value in values.tolist()]
