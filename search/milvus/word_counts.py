"""WordCounts: the counts that the words of a question and of a filter need, in two round trips whatever the words are.

Which forms of a word papers have is decided step by step (``search.index.word_forms``), each step by a count. So the
steps are first taken with guesses: they note the counts that they need, which are then read at once.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from search.errors import InvalidValue
from search.index.analysis import Analyzer
from search.index.text_requirements import TextRequirements
from search.index.text_scores import places_of
from search.index.word_forms import WordForms
from search.milvus.collection import Collection
from search.milvus.counts import term_key, written_key
from search.milvus.phrases import PhraseCounts
from search.papers.names import Name
from search.query.condition import ContainsText

_MAX_STEPS = 4
"""Times that what is missing is read at once; two are enough but for words whose guessed counts have hidden others."""
_GUESS = 1
"""What an unknown count is taken for: something that papers have."""


class WordCounts:
    """The counts of one collection by word.

    Args:
        collection: the collection.
        analyzer: the terms by word.
    """

    def __init__(self, collection: Collection, analyzer: Analyzer) -> None:
        self.collection, self._analyzer = collection, analyzer
        self.phrases = PhraseCounts(collection, self.doc_freq)

    @cached_property
    def forms(self) -> WordForms:
        """The forms of words."""
        return WordForms(self._analyzer, self.doc_freq, self.written_freq, self.phrases.get)

    @cached_property
    def requirements(self) -> TextRequirements:
        """What conditions on words require."""
        return TextRequirements(self._analyzer, self.forms, self.doc_freq)

    def doc_freq(self, term: str) -> int:
        """Returns the document frequency of a term that ranks; of several places, the least above 0."""
        counts = [self.collection.counts.get(key) for key in _keys_of(term)]
        return min(filter(None, counts), default=0)

    def written_freq(self, word: str) -> int:
        """Returns the document frequency of a word as written, in lower case and not stemmed."""
        return self.collection.counts.get(written_key(word))

    def read(
        self,
        conditions: Iterable[ContainsText] = (),
        text: str = "",
        names: Iterable[Name] = (),
        others: Callable[[], Sequence[Callable[[], None]]] = tuple,
    ) -> None:
        """Reads what conditions and the ranking by a text need, which otherwise is read one by one.

        Args:
            conditions: the conditions on words.
            text: the text.
            names: authors' names, which are read in the same request as the counts.
            others: returns further requests, which need these names; they are sent together with those for phrases.
        """
        conditions, wanted, sent = list(conditions), list(names), False
        for _ in range(_MAX_STEPS):
            missing = _MissingCounts(self, self._analyzer, conditions, text)
            if missing.keys or wanted:
                self.collection.read_data(missing.keys, wanted)
                wanted = []
            if missing.keys:
                continue
            requests = [*self.phrases.requests(missing.phrases), *([] if sent else others())]
            sent = True
            if not requests:
                break
            self.collection.run_together(requests)


class _MissingCounts:
    """Takes the steps of ``WordForms`` for some words and notes which counts are not known.

    Attributes:
        keys: of the counts.
        phrases: whose papers have to be counted.
    """

    def __init__(self, counts: WordCounts, analyzer: Analyzer, conditions: Iterable[ContainsText], text: str) -> None:
        self._counts, self._known = counts, counts.collection.counts
        self.keys, self.phrases = set[int](), set[tuple[str, ...]]()
        forms = WordForms(analyzer, self._doc_freq, self._written_freq, self._count_phrase)
        requirements = TextRequirements(analyzer, forms, self._doc_freq)
        for term in forms.ranking_terms(text) if text else ():
            self._doc_freq(term)
        for condition in conditions:
            try:
                requirements.of(condition)
            except InvalidValue:  # its expression reports it
                continue

    def _doc_freq(self, term: str) -> int:
        unknown = [key for key in _keys_of(term) if not self._known.knows(key)]
        self.keys.update(unknown)
        return _GUESS if unknown else self._counts.doc_freq(term)

    def _written_freq(self, word: str) -> int:
        if self._known.knows(key := written_key(word)):
            return self._counts.written_freq(word)
        self.keys.add(key)
        return _GUESS

    def _count_phrase(self, terms: Sequence[str]) -> int:
        if self._counts.phrases.knows(terms):
            return self._counts.phrases.get(terms)
        self.phrases.add(tuple(terms))
        return _GUESS


def _keys_of(term: str) -> list[int]:
    return [term_key(*place) for place in places_of(term)]
