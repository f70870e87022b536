"""Text conditions: the tantivy queries for words and phrases that a paper has to contain."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import tantivy
from tantivy import Occur

from search.errors import InvalidValue
from search.index.analysis import Analyzer, find_units, is_character
from search.index.word_forms import ALTERNATIVE_MARK, STOP_WORD_MARK, WordForms
from search.query.condition import ContainsText

PHRASE_FIELDS = ("title", "abstract")
"""The fields with positions, which also contain stop words."""
RANKED_FIELD = "text"
"""The field with the terms of title and abstract, without positions and stop words."""
_CACHED_FREQUENCIES = 10_000
"""Terms, and words, whose document frequency is cached; a question needs each of its own five times."""


class TextConditions:
    """Builds the queries for text conditions on one index.

    Args:
        schema: the schema of the index.
        searcher: its searcher.
        analyzer: the terms by word.
    """

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher, analyzer: Analyzer) -> None:
        self._schema = schema
        self._searcher = searcher
        self._analyzer = analyzer
        self.doc_freq = lru_cache(_CACHED_FREQUENCIES)(self._count_papers)
        self.written_freq = lru_cache(_CACHED_FREQUENCIES)(self._count_written)
        self.forms = WordForms(analyzer, self.doc_freq, self.written_freq, self._count_phrase)

    def _count_papers(self, term: str) -> int:
        """Returns the document frequency of a term that ranks; of several places (``_places``), the least above 0."""
        if term.isalnum():
            return self._searcher.doc_freq(RANKED_FIELD, term)
        counts = [self._searcher.doc_freq(field, word) for field, word in _places(term)]
        return min(filter(None, counts), default=0)

    def max_papers(self, term: str) -> int:
        """Returns an upper bound of the number of papers with a term that ranks."""
        return sum(self._searcher.doc_freq(field, word) for field, word in _places(term))

    def ranked_query(self, term: str) -> tantivy.Query:
        """Returns the query that scores a term that ranks; in several places (``_places``), by the highest score.

        With the maximum, not the sum, BM25 has the same bounds as for other terms.
        """
        parts = [tantivy.Query.term_query(self._schema, field, word, "freq") for field, word in _places(term)]
        return parts[0] if len(parts) == 1 else tantivy.Query.disjunction_max_query(parts)

    def _count_written(self, word: str) -> int:
        """Returns the document frequency of a word as written, in lower case and not stemmed."""
        return self._searcher.doc_freq("word", word)

    def query(self, condition: ContainsText) -> tantivy.Query:
        """Returns the query for a condition: every word of the text, or all of them side by side.

        Raises:
            InvalidValue: the text contains no word.
        """
        fields = PHRASE_FIELDS if condition.text_field == "any" else (condition.text_field,)
        if condition.phrase:
            parts = [units] if (units := find_units(condition.text)) else []
        else:
            parts = [[unit] for unit in self.forms.required_units(condition.text)]
        if not parts:
            problem = "it contains no word; add one"
            raise InvalidValue("q", condition.text, problem, position=condition.text_position)
        return tantivy.Query.boolean_query([(Occur.Must, self._any_form(part, fields)) for part in parts])

    def _any_form(self, units: Sequence[str], fields: Sequence[str]) -> tantivy.Query:
        return any_of(self._sequence_query(words, fields) for words in self.forms.sequences(units))

    def _sequence_query(self, words: Sequence[str], fields: Sequence[str]) -> tantivy.Query:
        """Returns the query for words side by side; for a single one, in any form."""
        terms = self._analyzer.phrase_terms(words)
        if len(terms) > 1:
            return any_of(self._phrase_query(field, terms) for field in fields)
        found = self._analyzer[words[0]]
        if not found.ranked:
            terms = list(filter(self.doc_freq, found.unordered)) or terms  # the acronym, not the stop word
        elif len(found.ordered) == 1:
            terms = self.forms.terms(words[0])
        if fields == PHRASE_FIELDS and any(map(self.doc_freq, terms)):
            fields = (RANKED_FIELD,)
        return any_of(self._term_query(field, term) for field in fields for term in terms)

    def _phrase_query(self, field: str, terms: Sequence[str]) -> tantivy.Query:
        *others, last = terms
        ends = [last]
        if is_character(last):  # in papers it is paired with the character that follows
            ends = [term for term, _ in self._searcher.terms_with_prefix(field, last)]
        phrases = (tantivy.Query.phrase_query(self._schema, field, [*others, end]) for end in ends)
        return any_of(phrases)

    def _term_query(self, field: str, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, term, "basic")

    def _count_phrase(self, terms: Sequence[str]) -> int:
        """Returns the number of papers with terms side by side in the title or the abstract."""
        query = any_of(self._phrase_query(field, terms) for field in PHRASE_FIELDS)
        result = self._searcher.search(query, limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs


def _places(term: str) -> list[tuple[str, str]]:
    """Returns where a term that ranks is indexed: each field, with the term in it.

    A stop word is in the fields with positions only, and an acronym may have two forms.
    """
    if term.startswith(STOP_WORD_MARK):
        return [(field, term.removeprefix(STOP_WORD_MARK)) for field in PHRASE_FIELDS]
    return [(RANKED_FIELD, form) for form in term.split(ALTERNATIVE_MARK)]


def any_of(parts: Iterable[tantivy.Query]) -> tantivy.Query:
    """Returns the disjunction of queries; without any, a query that matches nothing."""
    found = list(parts) or [tantivy.Query.empty_query()]
    return found[0] if len(found) == 1 else tantivy.Query.boolean_query([(Occur.Should, part) for part in found])
