"""State: the database of lists, saved searches, statements about people, and followed sources.

It is a file beside the index, so that it survives when the index is deleted and built again. Several processes may use
it at once: each transaction has a connection of its own, writers wait for each other, and readers for nobody (SQLite in
WAL mode). Papers are stored with their IDs, never by row. Nothing that searches opens this file.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from search.errors import StateDamaged, StateUnavailable
from search.files import fsync, make_directory

_SUFFIX = ".state.sqlite"
"""Added to the name of an index for the name of its state."""
_ASIDE_SUFFIX = ".incomplete"
"""Added to the name of a copy while it is written."""
_PATH_VARIABLE = "PAPERS_STATE"
"""Environment variable with the path of the state, instead of that beside the index."""
_APPLICATION_ID = 0x50617073
"""SQLite's ``application_id`` of the file, "Paps", so that no other database is taken for it."""
_BUSY_TIMEOUT_S = 30
"""Seconds for which a transaction waits for another one; each takes milliseconds."""
_MODE = 0o600
"""Permission bits of the file: searches and notes are private. SQLite gives its log the same."""
_NOT_DAMAGE = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
"""Errors of a statement rather than of the file."""

_VERSION_1 = (
    """CREATE TABLE profiles (
        profile INTEGER PRIMARY KEY,
        name TEXT UNIQUE,           -- of the command line, or of an API key; null for a browser
        token_sha256 TEXT UNIQUE,   -- of a browser's cookie
        title TEXT NOT NULL,        -- what a browser's user calls it
        created TEXT NOT NULL
    )""",
    """CREATE TABLE lists (
        list INTEGER PRIMARY KEY,
        profile INTEGER NOT NULL REFERENCES profiles ON DELETE CASCADE,
        name TEXT NOT NULL,
        created TEXT NOT NULL,
        UNIQUE (profile, name)
    )""",
    """CREATE TABLE list_papers (
        paper INTEGER PRIMARY KEY,
        list INTEGER NOT NULL REFERENCES lists ON DELETE CASCADE,
        record TEXT NOT NULL,       -- Paper.to_json of IDs, title, authors, date and URL
        note TEXT NOT NULL,
        saved TEXT NOT NULL
    )""",
    "CREATE INDEX list_papers_by_list ON list_papers (list)",
    """CREATE TABLE list_paper_ids (
        list INTEGER NOT NULL REFERENCES lists ON DELETE CASCADE,
        id TEXT NOT NULL,
        paper INTEGER NOT NULL REFERENCES list_papers ON DELETE CASCADE,
        PRIMARY KEY (list, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX list_paper_ids_by_paper ON list_paper_ids (paper)",
    """CREATE TABLE watches (
        watch INTEGER PRIMARY KEY,
        profile INTEGER NOT NULL REFERENCES profiles ON DELETE CASCADE,
        name TEXT NOT NULL,
        search TEXT NOT NULL,       -- SavedSearch.to_json
        created TEXT NOT NULL,
        read_added INTEGER NOT NULL,    -- papers added later are unread
        read_generation TEXT NOT NULL,
        feed_token TEXT UNIQUE,     -- part of the address of its feed
        UNIQUE (profile, name)
    )""",
    """CREATE TABLE followed_sources (
        source TEXT NOT NULL,
        options TEXT NOT NULL,      -- a JSON object with sorted keys
        added TEXT NOT NULL,
        last_update TEXT,
        last_outcome TEXT,
        PRIMARY KEY (source, options)
    )""",
)
_VERSION_2 = (
    """CREATE TABLE visits (
        profile INTEGER PRIMARY KEY REFERENCES profiles ON DELETE CASCADE,
        seen INTEGER NOT NULL,      -- when the page was opened last, in seconds since 1970 (UTC)
        added INTEGER NOT NULL,     -- the last time in the index then
        before INTEGER              -- the last time in the index at the end of the visit before
    )""",
)
_VERSION_3 = (
    """CREATE TABLE person_statements (
        statement INTEGER PRIMARY KEY,
        profile INTEGER NOT NULL REFERENCES profiles ON DELETE CASCADE,
        relation TEXT NOT NULL CHECK (relation IN ('same', 'different')),
        paper TEXT NOT NULL,        -- IDs of two papers
        other TEXT NOT NULL,
        stated TEXT NOT NULL,
        UNIQUE (profile, paper, other)
    )""",
)
_MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3)
"""The statements that lead from each version of the tables to the next; an empty file has version 0."""


def state_path(index: Path) -> Path:
    """Returns the path of the state of an index: ``$PAPERS_STATE``, or ``NAME.state.sqlite`` beside the folder."""
    if override := os.environ.get(_PATH_VARIABLE):
        return Path(override)
    folder = Path(os.path.normpath(index.absolute()))  # links stay: a link to the present index keeps its state
    return folder.with_name(folder.name + _SUFFIX)


def utc_now() -> str:
    """Returns the time in UTC, as the state stores it: ``2026-04-27T08:00:00Z``."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class StateDatabase:
    """The state of one index; safe to use from several threads and processes.

    Args:
        path: the file; created by the first ``write``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @classmethod
    def of_index(cls, index: Path) -> Self:
        """Returns the state of the index in a folder; see ``state_path``."""
        return cls(state_path(index))

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Provides a connection to read from; all reads see the same state. A missing file reads as empty.

        Raises:
            StateDamaged: the file is damaged, or no state.
            StateUnavailable: the file cannot be read.
        """
        shared: sqlite3.Connection | None = getattr(self._local, "shared", None)
        with self._named_errors():
            if shared is not None:
                yield shared
                return
            with contextlib.closing(self._connect(create=False)) as database:
                database.execute("BEGIN")
                yield database

    @contextlib.contextmanager
    def shared_read(self) -> Iterator[None]:
        """Lets all reads of this thread inside the context use one connection, and so see the same state, up to the
        first write. To open a connection takes half a millisecond. If it cannot be opened, each read raises the error.
        """
        with contextlib.suppress(StateUnavailable), self._named_errors():
            self._local.shared = self._connect(create=False)
            self._local.shared.execute("BEGIN")
        try:
            yield
        finally:
            self._close_shared()

    def _close_shared(self) -> None:
        shared: sqlite3.Connection | None = getattr(self._local, "shared", None)
        if shared is not None:
            shared.close()
        self._local.shared = None

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Provides a connection to change the state with, all or nothing; other writers wait.

        Raises:
            StateDamaged: the file is damaged, or no state.
            StateUnavailable: the file cannot be written.
        """
        self._close_shared()  # it would make a writer wait where the file system supports no write-ahead log
        with self._named_errors(), contextlib.closing(self._connect(create=True)) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def find_problems(self) -> list[str]:
        """Describes every problem of the file; a missing file has none."""
        try:
            with self.read() as database:
                found = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
                broken = [
                    f"table {row[0]} refers to a missing row" for row in database.execute("PRAGMA foreign_key_check")
                ]
        except StateUnavailable as error:
            return [str(error)]
        return [f"{self.path}: {problem}" for problem in (*found, *broken) if problem != "ok"]

    def copy_to(self, target: Path) -> None:
        """Copies the state to another file, while it is in use. A missing state has no copy.

        Raises:
            StateUnavailable: the file cannot be read, or is damaged; there is no copy.
        """
        if not self.path.exists():
            return
        if problems := self.find_problems():
            raise StateDamaged(self.path, "; ".join(problems).removeprefix(f"{self.path}: "))
        aside = target.with_name(target.name + _ASIDE_SUFFIX)
        aside.unlink(missing_ok=True)
        _create_private(aside)
        with (
            self._named_errors(),
            contextlib.closing(self._connect(create=False)) as database,
            contextlib.closing(sqlite3.connect(aside)) as copy,
        ):
            database.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log
        fsync(aside)
        aside.rename(target)
        fsync(target.parent)

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        exists = self.path.exists()
        if create and not exists:
            make_directory(self.path.parent)
            with contextlib.suppress(FileExistsError):
                _create_private(self.path)
        elif exists:
            self._protect()
        name = self._uri(read_only=not create) if create or exists else ":memory:"
        database = sqlite3.connect(name, _BUSY_TIMEOUT_S, isolation_level=None, uri=True)
        try:
            if create:
                database.execute("PRAGMA foreign_keys = ON")
                database.execute("PRAGMA synchronous = FULL")
            if _version(database) < len(_MIGRATIONS) or not _is_state(database):
                self._migrate(database)
            self._check_version(database)
        except BaseException:
            database.close()
            raise
        return database

    def _uri(self, *, read_only: bool) -> str:
        """Returns the URI to open; in a folder where no log can be created, there is nothing in a log either."""
        has_log = self.path.with_name(self.path.name + "-wal").exists()
        is_immutable = read_only and not has_log and not os.access(self.path.parent, os.W_OK)
        return self.path.absolute().as_uri() + ("?immutable=1" if is_immutable else "")

    def _protect(self) -> None:
        """Takes the access of other users away, which a copy may have given them."""
        status = self.path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            self.path.chmod(_MODE)

    def _migrate(self, database: sqlite3.Connection) -> None:
        """Creates the tables, or brings those of an earlier version up to date, in one transaction."""
        if not (_is_empty(database) or _is_state(database)):
            raise StateUnavailable(self.path, "a database of another program; set PAPERS_STATE to another file")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN IMMEDIATE")  # from here on, no other process migrates
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        for version in range(_version(database), len(_MIGRATIONS)):
            for statement in _MIGRATIONS[version]:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {version + 1}")
        database.execute("COMMIT")

    def _check_version(self, database: sqlite3.Connection) -> None:
        if _version(database) > len(_MIGRATIONS):
            raise StateUnavailable(self.path, "a newer version of papers wrote it; use that version, or upgrade")

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Gives errors of SQLite and of the system the name of the file."""
        try:
            yield
        except _NOT_DAMAGE:
            raise
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extended part
            if code == sqlite3.SQLITE_BUSY:
                raise StateUnavailable(self.path, "another process is writing it; retry when it has finished") from None
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise StateDamaged(self.path, str(error)) from None
            raise StateUnavailable(self.path, f"{error}; check the disk and the permissions of the folder") from error
        except OSError as error:
            raise StateUnavailable(self.path, f"{error.strerror}; check the disk and the permissions") from error


def _create_private(path: Path) -> None:
    """Creates an empty file that other users cannot read.

    Raises:
        FileExistsError: it exists. It is not opened then: closing it would release SQLite's locks of this process.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    fsync(path.parent)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _is_state(database: sqlite3.Connection) -> bool:
    return bool(database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID)


def _is_empty(database: sqlite3.Connection) -> bool:
    return not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
