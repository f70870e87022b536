"""Counts of phrases in the papers of an index."""

from weakref import WeakKeyDictionary

from search.index.backend import Backend
from search.query.condition import AllOf, ContainsText

_MAX_CACHED_PHRASES = 1_024
"""Phrases of one snapshot whose counts are cached; to count a frequent one takes 20 ms on 155,274 papers."""
_cached_counts: WeakKeyDictionary[Backend, dict[tuple[str, str], int]] = WeakKeyDictionary()


def count_phrase(snapshot: Backend, phrase: str, word: str = "") -> int:
    """Returns the number of papers whose title or abstract contains words side by side, in any inflection.

    Args:
        snapshot: the index.
        phrase: the words.
        word: another word that the papers contain; empty for none.
    """
    counts = _cached_counts.setdefault(snapshot.shared, {})
    count = counts.get((phrase, word))
    if count is None:
        if len(counts) >= _MAX_CACHED_PHRASES:
            counts.clear()
        counts[phrase, word] = count = _count(snapshot, phrase, word)
    return count


def _count(snapshot: Backend, phrase: str, word: str) -> int:
    required = (ContainsText(phrase, phrase=True), *([ContainsText(word)] if word else []))
    lexicon = snapshot.lexicon
    return lexicon.count_matches(phrase, snapshot.rows_matching(AllOf(required))) if lexicon.terms(phrase) else 0
