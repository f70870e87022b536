"""Checksums of the papers, keys and decisions in the database, and their comparison with those that were published."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import orjson
from numpy.typing import NDArray

from search.checksums import NOT_PUBLISHED, BlockChecksums, extend_checksums
from search.errors import IndexDamaged
from search.files import sha256_of_bytes
from search.index.layout import DatabaseRecord
from search.index.store import SCAN_ROWS, PaperStore, row_checksum

_KEYS_MODULUS = 4_294_967_291
"""The largest prime below 2^32: a sum of 2^31 terms fits into SQLite's integers."""


def key_checksum(key: int, row: int) -> int:
    """Returns the checksum of one row of the table ``keys``; it must equal that of ``count_keys``."""
    return ((key & 0x7FFFFFFF) * (row + 1) + ((key >> 31) & 0x1FFFFFFFF)) % _KEYS_MODULUS


def sum_key_checksums(keys: NDArray[np.int64], rows: NDArray[np.int64]) -> int:
    """Returns the sum of ``key_checksum`` of (n,) keys and their rows."""
    return int((((keys & 0x7FFFFFFF) * (rows + 1) + ((keys >> 31) & 0x1FFFFFFFF)) % _KEYS_MODULUS).sum())


def decisions_sha256(store: PaperStore) -> str:
    """Returns the checksum of the decisions; empty without any."""
    found = store.decisions()
    return sha256_of_bytes(orjson.dumps(found)) if found else ""


def row_checksums(store: PaperStore, start: int) -> NDArray[np.uint32]:
    """Returns the CRC-32 of each paper from row ``start`` on, (n,) uint32."""
    checksums = np.empty(max(0, store.rows - start), np.uint32)
    for first in range(start, store.rows, SCAN_ROWS):
        bounds = [first, min(store.rows, first + SCAN_ROWS)]
        for row, paper in store.select("SELECT row, paper FROM papers WHERE row >= ? AND row < ?", bounds):
            checksums[row - start] = row_checksum(paper)
    return checksums


def last_paper_sha256(store: PaperStore) -> str:
    """Returns the checksum of the last row; empty if the generation has no rows, or the row is missing."""
    last = b"".join(read_paper_rows(store, max(store.rows - 1, 0), store.rows))
    return sha256_of_bytes(last) if last else ""


def count_keys(store: PaperStore) -> tuple[int, int]:
    """Returns the number of keys of the generation's rows, and the sum of their checksums (``key_checksum``)."""
    checksum = f"((key & 0x7FFFFFFF) * (row + 1) + ((key >> 31) & 0x1FFFFFFFF)) % {_KEYS_MODULUS}"
    sql = f"SELECT count(*), coalesce(sum({checksum}), 0) FROM keys WHERE row < ?"  # noqa: S608  only numbers
    ((keys, total),) = store.select(sql, [store.rows])
    return keys, total


def find_outdated(store: PaperStore, record: DatabaseRecord | None) -> str | None:
    """Returns a description if the database is not the one that the generation was published with; else None.

    Reads one row.

    Args:
        store: the papers of the generation.
        record: what the manifest says; None if it says nothing.
    """
    try:
        rows = int(store.select("SELECT coalesce(max(row) + 1, 0) FROM papers")[0][0])
        if not rows and store.rows:
            return f"{store.path.name} has no papers; restore it from a backup, or index the papers again"
        if rows < store.rows:
            return (
                f"{store.path.name} has {rows:,} of the {store.rows:,} papers that were published: it is an older "
                f"copy or has lost its file {store.path.name}-wal or, in a read-only folder, "
                f"{store.path.name}-shm; restore them from a backup, or keep the {rows:,} papers and index the "
                "others again"
            )
        if record and last_paper_sha256(store) != record.last_paper_sha256:
            return (
                f"{store.path.name} is not the database that was published: its row {store.rows - 1:,} is another "
                "paper; restore it from a backup, or index the papers again into another folder"
            )
    except IndexDamaged as error:
        return str(error)
    return None


def find_problem(store: PaperStore, block_rows: int, sha256: tuple[str, ...]) -> str | None:
    """Returns a description of a structural problem that SQLite finds, or of a checksum that differs; else None.

    Args:
        store: the papers.
        block_rows: rows per checksum.
        sha256: the checksums that the papers were published with.
    """
    try:
        result = str(store.select("PRAGMA integrity_check(1)")[0][0])
        if result != "ok":
            return f"{store.path.name}: {' '.join(result.split())}"
        if paper_block_checksums(store, block_rows) != sha256:
            return f"{store.path.name} does not contain the papers it was published with"
    except IndexDamaged as error:
        return str(error)
    return None


def paper_block_checksums(
    store: PaperStore, block_rows: int, published: BlockChecksums = NOT_PUBLISHED
) -> tuple[str, ...]:
    """Returns the SHA-256 of each block of rows; see ``extend_checksums``.

    Args:
        store: the papers.
        block_rows: rows per block.
        published: the checksums of an earlier generation.

    Raises:
        IndexDamaged: the published part of the last block differs.
    """
    return extend_checksums(store.path, partial(read_paper_rows, store), store.rows, block_rows, published)


def read_paper_rows(store: PaperStore, start: int, end: int) -> Iterator[bytes]:
    """Yields the bytes of rows of ``papers``, for their checksums."""
    for first in range(start, end, SCAN_ROWS):
        bounds = [first, min(end, first + SCAN_ROWS)]
        for row, paper, records in store.select("SELECT * FROM papers WHERE row >= ? AND row < ?", bounds):
            yield f"{row}\t{paper}\t{records or ''}\n".encode()
