"""Variants: the names that an author who was asked for matches, and in how many papers each."""

from collections.abc import Iterator

import numpy as np

from search.index.snapshot import Snapshot
from search.query.condition import AllOf, AnyOf, Author, Condition
from search.query.page import AuthorMatch
from search.ranking.facets import top_counts
from search.rows import Rows

MAX_VARIANTS = 20
"""Variants told beside an answer."""
_MAX_SUGGESTIONS = 5
"""Names told where none matches."""


def included_authors(condition: Condition) -> Iterator[Author]:
    """The authors that a condition asks for; not those it leaves out."""
    if isinstance(condition, Author):
        yield condition
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from included_authors(part)


def match_author(snapshot: Snapshot, author: Author, rows: Rows, limit: int | None = MAX_VARIANTS) -> AuthorMatch:
    """The variants that some of the rows have, the most frequent first; where no paper at all has one, near names.

    Args:
        rows: among which papers are counted. most: variants told; None for all.
    """
    columns = snapshot.columns
    ids = columns.author_ids(author)
    if not len(ids):
        near = columns.authors.match_fuzzy(author.name)
        papers = columns.author_postings.count_by_value(snapshot.live, near)
        meant = top_counts(near, papers, columns.authors.display_names, _MAX_SUGGESTIONS)
        return AuthorMatch(author.name, (), suggestions=tuple(count.value for count in meant))
    papers = columns.author_postings.count_by_value(rows, ids)
    found = top_counts(ids, papers, columns.authors.display_names, limit)
    return AuthorMatch(author.name, tuple(found), int(np.count_nonzero(papers)) - len(found))
