"""Connections to the database that only read it."""

import os
import sqlite3
from pathlib import Path

_MMAP_BYTES = 1 << 31
"""Bytes of the database that are memory-mapped, the maximum of SQLite; ten rows take 0.2 ms instead of 2.5 ms."""


class ReadOnlyConnection:
    """A connection that closes as soon as its thread ends or its store is released.

    ``sqlite3.Connection`` is part of a reference cycle, so without this its files stay open until the next run of the
    garbage collector.
    """

    def __init__(self, path: Path) -> None:
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
        self.database.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")

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
