"""PhraseCounts: how many papers have words side by side, counted for all words of a filter at once."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from search.index.text_requirements import PHRASE_FIELDS, Phrase
from search.language.stop_words import STOP_WORDS
from search.milvus import keys
from search.milvus.collection import Collection
from search.milvus.terms import pattern_of

_STOP_WORDS = frozenset(STOP_WORDS)
_CACHED_PHRASES = 10_000
"""Phrases whose number of papers is cached."""
_MAX_READ = 1_000
"""Papers whose titles and abstracts are read, 1.3 MB, to count rare phrases in one request."""


class PhraseCounts:
    """Counts phrases in one collection, each once.

    Args:
        collection: the collection.
        doc_freq: returns the document frequency of a term.
    """

    def __init__(self, collection: Collection, doc_freq: Callable[[str], int]) -> None:
        self._collection, self._doc_freq = collection, doc_freq
        self._known: dict[tuple[str, ...], int] = {}

    def get(self, terms: Sequence[str]) -> int:
        """Returns the number of papers with terms side by side in the title or the abstract."""
        phrase = tuple(terms)
        known = self._known.get(phrase)
        return self._count(phrase) if known is None else known

    def knows(self, terms: Sequence[str]) -> bool:
        """Returns whether a phrase was counted before."""
        return tuple(terms) in self._known

    def requests(self, phrases: Iterable[tuple[str, ...]]) -> list[Callable[[], None]]:
        """Returns the requests that count phrases: one for all rare ones, and one for each other."""
        rare, others, papers = list[tuple[str, ...]](), list[tuple[str, ...]](), 0
        for phrase in sorted(phrases, key=self._at_most):
            papers += self._at_most(phrase)
            (rare if papers < _MAX_READ else others).append(phrase)
        if len(rare) == 1:
            rare, others = [], [*rare, *others]
        found: list[Callable[[], None]] = [partial(self._count_rare, rare)] if rare else []
        return [*found, *(partial(self._count_one, phrase) for phrase in others)]

    def _at_most(self, phrase: tuple[str, ...]) -> int:
        """Returns a bound of the number of papers with a phrase: those with its rarest term, if this is known."""
        is_known = _STOP_WORDS.isdisjoint(phrase) and all(map(str.isascii, phrase))
        return min(map(self._doc_freq, phrase)) if is_known else _MAX_READ

    def _count_rare(self, phrases: Sequence[tuple[str, ...]]) -> None:
        fields = list(PHRASE_FIELDS)
        found = self._collection.values(keys.any_of(map(_expression, phrases)), fields, _MAX_READ)
        for phrase in phrases:
            parts = {field: pattern_of(each.terms, open_end=each.open_end)[1:-1] for field, each in _by_field(phrase)}
            self._note(phrase, sum(any(part in paper[field] for field, part in parts.items()) for paper in found))

    def _count_one(self, phrase: tuple[str, ...]) -> None:
        self._count(phrase)

    def _count(self, phrase: tuple[str, ...]) -> int:
        papers = self._collection.request_count(_expression(phrase))
        self._note(phrase, papers)
        return papers

    def _note(self, phrase: tuple[str, ...], papers: int) -> None:
        if len(self._known) >= _CACHED_PHRASES:
            self._known = {}
        self._known[phrase] = papers


def like_phrase(phrase: Phrase) -> str:
    """Returns the expression of the papers with a phrase in its field."""
    return f'{phrase.text_field} like "{pattern_of(phrase.terms, open_end=phrase.open_end)}"'


def _expression(terms: tuple[str, ...]) -> str:
    return keys.any_of(like_phrase(phrase) for _, phrase in _by_field(terms))


def _by_field(terms: tuple[str, ...]) -> list[tuple[str, Phrase]]:
    return [(field, Phrase.of(field, terms)) for field in PHRASE_FIELDS]
