"""PaperStore: the rows of papers, read side. A row's number is its label in every other file."""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from search.errors import IndexDamaged
from search.papers.identifiers import id_key
from search.papers.paper import Paper

PAGE_BYTES = 32_768
"""Papers take about 2 KB; in small pages their rows would leave a third of the file empty."""

_SCAN_ROWS = 1_024
"""Rows read at a time where all are."""
_MMAP_BYTES = 1 << 31
"""Bytes of the database read through a mapping, the most SQLite allows: ten rows take .2 ms and not 2.5."""

SCHEMA = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY,
    paper TEXT NOT NULL,
    records TEXT
);
CREATE TABLE replaced (row INTEGER PRIMARY KEY, by INTEGER NOT NULL);
CREATE TABLE keys (key INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row)) WITHOUT ROWID;
"""
"""papers: the merged paper and, where it was merged from several records, those (JSON).
replaced: a row that is no longer a paper, and the row that took it over.
keys: under which 64-bit keys (``identifiers.id_key``, ``fingerprint.keys``) a row is found. Rows are only inserted."""


class PaperStore:
    """The papers of an index, opened read-only; one connection a thread.

    Args:
        path: the database. rows: only rows below this number are seen.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self._rows = path, rows
        self._local = threading.local()

    def close(self) -> None:
        """Closes this thread's connection. A writer must: the last one to leave puts the log into the database."""
        self._connection.close()
        del self._local.connection

    def get(self, rows: Sequence[int]) -> list[Paper]:
        """The papers of these rows, in the order given."""
        held = dict(
            self._query(f"SELECT row, paper FROM papers WHERE row IN ({','.join('?' * len(rows))})", rows)  # noqa: S608  only question marks
        )
        return [Paper.from_json(orjson.loads(held[row])) for row in rows]

    def find(self, paper_id: str) -> list[int]:
        """The rows, ascending, that ever had this canonical id; replaced ones among them."""
        return [row for row in self.rows_for_key(id_key(paper_id)) if paper_id in self.get([row])[0].ids]

    def rows_for_key(self, key: int) -> list[int]:
        """The rows, ascending, found under a 64-bit key; two texts may share one."""
        return [row for (row,) in self._query("SELECT row FROM keys WHERE key = ?", [key]) if row < self._rows]

    def scan(self, start: int) -> Iterator[tuple[int, Paper]]:
        """Every row from ``start`` on, with its paper."""
        for first in range(start, self._rows, _SCAN_ROWS):
            end = min(self._rows, first + _SCAN_ROWS)
            for row, text in self._query("SELECT row, paper FROM papers WHERE row >= ? AND row < ?", [first, end]):
                yield row, Paper.from_json(orjson.loads(text))

    def replaced_rows(self) -> list[int]:
        """The rows, ascending, that a row of this generation took over."""
        return [row for (row,) in self._query("SELECT row FROM replaced WHERE by < ? ORDER BY row", [self._rows])]

    def text_bytes(self) -> int:
        """Bytes of the papers' own fields as JSON."""
        return int(self._query("SELECT coalesce(sum(length(cast(paper AS BLOB))), 0) FROM papers", [])[0][0])

    def find_problem(self, block_rows: int, sha256: tuple[str, ...]) -> str | None:
        """What is wrong with the database, in words: its structure as SQLite sees it, or its papers' checksums."""
        try:
            said = str(self._query("PRAGMA integrity_check(1)", [])[0][0])
            whole = said != "ok" or self.block_checksums(block_rows) == sha256
        except IndexDamaged as error:
            return str(error)
        if said != "ok":
            return f"{self._path.name}: {said}"
        return None if whole else f"{self._path.name} does not hold the papers it was published with"

    def block_checksums(self, block_rows: int, known: tuple[str, ...] = ()) -> tuple[str, ...]:
        """sha256 of the papers of each block of rows, the last one partial; full blocks already known are kept."""
        sums = list(known[: self._rows // block_rows])
        for start in range(len(sums) * block_rows, self._rows, block_rows):
            digest = hashlib.sha256()
            end = min(self._rows, start + block_rows)
            for first in range(start, end, _SCAN_ROWS):
                among = [first, min(end, first + _SCAN_ROWS)]
                for row, paper, records in self._query("SELECT * FROM papers WHERE row >= ? AND row < ?", among):
                    digest.update(f"{row}\t{paper}\t{records or ''}\n".encode())
            sums.append(digest.hexdigest())
        return tuple(sums)

    def _query(self, sql: str, values: Sequence[int]) -> list[tuple[Any, ...]]:
        """
        Raises:
            IndexDamaged: SQLite cannot read it.
        """
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(self._path, f"{error}; restore it from a backup or index the papers again") from None

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # A write-ahead log needs a file beside the database, which a read-only folder cannot get.
            mode = "mode=ro" if os.access(self._path.parent, os.W_OK) else "immutable=1"
            uri = f"{self._path.absolute().as_uri()}?{mode}"
            connection = self._local.connection = sqlite3.connect(uri, uri=True, timeout=30)
            connection.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")
        return connection
