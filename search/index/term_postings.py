"""TermPostings: for each term the papers that have it, how often, and the lengths of the papers.

An inverted file (Zobel and Moffat, "Inverted files for text search engines", 2006) of memory-mapped arrays. It consists
of segments, which never change; their rows ascend from one to the next. A publish adds a segment
(``search.index.term_postings_writer``).

Three fields share the dictionary. A term as it is belongs to title and abstract together, where the title counts twice.
Stop words are terms of the title and of the abstract, for queries of stop words alone. Of words as they are written,
which are not stemmed, only the number of papers is known, by the hash of the word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import load_array
from search.files import save_array
from search.index.bm25 import score_table
from search.papers.identifiers import hash_key
from search.weak_methods import weak_method

FIELD_MARKS = ("", " t ", " a ")
"""What precedes the terms of each field in the dictionary, descending: title and abstract, title, abstract. Stop words
alone have a mark; all other terms begin with a higher byte than a space."""
TEXT, TITLE, ABSTRACT = range(3)
"""The fields."""
_CACHED_TERMS = 10_000
"""Terms whose place is cached; a question needs each of its own several times."""
_PARTS = ("terms", "term-ends", "ends", "rows", "codes", "papers", "lengths", "words", "word-papers")
_SEGMENT_FILE = re.compile(r"([0-9]{6,18})-papers\.npy")


class PostingList(NamedTuple):
    """The postings of a term in one segment.

    Attributes:
        rows: (n,) uint32, ascending.
        codes: (n,) uint16, term frequency and length (``search.index.bm25``).
    """

    rows: NDArray[np.uint32]
    codes: NDArray[np.uint16]


@dataclass(frozen=True)
class Segment:
    """The postings of some papers. Those of term t are at ``ends[t - 1]`` to ``ends[t]``.

    Attributes:
        terms: uint8, all terms in UTF-8, ascending, one after another.
        term_ends: (terms,) int64, the end of each term in ``terms``.
        ends: (terms,) int64, the end of the postings of each term.
        rows: (postings,) uint32, ascending within a term.
        codes: (postings,) uint16, see ``PostingList``.
        papers: (papers,) uint32, ascending: the rows of all papers, with or without terms.
        lengths: (fields, papers) uint32, the number of terms of each paper in each field.
        words: (words,) int64, ascending, the ``word_key`` of each word as papers write it.
        word_papers: (words,) uint32, the number of papers with each.
    """

    terms: NDArray[np.uint8]
    term_ends: NDArray[np.int64]
    ends: NDArray[np.int64]
    rows: NDArray[np.uint32]
    codes: NDArray[np.uint16]
    papers: NDArray[np.uint32]
    lengths: NDArray[np.uint32]
    words: NDArray[np.int64]
    word_papers: NDArray[np.uint32]

    @classmethod
    def open(cls, directory: Path, number: int) -> Self:
        """Opens the arrays that ``save`` wrote."""
        arrays: list[NDArray[Any]] = [load_array(directory, f"{number:06}-{part}") for part in _PARTS]
        return cls(*arrays)

    def save(self, directory: Path, number: int) -> None:
        """Writes the arrays into a directory."""
        for path, array in zip(segment_paths(directory, number), self._arrays, strict=True):
            save_array(path, array)

    @property
    def _arrays(self) -> Sequence[NDArray[Any]]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def find(self, term: bytes) -> PostingList | None:
        """Returns the postings of a term with its mark; None without any."""
        terms, ends = self._terms_view, self._term_ends_view
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            if terms[ends[middle - 1] if middle else 0 : ends[middle]].tobytes() < term:
                low = middle + 1
            else:
                high = middle
        if low == len(ends) or terms[ends[low - 1] if low else 0 : ends[low]].tobytes() != term:
            return None
        start, end = int(self.ends[low - 1]) if low else 0, int(self.ends[low])
        return PostingList(self.rows[start:end], self.codes[start:end])

    def written_freq(self, key: int) -> int:
        """Returns the number of papers with a word of some ``word_key``."""
        place = int(np.searchsorted(self.words, key))
        return int(self.word_papers[place]) if place < len(self.words) and self.words[place] == key else 0

    def all_terms(self) -> list[bytes]:
        """Returns all terms with their marks, ascending."""
        terms = self.terms.tobytes()
        return [terms[start:end] for start, end in pairwise([0, *self.term_ends.tolist()])]

    @cached_property
    def _terms_view(self) -> memoryview:
        """A view, since slicing an array takes five times as long."""
        return memoryview(self.terms)  # type: ignore[arg-type]  # an array has a buffer in all supported versions

    @cached_property
    def _term_ends_view(self) -> memoryview:
        return memoryview(self.term_ends)  # type: ignore[arg-type]


class TermPostings:
    """The postings of one generation.

    Args:
        segments: its segments, in the order of their rows.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self.papers = sum(len(segment.papers) for segment in segments)
        lengths = [segment.lengths.sum(axis=1, dtype=np.int64) for segment in segments]
        self._mean_lengths = np.sum(lengths, axis=0) / self.papers if self.papers else np.zeros(len(FIELD_MARKS))
        self.lists: Callable[[str, int], tuple[PostingList, ...]] = lru_cache(_CACHED_TERMS)(
            weak_method(self._find_lists)
        )
        """Returns the postings of a term in a field, one list per segment that has it, in the order of their rows."""
        self._tables: dict[int, NDArray[np.float32]] = {}

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens a directory that ``TermPostingsBuilder`` wrote."""
        return cls([segment for _, segment in open_segments(directory)])

    def rows(self) -> NDArray[np.int64]:
        """Returns the rows of all papers, ascending."""
        parts = [segment.papers for segment in self._segments]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)

    def _find_lists(self, term: str, field: int) -> tuple[PostingList, ...]:
        key = (FIELD_MARKS[field] + term).encode("utf-8", "surrogatepass")
        return tuple(found for segment in self._segments if (found := segment.find(key)))

    def doc_freq(self, term: str, field: int) -> int:
        """Returns the number of papers with a term in a field."""
        return sum(len(found.rows) for found in self.lists(term, field))

    def written_freq(self, word: str) -> int:
        """Returns the number of papers with a word as written, in lower case and not stemmed."""
        key = word_key(word)
        return sum(segment.written_freq(key) for segment in self._segments)

    def scores(self, field: int) -> NDArray[np.float32]:
        """Returns the BM25 of each code in a field without the inverse document frequency (``score_table``)."""
        table = self._tables.get(field)
        if table is None:
            self._tables[field] = table = score_table(float(self._mean_lengths[field]))
        return table


def word_key(word: str) -> int:
    """Returns the signed 64-bit hash of a word; of 10 million words, two share one with a probability of 3e-6."""
    return hash_key("word", word)


def open_segments(directory: Path) -> list[tuple[int, Segment]]:
    """Returns the segments in a directory, each with its number, in the order of their rows."""
    found = [(number, Segment.open(directory, number)) for number in _segment_numbers(directory)]
    return sorted(found, key=lambda each: int(each[1].papers[0]))


def join_terms(terms: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Returns ``Segment.terms`` and ``Segment.term_ends`` of some terms."""
    return np.frombuffer(b"".join(terms), np.uint8), np.cumsum(np.fromiter(map(len, terms), np.int64, len(terms)))


def segment_paths(directory: Path, number: int) -> list[Path]:
    """Returns the paths of the files of a segment."""
    return [directory / f"{number:06}-{part}.npy" for part in _PARTS]


def _segment_numbers(directory: Path) -> Iterator[int]:
    """Yields the numbers of the segments of a directory, which a backup of an index without papers lacks."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if match := _SEGMENT_FILE.fullmatch(path.name):
            yield int(match[1])
