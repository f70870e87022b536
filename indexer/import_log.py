"""Import log: notes which files an import reads, with what outcome, and which records each of them has."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from indexer import harvested_records, identity
from indexer.import_counts import ImportCounts
from indexer.logged_files import (
    SUPERSEDED,
    FileRecords,
    file_stamp,
    find_deleted,
    hash_record,
    load_files,
    path_text,
)
from indexer.paper_writer import PaperWriter
from indexer.removed_papers import ANY_FILE, RemovalFilter
from indexer.sources.file import SourceFile
from search.errors import SourceError, UnknownFormat
from search.papers.identifiers import id_key
from search.papers.paper import Paper


@dataclass(slots=True)
class _Reading:
    """One file that is being read, or the pages of a harvest.

    Attributes:
        path: Its path in the log, or the canonical name of the harvest.
        stamp: See ``file_stamp``; from before it was read, so that a change meanwhile is noticed.
        file: The file, or the last page.
        before: The counts of the import when its reading began.
        counts: The counts of its records; set at its end.
        skipped: Records that could not be read.
        is_incomplete: Whether one of these may be a record that another file had.
        records: The hash of each record.
        keys: A key of each record.
        identifiers: Of a harvest, the hash of the identifier of each record; 0 without one.
        is_whole: Whether every record of the file was imported or removed, as far as it could be read.
        last: Of a harvest, by the hash of each identifier the last record of those without a version.
        deleted: Of a harvest, the hashes of the identifiers of records that its repository has deleted.
    """

    path: str
    stamp: str
    file: SourceFile
    before: ImportCounts
    counts: ImportCounts
    skipped: int
    is_incomplete: bool
    records: "array[int]"
    keys: "array[int]"
    identifiers: "array[int]" = field(default_factory=lambda: array("q"))
    last: dict[int, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    is_whole: bool = True


class ImportLog:
    """Writes the log of one import, and decides which records are left out because their papers were removed.

    Args:
        writer: The index.
        restore: Whether records of removed papers are imported again.
    """

    def __init__(self, writer: PaperWriter, *, restore: bool = False) -> None:
        self._writer, self._restore = writer, restore
        self._removed = RemovalFilter(writer.database)
        self._readings: list[_Reading] = []

    def start(self, file: SourceFile) -> None:
        """Notes that the records that follow are those of a file; pages of a harvest that follow each other are one."""
        path = file.harvest or path_text(file.path)
        if file.harvest and self._readings and self._readings[-1].path == path:
            self._readings[-1].file = file
            return
        counts = replace(self._writer.counts)
        stamp = file_stamp(file.path)
        self._readings.append(_Reading(path, stamp, file, counts, counts, 0, False, array("q"), array("q")))

    def end(self) -> None:
        """Notes that the file is read."""
        reading, after = self._readings[-1], self._writer.counts
        names = ("read", "new", "merged", "unchanged", "removed")
        differences = {name: getattr(after, name) - getattr(reading.before, name) for name in names}
        reading.counts = ImportCounts(**differences)

    def add(self, record: Paper) -> None:
        """Adds a record of the file to the index, unless its paper was removed.

        Raises:
            ModelUnavailable: As in ``PaperWriter.add``.
        """
        record, reading = identity.ensure_id(record), self._readings[-1]
        scopes = (ANY_FILE, reading.path, reading.file.source)
        if self._removed.contains(record, scopes):
            if not self._restore:
                self._writer.counts.read += 1
                self._writer.counts.removed += 1
                return
            self._removed.restore(record, scopes)
        record = self._writer.add(record)
        reading.records.append(hash_record(record))
        reading.keys.append(id_key(record.id))
        if reading.file.harvest:
            identifier = harvested_records.hash_identifier(reading.file.identifier)
            reading.identifiers.append(identifier)
            reading.deleted.discard(identifier)
            if identifier and record.version is None:
                reading.last[identifier] = reading.records[-1]

    def delete(self, identifier: str) -> None:
        """Notes that the repository of a harvest has deleted a record; ``select_deleted`` finds it."""
        self._readings[-1].deleted.add(harvested_records.hash_identifier(identifier))

    def leave_out(self) -> None:
        """Notes that a record of the file does not meet the conditions of the import."""
        self._writer.counts.outside += 1
        self.leave_out_rest()

    def leave_out_rest(self) -> None:
        """Notes that the file has records that the import leaves out, which therefore are not missing in it."""
        self._readings[-1].is_whole = False

    def skip(self, error: SourceError) -> None:
        """Notes that a record of the file, or the file, could not be read."""
        reading = self._readings[-1]
        reading.skipped += 1
        reading.is_incomplete |= not isinstance(error, UnknownFormat)

    def save(self, folders: Iterable[Path] = ()) -> int:
        """Writes the log, in one transaction; all records have to be written.

        Args:
            folders: Folders that were searched for the files. A file that was deleted from them has no records any
                more, unless records of other files were skipped: these may be its records, if it was renamed.

        Returns:
            The number of papers that are no longer in the files, see ``FileRecords.find_missing``.
        """
        database = self._writer.database
        with database:
            files = [self._save_reading(reading) for reading in self._readings]
            deleted = [each.file for each in find_deleted(load_files(database.execute), folders)]
            if not any(reading.is_incomplete or not reading.is_whole for reading in self._readings):
                sql = "UPDATE files SET reading = reading + 1, complete = reading + 1 WHERE file = ?"
                database.executemany(sql, [(file,) for file in deleted])
        records = FileRecords(database.execute, [*files, *deleted], self._writer.is_live)
        self._writer.load_rows(records.outdated_keys())
        missing = records.find_missing()
        with database:
            values = [(SUPERSEDED, *each) for each in missing.superseded]
            database.executemany("UPDATE file_records SET reading = ? WHERE record = ? AND file = ?", values)
            database.executemany("DELETE FROM file_records WHERE record = ? AND file = ?", missing.unused)
        return len(missing.rows)

    def _save_reading(self, reading: _Reading) -> int:
        """Writes one file with its records and returns its number."""
        database, counts, now = self._writer.database, reading.counts, datetime.now(UTC).isoformat(timespec="seconds")
        database.execute("INSERT OR IGNORE INTO files (path, first_read) VALUES (?, ?)", [reading.path, now])
        ((file, number, earlier),) = database.execute(
            "SELECT file, reading + 1, source FROM files WHERE path = ?", [reading.path]
        )
        # An unrecognized format, as of a file that is empty now, would hide the papers that the file has brought.
        source = reading.file.source if reading.file.format else earlier or reading.file.source
        database.execute(
            """
            UPDATE files
            SET reading = ?, source = ?, last_read = ?, read = ?, new = new + ?, merged = merged + ?, unchanged = ?,
                skipped = ?, removed = ?
            WHERE file = ?
            """,
            [
                *(number, source, now, counts.read, counts.new, counts.merged, counts.unchanged),
                *(reading.skipped, counts.removed, file),
            ],
        )
        is_round = bool(reading.file.harvest)  # which brings only what is new or changed
        if reading.is_whole and not (reading.skipped or is_round):
            database.execute("UPDATE files SET complete = ? WHERE file = ?", [number, file])
        if reading.is_whole and not is_round:
            database.execute("INSERT OR REPLACE INTO file_stamps VALUES (?, ?)", [file, reading.stamp])
        else:
            database.execute("DELETE FROM file_stamps WHERE file = ?", [file])
        values = sorted(zip(reading.records, reading.keys, strict=True))
        database.executemany(
            "INSERT INTO file_records VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET reading = excluded.reading",
            ((record, file, number, key) for record, key in values),
        )
        if reading.file.harvest:
            records = zip(reading.identifiers, reading.records, strict=True)
            harvested_records.save(database, file, records, reading.last, reading.deleted)
        return int(file)
