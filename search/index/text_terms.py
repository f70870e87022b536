"""TextTerms: the terms of a text that the full-text index looks up, and their weights."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from search.index.bm25 import K1, idf

_CACHED_TEXTS = 64
"""Texts whose terms are cached; one query needs its terms eight times."""
_CACHED_TERMS = 10_000
"""Terms whose inverse document frequency is cached; one query needs that of each term four times."""


class TextTerms:
    """Analyzes texts as one full-text index does.

    Args:
        analyze: returns the terms of a text in order.
        doc_freq: returns the document frequency of a term.
        papers: the number of papers in the index.
        max_terms: terms of a text that are looked up; of a longer text those of highest weight.
    """

    def __init__(
        self, analyze: Callable[[str], Sequence[str]], doc_freq: Callable[[str], int], papers: int, max_terms: int
    ) -> None:
        self.doc_freq = doc_freq
        self._analyze = analyze
        self._max_terms = max_terms
        self._counts: dict[str, Mapping[str, int]] = {}
        self.idf: Callable[[str], float] = lru_cache(_CACHED_TERMS)(lambda term: idf(doc_freq(term), papers))
        """Returns the inverse document frequency of a term that BM25 uses."""

    def counts(self, text: str) -> Mapping[str, int]:
        """Returns the terms of a text that are looked up, each with its number of occurrences."""
        counts = self._counts.get(text)
        if counts is None:
            if len(self._counts) >= _CACHED_TEXTS:
                self._counts.clear()
            self._counts[text] = counts = self._count(text)
        return counts

    def _count(self, text: str) -> Mapping[str, int]:
        counts = Counter(self._analyze(text))
        if len(counts) <= self._max_terms:
            return counts
        weights = {term: count * self.idf(term) for term, count in counts.items() if self.doc_freq(term)}
        return {term: counts[term] for term in sorted(weights, key=lambda term: -weights[term])[: self._max_terms]}

    def weights(self, text: str) -> dict[str, float]:
        """Returns the terms of a text that are looked up, each with its inverse document frequency."""
        return {term: self.idf(term) for term in self.counts(text)}

    def bounds(self, text: str) -> dict[str, float]:
        """Returns an upper bound of what each term of a text can add to the BM25 of a paper.

        It is (k1 + 1) * idf * occurrences in the text. A term that no paper contains has the maximum inverse document
        frequency.
        """
        return {term: (K1 + 1) * count * self.idf(term) for term, count in self.counts(text).items()}
