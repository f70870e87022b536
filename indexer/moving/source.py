"""Sources of an export: what an index has to give to become an archive."""

import sqlite3
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.added_times import load_newest_time
from indexer.database import has_unpublished_rows, placeholders
from indexer.moving.paper import Batch, Header, MovedPaper, Table
from indexer.published import PublishedRows
from search.index.connection import ReadOnlyConnection
from search.index.snapshot import Snapshot

ROW_TABLES = ("papers", "replaced", "keys", "added")
"""Tables about rows; of an archive, the papers themselves."""
_STAMPS = "file_stamps"
"""The table of the files that need not be read again."""


class Source(Protocol):
    """One generation of an index; it does not change while it is read."""

    @property
    def header(self) -> Header:
        """What an archive says of it."""
        ...

    def read_batch(self, number: int) -> Batch:
        """Returns a batch of ``Header.batch_papers`` papers, from 0."""
        ...

    def tables(self) -> Iterator[Table]:
        """Yields the tables, each to be read before the next one."""
        ...


class LocalSource:
    """The published generation of an index in a folder, without replaced rows; it may be read and written meanwhile.

    Args:
        directory: The index.

    Attributes:
        header: What an archive says of it.

    Raises:
        IndexMissing: There is no index.
        IndexDamaged: A file differs from the manifest.
    """

    def __init__(self, directory: Path) -> None:
        self._snapshot = snapshot = Snapshot.open(directory)  # locks the generation, which is not removed meanwhile
        manifest = snapshot.manifest
        self._live = snapshot.live.ids
        self._published = PublishedRows(snapshot.layout, manifest.model, [manifest], manifest.rows)
        self.header = Header(
            manifest.sha256,
            manifest.generation,
            manifest.model,
            len(self._live),
            load_newest_time(snapshot.store.select, manifest.rows),
            snapshot.calibration.to_json() if snapshot.calibration else None,
        )

    def read_batch(self, number: int) -> Batch:
        """Returns a batch, after its rows were compared with their checksums.

        Raises:
            IndexDamaged: Papers or vectors differ.
        """
        size, snapshot = self.header.batch_papers, self._snapshot
        rows = self._live[number * size : (number + 1) * size]
        self._published.check(rows.tolist())
        sql = f"SELECT row, paper, records FROM papers WHERE row IN ({placeholders(rows.tolist())})"  # noqa: S608  only question marks
        found = {row: (paper, records) for row, paper, records in snapshot.store.select(sql, rows.tolist())}
        times = snapshot.added_times
        papers = [MovedPaper(*found[row], added=int(times[row])) for row in rows.tolist()]
        shape = snapshot.manifest.rows, snapshot.model.dim
        return Batch(papers, np.memmap(snapshot.layout.vectors(snapshot.model), np.float16, "r", shape=shape)[rows])

    def tables(self) -> Iterator[Table]:
        """Yields decisions, removed papers and the log of imports, without what came with later rows."""
        connection = ReadOnlyConnection(self._snapshot.layout.store)
        stamps = (_STAMPS,) if has_unpublished_rows(self._snapshot) else ()  # of files whose papers are not published
        yield from read_tables(connection.database, (*ROW_TABLES, *stamps), self._snapshot.manifest.rows)
        connection.close()


def read_tables(database: sqlite3.Connection, without: Container[str], rows: int | None = None) -> Iterator[Table]:
    """Yields the tables of a database, each to be read before the next one.

    Args:
        database: The database.
        without: Names of tables to leave out.
        rows: What came with later rows is left out; None for all.
    """
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    for (name,) in database.execute(names).fetchall():
        if name in without:
            continue
        columns = [column for _, column, *_ in database.execute(f'PRAGMA table_info("{name}")')]
        is_limited = rows is not None and "row" in columns
        where = f" WHERE row < {max(rows or 0, 1)}" if is_limited else ""  # 0 after a compaction
        moved = tuple(column for column in columns if column != "row")
        sql = f'SELECT {", ".join(moved)} FROM "{name}"{where}'  # noqa: S608  its own names
        yield Table(name, moved, database.execute(sql))


def open_source(directory: Path | str) -> Source:
    """Opens an index for an export: that in a folder, or in a collection of Milvus."""
    if isinstance(directory, Path):
        return LocalSource(directory)
    from indexer.moving.collection import CollectionSource
    from search.milvus.address import Address

    return CollectionSource(Address.parse(directory))
