"""Followed sources: the harvests, files and folders that ``papers update`` brings up to date."""

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from indexer.harvest import SERVICES, parse_name
from indexer.state import StateDatabase, utc_now
from search.errors import InvalidValue

_OPTIONS = "{}"
"""The column ``options``: none yet."""


@dataclass(frozen=True, slots=True)
class FollowedSource:
    """A followed source.

    Attributes:
        source: The canonical name of a harvest, or the absolute path of a file or folder.
        added: When it was followed first, as in ``2026-04-27T08:00:00Z``.
        last_update: When it was brought up to date last, or this was tried; None if never.
        last_outcome: What became of it then, as one line.
    """

    source: str
    added: str
    last_update: str | None = None
    last_outcome: str | None = None

    @property
    def path(self) -> Path | None:
        """The file or folder; None for a harvest."""
        return Path(self.source) if Path(self.source).is_absolute() else None


class FollowedSources:
    """The followed sources of an index.

    Args:
        state: The state.
    """

    def __init__(self, state: StateDatabase) -> None:
        self._state = state

    @classmethod
    def of_index(cls, directory: Path) -> Self:
        """Returns those of the index in a folder."""
        return cls(StateDatabase.of_index(directory))

    def sources(self) -> list[FollowedSource]:
        """Returns them in the order in which they were followed."""
        sql = "SELECT source, added, last_update, last_outcome FROM followed_sources ORDER BY added, rowid"
        with self._state.read() as database:
            return [FollowedSource(*row) for row in database.execute(sql)]

    def add(self, sources: Iterable[str]) -> list[str]:
        """Follows sources, each of which is checked first; returns their stored forms.

        Raises:
            InvalidValue: A source is neither a harvest nor a file or folder that exists; none is followed then.
        """
        parsed = [parse_source(each) for each in sources]
        with self._state.write() as database:
            database.executemany(
                "INSERT OR IGNORE INTO followed_sources (source, options, added) VALUES (?, ?, ?)",
                [(each, _OPTIONS, utc_now()) for each in parsed],
            )
        return parsed

    def remove(self, sources: Iterable[str]) -> None:
        """Follows sources no longer.

        Raises:
            InvalidValue: A source is not followed; all others stay followed then.
        """
        with self._state.write() as database:
            for each in sources:
                if not _delete(database, [each, _absolute(each)]):
                    raise InvalidValue("source", each, "it is not followed; list what is: papers follow")

    def note(self, source: str, outcome: str) -> None:
        """Notes what became of an update."""
        with self._state.write() as database:
            database.execute(
                "UPDATE followed_sources SET last_update = ?, last_outcome = ? WHERE source = ?",
                [utc_now(), outcome, source],
            )


def parse_source(text: str) -> str:
    """Returns the stored form of a source: the canonical name of a harvest, or an absolute path.

    Raises:
        InvalidValue: It is neither a harvest nor a file or folder that exists.
    """
    if not text.strip():
        raise InvalidValue("source", text, "give a file, a folder or the name of a harvest")
    path = Path(text)
    if text.partition("?")[0] in SERVICES and not path.exists():
        return _parse_harvest(text)
    if not path.exists():
        raise InvalidValue(
            "source",
            text,
            "there is no such file or folder; the name of a harvest is the one that papers sources lists, such as "
            "'arxiv?category=cs.IR'",
        )
    absolute = _absolute(text)
    try:
        absolute.encode()
    except UnicodeEncodeError:
        raise InvalidValue("source", text, "its path is not UTF-8; rename it") from None
    return absolute


def _parse_harvest(text: str) -> str:
    try:
        return parse_name(text).name
    except InvalidValue:
        if "?" in text:
            raise
        allowed = (
            "it is a service; give the name of a harvest as papers fetch prints it, such as 'arxiv?category=cs.IR'"
        )
        raise InvalidValue("source", text, allowed) from None


def _absolute(text: str) -> str:
    """Returns an absolute path with its links: a link to the present file stays followed when it changes."""
    return os.path.normpath(Path(text).absolute())


def _delete(database: sqlite3.Connection, forms: list[str]) -> bool:
    return any(database.execute("DELETE FROM followed_sources WHERE source = ?", [each]).rowcount for each in forms)
