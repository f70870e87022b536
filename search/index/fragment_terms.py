"""FragmentTerms: the terms of fragments by number, so that texts are arrays of numbers until their terms are counted.

Fragments (``search.index.analysis.split_fragments``) recur, so most of a text is a lookup of each fragment. What its
terms are is then computed for millions of fragments at once.
"""

from array import array
from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from search.index.analysis import Terms
from search.index.term_postings import word_key
from search.language.stop_words import STOP_WORDS
from search.rows import expand_ranges

_is_stop_word = frozenset(STOP_WORDS).__contains__


class _TermNumbers(dict[str, int]):
    """The number of each term; a new term gets the next one."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


class _WordNumbers(_TermNumbers):
    """The number of each word as papers write it.

    Attributes:
        hashes: the ``word_key`` of each, by number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hashes = array("q")

    def __missing__(self, term: str) -> int:
        self.hashes.append(word_key(term))
        return super().__missing__(term)


class TermLists:
    """A list of terms for each fragment, in arrays: millions of Python objects would slow down garbage collection."""

    def __init__(self, numbers: _TermNumbers) -> None:
        self._number_of = numbers.__getitem__
        self._terms, self._ends = array("I"), array("Q", [0])

    def add(self, terms: Iterable[str]) -> None:
        """Adds the list of the next fragment."""
        self._terms.extend(map(self._number_of, terms))
        self._ends.append(len(self._terms))

    def of(
        self, fragments: NDArray[np.uint32], papers: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Returns the terms of several fragments, in any order, and the paper of each.

        Args:
            fragments: (n,) the numbers of the fragments.
            papers: (n,) the paper of each.
        """
        ends, terms = np.frombuffer(self._ends, np.uint64).astype(np.int64), np.frombuffer(self._terms, np.uint32)
        sizes = np.diff(ends)[fragments]
        one, several = np.flatnonzero(sizes == 1), np.flatnonzero(sizes > 1)  # most have one or none
        first = ends[fragments[several]]
        positions = np.concatenate((ends[fragments[one]], expand_ranges(first, first + sizes[several])))
        return terms[positions], np.concatenate((papers[one], np.repeat(papers[several], sizes[several])))


class FragmentTerms:
    """Numbers fragments and their terms.

    Attributes:
        numbers: the number of each term.
        counted: of each fragment, the terms that count in title and abstract together.
        stop_words: of each fragment, the stop words, which count in the title and in the abstract.
        unordered: of each fragment, ``Terms.unordered``.
        written: of each fragment, ``Terms.written``, whose numbers are those of ``words``.
        words: the number of each word.
    """

    def __init__(self) -> None:
        self.numbers = _TermNumbers()
        self.counted, self.stop_words, self.unordered = (TermLists(self.numbers) for _ in range(3))
        self.words = _WordNumbers()
        self.written = TermLists(self.words)
        self._positions = array("I")
        self._sorted: list[str] = []

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, terms: Terms) -> int:
        """Adds a fragment with these terms and returns its number."""
        self.counted.add((*terms.ranked, *terms.unordered))
        self.stop_words.add(filter(_is_stop_word, terms.ordered))
        self.unordered.add(terms.unordered)
        self.written.add(terms.written)
        self._positions.append(len(terms.ordered))
        return len(self._positions) - 1

    def sorted_terms(self) -> list[str]:
        """Returns all terms, ascending; those that the last call returned are not sorted again."""
        self._sorted += islice(self.numbers, len(self._sorted), None)
        self._sorted.sort()
        return self._sorted

    @property
    def positions(self) -> NDArray[np.uint32]:
        """(fragments,) the number of terms at successive positions of each fragment."""
        return np.frombuffer(self._positions, np.uint32)
