"""TextConditions: the papers that contain words and phrases.

Words come from the postings; tantivy has the positions of words in title and abstract, for phrases and for words that
have to occur in one of the two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.columns.postings import sorted_unique
from search.errors import InvalidValue
from search.index.analysis import Analyzer, find_units, is_character
from search.index.term_postings import ABSTRACT, TEXT, TITLE, TermPostings
from search.index.text_scores import places_of
from search.index.word_forms import WordForms
from search.language.stop_words import STOP_WORDS
from search.query.condition import ContainsText
from search.rows import are_among
from search.weak_methods import weak_method

PHRASE_FIELDS = {"title": TITLE, "abstract": ABSTRACT}
"""The fields with positions, which also contain stop words; the postings have the stop words alone."""
_STOP_WORDS = frozenset(STOP_WORDS)
_CACHED_FREQUENCIES = 10_000
"""Terms, and words, whose document frequency is cached; a question needs each of its own five times."""


@dataclass(frozen=True, slots=True)
class _Alternatives:
    """What a paper may contain to meet one requirement.

    Attributes:
        places: terms in the postings, each with its field.
        queries: queries of tantivy.
    """

    places: list[tuple[str, int]] = field(default_factory=list)
    queries: list[tantivy.Query] = field(default_factory=list)

    def __add__(self, other: "_Alternatives") -> "_Alternatives":
        return _Alternatives([*self.places, *other.places], [*self.queries, *other.queries])


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

    def _count_papers(self, term: str) -> int:
        """Returns the document frequency of a term that ranks; of several places (``places_of``), the least above 0."""
        counts = [self._postings.doc_freq(*place) for place in places_of(term)]
        return min(filter(None, counts), default=0)

    def rows(self, condition: ContainsText) -> NDArray[np.int64]:
        """Returns the rows, ascending, that meet a condition: every word of the text, or all of them side by side.

        Raises:
            InvalidValue: the text contains no word.
        """
        fields = tuple(PHRASE_FIELDS) if condition.text_field == "any" else (condition.text_field,)
        if condition.phrase:
            parts = [units] if (units := find_units(condition.text)) else []
        else:
            parts = [[unit] for unit in self.forms.required_units(condition.text)]
        if not parts:
            problem = "it contains no word; add one"
            raise InvalidValue("q", condition.text, problem, position=condition.text_position)
        required = [self._any_form(part, fields) for part in parts]
        found = [self._rows_of_places(each) for each in required if each.places]
        if queries := [any_of(each.queries) for each in required if not each.places]:
            found.append(self._search(tantivy.Query.boolean_query([(Occur.Must, query) for query in queries])))
        return reduce(lambda rows, others: rows[are_among(rows, others)], sorted(found, key=len))

    def indexed_rows(self) -> NDArray[np.int64]:
        """Returns the rows, ascending, of all papers that tantivy has."""
        return self._search(tantivy.Query.all_query())

    def _rows_of_places(self, alternatives: _Alternatives) -> NDArray[np.int64]:
        lists = [found.rows for place in alternatives.places for found in self._postings.lists(*place)]
        if alternatives.queries:
            lists.append(self._search(any_of(alternatives.queries)).astype(np.uint32))
        return sorted_unique(np.concatenate([np.empty(0, np.uint32), *lists])).astype(np.int64)

    def _any_form(self, units: Sequence[str], fields: Sequence[str]) -> _Alternatives:
        forms = (self._alternatives(words, fields) for words in self.forms.sequences(units))
        return reduce(_Alternatives.__add__, forms)

    def _alternatives(self, words: Sequence[str], fields: Sequence[str]) -> _Alternatives:
        """Returns what a paper may contain for words side by side; for a single one, in any form."""
        terms = self._analyzer.phrase_terms(words)
        if len(terms) > 1:
            return _Alternatives(queries=[self._phrase_query(field, terms) for field in fields])
        found = self._analyzer[words[0]]
        if not found.ranked:
            terms = list(filter(self.doc_freq, found.unordered)) or terms  # the acronym, not the stop word
        elif len(found.ordered) == 1:
            terms = self.forms.terms(words[0])
        if len(fields) > 1 and any(map(self.doc_freq, terms)):
            return _Alternatives(places=[(term, TEXT) for term in terms])
        if _STOP_WORDS.issuperset(terms):
            return _Alternatives(places=[(term, PHRASE_FIELDS[field]) for field in fields for term in terms])
        return _Alternatives(queries=[self._term_query(field, term) for field in fields for term in terms])

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
        return self._count(any_of(self._phrase_query(field, terms) for field in PHRASE_FIELDS))

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
