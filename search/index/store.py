"""PaperStore: reads the rows of papers. The number of a row identifies the paper in all other files."""

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from search.checksums import NOT_PUBLISHED, BlockChecksums, extend_checksums
from search.errors import IndexDamaged
from search.files import sha256_of_bytes
from search.index.json_object import REPAIR_HINT
from search.index.layout import DatabaseRecord
from search.papers.identifiers import id_key
from search.papers.paper import Paper

PAGE_BYTES = 32_768
"""Page size of the database. A paper takes about 2 KB; in small pages a third of the file would be empty."""


SCHEMA = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY,
    paper TEXT NOT NULL,
    records TEXT
);
CREATE TABLE replaced (row INTEGER PRIMARY KEY, by INTEGER NOT NULL);
CREATE TABLE keys (key INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row)) WITHOUT ROWID;
"""
"""Tables, to which rows are only added:

papers: the merged paper and, if it was merged from several records, those records (JSON).
replaced: a row that has been replaced, and the row that replaced it.
keys: the 64-bit keys of a row (``identifiers.id_key``, ``fingerprint.keys``).
"""


_KEYS_MODULUS = 4_294_967_291
"""The largest prime below 2^32: a sum of 2^31 terms fits into SQLite's integers."""


def key_checksum(key: int, row: int) -> int:
    """Returns the checksum of one row of the table ``keys``; it must equal that of ``PaperStore.count_keys``."""
    return ((key & 0x7FFFFFFF) * (row + 1) + ((key >> 31) & 0x1FFFFFFFF)) % _KEYS_MODULUS


@dataclass(frozen=True, slots=True)
class StoreTuning:
    """Constants of reading the database."""

    scan_rows: int = 1_024
    """Rows per query when all rows are read."""
    copied_pages: int = 1_024
    """Pages of the database that are copied at once; between two steps, the copy can be interrupted."""
    mmap_bytes: int = 1 << 31
    """Bytes of the database that are memory-mapped, the maximum of SQLite; ten rows take 0.2 ms instead of 2.5 ms."""


STORE_TUNING = StoreTuning()


class PaperStore:
    """The papers of an index, opened read-only, with one connection per thread.

    Every method raises ``IndexDamaged`` if SQLite cannot read the database, or if a row is missing or malformed.

    Args:
        path: the database.
        rows: number of rows of the generation; later rows are ignored.
        checksums: (rows,) uint32, CRC-32 with which each paper that is read is compared; None without comparison.
        added: (rows,) uint32, the times of ``Columns.added``; without them, ``Paper.added`` is None.
        tuning: rows per query and size of the mapping.
    """

    def __init__(
        self,
        path: Path,
        rows: int,
        tuning: StoreTuning = STORE_TUNING,
        *,
        checksums: NDArray[np.uint32] | None = None,
        added: NDArray[np.uint32] | None = None,
    ) -> None:
        self._path = path
        self._rows = rows
        self._checksums = checksums
        self._added = added
        self._tuning = tuning
        self._local = threading.local()

    def close(self) -> None:
        """Closes the connection of this thread, if it is open.

        A writer has to call it: only the last connection to close checkpoints the write-ahead log.
        """
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            del self._local.connection

    def copy_to(self, path: Path) -> None:
        """Copies the whole database, later rows too, to a new file as it is at one moment; a writer may go on."""
        source = self._connection()
        source.execute("BEGIN")
        try:
            source.execute("SELECT 1 FROM papers LIMIT 1").fetchone()  # from now on, this transaction sees no changes
            with closing(sqlite3.connect(path)) as copy:
                source.backup(copy, pages=self._tuning.copied_pages)
        except sqlite3.OperationalError:  # of the new file, such as a full disk
            raise
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from None
        finally:
            source.rollback()

    def get(self, rows: Sequence[int]) -> list[Paper]:
        """Returns the papers of these rows, in the order given."""
        texts = self._texts(rows)
        return [self._parse(row, texts.get(row)) for row in rows]

    def titles_and_abstracts(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """Returns title and abstract of each paper, empty where it has none, in a third of the time of ``get``."""
        texts = self._texts(rows)
        papers = (self._parse_json(row, texts.get(row)) for row in rows)
        return [(str(paper.get("title") or ""), str(paper.get("abstract") or "")) for paper in papers]

    def records(self, row: int) -> list[Paper]:
        """Returns the records that the paper of a row was merged from."""
        ((paper, records),) = self._query("SELECT paper, records FROM papers WHERE row = ?", [row])
        try:
            return [Paper.from_json(fields) for fields in (orjson.loads(records) if records else [orjson.loads(paper)])]
        except (ValueError, AttributeError, TypeError) as error:
            raise self._damaged(f"the records of row {row} are not papers in JSON ({error})") from None

    def decisions(self) -> list[tuple[str, str, str]]:
        """Returns the decisions of the user, the earliest first: two IDs and a verdict (``indexer.decisions``)."""
        if not self._query("SELECT 1 FROM sqlite_master WHERE name = 'decisions'", []):
            return []  # an earlier version created the database
        return self._query("SELECT one, other, verdict FROM decisions WHERE row < ? ORDER BY number", [self._rows])

    def decisions_sha256(self) -> str:
        """Returns the checksum of the decisions; empty without any."""
        found = self.decisions()
        return sha256_of_bytes(orjson.dumps(found)) if found else ""

    def texts_containing(self, rows: Sequence[int], text: str) -> list[str]:
        """Returns title and abstract of those of the papers whose JSON contains an ASCII text, in any case.

        Reading a text takes a fifth of the time of ``get``.
        """
        marks, pattern = ",".join("?" * len(rows)), text.replace("%", "").replace("_", "")
        sql = f"SELECT row, paper FROM papers WHERE row IN ({marks}) AND paper LIKE ?"  # noqa: S608  only question marks
        found = (self._parse_json(row, paper) for row, paper in self._query(sql, [*rows, f"%{pattern}%"]))
        return [f"{fields.get('title') or ''}. {fields.get('abstract') or ''}" for fields in found]

    def find(self, paper_id: str) -> list[int]:
        """Returns the rows, ascending, that have or had this canonical ID, including replaced rows."""
        return [row for row in self.rows_for_key(id_key(paper_id)) if paper_id in self.get([row])[0].ids]

    def rows_for_key(self, key: int) -> list[int]:
        """Returns the rows, ascending, of a 64-bit key; different texts may have the same key."""
        return self.rows_for_keys([key])

    def rows_for_keys(self, keys: Sequence[int]) -> list[int]:
        """Returns the rows of some keys, ascending for each key; see ``rows_for_key``."""
        rows, size = [], self._tuning.scan_rows
        for some in (keys[first : first + size] for first in range(0, len(keys), size)):
            marks = ",".join("?" * len(some))
            rows += [row for (row,) in self._query(f"SELECT row FROM keys WHERE key IN ({marks})", some)]  # noqa: S608  only question marks
        if not all(isinstance(row, int) for row in rows):  # possible only in a damaged database
            raise IndexDamaged(self._path, f"its keys are not those of its papers; {REPAIR_HINT}")
        return [row for row in rows if 0 <= row < self._rows]

    def scan(self, start: int) -> Iterator[tuple[int, Paper]]:
        """Yields every row from ``start`` on, with its paper."""
        for first in range(start, self._rows, self._tuning.scan_rows):
            end = min(self._rows, first + self._tuning.scan_rows)
            for row, text in self._query("SELECT row, paper FROM papers WHERE row >= ? AND row < ?", [first, end]):
                yield row, self._parse(row, text)

    def row_checksums(self, start: int) -> NDArray[np.uint32]:
        """Returns the CRC-32 of each paper from row ``start`` on, (n,) uint32."""
        checksums = np.empty(max(0, self._rows - start), np.uint32)
        for first in range(start, self._rows, self._tuning.scan_rows):
            bounds = [first, min(self._rows, first + self._tuning.scan_rows)]
            for row, paper in self._query("SELECT row, paper FROM papers WHERE row >= ? AND row < ?", bounds):
                checksums[row - start] = _checksum(paper)
        return checksums

    def replaced_rows(self) -> list[int]:
        """Returns the rows, ascending, that a row of this generation has replaced."""
        return [row for (row,) in self._query("SELECT row FROM replaced WHERE by < ? ORDER BY row", [self._rows])]

    def select(self, sql: str, values: Sequence[int | str] = ()) -> list[tuple[Any, ...]]:
        """Runs a query of the tables that only the indexer knows."""
        return self._query(sql, values)

    def text_bytes(self) -> int:
        """Returns the number of bytes of all papers as JSON."""
        return int(self._query("SELECT coalesce(sum(length(cast(paper AS BLOB))), 0) FROM papers", [])[0][0])

    def last_paper_sha256(self) -> str:
        """Returns the checksum of the last row; empty if the generation has no rows, or the row is missing."""
        last = b"".join(self.read_rows(max(self._rows - 1, 0), self._rows))
        return sha256_of_bytes(last) if last else ""

    def count_keys(self) -> tuple[int, int]:
        """Returns the number of keys of the generation's rows, and the sum of their checksums (``key_checksum``)."""
        checksum = f"((key & 0x7FFFFFFF) * (row + 1) + ((key >> 31) & 0x1FFFFFFFF)) % {_KEYS_MODULUS}"
        sql = f"SELECT count(*), coalesce(sum({checksum}), 0) FROM keys WHERE row < ?"  # noqa: S608  only numbers
        ((keys, total),) = self._query(sql, [self._rows])
        return keys, total

    def find_outdated(self, record: DatabaseRecord | None) -> str | None:
        """Returns a description if the database is not the one that the generation was published with; else None.

        Reads one row.

        Args:
            record: what the manifest says; None if it says nothing.
        """
        try:
            rows = int(self._query("SELECT coalesce(max(row) + 1, 0) FROM papers", [])[0][0])
            if not rows and self._rows:
                return f"{self._path.name} has no papers; restore it from a backup, or index the papers again"
            if rows < self._rows:
                return (
                    f"{self._path.name} has {rows:,} of the {self._rows:,} papers that were published: it is an older "
                    f"copy or has lost its file {self._path.name}-wal or, in a read-only folder, "
                    f"{self._path.name}-shm; restore them from a backup, or keep the {rows:,} papers and index the "
                    "others again"
                )
            if record and self.last_paper_sha256() != record.last_paper_sha256:
                return (
                    f"{self._path.name} is not the database that was published: its row {self._rows - 1:,} is another "
                    "paper; restore it from a backup, or index the papers again into another folder"
                )
        except IndexDamaged as error:
            return str(error)
        return None

    def find_problem(self, block_rows: int, sha256: tuple[str, ...]) -> str | None:
        """Returns a description of a structural problem that SQLite finds, or of a checksum that differs; else None.

        Args:
            block_rows: rows per checksum.
            sha256: the checksums that the papers were published with.
        """
        try:
            result = str(self._query("PRAGMA integrity_check(1)", [])[0][0])
            if result != "ok":
                return f"{self._path.name}: {' '.join(result.split())}"
            if self.block_checksums(block_rows) != sha256:
                return f"{self._path.name} does not contain the papers it was published with"
        except IndexDamaged as error:
            return str(error)
        return None

    def block_checksums(self, block_rows: int, published: BlockChecksums = NOT_PUBLISHED) -> tuple[str, ...]:
        """Returns the SHA-256 of each block of rows; see ``extend_checksums``.

        Args:
            block_rows: rows per block.
            published: the checksums of an earlier generation.

        Raises:
            IndexDamaged: the published part of the last block differs.
        """
        return extend_checksums(self._path, self.read_rows, self._rows, block_rows, published)

    def read_rows(self, start: int, end: int) -> Iterator[bytes]:
        """Yields the bytes of rows of ``papers``, for their checksums."""
        for first in range(start, end, self._tuning.scan_rows):
            bounds = [first, min(end, first + self._tuning.scan_rows)]
            for row, paper, records in self._query("SELECT * FROM papers WHERE row >= ? AND row < ?", bounds):
                yield f"{row}\t{paper}\t{records or ''}\n".encode()

    def _texts(self, rows: Sequence[int]) -> dict[int, str]:
        marks = ",".join("?" * len(rows))
        return dict(self._query(f"SELECT row, paper FROM papers WHERE row IN ({marks})", rows))  # noqa: S608  only question marks

    def _parse(self, row: int, text: str | None) -> Paper:
        """Returns the paper that the text of a row describes."""
        fields = self._parse_json(row, text)
        try:
            return Paper.from_json(fields, int(self._added[row]) if self._added is not None else 0)
        except ValueError as error:
            raise self._damaged(f"row {row} is not a paper in JSON ({error})") from None

    def _parse_json(self, row: int, text: str | None) -> dict[str, Any]:
        """Returns the fields in the text of a row.

        Raises:
            IndexDamaged: the row is missing, differs from its checksum, or its text is not a JSON object.
        """
        if text is None:
            raise self._damaged(f"row {row} is missing")
        if self._checksums is not None and _checksum(text) != self._checksums[row]:
            problem = f"row {row} does not have the checksum it was published with"
            raise IndexDamaged(self._path, f"{problem}; {REPAIR_HINT}")
        try:
            fields = orjson.loads(text)
        except ValueError as error:
            raise self._damaged(f"row {row} is not a paper in JSON ({error})") from None
        if isinstance(fields, dict):
            return fields
        raise self._damaged(f"row {row} is not a paper in JSON")

    def _damaged(self, problem: str) -> IndexDamaged:
        return IndexDamaged(self._path, f"{problem}; restore it from a backup, or index the papers again")

    def _query(self, sql: str, values: Sequence[int | str]) -> list[tuple[Any, ...]]:
        """Runs a query.

        Raises:
            IndexDamaged: SQLite cannot read the database.
        """
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from None

    def _connection(self) -> sqlite3.Connection:
        connection: _ReadOnlyConnection | None = getattr(self._local, "connection", None)
        if connection is None or connection.is_outdated:
            connection = self._local.connection = _ReadOnlyConnection(self._path, self._tuning.mmap_bytes)
        return connection.database


class _ReadOnlyConnection:
    """A connection that closes as soon as its thread ends or its store is released.

    ``sqlite3.Connection`` is part of a reference cycle, so without this its files stay open until the next run of the
    garbage collector.
    """

    def __init__(self, path: Path, mmap_bytes: int) -> None:
        self._wal = Path(f"{path}-wal")
        self._immutable = False
        self.database = _connect(path, "mode=ro")
        try:
            _read_schema(self.database)
        except sqlite3.OperationalError:
            # Without a write-ahead log, SQLite creates files next to the database, which a read-only folder prevents.
            self.database.close()
            if not os.access(path, os.R_OK):
                raise
            self._immutable = True
            self.database = _connect(path, "immutable=1")
        self.database.execute(f"PRAGMA mmap_size = {mmap_bytes}")

    @property
    def is_outdated(self) -> bool:
        """Whether a writer has started since a connection that ignores the write-ahead log was opened."""
        return self._immutable and _has_content(self._wal)

    def close(self) -> None:
        self.database.close()

    def __del__(self) -> None:
        if hasattr(self, "database"):
            self.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Only one thread uses the connection, but any thread may release the store and thus close it.
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=30, check_same_thread=False)


def _read_schema(database: sqlite3.Connection) -> None:
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _checksum(text: Any) -> int:
    """Returns the CRC-32 of the text of a row; in a damaged database, it may have another type."""
    return zlib.crc32(text.encode() if isinstance(text, str) else repr(text).encode())
