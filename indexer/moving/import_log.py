"""Adds the log of the imports of one index to that of another: which files were read, and which records they have."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from indexer.moving.archive import Archive
from indexer.moving.paper import Value

_FILE_COLUMNS = (
    *("path", "source", "first_read", "last_read", "reading", "complete"),
    *("read", "new", "merged", "unchanged", "skipped", "removed"),
)
"""Columns of the table of files that do not depend on the index."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of an archive.

    Attributes:
        number: Its number in the index.
        is_new: Whether the index did not know it.
        complete: The last reading without errors, in the archive.
        reading: The last reading in the index.
    """

    number: int
    is_new: bool
    complete: int
    reading: int


def add_import_log(database: sqlite3.Connection, archive: Archive) -> None:
    """Adds the files of an archive that an index does not know, and their records, in the transaction of the caller.

    Of a file that both know, only the records that it had when it was last read are added: when that was, the index
    knows.

    Args:
        database: The database of the index.
        archive: The archive.
    """
    if not {"files", "file_records"} <= set(archive.tables):
        return
    files = _add_files(database, archive)
    database.executemany("INSERT OR IGNORE INTO file_records VALUES (?, ?, ?, ?)", _find_records(archive, files))
    for name, columns in (("file_stamps", ["stamp"]), ("harvested", ["identifier", "record", "deleted"])):
        if name in archive.tables:
            rows = archive.read_table(name).select("file", *columns)
            values = ((files[file].number, *others) for file, *others in rows if files[file].is_new)
            marks = ", ".join("?" * (1 + len(columns)))
            sql = f"INSERT OR IGNORE INTO {name} (file, {', '.join(columns)}) VALUES ({marks})"  # noqa: S608  only names above
            database.executemany(sql, values)


def _add_files(database: sqlite3.Connection, archive: Archive) -> dict[Value, _File]:
    """Adds unknown files; returns all files of the archive by their numbers there."""
    files = dict[Value, _File]()
    sql = f"INSERT INTO files ({', '.join(_FILE_COLUMNS)}) VALUES ({', '.join('?' * len(_FILE_COLUMNS))})"  # noqa: S608  only names above
    for theirs, complete, *values in archive.read_table("files").select("file", "complete", *_FILE_COLUMNS):
        known = database.execute("SELECT file, reading FROM files WHERE path = ?", [values[0]]).fetchone()
        number = known[0] if known else database.execute(sql, values).lastrowid or 0
        files[theirs] = _File(number, not known, int(complete or 0), known[1] if known else 0)
    return files


def _find_records(archive: Archive, files: Mapping[Value, _File]) -> Iterator[tuple[Value, ...]]:
    """Yields the rows of the records to add."""
    for record, theirs, reading, key in archive.read_table("file_records").select("record", "file", "reading", "key"):
        file = files[theirs]
        if file.is_new:
            yield record, file.number, reading, key
        elif int(reading or 0) >= file.complete:
            yield record, file.number, file.reading, key
