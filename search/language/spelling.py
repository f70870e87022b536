"""Spelling correction: replaces words that are rare in the index by frequent ones that are one edit away."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from search.language.english import is_english
from search.language.stop_words import STOP_WORDS
from search.papers.dictionary import is_english_word
from search.papers.folding import single_edits

_WORD = re.compile(r"\b[a-zA-Z]{4,24}\b")
_MIN_FREQUENCY_RATIO = 2_000
"""Least ratio of the correction's document frequency to the typo's, if any paper contains the typo."""
_MAX_TYPO_FREQUENCY = 5
"""Largest document frequency of a typo."""
_MIN_KNOWN_TYPO_LENGTH = 5
"""Letters from which a word in the index can be a typo, and a typo can have a letter too many or a wrong one; shorter
ones are names and codes, such as unet, which is no misspelt unit."""
_MIN_RARE_LENGTH = 7
"""Letters from which an English word that only one paper contains is a correction; few other words are so near."""
_LIKELY_EDIT_WEIGHT = 10
"""Two swapped letters, or one doubled or not, are this much likelier than another letter."""
_REPEATED = re.compile(r"(.)\1")
_MIN_CORRECTION_FREQUENCY = 2
"""Least document frequency of a correction."""
_CORRECTION_SHARE_DIVISOR = 5_000
"""A correction also occurs in at least one in this number of papers."""
_MAX_QUERY_WORDS = 12
"""Longer queries are not corrected; they were probably not typed."""


class _Lookup(NamedTuple):
    """See ``corrections``."""

    frequency: Callable[[str], int]
    read_words: Callable[[Iterable[str]], None]


def corrections(
    text: str,
    frequency: Callable[[str], int],
    inflected_frequency: Callable[[str], int],
    is_known: Callable[[str], bool],
    papers: int,
    read_words: Callable[[Iterable[str]], None] = lambda words: None,  # noqa: ARG005
) -> dict[str, str]:
    """Returns the likely typos of a text and the correction of each.

    A word is a likely typo if no or few papers contain it, and many contain a word that differs by one letter added,
    removed, replaced or swapped with its neighbour (Damerau, "A technique for computer detection and correction of
    spelling errors", CACM 1964). Words that are right although a small index may lack them are skipped: English words,
    words with a capital inside, or at the start unless they begin the text, which are names and codes, words with
    letters beyond a to z, and all words of a text in another language.

    Args:
        text: the query.
        frequency: returns the document frequency of an exact word.
        inflected_frequency: returns the document frequency of a word in any inflection, so that a rare inflection of a
            frequent word is not a typo.
        is_known: returns whether a word is known to be right for another reason; called only for words with a
            correction.
        papers: the number of papers in the index.
        read_words: called with the words whose frequencies are needed next.
    """
    words = [match[0] for match in _WORD.finditer(text) if match.start() == 0 or match[0][0].islower()]
    if len(words) > _MAX_QUERY_WORDS or not is_english(text):
        return {}
    read_words(words)
    least = max(_MIN_CORRECTION_FREQUENCY, papers // _CORRECTION_SHARE_DIVISOR)
    lookup = _Lookup(frequency, read_words)
    return {
        word: better
        for word in words
        if _may_be_typo(word, occurrences := inflected_frequency(word))
        and (better := _best_correction(word, occurrences, lookup, least))
        and not (is_english_word(word.lower()) or is_known(word))
    }


def replace_words(text: str, words: Mapping[str, str]) -> str:
    """Replaces whole words in a text."""
    return _WORD.sub(lambda match: words.get(match[0], match[0]), text)


def _may_be_typo(word: str, occurrences: int) -> bool:
    if word.lower() in STOP_WORDS:
        return False
    return word[1:].islower() and occurrences <= (_MAX_TYPO_FREQUENCY if len(word) >= _MIN_KNOWN_TYPO_LENGTH else 0)


def _best_correction(word: str, occurrences: int, lookup: _Lookup, least: int) -> str | None:
    plausible = {other for other in single_edits(word.lower()) if _is_plausible(word.lower(), other)}
    lookup.read_words(plausible)
    frequencies = {other: count for other in plausible if (count := lookup.frequency(other))}
    if not frequencies:
        return None
    best = max(frequencies, key=lambda other: (_weight(word.lower(), other) * frequencies[other], other))
    found = frequencies[best]
    if found < max(least if found > 1 or len(word) < _MIN_RARE_LENGTH else 1, _MIN_FREQUENCY_RATIO * occurrences):
        return None
    if found == 1 and not is_english_word(best):
        return None
    return best.capitalize() if word[0].isupper() else best


def _weight(word: str, other: str) -> int:
    """Returns how much likelier a correction is than its frequency says: by its kind, and by its first letter."""
    likely = sorted(word) == sorted(other) or _undouble(word) == _undouble(other)
    return (_LIKELY_EDIT_WEIGHT if likely else 1) * (2 if word[0] == other[0] else 1)


def _undouble(word: str) -> str:
    """Returns a word with one letter in place of each repeated one."""
    return _REPEATED.sub(r"\1", word)


def _is_plausible(word: str, other: str) -> bool:
    """Returns whether a word may be a typo of another one: a short word only if a letter is missing or misplaced."""
    return len(word) >= _MIN_KNOWN_TYPO_LENGTH or len(other) > len(word) or sorted(other) == sorted(word)
