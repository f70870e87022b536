"""Added times: when each paper became part of the index.

Each row has the time of its paper, in seconds since 1970 (UTC). A row that replaces others takes over the earliest of
their times. The time of a new paper is set when it is published, to one that is later than all times before, even if
the clock goes back: whoever has seen a generation finds all papers that came later by their times.
"""

import sqlite3
import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from indexer.logged_files import Select

SCHEMA = """
CREATE TABLE IF NOT EXISTS added (row INTEGER PRIMARY KEY, time INTEGER);
"""
"""The time of each row: NULL until its paper is published, UNKNOWN if it is not known. A compaction writes the latest
time of all rows that there were as that of row -1."""

UNKNOWN = 0
"""Time of a paper that an earlier version of the program added, if the import log does not have it."""

_MAX_TIME = int(np.iinfo(np.uint32).max)
"""The latest time that a generation can have, in 2106."""

AddedTime = int | None
"""A time in the table."""


def insert_missing_times(database: sqlite3.Connection, rows: int) -> None:
    """Adds the rows that an earlier version of the program wrote.

    Their time is that at which the first of their files was read first, if the import log has it.

    Args:
        database: The database.
        rows: Its number of rows.
    """
    first = int(database.execute("SELECT coalesce(max(row) + 1, 0) FROM added").fetchone()[0])
    if first >= rows:
        return
    sql = """
        SELECT row, min(CAST(strftime('%s', first_read) AS INTEGER))
        FROM files JOIN file_records USING (file) JOIN keys USING (key) WHERE row >= ? GROUP BY row
    """
    times = dict(database.execute(sql, [first]))
    with database:
        values = ((row, times.get(row) or UNKNOWN) for row in range(first, rows))
        database.executemany("INSERT INTO added VALUES (?, ?)", values)


def insert_times(database: sqlite3.Connection, first: int, times: Iterable[AddedTime]) -> None:
    """Adds the times of new rows from ``first`` on, in the transaction of the caller."""
    database.executemany("INSERT OR REPLACE INTO added VALUES (?, ?)", enumerate(times, first))


def read_times(database: sqlite3.Connection, rows: Iterable[int]) -> list[AddedTime]:
    """Returns the times of some rows, in their order."""
    sql = "SELECT time FROM added WHERE row = ?"
    return [database.execute(sql, [row]).fetchone()[0] for row in rows]


def earliest(times: Iterable[AddedTime]) -> AddedTime:
    """Returns the earliest of some times; an unknown one is the earliest, and one that is not set yet the latest."""
    return min((each for each in times if each is not None), default=None)


def load_times(select: Select, rows: int) -> NDArray[np.uint32]:
    """Returns the time of each row of a generation, (rows,) uint32.

    Args:
        select: Queries the database.
        rows: The number of its rows.
    """
    sql = "SELECT row, min(max(time, 0), ?) FROM added WHERE row >= 0 AND row < ?"
    found = np.array(list(select(sql, [_MAX_TIME, rows])), np.int64).reshape(-1, 2)
    times = np.full(rows, UNKNOWN, np.uint32)
    times[found[:, 0]] = found[:, 1]
    return times


def load_newest_time(select: Select, rows: int) -> int:
    """Returns the latest time of the rows of a generation and of those that a compaction removed; UNKNOWN without any.

    Args:
        select: Queries the database.
        rows: The number of its rows.
    """
    if not list(select("SELECT 1 FROM sqlite_master WHERE name = 'added'", [])):
        return UNKNOWN  # an earlier version of the program wrote none
    ((newest,),) = select("SELECT coalesce(max(time), ?) FROM added WHERE row < ?", [UNKNOWN, rows])
    return int(newest)


def set_new_times(database: sqlite3.Connection) -> None:
    """Gives all papers that have no time yet the present one, or if that is not later than all others, the next."""
    with database:
        database.execute(
            "UPDATE added SET time = max(?, (SELECT coalesce(max(time), 0) + 1 FROM added)) WHERE time IS NULL",
            [int(time.time())],
        )
