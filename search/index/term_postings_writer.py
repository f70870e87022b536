"""TermPostingsBuilder: writes the postings of the next generation, from segments of the last one and new papers.

Segments without replaced papers are linked. The others are written anew without these papers, which needs no text: so
document frequencies and lengths count live papers only. Small segments are merged with the next ones, so that their
number grows with the logarithm of the papers (Cutting and Pedersen, "Optimizations for dynamic inverted index
maintenance", 1990).
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.files import link_or_copy
from search.index.analysis import Terms
from search.index.bm25 import encode
from search.index.term_postings import FIELD_MARKS, Segment, join_terms, open_segments, segment_paths
from search.index.term_postings_merge import merge
from search.language.stop_words import STOP_WORDS


@dataclass(frozen=True, slots=True)
class TermPostingsTuning:
    """Constants of writing."""

    max_tokens: int = 1 << 23
    """Occurrences of terms that are sorted at once: some 40,000 papers; at 200 MB of memory."""
    max_merged: int = 1 << 22
    """Postings that are merged at once, which bounds the memory."""
    merge_factor: int = 4
    """Postings of a segment per posting of the next one, below which they are merged."""


TERM_POSTINGS_TUNING = TermPostingsTuning()
_is_stop_word = frozenset(STOP_WORDS).__contains__


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
        self._flushed: list[int] = []
        self._buffer = _Buffer()

    def add(self, row: int, title: Terms, abstract: Terms) -> None:
        """Adds a paper; its row is greater than those of all papers before."""
        self._buffer.add(row, title, abstract)
        if self._buffer.tokens >= self._tuning.max_tokens:
            self._flush()

    def remove(self, rows: Sequence[int]) -> list[int]:
        """Removes papers of the last generation, and returns their rows; other rows are ignored."""
        papers = [segment.papers for segment in self._before.values()]
        self._replaced = np.intersect1d(np.array(rows, np.int64), np.concatenate([np.empty(0, np.int64), *papers]))
        found: list[int] = self._replaced.tolist()
        return found

    def save(self) -> None:
        """Writes all segments."""
        self._flush()
        flushed = [(number, Segment.open(self._directory, number)) for number in self._flushed]
        for group in self._group([*self._before.items(), *flushed]):
            segments = [segment for _, segment in group]
            if len(group) > 1 or self._has_replaced(segments[0]):
                merge(segments, self._replaced, self._directory, self._new_number(), self._tuning.max_merged)
                for number, _ in group:
                    if number in self._flushed:
                        for path in segment_paths(self._directory, number):
                            path.unlink()
            elif self._previous and group[0][0] in self._before:
                for path in segment_paths(self._previous, group[0][0]):
                    link_or_copy(path, self._directory / path.name)

    def _flush(self) -> None:
        if len(self._buffer.papers):
            self._flushed.append(self._new_number())
            self._buffer.build().save(self._directory, self._flushed[-1])
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


class _TermIds(dict[str, int]):
    """The number of each term of a buffer; a new term gets the next one."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


class _FieldBuffer:
    """The terms of papers in one field, in arrays: millions of Python objects would slow down garbage collection."""

    def __init__(self) -> None:
        self._ids = _TermIds()
        self._tokens = array("I")
        self._counts = array("I")
        self.lengths = array("I")

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, terms: Iterator[str], length: int | None = None) -> None:
        """Adds the terms of the next paper.

        Args:
            terms: the terms, one per occurrence.
            length: the number of terms of the paper in the field, if not all are given.
        """
        before = len(self._tokens)
        self._tokens.extend(map(self._ids.__getitem__, terms))
        self._counts.append(len(self._tokens) - before)
        self.lengths.append(len(self._tokens) - before if length is None else length)

    def terms(self, mark: str) -> list[bytes]:
        """Returns all terms, ascending, each after a mark."""
        return [(mark + term).encode("utf-8", "surrogatepass") for term in sorted(self._ids)]

    def postings(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]:
        """Returns the number of postings of each term, and the place of the paper and the code of each posting."""
        order = np.fromiter((self._ids[term] for term in sorted(self._ids)), np.int64, len(self._ids))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        counts = np.frombuffer(self._counts, np.uint32)
        keys = rank[np.frombuffer(self._tokens, np.uint32)] << 32
        keys |= np.repeat(np.arange(len(counts)), counts)
        keys.sort()
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        frequencies = np.diff(starts, append=len(keys))
        keys = keys[starts]
        places = keys & 0xFFFFFFFF
        lengths = np.frombuffer(self.lengths, np.uint32)[places]
        return np.bincount(keys >> 32, minlength=len(order)), places, encode(frequencies, lengths)


class _Buffer:
    """The terms of new papers until they become a segment."""

    def __init__(self) -> None:
        self.papers = array("I")
        self._fields = [_FieldBuffer() for _ in FIELD_MARKS]

    @property
    def tokens(self) -> int:
        return sum(map(len, self._fields))

    def add(self, row: int, title: Terms, abstract: Terms) -> None:
        self.papers.append(row)
        text, *others = self._fields
        once = title.ranked + title.unordered
        text.add(chain(once, once, abstract.ranked, abstract.unordered))
        for field, terms in zip(others, (title, abstract), strict=True):
            field.add(filter(_is_stop_word, terms.ordered), len(terms.ordered) + len(set(terms.unordered)))

    def build(self) -> Segment:
        """Returns the segment of all papers."""
        fields = [*zip(FIELD_MARKS, self._fields, strict=True)][::-1]  # ascending terms
        terms = [term for mark, field in fields for term in field.terms(mark)]
        counts, places, codes = zip(*(field.postings() for _, field in fields), strict=True)
        papers = np.frombuffer(self.papers, np.uint32)
        return Segment(
            *join_terms(terms),
            ends=np.cumsum(np.concatenate(counts)),
            rows=papers[np.concatenate(places)],
            codes=np.concatenate(codes),
            papers=papers,
            lengths=np.array([np.frombuffer(field.lengths, np.uint32) for field in self._fields]),
        )
