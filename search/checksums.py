"""Checksums of the blocks of rows of an append-only file, and their comparison before bytes are reused."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from search.errors import IndexDamaged

ReadRows = Callable[[int, int], Iterable[bytes]]
"""Yields the bytes of the rows from the first number to before the second one."""


@dataclass(frozen=True, slots=True)
class BlockChecksums:
    """The checksums that the first rows of a file were published with.

    Attributes:
        rows: number of rows.
        sha256: one checksum per block of rows, in hexadecimal; the last block may be partial.
    """

    rows: int = 0
    sha256: tuple[str, ...] = ()


NOT_PUBLISHED = BlockChecksums()
"""The checksums of a file without published rows."""


def extend_checksums(
    path: Path, read: ReadRows, rows: int, block_rows: int, published: BlockChecksums = NOT_PUBLISHED
) -> tuple[str, ...]:
    """Returns the SHA-256 of each block of rows; the last block may be partial.

    Full blocks that are published are not read and keep their checksum, so damage stays visible. The published part of
    the last block is compared before its bytes become part of a new checksum.

    Args:
        path: the file, for messages.
        read: reads its rows.
        rows: number of rows to cover.
        block_rows: rows per block.
        published: the checksums of the first rows.

    Raises:
        IndexDamaged: the published part of the last block differs.
    """
    checksums = list(published.sha256[: min(rows, published.rows) // block_rows])
    for block in range(len(checksums), -(-rows // block_rows)):
        start, end = block * block_rows, min(rows, (block + 1) * block_rows)
        digest = hashlib.sha256()
        if start < published.rows <= end:
            _update(digest, read(start, published.rows))
            _compare(path, digest.hexdigest(), start, block, published)
            start = published.rows
        _update(digest, read(start, end))
        checksums.append(digest.hexdigest())
    return tuple(checksums)


def check_block(path: Path, read: ReadRows, block: int, block_rows: int, published: BlockChecksums) -> None:
    """Compares one published block of rows with its checksum.

    Raises:
        IndexDamaged: it differs.
    """
    start, digest = block * block_rows, hashlib.sha256()
    _update(digest, read(start, min(start + block_rows, published.rows)))
    _compare(path, digest.hexdigest(), start, block, published)


def _update(digest: "hashlib._Hash", chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        digest.update(chunk)


def _compare(path: Path, found: str, start: int, block: int, published: BlockChecksums) -> None:
    if found != published.sha256[block]:
        raise IndexDamaged(
            path,
            f"the rows from {start:,} do not have the checksum they were published with; restore it from a backup, or "
            "index the papers again into another folder",
        )
