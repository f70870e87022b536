"""Merges segments of postings into one, without the papers that were replaced."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.files import ArrayFile, save_array
from search.index.term_postings import Segment, join_terms, segment_paths


class Replaced(NamedTuple):
    """Papers that are left out.

    Attributes:
        rows: their rows, and rows of other papers.
        words: the ``word_key`` of each of their words, once per paper.
    """

    rows: NDArray[np.int64]
    words: NDArray[np.int64]


def merge(segments: Sequence[Segment], replaced: Replaced, directory: Path, number: int, max_postings: int) -> None:
    """Writes the files of the merged segment; none if no paper is left.

    Args:
        segments: in the order of their rows.
        replaced: papers that are left out.
        directory: the folder of the files.
        number: of the merged segment.
        max_postings: postings that are merged at once, which bounds the memory.
    """
    last = int(segments[-1].papers[-1])
    is_live = np.ones(last + 1, bool)
    is_live[replaced.rows[replaced.rows <= last]] = False
    live_papers = [is_live[segment.papers] for segment in segments]
    papers = np.concatenate([segment.papers[live] for segment, live in zip(segments, live_papers, strict=True)])
    if not len(papers):
        return
    terms, sources = _join_dictionaries(segments)
    paths = dict(zip(Segment.__dataclass_fields__, segment_paths(directory, number), strict=True))
    counts = np.zeros(len(terms), np.int64)
    with ArrayFile(paths["rows"], np.uint32) as rows_file, ArrayFile(paths["codes"], np.uint16) as codes_file:
        for first, end in _split(sources, len(terms), max_postings):
            parts = [source.read(first, end, is_live) for source in sources]
            numbers, rows, codes = (np.concatenate(each) for each in zip(*parts, strict=True))
            if len(segments) > 1:
                order = np.argsort(numbers, kind="stable")
                rows, codes = rows[order], codes[order]
            rows_file.write(rows)
            codes_file.write(codes)
            counts[first:end] = np.bincount(numbers - first, minlength=end - first)
    used = np.flatnonzero(counts)
    term_bytes, term_ends = join_terms([terms[place] for place in used.tolist()])
    lengths = [segment.lengths[:, live] for segment, live in zip(segments, live_papers, strict=True)]
    save_array(paths["terms"], term_bytes)
    save_array(paths["term_ends"], term_ends)
    save_array(paths["ends"], np.cumsum(counts[used]))
    save_array(paths["papers"], papers)
    save_array(paths["lengths"], np.concatenate(lengths, axis=1))
    words, word_papers = _add_words(segments, replaced.words)
    save_array(paths["words"], words)
    save_array(paths["word_papers"], word_papers)


def _add_words(
    segments: Sequence[Segment], replaced: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Returns ``Segment.words`` and ``Segment.word_papers`` of all segments, without the words of replaced papers."""
    words, places = np.unique(np.concatenate([segment.words for segment in segments]), return_inverse=True)
    papers = np.bincount(places, np.concatenate([segment.word_papers for segment in segments]), len(words))
    papers -= np.bincount(np.searchsorted(words, replaced[np.isin(replaced, words)]), minlength=len(words))
    used = papers > 0
    return words[used], papers[used].astype(np.uint32)


class _Source:
    """A segment whose terms have the numbers of a larger dictionary.

    Attributes:
        numbers: (terms,) int64, ascending, the number of each term.
        starts: (terms + 1,) int64, where the postings of each term begin, and where the last ones end.
    """

    def __init__(self, segment: Segment, numbers: NDArray[np.int64]) -> None:
        self._segment = segment
        self.numbers = numbers
        self.starts = np.concatenate(([0], segment.ends))

    def read(
        self, first: int, end: int, is_live: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint16]]:
        """Returns number of the term, row and code of each posting of the terms from ``first`` to before ``end``."""
        low, high = np.searchsorted(self.numbers, (first, end))
        postings = slice(self.starts[low], self.starts[high])
        numbers = np.repeat(self.numbers[low:high], np.diff(self.starts[low : high + 1]))
        rows, codes = self._segment.rows[postings], self._segment.codes[postings]
        live = is_live[rows]
        return (numbers, rows, codes) if live.all() else (numbers[live], rows[live], codes[live])


def _join_dictionaries(segments: Sequence[Segment]) -> tuple[list[bytes], list[_Source]]:
    """Returns the terms of all segments, ascending, and the segments with the places of their terms in it."""
    dictionaries = [segment.all_terms() for segment in segments]
    if len(segments) == 1:
        return dictionaries[0], [_Source(segments[0], np.arange(len(dictionaries[0])))]
    terms = sorted(set().union(*dictionaries))
    places = {term: place for place, term in enumerate(terms)}
    numbers = [np.fromiter(map(places.__getitem__, each), np.int64, len(each)) for each in dictionaries]
    return terms, [_Source(segment, each) for segment, each in zip(segments, numbers, strict=True)]


def _split(sources: Sequence[_Source], terms: int, max_postings: int) -> Iterator[tuple[int, int]]:
    """Yields ranges of terms that have some number of postings at most, or are a single term."""
    totals = np.zeros(terms, np.int64)
    for source in sources:
        totals[source.numbers] += np.diff(source.starts)
    before = np.cumsum(totals) - totals
    bounds = np.flatnonzero(np.diff(before // max_postings, prepend=-1))
    yield from pairwise([*bounds.tolist(), terms])
