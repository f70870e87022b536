"""Counts of phrases in the papers of an index."""

from search.index.snapshot import Snapshot
from search.query.condition import AllOf, ContainsText


def count_phrase(snapshot: Snapshot, phrase: str, word: str = "") -> int:
    """Returns the number of papers whose title or abstract contains words side by side, in any inflection.

    Args:
        snapshot: the index.
        phrase: the words.
        word: another word that the papers contain; empty for none.
    """
    required = (ContainsText(phrase, phrase=True), *([ContainsText(word)] if word else []))
    lexicon = snapshot.lexicon
    return lexicon.count_matches(phrase, snapshot.rows_matching(AllOf(required))) if lexicon.terms(phrase) else 0
