"""The vectors file: row-major float16 unit rows, append-only, with a checksum a block."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexDamaged

BLOCK_ROWS = 65_536
"""Rows a checksum of an append-only file covers."""


class VectorsFile:
    """The writing side of a vectors file: rows are only ever appended, durably.

    Args:
        path: the file; made if absent. dim: components a row. rows: cut to so many (a writer that was killed
            may have left more than were ever counted).

    Raises:
        IndexDamaged: the file holds fewer rows than that.
    """

    def __init__(self, path: Path, dim: int, rows: int) -> None:
        self._path, self._dim = path, dim
        path.touch()
        if path.stat().st_size < rows * self._row_bytes:
            raise IndexDamaged(path, f"it is shorter than {rows:,} vectors of {dim} float16; restore it from a backup")
        os.truncate(path, rows * self._row_bytes)

    @property
    def _row_bytes(self) -> int:
        return 2 * self._dim

    def append(self, vectors: NDArray[np.float16]) -> None:
        """Writes (n, dim) rows of unit length and waits until they are on disk."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(vectors).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self, row: int) -> NDArray[np.float16]:
        """One row, (dim,) float16."""
        return np.fromfile(self._path, np.float16, self._dim, offset=row * self._row_bytes)


def block_checksums(path: Path, rows: int, dim: int, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """sha256 of each block of BLOCK_ROWS rows, the last one partial; full blocks already ``known`` are kept."""
    full = rows // BLOCK_ROWS
    return (*known[:full], *_iter_checksums(path, rows, dim, len(known[:full])))


def _iter_checksums(path: Path, rows: int, dim: int, first: int) -> Iterator[str]:
    with path.open("rb") as file:
        for start in range(first * BLOCK_ROWS, rows, BLOCK_ROWS):
            file.seek(start * dim * 2)
            yield hashlib.sha256(file.read((min(rows, start + BLOCK_ROWS) - start) * dim * 2)).hexdigest()
