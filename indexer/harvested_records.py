"""Harvested records: the identifier of each record in its repository, by which the repository reports deletions, and
by which a record without a version replaces the one that it had before."""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Mapping

from indexer.logged_files import Select

SCHEMA = """
CREATE TABLE IF NOT EXISTS harvested (
    file INTEGER NOT NULL,
    identifier INTEGER NOT NULL,
    record INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (file, identifier, record)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS harvested_by_record ON harvested (record);
"""
"""The records (``hash_record``) of a harvest by the hash of their identifier; ``deleted`` is 1 from when the repository
says that it has deleted or replaced them until they are removed."""


def hash_identifier(identifier: str) -> int:
    """Hashes an identifier to 64 bits; an empty one to 0."""
    if not identifier:
        return 0
    digest = hashlib.blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def save(
    database: sqlite3.Connection,
    file: int,
    records: Iterable[tuple[int, int]],
    last: Mapping[int, int],
    deleted: Iterable[int],
) -> None:
    """Writes what one import has read, in the transaction of the caller.

    Args:
        database: The database.
        file: The number of the harvest in the log.
        records: Records, each as the hash of its identifier, or 0, and its own.
        last: The last record of each identifier, of those without a version, by the hash of the identifier.
        deleted: The hashes of the identifiers of records that the repository has deleted, and not added again.
    """
    waiting = "SELECT DISTINCT identifier FROM harvested WHERE file = ? AND deleted = 1"
    reported = {identifier for (identifier,) in database.execute(waiting, [file])}
    found = sorted(each for each in records if each[0])
    database.executemany(
        "INSERT OR IGNORE INTO harvested (file, identifier, record) VALUES (?, ?, ?)", ((file, *each) for each in found)
    )
    update = "UPDATE harvested SET deleted = ? WHERE file = ? AND identifier = ?"
    database.executemany(update, [(0, file, each) for each in reported.intersection(each for each, _ in found)])
    database.executemany(
        "UPDATE harvested SET deleted = 1 WHERE file = ? AND identifier = ? AND record <> ?",
        ((file, *each) for each in last.items()),
    )
    database.executemany(update, ((1, file, identifier) for identifier in deleted))


def find_deleted(select: Select, name: str) -> dict[int, set[int]]:
    """Returns the rows, live or not, with records that the repository no longer has, each with the hashes of these.

    Args:
        select: Queries the database.
        name: The canonical name of the harvest.
    """
    if not list(select("SELECT 1 FROM sqlite_master WHERE name = 'harvested'", [])):
        return {}
    sql = """
        SELECT row, record FROM files JOIN harvested USING (file) JOIN file_records USING (file, record)
        JOIN keys USING (key) WHERE path = ? AND deleted = 1 AND NOT EXISTS (
            SELECT 1 FROM harvested AS other
            WHERE other.file = harvested.file AND other.record = harvested.record AND other.deleted = 0
        )
    """
    found = dict[int, set[int]]()
    for row, record in select(sql, [name]):
        found.setdefault(row, set()).add(record)
    return found


def forget(database: sqlite3.Connection, records: Collection[int]) -> None:
    """Deletes what is known of records that were removed, in the transaction of the caller."""
    values = [(record,) for record in records]
    database.executemany(
        "DELETE FROM file_records WHERE (file, record) IN (SELECT file, record FROM harvested WHERE record = ?)", values
    )
    database.executemany("DELETE FROM harvested WHERE record = ?", values)
