"""Logged files: which files were read, when, with what outcome, and which records each of them has.

A record is identified by a hash (``hash_record``). A file that is read without errors gives all of its records the
number of that reading, so records with a lower number are no longer in it.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from search.papers.paper import Paper

Select = Callable[[str, Sequence[int | str]], Iterable[tuple[Any, ...]]]
"""Runs a query with its values."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    file INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL DEFAULT '',
    first_read TEXT NOT NULL,
    last_read TEXT NOT NULL DEFAULT '',
    reading INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0,
    new INTEGER NOT NULL DEFAULT 0,
    merged INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS file_records (
    record INTEGER NOT NULL,
    file INTEGER NOT NULL,
    reading INTEGER NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (record, file)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file_stamps (
    file INTEGER PRIMARY KEY,
    stamp TEXT NOT NULL
);
"""
"""Tables of the log:

files: see ``LoggedFile``; ``reading`` is the number of the last reading, ``complete`` of the last one without errors.
file_records: the records of a file (``hash_record``), the reading that found each last, and a key of its paper.
file_stamps: how a file was when it was read last (``file_stamp``), unless the import left out a part of it.
"""

SUPERSEDED = -1
"""Reading of a record of which the file has a later version."""
_NOT_LOGGED = 0
"""Stands for the file of a record that the log does not have."""


@dataclass(frozen=True, slots=True)
class LoggedFile:
    """A file that was read.

    Attributes:
        file: Its number in the log.
        path: Its path, see ``path_text``; of a harvest, which is logged as one file, its canonical name.
        source: The source of its records, as in ``bibtex:zotero.bib``.
        first_read: When it was read first, as in ``2026-04-27T10:00:00+00:00``.
        last_read: When it was read last.
        read: Records read the last time.
        new: Records that became a new paper, all times together.
        merged: Records that were merged with a paper, all times together.
        unchanged: Records that were already indexed the last time.
        skipped: Records that could not be read the last time.
        removed: Records left out the last time because their papers were removed.
    """

    file: int
    path: str
    source: str
    first_read: str
    last_read: str
    read: int
    new: int
    merged: int
    unchanged: int
    skipped: int
    removed: int

    @property
    def is_harvest(self) -> bool:
        """Whether it is a harvest."""
        return is_harvest_name(self.path)


def is_harvest_name(path: str) -> bool:
    """Whether a path in the log is the name of a harvest; those of files are absolute."""
    return not path.startswith("/")


def path_text(path: Path) -> str:
    """Returns the path by which the log knows a file: absolute, without links, ``\\xNN`` for a byte not in UTF-8."""
    return os.fsencode(os.path.realpath(path)).decode(errors="backslashreplace")


def file_stamp(path: Path) -> str:
    """Returns the times of the last change of a file's content and of its name or permissions, its size and inode.

    A file whose stamp is the same has not changed. It is empty if the file cannot be found.
    """
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_size}:{status.st_dev}:{status.st_ino}"


def load_stamps(select: Select) -> dict[str, str]:
    """Returns the stamps of the files that were read as a whole, by their paths in the log."""
    if not list(select("SELECT 1 FROM sqlite_master WHERE name = 'file_stamps'", [])):
        return {}
    return dict(select("SELECT path, stamp FROM files JOIN file_stamps USING (file)", []))


def is_deleted(path: str) -> bool:
    """Whether a file of the log does not exist any more; False if that is not certain.

    It is not if the log cannot write the path exactly, or a folder cannot be accessed. A harvest exists until it is
    removed.
    """
    if "\\x" in path or is_harvest_name(path):
        return False
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def find_deleted(files: Iterable[LoggedFile], folders: Iterable[Path]) -> list[LoggedFile]:
    """Returns the files that were deleted from folders, or from folders in them.

    A file that was in a folder without any entry does not count: the disk may not be mounted.
    """
    starts = tuple(path_text(folder).rstrip("/") + "/" for folder in folders)
    if not starts:
        return []
    return [
        each
        for each in files
        if each.path.startswith(starts) and is_deleted(each.path) and not _is_unmounted(each.path)
    ]


def _is_unmounted(path: str) -> bool:
    """Whether the closest folder above a path that exists is empty, or cannot be read."""
    folder = next(parent for parent in Path(path).parents if not is_deleted(str(parent)))
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def hash_record(record: Paper) -> int:
    """Hashes a record to 64 bits: its source, IDs and texts. A record that differs in other fields is the same one."""
    content = "\0".join((*record.sources, *record.ids, record.title or "", record.abstract or ""))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def load_files(select: Select) -> list[LoggedFile]:
    """Loads the log in order of the paths; an index that an earlier version made has none."""
    if not list(select("SELECT 1 FROM sqlite_master WHERE name = 'files'", [])):
        return []
    columns = "file, path, source, first_read, last_read, read, new, merged, unchanged, skipped, removed"
    return [LoggedFile(*values) for values in select(f"SELECT {columns} FROM files ORDER BY path", [])]  # noqa: S608


def load_records(select: Select, row: int) -> list[Paper]:
    """Loads the records of a row: the paper itself if it has one."""
    ((paper, records),) = select("SELECT paper, records FROM papers WHERE row = ?", [row])
    return [Paper.from_json(each) for each in (orjson.loads(records) if records else [orjson.loads(paper)])]


@dataclass(slots=True)
class Missing:
    """Papers that are no longer in the files that had them.

    Attributes:
        rows: The rows of these papers.
        superseded: Records, with a file, of which that file has a later version.
        unused: Records, with a file, that no live row has.
    """

    rows: list[int] = field(default_factory=list)
    superseded: list[tuple[int, int]] = field(default_factory=list)
    unused: list[tuple[int, int]] = field(default_factory=list)


class FileRecords:
    """The records that some files have.

    A record that the log does not have was imported by an earlier version, or by an import that was killed. If no
    other file has the same source, it counts as one that was in these files. Another file that does not exist any more,
    as after it was renamed, has no records.

    Args:
        select: Queries the database.
        files: Numbers of the files.
        is_live: Whether a row is live.
    """

    def __init__(self, select: Select, files: Collection[int], is_live: Callable[[int], bool]) -> None:
        self._select, self._files, self._is_live = select, {*files, _NOT_LOGGED}, is_live
        logged = load_files(select)
        others = {each.source for each in logged if each.file not in self._files}
        self._sources = {each.source for each in logged if each.file in self._files} - others
        self._paths = {each.file: each.path for each in logged}

    def rows(self) -> list[int]:
        """Returns the live rows, ascending, that may have a record of these files."""
        sql = "SELECT DISTINCT row FROM file_records JOIN keys USING (key) WHERE file = ?"
        found = {row for file in self._files for (row,) in self._select(sql, [file])}
        return sorted(row for row in found if self._is_live(row))

    def are_only_here(self, records: Sequence[Paper]) -> list[bool]:
        """Returns for each record of a paper whether these files have it and no other file does."""
        return [
            not self._files.isdisjoint(entries) and not any(map(self._is_elsewhere, entries))
            for entries in self._entries(records)
        ]

    def outdated_keys(self) -> set[int]:
        """Returns a key of each record that these files no longer have; ``find_missing`` reads the rows with them."""
        return set(self._find_outdated().values())

    def find_missing(self) -> Missing:
        """Finds the papers that only these files had, none of which had a record of it when it was read last.

        A file that was not read to its end, or with skipped records, counts as read before.
        """
        missing, found = Missing(), set[tuple[int, int]]()
        outdated = self._find_outdated()
        for row in sorted({row for key in outdated.values() for row in self._rows_of_key(key)}):
            records = load_records(self._select, row)
            entries = self._entries(records)
            if all(each and not self._has_current_record(each) for each in entries):
                missing.rows.append(row)
            current = {file for each in entries for file, is_current in each.items() if is_current}
            hashes = map(hash_record, records)
            of_row = {(record, file) for record, each in zip(hashes, entries, strict=True) for file in each}
            found |= of_row
            missing.superseded += (each for each in of_row & outdated.keys() if each[1] in current)
        missing.unused += outdated.keys() - found
        return missing

    def _has_current_record(self, entries: Mapping[int, bool]) -> bool:
        """Whether one of these files has a record now, as far as is known, or another file."""
        return any(
            is_current if file in self._files else self._is_elsewhere(file) for file, is_current in entries.items()
        )

    def _is_elsewhere(self, file: int) -> bool:
        """Whether it is another file that exists, as far as is known."""
        return file not in self._files and not is_deleted(self._paths[file])

    def _find_outdated(self) -> dict[tuple[int, int], int]:
        """Finds the records that the last complete reading of their file did not find, each with its key."""
        sql = """
            SELECT record, file, key FROM file_records JOIN files USING (file)
            WHERE file_records.reading >= 0 AND file_records.reading < complete
        """
        return {(record, file): key for record, file, key in self._select(sql, []) if file in self._files}

    def _rows_of_key(self, key: int) -> Iterator[int]:
        rows = self._select("SELECT row FROM keys WHERE key = ?", [key])
        return (row for (row,) in rows if self._is_live(row))

    def _entries(self, records: Sequence[Paper]) -> list[dict[int, bool]]:
        """Returns for each record the files that have it, with whether the last complete reading found it there."""
        sql = """
            SELECT file, file_records.reading >= complete FROM file_records JOIN files USING (file) WHERE record = ?
        """
        found = []
        for record in records:
            entries = {file: bool(current) for file, current in self._select(sql, [hash_record(record)])}
            if not entries and record.sources and self._sources.issuperset(record.sources):
                entries[_NOT_LOGGED] = False
            found.append(entries)
        return found
