"""Filters: the expression of Milvus that exactly the papers of a condition meet.

Nothing is approximated. What an expression cannot say is decided here first: which authors a name means, which forms
of a word papers have, which codes a category stands for. An expression contains numbers and tokens only, never the
text of a user.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from search.errors import InvalidValue
from search.index.analysis import Analyzer
from search.index.term_postings import ABSTRACT, TEXT, TITLE
from search.index.text_requirements import Alternatives
from search.milvus import keys
from search.milvus.author_conditions import AuthorConditions
from search.milvus.collection import Collection
from search.milvus.phrases import like_phrase
from search.milvus.terms import pattern_of
from search.milvus.word_counts import WordCounts
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

_FIELD_OF_PLACE = {TEXT: "text", TITLE: "title", ABSTRACT: "abstract"}
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
        self._collection, self._primary_keys = collection, primary_keys
        self.words = WordCounts(collection, analyzer)

    def expression(self, condition: Condition, text: str = "") -> str:
        """Returns the expression of a condition; empty if every paper meets it.

        Args:
            condition: the condition.
            text: see ``search.index.backend.Backend.rows_matching``. If the condition needs no counts, those of the
                text are left to the search by words, without which a question can be answered.

        Raises:
            InvalidValue: an unknown category, a text without words, a name that is too long, or a condition on a person
                (``Author.paper``).
        """
        leaves = list(_leaves(condition))
        texts = [leaf for leaf in leaves if isinstance(leaf, ContainsText)]
        authors = [leaf for leaf in leaves if isinstance(leaf, Author) and not leaf.paper]
        names = self.authors.meanings_of(authors)
        text = text if texts or names else ""
        self.words.read(texts, text, names, others=lambda: self.authors.requests(authors))
        return self._expression(condition)

    def _expression(self, condition: Condition) -> str:
        if isinstance(condition, AllOf):
            return keys.all_of(map(self._expression, condition.parts))
        if isinstance(condition, AnyOf):
            parts = [self._expression(part) for part in condition.parts]
            return "" if "" in parts else keys.any_of(parts)
        if isinstance(condition, Not):
            return f"not ({self._expression(condition.part) or _EVERYTHING})"
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
            return keys.all_of(map(expression_of_alternatives, self.words.requirements.of(leaf)))
        raise InvalidValue("filter", type(leaf).__name__, "a collection of Milvus cannot evaluate it; omit it")

    def _author(self, leaf: Author) -> str:
        if leaf.paper:  # nobody's papers are to be selected for those of a namesake
            raise InvalidValue("author", f"{leaf.name} @ {leaf.paper}", "only a search tells people apart; omit @")
        return self.authors.expression(leaf)

    @cached_property
    def authors(self) -> AuthorConditions:
        """Finds the authors that a name means."""
        return AuthorConditions(self._collection)


def _leaves(condition: Condition) -> Iterator[Condition]:
    """Yields the conditions that a condition consists of."""
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _leaves(part)
    elif isinstance(condition, Not):
        yield from _leaves(condition.part)
    else:
        yield condition


def expression_of_alternatives(found: Alternatives) -> str:
    """Returns the expression that the papers meet that contain one of some alternatives."""
    places = (_like(_FIELD_OF_PLACE[place], (term,)) for term, place in found.places)
    return keys.any_of(dict.fromkeys((*places, *map(like_phrase, found.phrases))))


def _like(field: str, terms: Sequence[str]) -> str:
    return f'{field} like "{pattern_of(terms)}"'
