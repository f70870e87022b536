"""Facets: how many papers of a set each year, category, author and source has."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns
from search.columns.postings import Postings
from search.query.page import Count, Facets
from search.rows import Rows

Names = Callable[[NDArray[np.int64]], list[str]]
"""Gives the names of values, in the order given."""

MOST = 20
"""Categories, authors and sources that are told, the most frequent."""


def facets(columns: Columns, rows: Rows, *, relevant: bool) -> Facets:
    """Counts every row of a set once for each of its values; ``relevant``: the set is part of a question's answer."""
    categories = _most(columns.category_postings, rows, _among(columns.categories))
    return Facets(
        "relevant" if relevant else "filter",
        len(rows),
        tuple(Count(str(year), papers) for year, papers in columns.published.years(rows).items()),
        categories,
        _most(columns.author_postings, rows, columns.authors.all_written),
        _most(columns.source_postings, rows, _among(columns.sources)),
    )


def counted(values: NDArray[np.int64], papers: NDArray[np.int64], names: Names, most: int | None) -> list[Count]:
    """The values that most papers have, at most so many, and those that none has left out; equal ones by name."""
    some = np.flatnonzero(papers)
    if most is not None and len(some) > most:  # all that are not behind the last one to be told
        some = some[papers[some] >= np.partition(papers[some], len(some) - most)[len(some) - most]]
    found = zip((-papers[some]).tolist(), names(values[some]), strict=True)
    return [Count(name, -behind) for behind, name in sorted(found)[:most]]


def _most(postings: Postings, rows: Rows, names: Names) -> tuple[Count, ...]:
    papers = postings.counts(rows)
    return tuple(counted(np.arange(len(papers)), papers, names, MOST))


def _among(names: Sequence[str]) -> Names:
    return lambda values: [names[value] for value in values.tolist()]
