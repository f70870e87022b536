"""Suggestions: completes the names of authors and categories in an index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns
from search.columns.postings import sorted_unique
from search.columns.prefixes import PrefixIndex, required_counts
from search.errors import InvalidValue
from search.papers.categories import ARCHIVES, CATEGORIES, find_category_name
from search.papers.folding import collapse_umlaut_digraphs, expand_umlauts, fold
from search.papers.names import MAX_NAME_LENGTH
from search.query.facets import ValueCount
from search.query.suggestions import CategoryCount, Suggestions
from search.rows import Rows

MAX_SUGGESTIONS = 50
"""Upper limit of the number of authors, and of categories, per request."""


@dataclass(frozen=True, slots=True, eq=False)
class Suggester:
    """The authors and categories of the live rows, ready for prefix lookups.

    Attributes:
        prefix_index: the words of the authors' names.
        paper_counts: (authors,) int64, the number of live papers of each author.
        order: (authors,) int64, author ids, most papers first; ties by id.
        ranks: (authors,) uint32, the position of each author in ``order``.
        categories: the categories that live papers have, most papers first.
        category_words: the folded words of each category's name.
    """

    prefix_index: PrefixIndex
    paper_counts: NDArray[np.int64]
    order: NDArray[np.int64]
    ranks: NDArray[np.uint32]
    categories: tuple[CategoryCount, ...]
    category_words: tuple[tuple[str, ...], ...]

    @classmethod
    def build(cls, columns: Columns, live: Rows) -> Self:
        """Counts the papers of every author and category.

        Args:
            columns: the columns of the index.
            live: the rows to count.
        """
        papers = columns.author_postings.count_by_value(live)
        order = np.argsort(-papers, kind="stable")
        ranks = np.empty(len(order), np.uint32)
        ranks[order] = np.arange(len(order), dtype=np.uint32)
        categories = tuple(_count_categories(columns, live))
        words = tuple(tuple(fold(each.name or "").split()) for each in categories)
        return cls(PrefixIndex.build(columns.authors), papers, order, ranks, categories, words)

    def suggest(self, text: str, limit: int) -> Suggestions:
        """Suggests authors and categories in whose names each typed word is a prefix of a different word.

        Matching ignores case and accents (``search.papers.folding``) and accepts umlauts written as ``ue``. Authors
        are shown as their first source writes them. Categories also match by a prefix of their code, with or without
        the archive; a category whose full code was typed comes first.

        Args:
            text: the typed text.
            limit: maximum number of authors, and of categories.

        Raises:
            InvalidValue: ``limit`` is outside 1..MAX_SUGGESTIONS, or ``text`` is longer than MAX_NAME_LENGTH.
        """
        if not 1 <= limit <= MAX_SUGGESTIONS:
            raise InvalidValue("limit", limit, f"give a whole number from 1 to {MAX_SUGGESTIONS}")
        if len(text) > MAX_NAME_LENGTH:
            raise InvalidValue("q", text, f"give a name prefix of at most {MAX_NAME_LENGTH} characters")
        return Suggestions(self._suggest_authors(text, limit), self._suggest_categories(text, limit))

    def _suggest_authors(self, text: str, limit: int) -> tuple[ValueCount, ...]:
        names = self.prefix_index.names
        found = [self.prefix_index.find_authors(words) for words in _word_variants(text)]
        best = _smallest_unique(self.ranks[np.concatenate([*found, names.canonical_keys[:0]])], limit)
        counts = (
            ValueCount(names.display_name(author), int(self.paper_counts[author]))
            for author in self.order[best].tolist()
        )
        return tuple(count for count in counts if count.papers)

    def _suggest_categories(self, text: str, limit: int) -> tuple[CategoryCount, ...]:
        code, words = text.strip().casefold(), fold(text).split()
        known = zip(self.categories, self.category_words, strict=True)
        found = [
            category
            for category, name_words in known
            if _matches_code(category, code) or _all_prefixes_match(words, name_words)
        ]
        return tuple(sorted(found, key=lambda category: category.code.casefold() != code)[:limit])


def _word_variants(text: str) -> Iterator[list[str]]:
    """Yields the typed words folded, with umlauts expanded (ü to ue), and with expanded umlauts collapsed (ue to u)."""
    folded = fold(text).split()
    yield from {
        tuple(words): words
        for words in (folded, fold(expand_umlauts(text)).split(), [collapse_umlaut_digraphs(word) for word in folded])
        if words
    }.values()


def _matches_code(category: CategoryCount, code: str) -> bool:
    """Whether the typed code is a prefix of the category's code or of its part after the archive."""
    full_code = category.code.casefold()
    return bool(code) and (full_code.startswith(code) or full_code.partition(".")[2].startswith(code))


def _all_prefixes_match(prefixes: Sequence[str], words: Sequence[str]) -> bool:
    """Whether each prefix matches a different word."""
    enough = (
        sum(word.startswith(prefix) for word in words) >= count for prefix, count in required_counts(prefixes).items()
    )
    return bool(prefixes and words) and all(enough)


def _smallest_unique(numbers: NDArray[np.uint32], count: int) -> NDArray[np.uint32]:
    """Returns the ``count`` smallest distinct numbers, ascending."""
    size = 4 * count
    while size < len(numbers):
        lowest = sorted_unique(np.partition(numbers, size)[:size])
        if len(lowest) >= count:
            return lowest[:count]
        size *= 8
    return sorted_unique(numbers)[:count]


def _count_categories(columns: Columns, live: Rows) -> Iterator[CategoryCount]:
    """Yields categories, most papers first. Codes that differ only in case are merged and written as arXiv does."""
    official = {code.casefold(): code for code in (*CATEGORIES, *ARCHIVES)}
    found = {code.casefold(): official.get(code.casefold(), code) for code in columns.categories.codes}
    counts: list[CategoryCount] = []
    for folded, code in found.items():
        rows = columns.categories.postings.ids(np.array(columns.categories.ids_for_code(folded), np.int64))
        counts.append(CategoryCount(code, find_category_name(code), int(live.contains(rows).sum())))
    yield from sorted((each for each in counts if each.papers), key=lambda each: (-each.papers, each.code))
