"""Vocabulary: the authors and categories of a generation, suggested to someone who types how they begin."""

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
from search.query.page import CategoryCount, Suggestions, ValueCount
from search.rows import Rows

MAX_SUGGESTIONS = 50
"""Most authors, and most categories, that can be suggested."""


@dataclass(frozen=True, slots=True, eq=False)
class Suggester:
    """What can be suggested.

    Attributes:
        beginnings: the authors' words. papers: (authors,) int64, how many each has.
        order: (authors,) int64, most papers first, of equal ones the one that was indexed first. ranks: (authors,)
            uint32, each one's place in it.
        categories: those that papers have, most papers first. words: those of their names, folded.
    """

    prefix_index: PrefixIndex
    paper_counts: NDArray[np.int64]
    order: NDArray[np.int64]
    ranks: NDArray[np.uint32]
    categories: tuple[CategoryCount, ...]
    category_words: tuple[tuple[str, ...], ...]

    @classmethod
    def build(cls, columns: Columns, live: Rows) -> Self:
        """Counts among the live rows."""
        papers = columns.author_postings.count_by_value(live)
        order = np.argsort(-papers, kind="stable")
        ranks = np.empty(len(order), np.uint32)
        ranks[order] = np.arange(len(order), dtype=np.uint32)
        categories = tuple(_count_categories(columns, live))
        words = tuple(tuple(fold(each.name or "").split()) for each in categories)
        return cls(PrefixIndex.build(columns.authors), papers, order, ranks, categories, words)

    def suggest(self, text: str, limit: int) -> Suggestions:
        """At most so many authors, and as many categories, of whose names each word typed begins another word.

        Names are folded (``search.papers.folding``), so accents may be left out; an umlaut may be written out. Authors
        are told as they are first written. Categories are found by code, too, with or without the archive; one whose
        whole code was typed comes first.

        Raises:
            InvalidValue: limit outside 1..MOST, or more than LONGEST characters.
        """
        if not 1 <= limit <= MAX_SUGGESTIONS:
            raise InvalidValue("limit", limit, f"give a whole number from 1 to {MAX_SUGGESTIONS}")
        if len(text) > MAX_NAME_LENGTH:
            raise InvalidValue("q", text, f"the beginning of a name has at most {MAX_NAME_LENGTH} characters")
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
        found = [each for each, held in known if _matches_code(each, code) or _all_prefixes_match(words, held)]
        return tuple(sorted(found, key=lambda each: each.code.casefold() != code)[:limit])


def _word_variants(text: str) -> Iterator[list[str]]:
    """The words typed: folded, with umlauts written out, and without those that are."""
    folded = fold(text).split()
    yield from {
        tuple(words): words
        for words in (folded, fold(expand_umlauts(text)).split(), [collapse_umlaut_digraphs(word) for word in folded])
        if words
    }.values()


def _matches_code(category: CategoryCount, code: str) -> bool:
    """Whether the code begins so, or what comes after its archive."""
    known = category.code.casefold()
    return bool(code) and (known.startswith(code) or known.partition(".")[2].startswith(code))


def _all_prefixes_match(words: Sequence[str], held: Sequence[str]) -> bool:
    """Whether each of the words begins another one of those held."""
    enough = (sum(each.startswith(word) for each in held) >= times for word, times in required_counts(words).items())
    return bool(words and held) and all(enough)


def _smallest_unique(numbers: NDArray[np.uint32], count: int) -> NDArray[np.uint32]:
    """The lowest so many different numbers, ascending."""
    few = 4 * count
    while few < len(numbers):
        lowest = sorted_unique(np.partition(numbers, few)[:few])
        if len(lowest) >= count:
            return lowest[:count]
        few *= 8
    return sorted_unique(numbers)[:count]


def _count_categories(columns: Columns, live: Rows) -> Iterator[CategoryCount]:
    """Codes that differ in case alone are one, written as arXiv does."""
    official = {code.casefold(): code for code in (*CATEGORIES, *ARCHIVES)}
    found = {code.casefold(): official.get(code.casefold(), code) for code in columns.categories}
    counts: list[CategoryCount] = []
    for folded, code in found.items():
        rows = columns.category_postings.ids(np.array(columns.ids_for_code(folded), np.int64))
        counts.append(CategoryCount(code, find_category_name(code), int(live.contains(rows).sum())))
    yield from sorted((each for each in counts if each.papers), key=lambda each: (-each.papers, each.code))
