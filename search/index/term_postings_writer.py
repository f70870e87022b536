"""TermPostingsBuilder: writes the postings of the next generation, from segments of the last one and new papers.

Segments without replaced papers are linked. The others are written anew without these papers, which needs only the
words of these: so document frequencies and lengths count live papers only. Small segments are merged with the next
ones, so that their number grows with the logarithm of the papers (Cutting and Pedersen, "Optimizations for dynamic
inverted index maintenance", 1990).
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.files import link_or_copy
from search.index.analysis import Terms
from search.index.bm25 import encode
from search.index.fragment_terms import FragmentTerms
from search.index.term_postings import FIELD_MARKS, Segment, join_terms, open_segments, segment_paths, word_key
from search.index.term_postings_merge import Replaced, merge


@dataclass(frozen=True, slots=True)
class TermPostingsTuning:
    """Constants of writing."""

    max_fragments: int = 1 << 21
    """Fragments that are sorted at once: some 10,000 papers."""
    max_merged: int = 1 << 20
    """Postings that are merged at once, which bounds the memory."""
    merge_factor: int = 4
    """Postings of a segment per posting of the next one, below which they are merged."""


TERM_POSTINGS_TUNING = TermPostingsTuning()


class TermPostingsBuilder:
    """Builds the postings of the next generation in a new directory.

    Args:
        directory: the directory to create.
        previous: the directory of the last generation.
        tuning: bounds of the memory, and which segments are merged.
    """

    def __init__(
        self, directory: Path, previous: Path | None = None, tuning: TermPostingsTuning = TERM_POSTINGS_TUNING
    ) -> None:
        directory.mkdir()
        self._directory = directory
        self._previous = previous
        self._before = dict(open_segments(previous)) if previous else {}
        self._next = max(self._before, default=0) + 1
        self._tuning = tuning
        self._replaced: NDArray[np.int64] = np.empty(0, np.int64)
        self._replaced_words: dict[int, NDArray[np.int64]] = {}
        self._flushed: list[int] = []
        self._terms = FragmentTerms()
        self._buffer = _Buffer()

    def add_fragment(self, terms: Terms) -> int:
        """Adds a fragment with these terms and returns its number."""
        return self._terms.add(terms)

    def forget_fragments(self) -> None:
        """Makes all numbers of fragments invalid, which bounds the memory."""
        self._flush()
        self._terms = FragmentTerms()

    def add(self, row: int, title: Sequence[int], abstract: Sequence[int]) -> None:
        """Adds a paper by the numbers of its fragments; its row is greater than those of all papers before."""
        self._buffer.add(row, title, abstract)
        if len(self._buffer) >= self._tuning.max_fragments:
            self._flush()

    def remove(self, rows: Sequence[int], written: Callable[[Sequence[int]], Iterable[Iterable[str]]]) -> list[int]:
        """Removes papers of the last generation, and returns their rows.

        Args:
            rows: their rows; other rows are ignored.
            written: returns the distinct words of each paper of some rows, as ``Terms.written``.
        """
        papers = [segment.papers for segment in self._before.values()]
        self._replaced = np.intersect1d(np.array(rows, np.int64), np.concatenate([np.empty(0, np.int64), *papers]))
        found: list[int] = self._replaced.tolist()
        for row, words in zip(found, written(found), strict=True):
            self._replaced_words[row] = np.fromiter(map(word_key, words), np.int64)
        return found

    def save(self) -> None:
        """Writes all segments."""
        self.forget_fragments()
        flushed = [(number, Segment.open(self._directory, number)) for number in self._flushed]
        for group in self._group([*self._before.items(), *flushed]):
            numbers, segments = zip(*group, strict=True)
            if len(group) > 1 or self._has_replaced(segments[0]):
                replaced = Replaced(self._replaced, self._words_of_replaced(segments))
                merge(segments, replaced, self._directory, self._new_number(), self._tuning.max_merged)
                self._delete(set(numbers).intersection(self._flushed))
            elif numbers[0] in self._before:
                self._link(numbers[0])

    def _words_of_replaced(self, segments: Sequence[Segment]) -> NDArray[np.int64]:
        """Returns the words of the papers of some segments that were replaced, once per paper."""
        rows = np.intersect1d(self._replaced, np.concatenate([segment.papers for segment in segments])).tolist()
        return np.concatenate([np.empty(0, np.int64), *map(self._replaced_words.__getitem__, rows)])

    def _delete(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            for path in segment_paths(self._directory, number):
                path.unlink()

    def _link(self, number: int) -> None:
        for path in segment_paths(self._previous, number) if self._previous else ():
            link_or_copy(path, self._directory / path.name)

    def _flush(self) -> None:
        if len(self._buffer.papers):
            self._flushed.append(self._new_number())
            self._buffer.build(self._terms).save(self._directory, self._flushed[-1])
            self._buffer = _Buffer()

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _has_replaced(self, segment: Segment) -> bool:
        return bool(np.isin(self._replaced, segment.papers).any())

    def _group(self, segments: Sequence[tuple[int, Segment]]) -> list[list[tuple[int, Segment]]]:
        """Returns the segments to write as one."""
        groups: list[list[tuple[int, Segment]]] = []
        for segment in segments:
            groups.append([segment])
            while len(groups) > 1 and _size(groups[-2]) < self._tuning.merge_factor * _size(groups[-1]):
                groups[-2:] = [groups[-2] + groups[-1]]
        return groups


def _size(group: Sequence[tuple[int, Segment]]) -> int:
    return sum(len(segment.rows) + len(segment.papers) for _, segment in group)


class _Buffer:
    """The fragments of new papers until they become a segment."""

    def __init__(self) -> None:
        self.papers = array("I")
        self._fragments = array("I")
        self._counts = array("I")  # of the title and of the abstract of each paper

    def __len__(self) -> int:
        return len(self._fragments)

    def add(self, row: int, *texts: Sequence[int]) -> None:
        """Adds title and abstract of a paper."""
        self.papers.append(row)
        for fragments in texts:
            self._fragments.extend(fragments)
            self._counts.append(len(fragments))

    def build(self, terms: FragmentTerms) -> Segment:
        """Returns the segment of all papers."""
        names = terms.sorted_terms()
        order = np.fromiter(map(terms.numbers.__getitem__, names), np.int64, len(names))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        fields = [_FieldPostings.of(rank[number], paper, length) for number, paper, length in self._fields(terms)]
        papers = np.frombuffer(self.papers, np.uint32)
        marked = [*zip(FIELD_MARKS, fields, strict=True)][::-1]  # ascending terms
        found = [
            f"{mark}{names[term]}".encode("utf-8", "surrogatepass") for mark, field in marked for term in field.terms
        ]
        return Segment(
            *join_terms(found),
            ends=np.cumsum(np.concatenate([field.counts for _, field in marked])),
            rows=papers[np.concatenate([field.places for _, field in marked])],
            codes=np.concatenate([field.codes for _, field in marked]),
            papers=papers,
            lengths=np.array([field.lengths for field in fields]),
            **self._count_words(terms),
        )

    def _count_words(self, terms: FragmentTerms) -> dict[str, NDArray[Any]]:
        """Returns ``Segment.words`` and ``Segment.word_papers``."""
        counts = np.frombuffer(self._counts, np.uint32)
        owners = np.repeat(np.arange(len(counts)) >> 1, counts)
        numbers, owners = terms.written.of(np.frombuffer(self._fragments, np.uint32), owners)
        pairs = owners << 32 | numbers
        pairs.sort()
        distinct = pairs[np.flatnonzero(np.diff(pairs, prepend=-1))] & 0xFFFFFFFF
        papers = np.bincount(distinct, minlength=len(terms.words)).astype(np.uint32)
        keys = np.frombuffer(terms.words.hashes, np.int64)
        order = np.argsort(keys)
        order = order[papers[order] > 0]
        return {"words": keys[order], "word_papers": papers[order]}

    def _fields(
        self, terms: FragmentTerms
    ) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]]:
        """Yields the terms of each field, the place of the paper of each, and the length of each paper."""
        counts = np.frombuffer(self._counts, np.uint32)
        fragments, size = np.frombuffer(self._fragments, np.uint32), len(self.papers)
        places = np.repeat(np.arange(len(counts)), counts)
        texts = [(fragments[places & 1 == each], places[places & 1 == each] >> 1) for each in (0, 1)]
        numbers, papers = zip(*(terms.counted.of(*text) for text in (texts[0], *texts)), strict=True)  # titles twice
        owners = np.concatenate(papers)
        yield np.concatenate(numbers), owners, _sum_by_paper(owners, size)
        for numbers_of_text, papers_of_text in texts:
            unordered, owners = terms.unordered.of(numbers_of_text, papers_of_text)
            distinct = np.unique(owners << 32 | unordered) >> 32
            positions = _sum_by_paper(papers_of_text, size, terms.positions[numbers_of_text])
            yield *terms.stop_words.of(numbers_of_text, papers_of_text), positions + _sum_by_paper(distinct, size)


def _sum_by_paper(papers: NDArray[np.int64], size: int, values: NDArray[np.uint32] | None = None) -> NDArray[np.uint32]:
    """Returns the sum of the values of each paper, or their number."""
    return np.bincount(papers, values, size).astype(np.uint32)


@dataclass(frozen=True, eq=False)
class _FieldPostings:
    """The postings of one field.

    Attributes:
        terms: the ranks of its terms, ascending.
        counts: (terms,) the number of postings of each.
        places: (postings,) the place of the paper of each.
        codes: (postings,) see ``PostingList``.
        lengths: (papers,) the number of terms of each paper.
    """

    terms: list[int]
    counts: NDArray[np.int64]
    places: NDArray[np.int64]
    codes: NDArray[np.uint16]
    lengths: NDArray[np.uint32]

    @classmethod
    def of(cls, ranks: NDArray[np.int64], places: NDArray[np.int64], lengths: NDArray[np.uint32]) -> Self:
        """Counts the terms of all papers.

        Args:
            ranks: (n,) the rank of each occurrence of a term.
            places: (n,) the place of its paper.
            lengths: see the attribute.
        """
        keys = ranks << 32 | places
        keys.sort()
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        frequencies = np.diff(starts, append=len(keys))
        keys = keys[starts]
        terms, counts = np.unique(keys >> 32, return_counts=True)
        places = keys & 0xFFFFFFFF
        return cls(terms.tolist(), counts, places, encode(frequencies, lengths[places].astype(np.int64)), lengths)
