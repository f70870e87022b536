"""NumberedWords: the words of some texts as numbers, without a Python object for each word.

A dictionary of words takes three times as long for a few abstracts. Equal words are found by a polynomial hash modulo
2 ** 64 (Karp and Rabin, "Efficient randomized pattern-matching algorithms", IBM Journal of Research and Development
1987), computed for all words at once from prefix sums.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

_SPACE, _MARK, _TEXT_END = 0, 1, 2
"""Bytes that stand for white space, marks and the end of a text; all other bytes belong to words."""
_CLASSES = bytes.maketrans(b" \t\n\v\f\r.,;:()[]!?\"'$/\0\1\2", bytes([_SPACE] * 6 + [_MARK] * 14 + [_TEXT_END, 3, 3]))
_WIDE_MARKS = tuple(mark.encode() for mark in "’“”")
_BASE = 0x9E3779B97F4A7C15
"""Base of the hash: odd, so that it has an inverse."""
_SLOT_BITS = 18
"""Bits of a hash that select a slot of the table of words; words that share one are sorted."""


@dataclass(frozen=True, slots=True, eq=False)
class NumberedWords:
    """The words of texts, in order. White space and marks, such as commas and brackets, separate words.

    Attributes:
        numbers: (n,) int64, the position at which each word occurs somewhere; equal words have the same number.
        text_of: (n,) int64, the text of each word.
        is_followed: (n - 1,) bool, whether only white space is between a word and the next one.
        encoded: all texts in UTF-8.
        spans: (2, n) int64, the start and end of each word in ``encoded``.
    """

    numbers: NDArray[np.int64]
    text_of: NDArray[np.int64]
    is_followed: NDArray[np.bool_]
    encoded: bytes
    spans: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Splits texts into words."""
        joined = "\0".join(text.replace("\0", " ") for text in texts)
        encoded = f" {joined} ".encode("utf-8", "surrogatepass").translate(_CLASSES)
        for mark in _WIDE_MARKS:
            encoded = encoded.replace(mark, bytes([_MARK]))
        letters = np.frombuffer(encoded, np.uint8)
        is_letter = letters > _TEXT_END
        spans = (np.flatnonzero(is_letter[1:] != is_letter[:-1]) + 1).reshape(-1, 2).T
        starts = spans[0]
        breaks = np.cumsum(~is_letter & (letters != _SPACE), dtype=np.int32)[starts]
        text_of = np.searchsorted(np.flatnonzero(letters == _TEXT_END), starts)
        return cls(_number(_hash(letters, spans)), text_of, breaks[1:] == breaks[:-1], encoded, spans)

    def words(self, numbers: NDArray[np.int64]) -> list[str]:
        """Returns the words with some numbers."""
        spans, encoded = self.spans[:, numbers].tolist(), self.encoded
        return [encoded[start:end].decode("utf-8", "replace") for start, end in zip(*spans, strict=True)]


def _hash(letters: NDArray[np.uint8], spans: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns the hash of each span, (n,) uint64."""
    powers, inverses = _powers(1 << len(letters).bit_length())
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * powers[: len(letters)], out=sums[1:])
    hashes: NDArray[np.uint64] = (sums[spans[1]] - sums[spans[0]]) * inverses[spans[0]]
    return hashes


@lru_cache(4)
def _powers(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Returns the first powers of the base and of its inverse modulo 2 ** 64, from the power 0 on."""
    factors = np.full((2, count), [[_BASE], [pow(_BASE, -1, 1 << 64)]], np.uint64)
    factors[:, 0] = 1
    powers, inverses = np.multiply.accumulate(factors, axis=1)
    return powers, inverses


def _number(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Returns for each hash a position at which it occurs, the same for equal hashes."""
    slots = (hashes >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
    table = np.empty(1 << _SLOT_BITS, np.int64)  # only the slots that are written are read
    table[slots] = np.arange(len(hashes))
    numbers = table[slots]
    others = np.flatnonzero(hashes[numbers] != hashes)
    _, first, number = np.unique(hashes[others], return_index=True, return_inverse=True)
    numbers[others] = others[first][number]
    return numbers
