"""Name order: whether Liu Yang is somebody else than Yang Liu, or one person with the family name written first."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.columns.author_table import AuthorTable
from search.papers import names
from search.papers.names import Name

_MIN_ORDER_RATIO = 0.05
"""Other keys with the surname of a name times those with its first given name, relative to the other order, from which
both orders are usual."""
_RARE_NAMESAKES = 0.05
"""Expected namesakes below which a coauthor in common is hardly a coincidence."""
_MIN_COMMON = 0.5
"""Share of the papers in the other order that have such a coauthor if one person writes the name in both orders."""


class AuthorPapers(Protocol):
    """The papers of authors by number, and the authors of papers."""

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows, ascending, of the papers of some authors."""
        ...

    def pairs_of_rows(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the authors of some papers: the place of the paper and the author, for each."""
        ...


def drop_namesakes_in_other_order(
    table: AuthorTable, postings: AuthorPapers, query: str, found: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Returns the authors whom a name means, without other people whose name has its words in the other order.

    A name in a query may start with the family name, so it matches in either order. If a source writes it exactly as
    the query does, and both orders are usual names, the other order is presumably somebody else's: it then counts only
    if most of its papers have a coauthor in common with those of the query's order, and no paper has both. If the
    query's order is a usual name, the other order does not count either with other words: Wei Zhang is neither
    Zhang-Wei Hong nor Z. Victor Wei.

    Args:
        table: the names.
        postings: the papers of each author.
        query: the name.
        found: (a,) int64, ascending, the authors that match in either order.
    """
    name = names.parse(query)
    if "," in query or not name.given or len(found) < 2 or table.find(name.key) is None:
        return found
    first_word = name.given[0]
    others = [Name.from_key(table.key(author)) for author in found.tolist()]
    if _order_ratio(table, name) >= _MIN_ORDER_RATIO:
        keeps = [not _has_other_words(name, other) for other in others]
        found, others = found[keeps], [other for other, keep in zip(others, keeps, strict=True) if keep]
    is_other = np.array([other.surname == first_word for other in others], bool)
    if first_word == name.surname or not is_other.any() or not _both_orders_are_names(table, name):
        return found
    rows = postings.ids(found[~is_other])
    team = np.unique(postings.pairs_of_rows(rows)[1])
    keeps = [
        not other or _is_same_team(table, postings, rows, team, author)
        for author, other in zip(found.tolist(), is_other.tolist(), strict=True)
    ]
    return found[keeps]


def _has_other_words(name: Name, other: Name) -> bool:
    """Whether a name with another surname has a given name for the surname of ``name``, but not the same words."""
    is_turned = other.surname == name.given[0] or name.surname in other.given
    if other.surname == name.surname or not is_turned:
        return False
    return sorted((other.surname, *other.forenames)) != sorted((name.surname, *name.forenames))


def _both_orders_are_names(table: AuthorTable, name: Name) -> bool:
    """Whether the words are surname and given name in either order."""
    ratio = _order_ratio(table, name)
    return _MIN_ORDER_RATIO <= ratio <= 1 / _MIN_ORDER_RATIO


def _order_ratio(table: AuthorTable, name: Name) -> float:
    """Returns how usual a name is relative to the other order of its words, by the other keys with one of them."""
    reverse = Name(name.given[0], (*name.given[1:], name.surname))
    own, other = (np.prod([max(count - 1, 0) for count in table.count_keys_like(each)]) for each in (name, reverse))
    return float(own / other) if other else float("inf") if own else 0.0


def _is_same_team(
    table: AuthorTable, postings: AuthorPapers, rows: NDArray[np.int64], team: NDArray[np.int64], other: int
) -> bool:
    """Whether an author has written most papers with the coauthors of other papers, (n,) int64, and none of these."""
    other_rows = postings.ids(np.array([other]))
    if np.isin(other_rows, rows).any():
        return False
    position, author = postings.pairs_of_rows(other_rows)
    common = np.intersect1d(author, team).tolist()
    rare = [each for each in common if table.expected_namesakes(each) < _RARE_NAMESAKES]
    return len(np.unique(position[np.isin(author, rare)])) > _MIN_COMMON * len(other_rows)
