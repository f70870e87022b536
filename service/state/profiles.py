"""Profiles: whose lists and saved searches they are. Nothing of one profile can be read with another."""

import hashlib
import re
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Self

from indexer.state import StateDatabase, utc_now
from search.errors import InvalidValue

DEFAULT_PROFILE = "default"
"""Name of the profile of the command line."""
_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
"""The names that API keys can have, so that each key has a profile."""
_MAX_TITLE_LENGTH = 60
"""Most characters of what a browser's user calls a profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The owner of lists and saved searches; one of both fields is set, except for ``NOBODY``.

    Attributes:
        name: a name on the command line, or that of an API key; empty for a browser.
        token_sha256: the SHA-256 of the token in a browser's cookie, in hexadecimal; else empty.
    """

    name: str = ""
    token_sha256: str = ""

    @classmethod
    def of_name(cls, name: str) -> Self:
        """Returns the profile of a name.

        Raises:
            InvalidValue: the name is empty, too long or has other characters than those allowed.
        """
        if not _NAME_PATTERN.fullmatch(name):
            raise InvalidValue("profile", name, "use at most 64 letters, digits and _ . @ -")
        return cls(name=name)

    @classmethod
    def of_token(cls, token: str) -> Self:
        """Returns the profile of the token in a browser's cookie."""
        return cls(token_sha256=hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest())

    @property
    def is_browser(self) -> bool:
        """Whether it belongs to a browser rather than to a name."""
        return bool(self.token_sha256)

    def find(self, database: sqlite3.Connection) -> int | None:
        """Returns its row; None if nothing of it is stored."""
        sql = "SELECT profile FROM profiles WHERE name = ? OR token_sha256 = ?"
        row = database.execute(sql, [self.name or None, self.token_sha256 or None]).fetchone()
        return int(row[0]) if row else None

    def find_or_create(self, database: sqlite3.Connection) -> int:
        """Returns its row; creates it if nothing of it is stored.

        Raises:
            ValueError: it is ``NOBODY``.
        """
        if self == NOBODY:
            raise ValueError("nobody has no lists")
        sql = "INSERT INTO profiles (name, token_sha256, title, created) VALUES (?, ?, '', ?) ON CONFLICT DO NOTHING"
        database.execute(sql, [self.name or None, self.token_sha256 or None, utc_now()])
        found = self.find(database)
        assert found is not None  # noqa: S101  # the statement above creates it
        return found


NOBODY = Profile()
"""The profile of a browser that has none yet: it has no lists, and cannot get any."""


def make_token() -> str:
    """Returns a token of 256 random bits, which nobody can guess."""
    return secrets.token_urlsafe(32)


class Profiles:
    """The profiles of a state.

    Args:
        state: the state.
    """

    def __init__(self, state: StateDatabase) -> None:
        self._state = state

    def exists(self, profile: Profile) -> bool:
        """Returns whether anything of a profile is stored."""
        with self._state.read() as database:
            return profile.find(database) is not None

    def title(self, profile: Profile) -> str:
        """Returns what the user of a browser calls a profile, or its name; empty if it has neither."""
        with self._state.read() as database:
            row = database.execute("SELECT title FROM profiles WHERE profile = ?", [profile.find(database)]).fetchone()
        return (row[0] if row else "") or profile.name

    def rename(self, profile: Profile, title: str) -> None:
        """Sets what the user calls a profile.

        Raises:
            InvalidValue: the title is too long, or not a line of text.
        """
        title = title.strip()
        if len(title) > _MAX_TITLE_LENGTH or not title.isprintable():
            raise InvalidValue("name", title, f"use one line of at most {_MAX_TITLE_LENGTH} characters")
        with self._state.write() as database:
            row = profile.find_or_create(database)
            database.execute("UPDATE profiles SET title = ? WHERE profile = ?", [title, row])

    def delete(self, profile: Profile) -> None:
        """Deletes a profile with its lists and saved searches."""
        with self._state.write() as database:
            database.execute("DELETE FROM profiles WHERE profile = ?", [profile.find(database)])
