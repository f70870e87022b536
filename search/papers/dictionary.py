"""The dictionary: which words are English."""

from functools import cache


def is_english_word(word: str) -> bool:
    """Returns whether a word in lower case is in pyspellchecker's English dictionary of 160,572 words."""
    return word in _dictionary()


@cache
def _dictionary() -> frozenset[str]:
    """Returns the dictionary, which takes 0.2 s to load; few texts have a word that needs it."""
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en").word_frequency.dictionary)
