"""The database as a writer uses it: the writer lock, its creation, and the rows that have a text."""

import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from indexer import added_times, decisions, harvested_records, identity, logged_files, removed_papers
from search.errors import IndexBusy, IndexDamaged
from search.files import system_error
from search.index.database_checksums import (
    count_keys,
    decisions_sha256,
    key_checksum,
    last_paper_sha256,
)
from search.index.layout import DatabaseRecord, Layout, Manifest
from search.index.snapshot import Snapshot
from search.index.store import PaperStore
from search.papers.identifiers import text_key
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.row_insertion import RowInsertion

_PAGE_BYTES = 32_768
"""Page size of the database. A paper takes about 2 KB; in small pages a third of the file would be empty."""
_SCHEMA = """
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
_SCAN_ROWS = 1_024
"""Rows read at once."""
_PAGE_ERROR = re.compile(r"unable to get the page\. error code=([0-9]+)")
"""A page that SQLite's integrity check cannot read, with the error of the read."""


def acquire_lock(layout: Layout) -> int:
    """Locks an index for writing and returns the descriptor to close.

    Raises:
        IndexBusy: Another process is writing the index.
    """
    lock = os.open(layout.writer_lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise IndexBusy(
            layout.directory, "another process is writing this index; wait until it has finished, or use another folder"
        ) from None
    return lock


def open_database(path: Path) -> sqlite3.Connection:
    """Opens the database for writing; creates it, and what an earlier version did not write, if absent."""
    new = not path.exists()
    database = sqlite3.connect(path, timeout=30)
    if new or not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        # one transaction: a kill leaves all of the tables or none of them
        database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    modules = (logged_files, harvested_records, removed_papers, decisions, added_times)
    database.executescript(f"BEGIN; {' '.join(module.SCHEMA for module in modules)} COMMIT;")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -262144")
    added_times.insert_missing_times(database, count_rows(database))
    return database


@contextlib.contextmanager
def named_errors(layout: Layout) -> Iterator[None]:
    """Gives errors of SQLite the name of the database, and errors of the system without a path that of the index.

    Raises:
        OSError: The disk is full, or a read or write failed.
        IndexDamaged: The database is damaged.
        IndexBusy: Another process has locked the database.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extended part
        if code == sqlite3.SQLITE_BUSY:
            raise IndexBusy(layout.store, "another process has locked it; retry when that has finished") from None
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            hint = "restore it from a backup, or index the papers again into another folder"
            raise IndexDamaged(layout.store, f"{error}; {hint}") from None
        raise system_error(error, layout.store) from None
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(layout.directory)) from None


def check_integrity(database: sqlite3.Connection) -> None:
    """Checks the structure of the database.

    Raises:
        sqlite3.DatabaseError: It is damaged, or cannot be read.
    """
    (result,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    if result != "ok":
        error, code = sqlite3.DatabaseError(" ".join(result.split())), _PAGE_ERROR.search(result)
        error.sqlite_errorcode = int(code[1]) if code else sqlite3.SQLITE_CORRUPT
        raise error


def checkpoint(database: sqlite3.Connection) -> None:
    """Moves all committed rows from the write-ahead log to the database, unless a reader prevents it for a second."""
    (busy_timeout,) = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout = 1000")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.execute(f"PRAGMA busy_timeout = {busy_timeout}")


def expected_keys(database: sqlite3.Connection, start: int, rows: int) -> Iterator[tuple[int, frozenset[int]]]:
    """Yields the rows from ``start`` to before ``rows``, each with the keys that follow from its papers."""
    for first in range(start, rows, _SCAN_ROWS):
        bounds = [first, min(rows, first + _SCAN_ROWS)]
        sql = "SELECT row, paper, records FROM papers WHERE row >= ? AND row < ?"
        for row, text, records_text in database.execute(sql, bounds).fetchall():
            paper = Paper.from_json(orjson.loads(text))
            records = [Paper.from_json(each) for each in orjson.loads(records_text)] if records_text else [paper]
            yield row, identity.paper_keys(paper, frozenset[int]().union(*map(identity.keys, records)))


def record_database(
    database: sqlite3.Connection, store: PaperStore, inserted: "RowInsertion", before: Manifest | None
) -> DatabaseRecord:
    """Returns what a manifest says of the database; writes its keys anew if they are not those of its papers.

    Args:
        database: The database.
        store: The same database, read.
        inserted: The rows that the writer has inserted, whose keys it has computed from their papers.
        before: The published manifest, whose rows have the keys that it says; None to compare all keys.
    """
    known = before.database if before else None
    start = before.rows if before and known else 0
    keys, checksum = (known.keys, known.keys_checksum) if known else (0, 0)
    for row, row_keys in expected_keys(database, start, inserted.first):
        keys += len(row_keys)
        checksum += sum(key_checksum(key, row) for key in row_keys)
    keys, checksum = keys + inserted.keys, checksum + inserted.keys_checksum
    if count_keys(store) != (keys, checksum):
        _rewrite_keys(database, inserted.rows)
    return DatabaseRecord(last_paper_sha256(store), keys, checksum, decisions_sha256(store))


def _rewrite_keys(database: sqlite3.Connection, rows: int) -> None:
    with database:
        database.execute("DELETE FROM keys")
        for row, row_keys in expected_keys(database, 0, rows):
            database.executemany("INSERT INTO keys VALUES (?, ?)", [(key, row) for key in sorted(row_keys)])


def count_rows(database: sqlite3.Connection) -> int:
    """Returns the number of rows, including replaced ones."""
    return int(database.execute("SELECT coalesce(max(row) + 1, 0) FROM papers").fetchone()[0])


def has_unpublished_rows(snapshot: Snapshot) -> bool:
    """Whether the database has rows that the generation lacks, because a writer was killed before it published them."""
    ((rows,),) = snapshot.store.select("SELECT coalesce(max(row) + 1, 0) FROM papers", [])
    return int(rows) > snapshot.manifest.rows


def find_replaced_rows(database: sqlite3.Connection) -> set[int]:
    """Returns the rows that a later row has replaced."""
    return {row for (row,) in database.execute("SELECT row FROM replaced")}


def find_rows_with_text(
    database: sqlite3.Connection, texts: Sequence[str], keys: Sequence[int], rows: int
) -> dict[int, int]:
    """Maps the positions of texts to a row that has that text.

    Args:
        database: The database.
        texts: Texts to find.
        keys: Those of their keys (``text_key``) that a row may have.
        rows: Only rows below this number are searched.
    """
    positions = {text_key(text): position for position, text in enumerate(texts)}
    where = f"key IN ({placeholders(keys)}) AND row < ?"
    sql = f"SELECT key, papers.row, paper FROM keys JOIN papers USING (row) WHERE {where}"  # noqa: S608  only question marks
    return {
        positions[key]: row
        for key, row, paper in database.execute(sql, [*keys, rows])
        if Paper.from_json(orjson.loads(paper)).text == texts[positions[key]]
    }


def placeholders(values: Sequence[int]) -> str:
    """Returns one question mark per value, separated by commas."""
    return ",".join("?" * len(values))
