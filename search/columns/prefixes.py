"""Beginnings: the words of all authors' names, found by how they begin.

Worked out from the names when they are first asked for (30 ms for 350,000) and never written: all words are looked
through, four bytes of each at once, which takes less than a millisecond for a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.authors import AuthorNames
from search.columns.postings import expand_ranges

_PREFIX_BYTES = 4


@dataclass(frozen=True, slots=True, eq=False)
class PrefixIndex:
    """The words of the keys (``Name.key``) under which authors are found, in order of the keys.

    Attributes:
        names: the keys. starts: (words,) uint32 or int64, where in their bytes each word begins.
        heads: (words,) uint32, its first four bytes, big-endian, padded with 0 where the key ends.
        keys: (words,) uint32, the number of the key it is in. first: (keys + 1,) int64, each key's first word.
    """

    names: AuthorNames
    starts: NDArray[np.uint32]
    prefixes: NDArray[np.uint32]
    key_of_word: NDArray[np.uint32]
    word_offsets: NDArray[np.int64]

    @classmethod
    def build(cls, names: AuthorNames) -> Self:
        """Looks for the words of all keys."""
        blob, offsets = names.blob, np.asarray(names.offsets)
        parting = (blob == ord(" ")) | (blob == ord("|")) | (blob == ord(","))
        begins = np.zeros(len(blob) + 1, bool)
        begins[1:] = parting
        begins[offsets] = True
        starts = np.flatnonzero(begins[:-1] & ~parting)  # between two marks there is no word
        first = np.searchsorted(starts, offsets)
        keys = np.repeat(np.arange(len(offsets) - 1, dtype=np.uint32), np.diff(first))
        padded = np.append(blob, np.zeros(_PREFIX_BYTES, np.uint8))
        heads = np.ndarray(len(blob) + 1, ">u4", padded.data, strides=(1,))[starts].astype(np.uint32)
        missing = _PREFIX_BYTES - np.minimum(offsets[1:][keys] - starts, _PREFIX_BYTES)  # bytes of the next key
        heads = heads >> (8 * missing).astype(np.uint32) << (8 * missing).astype(np.uint32)
        return cls(names, starts.astype(np.uint32), heads, keys, first)

    def find_authors(self, words: Sequence[str]) -> NDArray[np.uint32]:
        """The authors, some several times, found under a key in which each of the words begins another word."""
        keys: NDArray[np.int64] | None = None
        for word, times in required_counts(words).items():
            among = None if keys is None else expand_ranges(self.word_offsets[keys], self.word_offsets[keys + 1])
            found = self.key_of_word[self._words_with_prefix(word.encode(), among)]
            keys = _occurring_at_least(found, times).astype(np.int64)
        return self.names.author_of_key[keys] if keys is not None else self.names.author_of_key[:0]

    def _words_with_prefix(self, word: bytes, among: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Numbers, ascending, of the words that begin so, out of some or of all."""
        low = np.uint32(int.from_bytes(word[:_PREFIX_BYTES].ljust(_PREFIX_BYTES, b"\0"), "big"))
        width = np.uint32((1 << 8 * max(_PREFIX_BYTES - len(word), 0)) - 1)
        heads = self.prefixes if among is None else self.prefixes[among]
        found = np.flatnonzero(heads - low <= width)
        found = found if among is None else among[found]
        for place in range(_PREFIX_BYTES, len(word)):
            at = self.starts[found].astype(np.int64) + place
            inside = at < self.names.offsets[self.key_of_word[found].astype(np.int64) + 1]
            found = found[inside]
            found = found[self.names.blob[at[inside]] == word[place]]
        return found


def required_counts(words: Sequence[str]) -> dict[str, int]:
    """How many words of a name each of some words must begin so that every one begins another; the longest first.

    One that begins others, as ``w`` does ``wei``, needs a word for each of them. By Hall's theorem ("On Representatives
    of Subsets", 1935) that is enough, as what two of them begin is all of the one's, or nothing that they share.
    """
    different = sorted(set(words), key=len, reverse=True)
    return {word: sum(other.startswith(word) for other in words) for word in different}


def _occurring_at_least(ascending: NDArray[np.uint32], times: int) -> NDArray[np.uint32]:
    """The different numbers, ascending, of those that are there so many times or more."""
    last = ascending[times - 1 :]
    often = last[last == ascending[: len(last)]]
    new = np.ones(len(often), bool)
    np.not_equal(often[1:], often[:-1], out=new[1:])
    return np.compress(new, often)
