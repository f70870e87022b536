"""Other given names: whether a name that does not contradict that of a query is nevertheless somebody else's."""

import numpy as np
from numpy.typing import NDArray

from search.columns.author_table import AuthorTable
from search.papers import names
from search.papers.folding import fold
from search.papers.names import Name
from search.papers.surnames import EASTERN


def drop_other_given_names(table: AuthorTable, query: str, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the authors whom a name with a full given name means, without other people.

    A name matches whatever does not contradict it, so that a name that no source writes so finds the nearest ones. If a
    source writes it exactly as the query does, these names are presumably somebody else's (``is_somebody_else``).

    Args:
        table: the names.
        query: the name.
        found: (a,) int64, ascending, the authors that match.
    """
    meanings = [name for name in names.exact_interpretations(query) if name.given and len(name.given[0]) > 1]
    meanings = [name for name in meanings if table.find(name.key) is not None]
    if not meanings or len(found) < 2:
        return found
    written = zip(found.tolist(), table.display_names(found), strict=True)
    others = [(text, Name.from_key(table.key(author))) for author, text in written]
    return found[[not any(is_somebody_else(query, name, *other) for name in meanings) for other in others]]


def is_somebody_else(query: str, name: Name, written: str, other: Name) -> bool:
    """Whether a written name is not a variant of a name with a full given name, though they may match.

    A hyphenated given name is one name: Wei-Qiang is not Wei. A further given name in full is a variant only after the
    same first given name: Wei Emma may be Wei, W. Emma is not. So is a further initial in East Asian names, unless it
    is a later letter of the given name: W. Q. is not Wei, T. Y. may be Tianyu.

    Args:
        query: a name.
        name: the same, parsed.
        written: another name.
        other: the same, parsed.
    """
    if not other.given or name.surname != other.surname:
        return False
    first, *more = other.given
    if first == name.given[0]:
        hyphenated = max(_hyphenated_words(query, name), _hyphenated_words(written, other))
        return hyphenated > min(len(name.forenames), len(other.forenames))
    if len(first) > 1:
        return False
    if any(len(word) > 1 and word not in name.forenames for word in more):
        return True
    letters = "".join(name.forenames)[1:]
    return other.surname in EASTERN and any(len(word) == 1 and word not in letters for word in more)


def _hyphenated_words(text: str, name: Name) -> int:
    """Returns the number of words of the first given name: several if hyphens join them, all of them in full."""
    for part in text.replace(",", " ").split():
        words = tuple(fold(part.replace("-", " ")).split()) if "-" in part else ()
        if len(words) > 1 and name.given[: len(words)] == words and all(len(word) > 1 for word in words):
            return len(words)
    return 1
