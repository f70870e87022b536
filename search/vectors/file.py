"""The vectors file: row-major float16 unit vectors, append-only, with one checksum per block of rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.checksums import NOT_PUBLISHED, BlockChecksums, ReadRows, extend_checksums
from search.errors import IndexDamaged
from search.files import fsync

BLOCK_ROWS = 65_536
"""Rows per checksum of an append-only file; part of the index format."""
_READ_ROWS = 8_192
"""Rows read at once: 6 MiB at 384 dimensions."""


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
        if not path.exists():
            path.touch()
            fsync(path.parent)
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


def read_rows(path: Path, dim: int) -> ReadRows:
    """Returns a reader of the bytes of rows, for their checksums."""

    def read(start: int, end: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start * dim * 2)
            for first in range(start, end, _READ_ROWS):
                yield file.read((min(end, first + _READ_ROWS) - first) * dim * 2)

    return read


def block_checksums(
    path: Path,
    rows: int,
    dim: int,
    published: BlockChecksums = NOT_PUBLISHED,
    *,
    block_rows: int = BLOCK_ROWS,
) -> tuple[str, ...]:
    """Returns the SHA-256 of each block of rows; see ``extend_checksums``.

    Args:
        path: the vectors file.
        rows: number of rows to cover.
        dim: components per row.
        published: the checksums of the first rows.
        block_rows: rows per block.

    Raises:
        IndexDamaged: the published part of the last block differs.
    """
    return extend_checksums(path, read_rows(path, dim), rows, block_rows, published)
