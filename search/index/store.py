"""PaperStore: reads the rows of papers. The number of a row identifies the paper in all other files."""

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from search.errors import IndexDamaged
from search.index.connection import ReadOnlyConnection
from search.index.json_object import REPAIR_HINT
from search.papers.identifiers import id_key
from search.papers.paper import Paper

SCAN_ROWS = 1_024
"""Rows per query when all rows are read."""
_COPIED_PAGES = 1_024
"""Pages of the database that are copied at once; between two steps, the copy can be interrupted."""


class PaperStore:
    """The papers of an index, opened read-only, with one connection per thread.

    Every method raises ``IndexDamaged`` if SQLite cannot read the database, or if a row is missing or malformed.

    Args:
        path: the database.
        rows: number of rows of the generation; later rows are ignored.
        checksums: (rows,) uint32, CRC-32 with which each paper that is read is compared; None without comparison.
        added: (rows,) uint32, the times of ``Columns.added``; without them, ``Paper.added`` is None.
    """

    def __init__(
        self,
        path: Path,
        rows: int,
        *,
        checksums: NDArray[np.uint32] | None = None,
        added: NDArray[np.uint32] | None = None,
    ) -> None:
        self.path = path
        self.rows = rows
        self._checksums = checksums
        self._added = added
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
                source.backup(copy, pages=_COPIED_PAGES)
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
        ((paper, records),) = self.select("SELECT paper, records FROM papers WHERE row = ?", [row])
        try:
            return [Paper.from_json(fields) for fields in (orjson.loads(records) if records else [orjson.loads(paper)])]
        except (ValueError, AttributeError, TypeError) as error:
            raise self._damaged(f"the records of row {row} are not papers in JSON ({error})") from None

    def decisions(self) -> list[tuple[str, str, str]]:
        """Returns the decisions of the user, the earliest first: two IDs and a verdict (``indexer.decisions``)."""
        if not self.select("SELECT 1 FROM sqlite_master WHERE name = 'decisions'"):
            return []  # an earlier version created the database
        return self.select("SELECT one, other, verdict FROM decisions WHERE row < ? ORDER BY number", [self.rows])

    def texts_containing(self, rows: Sequence[int], text: str) -> list[str]:
        """Returns title and abstract of those of the papers whose JSON contains an ASCII text, in any case.

        Reading a text takes a fifth of the time of ``get``.
        """
        marks, pattern = ",".join("?" * len(rows)), text.replace("%", "").replace("_", "")
        sql = f"SELECT row, paper FROM papers WHERE row IN ({marks}) AND paper LIKE ?"  # noqa: S608  only question marks
        found = (self._parse_json(row, paper) for row, paper in self.select(sql, [*rows, f"%{pattern}%"]))
        return [f"{fields.get('title') or ''}. {fields.get('abstract') or ''}" for fields in found]

    def find(self, paper_id: str) -> list[int]:
        """Returns the rows, ascending, that have or had this canonical ID, including replaced rows."""
        return [row for row in self.rows_for_key(id_key(paper_id)) if paper_id in self.get([row])[0].ids]

    def rows_for_key(self, key: int) -> list[int]:
        """Returns the rows, ascending, of a 64-bit key; different texts may have the same key."""
        return self.rows_for_keys([key])

    def rows_for_keys(self, keys: Sequence[int]) -> list[int]:
        """Returns the rows of some keys, ascending for each key; see ``rows_for_key``."""
        rows, size = [], SCAN_ROWS
        for some in (keys[first : first + size] for first in range(0, len(keys), size)):
            marks = ",".join("?" * len(some))
            rows += [row for (row,) in self.select(f"SELECT row FROM keys WHERE key IN ({marks})", some)]  # noqa: S608  only question marks
        if not all(isinstance(row, int) for row in rows):  # possible only in a damaged database
            raise IndexDamaged(self.path, f"its keys are not those of its papers; {REPAIR_HINT}")
        return [row for row in rows if 0 <= row < self.rows]

    def scan(self, start: int) -> Iterator[tuple[int, Paper]]:
        """Yields every row from ``start`` on, with its paper."""
        for first in range(start, self.rows, SCAN_ROWS):
            end = min(self.rows, first + SCAN_ROWS)
            for row, text in self.select("SELECT row, paper FROM papers WHERE row >= ? AND row < ?", [first, end]):
                yield row, self._parse(row, text)

    def replaced_rows(self) -> list[int]:
        """Returns the rows, ascending, that a row of this generation has replaced."""
        return [row for (row,) in self.select("SELECT row FROM replaced WHERE by < ? ORDER BY row", [self.rows])]

    def _texts(self, rows: Sequence[int]) -> dict[int, str]:
        marks = ",".join("?" * len(rows))
        return dict(self.select(f"SELECT row, paper FROM papers WHERE row IN ({marks})", rows))  # noqa: S608  only question marks

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
        if self._checksums is not None and row_checksum(text) != self._checksums[row]:
            problem = f"row {row} does not have the checksum it was published with"
            raise IndexDamaged(self.path, f"{problem}; {REPAIR_HINT}")
        try:
            fields = orjson.loads(text)
        except ValueError as error:
            raise self._damaged(f"row {row} is not a paper in JSON ({error})") from None
        if isinstance(fields, dict):
            return fields
        raise self._damaged(f"row {row} is not a paper in JSON")

    def _damaged(self, problem: str) -> IndexDamaged:
        return IndexDamaged(self.path, f"{problem}; restore it from a backup, or index the papers again")

    def select(self, sql: str, values: Sequence[int | str] = ()) -> list[tuple[Any, ...]]:
        """Runs a query of the tables, which ``indexer.database`` describes.

        Raises:
            IndexDamaged: SQLite cannot read the database.
        """
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from None

    def _connection(self) -> sqlite3.Connection:
        connection: ReadOnlyConnection | None = getattr(self._local, "connection", None)
        if connection is None or connection.is_outdated:
            connection = self._local.connection = ReadOnlyConnection(self.path)
        return connection.database


def row_checksum(text: Any) -> int:
    """Returns the CRC-32 of the text of a row; in a damaged database, it may have another type."""
    return zlib.crc32(text.encode() if isinstance(text, str) else repr(text).encode())
