"""Row checksums: a hash of each vector, compared when a row is read for the first time.

A query reads a thousand rows all over the file, so the hash is one that numpy computes for all of them at once:
multilinear hashing of 16-bit or 32-bit words (Lemire and Kaser, "Strongly universal string hashing is fast", The
Computer Journal 2014). An altered row has the same hash with a probability of about 2^-31.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexDamaged

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
"""Odd step between the states of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014), which generates the keys: unlike numpy's generators it returns the same numbers in all versions."""

_BLOCK_ROWS = 2_048
"""Rows that are hashed at once: 3 MB of words as 64-bit integers, at 384 dimensions."""


def compute_row_checksums(vectors: NDArray[np.float16]) -> NDArray[np.uint32]:
    """Returns the checksum of each row of (n, dim) float16, (n,) uint32."""
    words = _as_words(vectors)
    return _hash_rows(words, _keys(words.shape[1]))


class RowChecks:
    """Compares rows with their checksums, each row once.

    Args:
        path: the vectors file, for messages.
        vectors: (rows, dim) float16, the mapped file.
        checksums: (rows,) uint32, the output of ``compute_row_checksums``.
    """

    def __init__(self, path: Path, vectors: NDArray[np.float16], checksums: NDArray[np.uint32]) -> None:
        self._path, self._checksums = path, checksums
        self._words = _as_words(vectors)
        self._keys = _keys(self._words.shape[1])
        self._is_checked = np.zeros(len(vectors), bool)

    def check(self, ids: NDArray[np.int64]) -> None:
        """Compares the rows that have not been compared yet.

        Raises:
            IndexDamaged: a row differs from its checksum.
        """
        ids = ids[~self._is_checked[ids]]
        if not len(ids):
            return
        differing = ids[_hash_rows(self._words[ids], self._keys) != self._checksums[ids]]
        if len(differing):
            problem = f"the vector of row {differing[0]:,} does not have the checksum it was published with"
            raise IndexDamaged(self._path, f"{problem}; run papers doctor --repair")
        self._is_checked[ids] = True


def _as_words(vectors: NDArray[np.float16]) -> NDArray[np.unsignedinteger]:
    """Returns a view of (n, dim) float16 as (n, words) unsigned integers, the larger the fewer."""
    return vectors.view(np.uint16 if vectors.shape[1] % 2 else np.uint32)


def _keys(words: int) -> NDArray[np.uint64]:
    """Returns the multiplier of each word and a constant to add, (words + 1,) uint64."""
    state = np.arange(1, words + 2, dtype=np.uint64) * _GAMMA
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)), np.uint64)


def _hash_rows(words: NDArray[np.unsignedinteger], keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Returns the upper half of the sum of the products modulo 2^64, (n,) uint32."""
    hashes = np.empty(len(words), np.uint32)
    for start in range(0, len(words), _BLOCK_ROWS):
        sums = words[start : start + _BLOCK_ROWS].astype(np.uint64) @ keys[:-1] + keys[-1]
        hashes[start : start + _BLOCK_ROWS] = sums >> np.uint64(32)
    return hashes
