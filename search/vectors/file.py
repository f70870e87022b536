"""The vectors file: row-major float16 unit vectors, append-only, with one checksum per block of rows."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexDamaged

BLOCK_ROWS = 65_536
"""Rows per checksum of an append-only file; part of the index format."""


class VectorsFile:
    """Appends durably to a vectors file.

    Args:
        path: the file, created if missing.
        dim: components per row.
        rows: number of committed rows. The file is truncated to it, since a killed writer may have left more.

    Raises:
        IndexDamaged: the file contains fewer rows.
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
        """Appends (n, dim) unit rows and returns after fsync."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(vectors).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self, row: int) -> NDArray[np.float16]:
        """Reads one row, (dim,) float16."""
        return np.fromfile(self._path, np.float16, self._dim, offset=row * self._row_bytes)


def block_checksums(
    path: Path, rows: int, dim: int, known: tuple[str, ...] = (), *, block_rows: int = BLOCK_ROWS
) -> tuple[str, ...]:
    """Returns the SHA-256 of each block of rows; the last block may be partial.

    Args:
        path: the vectors file.
        rows: number of rows to cover.
        dim: components per row.
        known: checksums of the first blocks. Those of full blocks are returned without reading the blocks.
        block_rows: rows per block.
    """
    known = known[: rows // block_rows]
    return (*known, *_iter_checksums(path, (rows, dim), len(known), block_rows))


def _iter_checksums(path: Path, shape: tuple[int, int], first: int, block_rows: int) -> Iterator[str]:
    rows, dim = shape
    with path.open("rb") as file:
        for start in range(first * block_rows, rows, block_rows):
            file.seek(start * dim * 2)
            yield hashlib.sha256(file.read((min(rows, start + block_rows) - start) * dim * 2)).hexdigest()
