"""Variants: the name variants that an author of a query matches, with the number of papers of each."""

from collections.abc import Iterator

import numpy as np

from search import budget
from search.index.backend import Backend
from search.papers.json import replace_surrogates
from search.query.author_match import AuthorMatch
from search.query.condition import AllOf, AnyOf, Author, Condition
from search.ranking.facets import top_counts
from search.rows import PaperSet

MAX_VARIANTS = 20
"""Variants that a page of hits lists per author."""
MAX_AUTHORS = 100
"""Most authors of a query that a page lists: each costs a count over the papers that match, and a page that lists 1,000
has a megabyte."""
_MAX_SUGGESTIONS = 5
"""Similar names that are suggested if none matches."""


def included_authors(condition: Condition) -> Iterator[Author]:
    """Yields the authors that a condition includes, but not those that it excludes."""
    if isinstance(condition, Author):
        yield condition
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from included_authors(part)


def match_author(snapshot: Backend, author: Author, among: PaperSet, limit: int | None = MAX_VARIANTS) -> AuthorMatch:
    """Returns the variants of a name that occur in some papers, most frequent first.

    If no paper of the index has a matching name, similar names are suggested.

    Args:
        snapshot: the generation that is searched.
        author: the name.
        among: the papers that are counted.
        limit: number of variants; None for all.
    """
    budget.pause_for_others()
    columns = snapshot.columns
    ids, name = columns.author_ids(author), replace_surrogates(author.name)
    papers = columns.author_postings.count_by_value(among, ids)
    if not (papers.any() or columns.author_postings.count_by_value(snapshot.live, ids).any()):
        similar = columns.authors.match_fuzzy(author.name)
        papers = columns.author_postings.count_by_value(snapshot.live, similar)
        suggestions = top_counts(similar, papers, columns.authors.display_names, _MAX_SUGGESTIONS)
        return AuthorMatch(name, (), suggestions=tuple(count.value for count in suggestions))
    variants = top_counts(ids, papers, columns.authors.display_names, limit)
    return AuthorMatch(name, tuple(variants), int(np.count_nonzero(papers)) - len(variants))
