"""CollectionWords: BM25 over a collection. Milvus finds the candidates; their scores are computed here.

The scores are those of a local index (``search.index.text_scores``), from the terms of the papers and from the document
frequencies and lengths of the collection.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexUnavailable
from search.index.analysis import Analyzer, Terms
from search.index.bm25 import encode, idf, score_table
from search.index.lexicon import LEXICON_TUNING
from search.index.term_cache import TermCache
from search.index.term_postings import ABSTRACT, TEXT
from search.index.text_requirements import Alternatives
from search.index.text_scores import places_of
from search.index.text_terms import TextTerms
from search.index.word_forms import ALTERNATIVE_MARK
from search.lazy import lazy_property
from search.milvus.collection import Collection
from search.milvus.counts import term_key, written_key
from search.milvus.filters import Filters, expression_of_alternatives
from search.milvus.keys import all_of
from search.milvus.table import READ_BY_QUESTION, MatchingPapers, PaperTable, expression_of
from search.milvus.terms import encode_term
from search.rows import NO_ROWS, NO_SCORES, PaperSet, Ranked

BY_WORDS = "by words"
"""The search by BM25, in words."""
_MORE = 20
"""Papers that are read beyond those that are wanted, at least a quarter of these: Milvus does not round the lengths of
papers (``search.index.bm25.LENGTHS``), so that its order differs a little."""


class CollectionTerms:
    """The terms of texts in one collection, for all sessions.

    Args:
        collection: the collection.
        filters: the forms of words.
        analyzer: the terms by word.
    """

    def __init__(self, collection: Collection, filters: Filters, analyzer: Analyzer) -> None:
        self.words, self.analyzer = filters.words, analyzer
        self.papers = collection.manifest.papers
        self.text_terms = TextTerms(self._analyze, filters.words.doc_freq, self.papers, LEXICON_TUNING.max_query_terms)
        lengths = np.array(collection.manifest.lengths) / max(self.papers, 1)
        self.score_tables = [score_table(float(length)) for length in lengths]
        self._counts = collection.counts

    def _analyze(self, text: str) -> list[str]:
        self.words.read(text=text)
        return self.words.forms.ranking_terms(text)

    def idf(self, term: str, field: int) -> float:
        """Returns the inverse document frequency of a term in a field."""
        return idf(self._counts.get(term_key(term, field)), self.papers)


class CollectionWords:
    """The words of one collection (``search.index.backend.TextSearch``).

    Args:
        terms: the terms of texts.
        table: the papers that were read.
    """

    def __init__(self, terms: CollectionTerms, table: PaperTable) -> None:
        self._terms, self._table = terms, table
        self._frequencies: dict[tuple[int, int], tuple[Mapping[str, int], int]] = {}
        self._found: dict[tuple[str, int, str], NDArray[np.int64]] = {}

    @property
    def terms_by_unit(self) -> Mapping[str, Terms]:
        """See ``TextSearch``."""
        return self._terms.analyzer

    @lazy_property
    def term_by_word(self) -> Mapping[str, str | None]:
        """See ``TextSearch``."""
        analyzer = self._terms.analyzer
        return TermCache(lambda word: analyzer[word].ranked, LEXICON_TUNING.query_term_cache_size)

    def terms(self, text: str) -> list[str]:
        """See ``TextSearch``."""
        return list(self._terms.text_terms.counts(text))

    def search(self, text: str, k: int, papers: PaperSet) -> Ranked:
        """See ``TextSearch``; a query of stop words only ranks papers that have them, but not the best of all."""
        if isinstance(papers, MatchingPapers):
            self._table.note_kind(READ_BY_QUESTION)
            try:
                rows = self._find_once(text, k + max(k // 4, _MORE), papers)
            except IndexUnavailable:
                self._table.failed_leg = BY_WORDS
                return Ranked(NO_ROWS, NO_SCORES, False, NO_ROWS)
            self._table.has_words = True
        else:
            rows = papers.ids
        scores = self.scores(text, rows)
        rows, scores = rows[scores > 0], scores[scores > 0]
        best = Ranked.top_k(rows, scores, k, complete=True)
        is_complete = len(rows) <= k
        return Ranked(best.rows, best.scores, is_complete, rows, scored_scores=scores)

    def _find_once(self, text: str, k: int, papers: MatchingPapers) -> NDArray[np.int64]:
        """Returns what ``_find`` does; an acronym that is a question is searched once, not again for its senses."""
        asked = text, k, papers.whole_expression
        if asked not in self._found:
            self._found[asked] = self._find(text, k, papers)
        return self._found[asked]

    def _find(self, text: str, k: int, papers: MatchingPapers) -> NDArray[np.int64]:
        collection, tokens = self._table.collection, []
        for term, count in self._terms.text_terms.counts(text).items():
            tokens += [encode_term(form) for form, field in places_of(term) if field == TEXT] * count
        if tokens:
            found = collection.search_words(tokens, k, papers.whole_expression).papers
        elif text.strip():
            found = collection.find(self.with_any_term(text, papers).whole_expression, k)
        else:
            found = []
        return self._table.add(found, papers.expression)

    def with_any_term(self, text: str, papers: PaperSet) -> MatchingPapers:
        """Returns the papers of a set that contain a term of the text."""
        places = [place for term in self.terms(text) for place in places_of(term)]
        expression = all_of((expression_of(papers), expression_of_alternatives(Alternatives(places=places))))
        return MatchingPapers(self._table, expression)

    def search_reaching(
        self, text: str, share: float, papers: PaperSet
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See ``TextSearch``; of a large set, only papers that were read."""
        rows = self._table.members(papers)
        scores = self.scores(text, rows)
        reaches = (scores > 0) & (scores >= share * self.max_score(text) * (1 - 1e-6))
        return rows[reaches], scores[reaches]

    def papers_with_any_term(self, text: str, papers: PaperSet) -> PaperSet:
        """See ``TextSearch``."""
        return self.with_any_term(text, papers)

    def count_matches(self, text: str, papers: PaperSet) -> int:
        """See ``TextSearch``."""
        return len(self.with_any_term(text, papers))

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``TextSearch``."""
        scores = np.zeros(len(ids), np.float32)
        rows = ids.tolist()
        self._table.get(rows)
        for term, count in self._terms.text_terms.counts(text).items():
            of_places = [
                self._scores_in(rows, form, field) * np.float32(count * self._terms.idf(form, field))
                for form, field in places_of(term)
            ]
            scores += np.max(of_places, axis=0)  # of several places the best one, as in the local index
        return scores

    def _scores_in(self, rows: list[int], form: str, field: int) -> NDArray[np.float32]:
        """Returns the BM25 of a form in a field of some papers, without its inverse document frequency."""
        token = encode_term(form)
        found = [self._frequencies_in(row, field) for row in rows]
        frequencies = np.array([counts.get(token, 0) for counts, _ in found], np.int64)
        lengths = np.array([length for _, length in found], np.int64)
        scores = self._terms.score_tables[field].take(encode(frequencies, lengths))
        return np.where(frequencies > 0, scores, np.float32(0))

    def _frequencies_in(self, row: int, field: int) -> tuple[Mapping[str, int], int]:
        """Returns how often a paper has each token in a field, and the number of all."""
        known = self._frequencies.get((row, field))
        if known is None:
            (fetched,) = self._table.get([row])
            if field == TEXT:
                known = Counter(fetched.tokens), len(fetched.tokens)
            else:
                text = fetched.paper.abstract if field == ABSTRACT else fetched.paper.title
                terms = self._terms.analyzer.analyze_text(text or "")
                length = len(terms.ordered) + len(set(terms.unordered))
                known = Counter(map(encode_term, terms.ordered)), length
            self._frequencies[row, field] = known
        return known

    def coverage(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``TextSearch``."""
        weights, rows = self._terms.text_terms.weights(text), ids.tolist()
        total, covered = sum(weights.values()), np.zeros(len(ids), np.float32)
        self._table.get(rows)
        for term, weight in weights.items():
            places = [(encode_term(form), field) for form, field in places_of(term)]
            has = [any(self._frequencies_in(row, field)[0].get(token) for token, field in places) for row in rows]
            covered += np.array(has, bool) * np.float32(weight / total)
        return covered

    def max_score(self, text: str) -> float:
        """See ``TextSearch``."""
        return sum(self._terms.text_terms.bounds(text).values())

    def highlighted_terms(self, text: str) -> dict[str, float]:
        """See ``TextSearch``."""
        weights = self._terms.text_terms.weights(text).items()
        return {form: weight for term, weight in weights for form in term.split(ALTERNATIVE_MARK)}

    def read_words(self, words: Iterable[str]) -> None:
        """See ``TextSearch``."""
        found = list(words)
        terms = {term for word in found if (term := self.term_by_word[word])}
        counted = [term_key(*place) for term in terms for place in places_of(term)]
        self._table.collection.read_data([*counted, *(written_key(word.lower()) for word in found)])

    def word_doc_freq(self, word: str) -> int:
        """See ``TextSearch``."""
        return self._terms.words.written_freq(word.lower())

    def inflected_doc_freq(self, word: str) -> int:
        """See ``TextSearch``."""
        term, lower = self.term_by_word[word], word.lower()
        papers = self._terms.text_terms.doc_freq(term) if term else 0
        # all papers with the word have its term, unless the word is an acronym in the plural
        return papers if term and not lower.endswith("s") else max(self.word_doc_freq(word), papers)
