"""Variants: the names that an author who was asked for matches, and in how many papers each."""

from collections.abc import Iterator

import numpy as np

from search.index.snapshot import Snapshot
from search.query.condition import AllOf, AnyOf, Author, Condition
from search.query.page import AuthorMatch
from search.ranking.facets import counted
from search.rows import Rows

MOST = 20
"""Variants told beside an answer."""
_MEANT = 5
"""Names told where none matches."""


def asked_authors(condition: Condition) -> Iterator[Author]:
    """The authors that a condition asks for; not those it leaves out."""
    if isinstance(condition, Author):
        yield condition
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from asked_authors(part)


def variants(snapshot: Snapshot, author: Author, rows: Rows, most: int | None = MOST) -> AuthorMatch:
    """The variants that some of the rows have, the most frequent first; where no paper at all has one, near names.

    Args:
        rows: among which papers are counted. most: variants told; None for all.
    """
    columns = snapshot.columns
    ids = columns.author_ids(author)
    if not len(ids):
        near = columns.authors.close(author.name)
        papers = columns.author_postings.counts(snapshot.live, near)
        meant = counted(near, papers, columns.authors.all_written, _MEANT)
        return AuthorMatch(author.name, (), meant=tuple(count.value for count in meant))
    papers = columns.author_postings.counts(rows, ids)
    found = counted(ids, papers, columns.authors.all_written, most)
    return AuthorMatch(author.name, tuple(found), int(np.count_nonzero(papers)) - len(found))
