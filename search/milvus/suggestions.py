"""CollectionSuggester: completes the names of authors and categories of a collection."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from search.columns.prefixes import PrefixIndex
from search.columns.suggestions import Suggester
from search.milvus.author_buckets import IndexedName
from search.milvus.author_conditions import SurnameTable
from search.milvus.collection import Collection
from search.papers.categories import ARCHIVES, CATEGORIES, find_category_name
from search.papers.folding import fold
from search.query.suggestions import CategoryCount, Suggestions

_MAX_NAMES = 500_000
"""Names of a collection up to which all are read, 40 MB, and any beginning of a word is completed. In a larger one, the
authors of a surname that is typed in full are suggested."""


class CollectionSuggester:
    """Suggests authors and categories (``search.index.backend.NameSuggester``).

    Args:
        collection: the collection.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.categories = _count_categories(collection.manifest.categories)

    def suggest(self, text: str, limit: int) -> Suggestions:
        """See ``NameSuggester``."""
        authors = self._collection.authors
        if authors.size <= _MAX_NAMES:
            return self._whole.suggest(text, limit)
        return self._build(authors.with_surnames(fold(text).split())).suggest(text, limit)

    @cached_property
    def _whole(self) -> Suggester:
        return self._build(self._collection.authors.all())

    def _build(self, found: list[IndexedName]) -> Suggester:
        table = SurnameTable.build(found, self._collection.counts, len(found))
        by_key = {name.canonical: name.papers for name in found if name.key == name.canonical}
        papers = np.array([by_key.get(table.key(author), 0) for author in range(len(table))], np.int64)
        order = np.argsort(-papers, kind="stable")
        ranks = np.empty(len(order), np.uint32)
        ranks[order] = np.arange(len(order), dtype=np.uint32)
        words = tuple(tuple(fold(each.name or "").split()) for each in self.categories)
        return Suggester(PrefixIndex.build(table), papers, order, ranks, self.categories, words)


def _count_categories(papers: Mapping[str, int]) -> tuple[CategoryCount, ...]:
    """Returns categories, most papers first. Codes that differ only in case are merged and written as arXiv does."""
    official = {code.casefold(): code for code in (*CATEGORIES, *ARCHIVES)}
    spellings = {code.casefold(): official.get(code.casefold(), code) for code in papers}
    counts: Counter[str] = Counter()
    for code, number in papers.items():
        counts[spellings[code.casefold()]] += number
    found = (CategoryCount(code, find_category_name(code), number) for code, number in counts.items() if number > 0)
    return tuple(sorted(found, key=lambda each: (-each.papers, each.code)))
