"""Filters: the expression of Milvus that exactly the papers of a condition meet.

Nothing is approximated. What an expression cannot say is decided here first: which authors a name means, which forms
of a word papers have, which codes a category stands for. An expression contains numbers and tokens only, never the
text of a user.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

from search.errors import InvalidValue
from search.index.analysis import Analyzer, find_units, find_words
from search.index.term_postings import ABSTRACT, TEXT, TITLE
from search.index.text_requirements import PHRASE_FIELDS, Alternatives, Phrase, TextRequirements
from search.index.text_scores import places_of
from search.index.word_forms import WordForms
from search.milvus import keys
from search.milvus.author_conditions import AuthorConditions
from search.milvus.collection import Collection
from search.milvus.counts import term_key, written_key
from search.milvus.terms import pattern_of
from search.papers.categories import resolve_codes
from search.papers.date import NO_DAY
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    InRows,
    Not,
)
from search.weak_methods import weak_method

_FIELD_OF_PLACE = {TEXT: "text", TITLE: "title", ABSTRACT: "abstract"}
_CACHED_PHRASES = 1_000
"""Phrases whose number of papers is cached."""
_EVERYTHING = "row >= 0"


class Filters:
    """Translates conditions for one collection.

    Args:
        collection: the collection.
        analyzer: the terms by word.
        primary_keys: returns the primary keys of some rows of ``InRows``.
    """

    def __init__(
        self,
        collection: Collection,
        analyzer: Analyzer,
        primary_keys: Callable[[Sequence[int]], Sequence[int]] = lambda rows: rows,
    ) -> None:
        self._collection, self._analyzer, self._primary_keys = collection, analyzer, primary_keys
        self._phrase_freq = lru_cache(_CACHED_PHRASES)(weak_method(self._count_phrase))

    def expression(self, condition: Condition) -> str:
        """Returns the expression of a condition; empty if every paper meets it.

        Raises:
            InvalidValue: an unknown category, a text without words, a name that is too long, or a condition on a person
                (``Author.paper``).
        """
        if isinstance(condition, AllOf):
            return keys.all_of(map(self.expression, condition.parts))
        if isinstance(condition, AnyOf):
            parts = [self.expression(part) for part in condition.parts]
            return "" if "" in parts else keys.any_of(parts)
        if isinstance(condition, Not):
            return f"not ({self.expression(condition.part) or _EVERYTHING})"
        return self._leaf(condition)

    def _leaf(self, leaf: Condition) -> str:
        has_any = self._collection.dialect.keys.has_any
        if isinstance(leaf, Author):
            return self._author(leaf)
        if isinstance(leaf, Category):
            codes = resolve_codes(leaf.code, self._collection.manifest.categories)
            return has_any("keys", [(keys.primary_key if leaf.primary else keys.category_key)(code) for code in codes])
        if isinstance(leaf, HasKind):
            return has_any("keys", [keys.kind_key(leaf.kind)])
        if isinstance(leaf, HasId):
            return has_any("keys", [keys.id_key(leaf.id)])
        if isinstance(leaf, InDateRange):
            start = leaf.start.first_day if leaf.start else 0
            end = leaf.end.last_day if leaf.end else NO_DAY[0] - 1
            return f"({leaf.field}_last >= {start} and {leaf.field}_first <= {end})"
        if isinstance(leaf, AddedBetween):
            first, last = leaf.seconds
            return f"(added >= {max(first, 1)} and added <= {last})"
        if isinstance(leaf, InRows):
            rows = self._primary_keys(leaf.rows)
            return f"row in [{', '.join(map(str, rows))}]" if rows else keys.NOTHING
        if isinstance(leaf, ContainsText):
            return keys.all_of(map(expression_of_alternatives, self.requirements.of(leaf)))
        raise InvalidValue("filter", type(leaf).__name__, "a collection of Milvus cannot evaluate it; omit it")

    def _author(self, leaf: Author) -> str:
        if leaf.paper:  # nobody's papers are to be selected for those of a namesake
            raise InvalidValue("author", f"{leaf.name} @ {leaf.paper}", "only a search tells people apart; omit @")
        return self.authors.expression(leaf)

    @cached_property
    def authors(self) -> AuthorConditions:
        """Finds the authors that a name means."""
        return AuthorConditions(self._collection)

    @cached_property
    def forms(self) -> WordForms:
        """The forms of words."""
        return WordForms(self._analyzer, self.doc_freq, self.written_freq, self.count_phrase)

    @cached_property
    def requirements(self) -> TextRequirements:
        """What conditions on words require."""
        return TextRequirements(self._analyzer, self.forms, self.doc_freq)

    def read_counts(self, text: str) -> None:
        """Reads the document frequencies that ranking by a text needs, which otherwise are read one by one."""
        found: set[int] = set()
        for unit in find_units(text):
            for word in {unit, *find_words(unit)}:
                analyzed = self._analyzer[word]
                for term in (*analyzed.ranked, *analyzed.unordered):
                    found |= {term_key(form, TEXT) for form in (term, term[:-1], f"{term}s") if form}
                lower = word.lower()
                found |= {written_key(form) for form in (lower, lower[:-1], f"{lower}s") if form}
        self._collection.counts.read(found)

    def doc_freq(self, term: str) -> int:
        """Returns the document frequency of a term that ranks; of several places, the least above 0."""
        counts = [self._collection.counts.get(term_key(*place)) for place in places_of(term)]
        return min(filter(None, counts), default=0)

    def written_freq(self, word: str) -> int:
        """Returns the document frequency of a word as written, in lower case and not stemmed."""
        return self._collection.counts.get(written_key(word))

    def count_phrase(self, terms: Sequence[str]) -> int:
        """Returns the number of papers with terms side by side in the title or the abstract."""
        return self._phrase_freq(tuple(terms))

    def _count_phrase(self, terms: tuple[str, ...]) -> int:
        phrases = [Phrase.of(field, terms) for field in PHRASE_FIELDS]
        return self._collection.count(keys.any_of(map(_phrase, phrases)))


def expression_of_alternatives(found: Alternatives) -> str:
    """Returns the expression that the papers meet that contain one of some alternatives."""
    places = (_like(_FIELD_OF_PLACE[place], (term,)) for term, place in found.places)
    return keys.any_of(dict.fromkeys((*places, *map(_phrase, found.phrases))))


def _phrase(phrase: Phrase) -> str:
    return _like(phrase.text_field, phrase.terms, open_end=phrase.open_end)


def _like(field: str, terms: Sequence[str], *, open_end: bool = False) -> str:
    return f'{field} like "{pattern_of(terms, open_end=open_end)}"'
