"""The database as a writer uses it: the writer lock, its creation, and the rows that have a text."""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import orjson

from search.errors import IndexBusy
from search.index.layout import Layout
from search.index.store import PAGE_BYTES, SCHEMA
from search.papers.identifiers import text_key
from search.papers.paper import Paper


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
    """Opens the database for writing; creates it if absent."""
    new = not path.exists()
    database = sqlite3.connect(path, timeout=30)
    if new or not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # one transaction: a kill leaves all of the tables or none of them
        database.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -262144")
    return database


def count_rows(database: sqlite3.Connection) -> int:
    """Returns the number of rows, including replaced ones."""
    return int(database.execute("SELECT coalesce(max(row) + 1, 0) FROM papers").fetchone()[0])


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
