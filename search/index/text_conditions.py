"""TextConditions: the papers that contain words and phrases.

Words come from the postings; tantivy has the positions of words in title and abstract, for phrases and for words that
have to occur in one of the two.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.columns.postings import sorted_unique
from search.index.analysis import Analyzer
from search.index.term_postings import TermPostings
from search.index.text_requirements import PHRASE_FIELDS, Alternatives, Phrase, TextRequirements
from search.index.text_scores import places_of
from search.index.word_forms import WordForms
from search.query.condition import ContainsText
from search.rows import are_among
from search.weak_methods import weak_method

_CACHED_FREQUENCIES = 10_000
"""Terms, and words, whose document frequency is cached; a question needs each of its own five times."""


class TextConditions:
    """Finds the papers of one index that meet text conditions.

    Args:
        schema: the schema of tantivy's index.
        searcher: its searcher.
        postings: the postings of the same papers.
        analyzer: the terms by word.
    """

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, postings: TermPostings, analyzer: Analyzer
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._postings = postings
        self._analyzer = analyzer
        self.doc_freq = lru_cache(_CACHED_FREQUENCIES)(weak_method(self._count_papers))
        self.written_freq = lru_cache(_CACHED_FREQUENCIES)(postings.written_freq)
        self.forms = WordForms(analyzer, self.doc_freq, self.written_freq, weak_method(self._count_phrase))
        self._requirements = TextRequirements(analyzer, self.forms, self.doc_freq)

    def _count_papers(self, term: str) -> int:
        """Returns the document frequency of a term that ranks; of several places (``places_of``), the least above 0."""
        counts = [self._postings.doc_freq(*place) for place in places_of(term)]
        return min(filter(None, counts), default=0)

    def rows(self, condition: ContainsText) -> NDArray[np.int64]:
        """Returns the rows, ascending, that meet a condition: every word of the text, or all of them side by side.

        Raises:
            InvalidValue: the text contains no word.
        """
        required = self._requirements.of(condition)
        found = [self._rows_of_places(each) for each in required if each.places]
        if queries := [any_of(map(self._query, each.phrases)) for each in required if not each.places]:
            found.append(self._search(tantivy.Query.boolean_query([(Occur.Must, query) for query in queries])))
        return reduce(lambda rows, others: rows[are_among(rows, others)], sorted(found, key=len))

    def indexed_rows(self) -> NDArray[np.int64]:
        """Returns the rows, ascending, of all papers that tantivy has."""
        return self._search(tantivy.Query.all_query())

    def _rows_of_places(self, alternatives: Alternatives) -> NDArray[np.int64]:
        lists = [found.rows for place in alternatives.places for found in self._postings.lists(*place)]
        if alternatives.phrases:
            lists.append(self._search(any_of(map(self._query, alternatives.phrases))).astype(np.uint32))
        return sorted_unique(np.concatenate([np.empty(0, np.uint32), *lists])).astype(np.int64)

    def _query(self, phrase: Phrase) -> tantivy.Query:
        *others, last = phrase.terms
        if not others:
            return tantivy.Query.term_query(self._schema, phrase.text_field, last, "basic")
        ends = [last]
        if phrase.open_end:
            ends = [term for term, _ in self._searcher.terms_with_prefix(phrase.text_field, last)]
        phrases = (tantivy.Query.phrase_query(self._schema, phrase.text_field, [*others, end]) for end in ends)
        return any_of(phrases)

    def _count_phrase(self, terms: Sequence[str]) -> int:
        """Returns the number of papers with terms side by side in the title or the abstract."""
        return self._count(any_of(self._query(Phrase.of(field, terms)) for field in PHRASE_FIELDS))

    def _count(self, query: tantivy.Query) -> int:
        result = self._searcher.search(query, limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs

    def _search(self, query: tantivy.Query) -> NDArray[np.int64]:
        """Returns the rows, ascending, without scoring them, which takes half the time."""
        limit = max(self._searcher.num_docs, 1)
        found = self._searcher.search(query, limit, count=False, order_by_field="row", order=tantivy.Order.Asc)
        return np.array([row for row, _ in found.hits], np.int64)


def any_of(parts: Iterable[tantivy.Query]) -> tantivy.Query:
    """Returns the disjunction of queries; without any, a query that matches nothing."""
    found = list(parts) or [tantivy.Query.empty_query()]
    return found[0] if len(found) == 1 else tantivy.Query.boolean_query([(Occur.Should, part) for part in found])
