"""Counts of phrases in the papers of an index."""

from search.index.lexicon import Lexicon
from search.query.condition import AllOf, ContainsText


def count_phrase(lexicon: Lexicon, phrase: str, word: str = "") -> int:
    """Returns the number of papers whose title or abstract contains words side by side, in any inflection.

    Args:
        lexicon: the index.
        phrase: the words.
        word: another word that the papers contain; empty for none.
    """
    required = (ContainsText(phrase, phrase=True), *([ContainsText(word)] if word else []))
    return lexicon.count_matches(phrase, AllOf(required)) if lexicon.terms(phrase) else 0
