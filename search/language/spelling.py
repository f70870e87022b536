"""Spelling: words of a question that this index hardly knows, though it knows one a letter away well."""

import re
from collections.abc import Callable, Mapping

from search.papers.folding import edits

_WORD = re.compile(r"\b[a-zA-Z]{4,24}\b")
_OFTEN, _RARE = 2_000, 5
"""How many times as many papers hold the other word, where this one is held by any, and by how many at most."""
_SHORT = 5
"""Letters from which a word that some papers hold may be misspelt: shorter ones are names and codes."""
_FOUND, _SHARE = 2, 5_000
"""Papers that hold the other word, at least: so many, and one in so many."""
_MOST_WORDS = 12
"""Words of a question beyond which it is no typed one."""


def mended(text: str, frequency: Callable[[str], int], inflected: Callable[[str], int], papers: int) -> dict[str, str]:
    """The misspelt words of a question, each with the one that seems to be meant.

    A word is misspelt where no paper holds it, or few, and one that differs by a letter added, left out, replaced or
    exchanged with its neighbour is held by many (Damerau, "A technique for computer detection and correction of
    spelling errors", CACM 1964). Capitals within words and other alphabets are left alone: names and codes.

    Args:
        frequency: how many papers hold a word just as it is. inflected: or in any form, so that a form that only is
            not here is no mistake. papers: how many there are.
    """
    words = _WORD.findall(text)
    if len(words) > _MOST_WORDS:
        return {}
    least = max(_FOUND, papers // _SHARE)
    return {
        word: better
        for word in words
        if _unknown(word, held := inflected(word)) and (better := _better(word, held, frequency, least))
    }


def replaced(text: str, words: Mapping[str, str]) -> str:
    """The text with these words replaced."""
    return _WORD.sub(lambda match: words.get(match[0], match[0]), text)


def _unknown(word: str, held: int) -> bool:
    return word[1:].islower() and held <= (_RARE if len(word) >= _SHORT else 0)


def _better(word: str, held: int, frequency: Callable[[str], int], least: int) -> str | None:
    best = max(edits(word.lower()), key=lambda other: (frequency(other), other[0] == word[0].lower(), other))
    if frequency(best) < max(least, _OFTEN * held):
        return None
    return best.capitalize() if word[0].isupper() else best
