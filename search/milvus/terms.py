"""Terms in a collection: each is one token that the analyzer of Milvus leaves whole, and that a pattern may contain.

The analyzer ``standard`` splits at whatever is no letter or digit and converts to lower case, so that WHO and who would
be one term. A term other than small letters and digits of ASCII is therefore written in hexadecimal. The prefix of a
term remains a prefix.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from search.index.analysis import Terms

_ESCAPE = "zz"
"""Begins a term in hexadecimal."""
_PLAIN = re.compile("(?!zz)[a-z0-9]+")
_BREAK = "."
"""Stands between terms that are not side by side."""
_CACHED_TERMS = 100_000
"""Terms whose token is cached."""


@lru_cache(_CACHED_TERMS)
def encode_term(term: str) -> str:
    """Returns the token of a term."""
    return term if _PLAIN.fullmatch(term) else _ESCAPE + term.encode("utf-8", "surrogatepass").hex()


def join_counted(title: Terms, abstract: Terms, max_bytes: int) -> str:
    """Returns the tokens that BM25 counts, between spaces: those of the title twice and those of the abstract."""
    counted = [(*text.ranked, *text.unordered) for text in (title, title, abstract)]
    return f" {_join((encode_term(term) for terms in counted for term in terms), max_bytes)} "


def join_positions(text: Terms, max_bytes: int) -> str:
    """Returns the tokens of a title or an abstract in order, then those without position, between spaces."""
    others = (token for term in dict.fromkeys(text.unordered) for token in (_BREAK, encode_term(term)))
    return f" {_join((*map(encode_term, text.ordered), *others), max_bytes)} "


def pattern_of(terms: Sequence[str], *, open_end: bool = False) -> str:
    """Returns the pattern of ``like`` for terms side by side.

    Args:
        terms: the terms.
        open_end: whether the last may be the beginning of a term.
    """
    return f"% {' '.join(map(encode_term, terms))}{'' if open_end else ' '}%"


def _join(tokens: Iterable[str], max_bytes: int) -> str:
    """Returns tokens separated by spaces, of a text that is too long the first ones."""
    joined = " ".join(tokens)
    return joined if len(joined) <= max_bytes else joined[:max_bytes].rpartition(" ")[0]
