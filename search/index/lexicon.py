"""Lexicon: full-text index of titles and abstracts with BM25. Only the lexicon imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004):
title and abstract are one field that contains the title twice, so that the words of the title have double weight before
saturation. A word counts once per occurrence in the query. User text is never parsed as a query language: it is
analyzed like the papers and looked up term by term, so IN, OR, NOT and colons have no special meaning. The postings
have what ranks, and the frequencies of words that are not stemmed, for spelling (``search.index.term_postings``).
tantivy has title and abstract with positions, for phrases and for words that have to occur in one of the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from search.index.analysis import Analyzer
from search.index.read_errors import reports_read_errors
from search.index.read_only_view import read_only_view
from search.index.term_cache import TermCache
from search.index.term_postings import TermPostings
from search.index.text_conditions import TextConditions
from search.index.text_scores import TextScores
from search.index.text_terms import TextTerms
from search.index.word_forms import ALTERNATIVE_MARK
from search.query.condition import ContainsText
from search.rows import PaperSet, Ranked, Rows, as_rows

POSTINGS_FOLDER = "postings"
"""The folder of the postings in that of the lexicon."""


@dataclass(frozen=True, slots=True)
class LexiconTuning:
    """Constants of the full-text index."""

    max_query_terms: int = 64
    """Terms of a query that are looked up; of a longer text those of highest weight (``docs/design/search.md``)."""
    term_cache_size: int = 100_000
    """Words whose terms are cached during an import."""
    query_term_cache_size: int = 20_000
    """Words whose terms are cached by a searching process, some 10 MB; the words of displayed papers recur."""
    writer_heap_bytes: int = 256_000_000
    """Memory of the writer before it flushes a segment."""


LEXICON_TUNING = LexiconTuning()
_ROUNDING = 1e-6
"""Share by which the sums of float32 scores may differ from those of the bounds."""


def create_analyzer(cache_size: int) -> Analyzer:
    """Returns an analyzer with tantivy's English stemmer and its spellings in ASCII of letters such as ø."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    stemmer = builder.filter(tantivy.Filter.ascii_fold()).filter(tantivy.Filter.stemmer("english")).build()
    return Analyzer(lambda word: stemmer.analyze(word)[0], cache_size)


class Lexicon:
    """The full-text index of one generation, opened read-only.

    Args:
        directory: the output of ``LexiconBuilder``.
        universe: number of rows of the generation.
        tuning: bounds of queries and of the cache.

    Raises:
        IndexUnavailable: the directory is damaged, or may not be read.
    """

    def __init__(self, directory: Path, universe: int, tuning: LexiconTuning = LEXICON_TUNING) -> None:
        with reports_read_errors(directory):
            with read_only_view(directory) as view:
                index = tantivy.Index.open(str(view))
                self._schema, self._searcher = index.schema, index.searcher()
            self._postings = TermPostings.open(directory / POSTINGS_FOLDER)
        self._universe = universe
        self._tuning = tuning

    @cached_property
    def terms_by_unit(self) -> Analyzer:
        """The terms of each word, and of words joined by hyphens (``search.index.analysis``)."""
        return create_analyzer(self._tuning.query_term_cache_size)

    @cached_property
    def _conditions(self) -> TextConditions:
        return TextConditions(self._schema, self._searcher, self._postings, self.terms_by_unit)

    @cached_property
    def _terms(self) -> TextTerms:
        analyze, doc_freq = self._conditions.forms.ranking_terms, self._conditions.doc_freq
        return TextTerms(analyze, doc_freq, self._postings.papers, self._tuning.max_query_terms)

    @cached_property
    def _scores(self) -> TextScores:
        return TextScores(self._postings, self._universe, self._terms.counts)

    def terms(self, text: str) -> list[str]:
        """Returns the distinct terms of a text that are looked up; of a long text those of highest weight."""
        return list(self._terms.counts(text))

    def search(self, text: str, k: int, papers: PaperSet) -> Ranked:
        """Returns the k papers of highest BM25 among those of a set that contain a term of the text."""
        return self._scores.top_k(text, k, as_rows(papers))

    def papers_with_any_term(self, text: str, papers: PaperSet) -> Rows:
        """Returns the papers of a set that contain a term of the text."""
        found = np.flatnonzero((self._scores.scores(text) > 0) & as_rows(papers).mask)
        return Rows.from_ids(found, self._universe)

    def count_matches(self, text: str, papers: PaperSet) -> int:
        """Returns the number of papers of a set that contain a term of the text."""
        return int(np.count_nonzero((self._scores.scores(text) > 0) & as_rows(papers).mask))

    def search_reaching(
        self, text: str, share: float, papers: PaperSet
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns all rows of a set whose BM25 is at least a share of ``max_score``.

        Args:
            text: the text.
            share: above 0, at most 1.
            papers: the set.

        Returns:
            (n,) int64 rows, ascending, and (n,) float32, their BM25.
        """
        return self._scores.reaching(text, share * self.max_score(text) * (1 - _ROUNDING), as_rows(papers))

    @cached_property
    def term_by_word(self) -> Mapping[str, str | None]:
        """The first term of each word; None for a stop word."""
        terms = self.terms_by_unit
        return TermCache(lambda word: terms[word].ranked, self._tuning.query_term_cache_size)

    def max_score(self, text: str) -> float:
        """Returns an upper bound of the BM25 of this text in any paper; 0 for a text without terms.

        It is the sum of ``TextTerms.bounds``.
        """
        return sum(self._terms.bounds(text).values())

    def term_weights(self, text: str) -> dict[str, float]:
        """Returns the terms of a text that are looked up, each with the inverse document frequency that BM25 uses."""
        return self._terms.weights(text)

    def highlighted_terms(self, text: str) -> dict[str, float]:
        """Returns the terms of a text to highlight, as papers have them, each with its weight."""
        weights = self._terms.weights(text).items()
        return {form: weight for term, weight in weights for form in term.split(ALTERNATIVE_MARK)}

    def read_words(self, words: Iterable[str]) -> None:
        """See ``TextSearch``: all document frequencies are at hand."""

    def word_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a Latin word, not stemmed."""
        return self._conditions.written_freq(word.lower())

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the BM25 of the text in (n,) rows as (n,) float32; 0 for a row without any of its terms."""
        return self._scores.scores(text)[ids]

    def coverage(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the share of the text that each row contains, as (n,) float32 from 0 to 1.

        Each distinct term of the text counts with its inverse document frequency.
        """
        weights = self.term_weights(text)
        total = sum(weights.values())
        return self._scores.coverage({term: weight / total for term, weight in weights.items()}, ids)

    def inflected_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a word in any inflection; of a stop word, not stemmed."""
        term, lower = self.term_by_word[word], word.lower()
        papers = self._terms.doc_freq(term) if term else 0
        # all papers with the word have its term, unless the word is an acronym in the plural
        return papers if term and not lower.endswith("s") else max(self.word_doc_freq(word), papers)

    def rows_matching(self, condition: ContainsText) -> NDArray[np.int64]:
        """Returns the rows, ascending, that meet a condition.

        Raises:
            InvalidValue: the text has no word.
        """
        return self._conditions.rows(condition)

    def indexed_rows(self) -> NDArray[np.int64]:
        """Returns the rows, ascending, that the postings have; none if tantivy has others."""
        rows = self._postings.rows()
        return rows if np.array_equal(rows, self._conditions.indexed_rows()) else rows[:0]
