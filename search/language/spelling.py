"""Spelling: words of a question that this index hardly knows, though it knows one a letter away well."""

import re
from collections.abc import Callable, Mapping

from search.papers.folding import single_edits

_WORD = re.compile(r"\b[a-zA-Z]{4,24}\b")
_MIN_FREQUENCY_RATIO, _MAX_TYPO_FREQUENCY = 2_000, 5
"""How many times as many papers hold the other word, where this one is held by any, and by how many at most."""
_MIN_KNOWN_TYPO_LENGTH = 5
"""Letters from which a word that some papers hold may be misspelt: shorter ones are names and codes."""
_MIN_CORRECTION_FREQUENCY, _CORRECTION_SHARE_DIVISOR = 2, 5_000
"""Papers that hold the other word, at least: so many, and one in so many."""
_MAX_QUERY_WORDS = 12
"""Words of a question beyond which it is no typed one."""


def corrections(
    text: str, frequency: Callable[[str], int], inflected_frequency: Callable[[str], int], papers: int
) -> dict[str, str]:
    """The misspelt words of a question, each with the one that seems to be meant.

    A word is misspelt where no paper holds it, or few, and one that differs by a letter added, left out, replaced or
    exchanged with its neighbour is held by many (Damerau, "A technique for computer detection and correction of
    spelling errors", CACM 1964). Capitals within words and other alphabets are left alone: names and codes.

    Args:
        frequency: how many papers hold a word just as it is. inflected: or in any form, so that a form that only is
            not here is no mistake. papers: how many there are.
    """
    words = _WORD.findall(text)
    if len(words) > _MAX_QUERY_WORDS:
        return {}
    least = max(_MIN_CORRECTION_FREQUENCY, papers // _CORRECTION_SHARE_DIVISOR)
    return {
        word: better
        for word in words
        if _may_be_typo(word, held := inflected_frequency(word))
        and (better := _best_correction(word, held, frequency, least))
    }


def replace_words(text: str, words: Mapping[str, str]) -> str:
    """The text with these words replaced."""
    return _WORD.sub(lambda match: words.get(match[0], match[0]), text)


def _may_be_typo(word: str, held: int) -> bool:
    return word[1:].islower() and held <= (_MAX_TYPO_FREQUENCY if len(word) >= _MIN_KNOWN_TYPO_LENGTH else 0)


def _best_correction(word: str, held: int, frequency: Callable[[str], int], least: int) -> str | None:
    best = max(single_edits(word.lower()), key=lambda other: (frequency(other), other[0] == word[0].lower(), other))
    if frequency(best) < max(least, _MIN_FREQUENCY_RATIO * held):
        return None
    return best.capitalize() if word[0].isupper() else best
