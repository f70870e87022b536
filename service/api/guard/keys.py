"""API keys: the file of names and hashes, and the middleware that requires one of its keys.

A key has 256 random bits, so a plain SHA-256 protects it: no slow hash is needed against guessing, and no salt against
equal keys. A hash cannot be reversed; a lost key is replaced.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from search.errors import InvalidValue
from search.files import replace_file
from service.api.guard.records import RequestRecord
from service.api.problems import error_response

_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_KEY_PREFIX = "papers_"
_PUBLIC_PATHS = ("/healthz", "/readyz")
_COMMANDS_PATH = "/commands/page"
"""Address at which commands ask a server that they have found by its announcement."""
_FEED_PREFIX = "/v1/feeds/"
"""Start of the addresses of private feeds, each of which has a secret of its own: feed readers send no keys."""
_FORMAT_VERSION = 2
_FORMAT_WITH_MADE = 1
"""Older version, in which ``created`` is named ``made``."""
_MISSING_KEY = (
    "API key required: send Authorization: Bearer KEY or X-API-Key: KEY; a browser sends the key as the password"
)
_INVALID_KEY = "invalid API key; ask the administrator for a new one"
_log = logging.getLogger("papers")


@dataclass(frozen=True, slots=True)
class Key:
    """What the file stores of a key.

    Attributes:
        name: who uses it.
        sha256: its SHA-256 in hexadecimal.
        created: ISO date of its creation.
    """

    name: str
    sha256: str
    created: str


class KeyFile:
    """A file of keys.

    Args:
        path: the file; a missing file counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Key, ...]:
        """Returns the keys in the order in which they were added.

        Raises:
            InvalidValue: the file cannot be read, is not a key file, or is open to other users.
        """
        try:
            with self._path.open(encoding="utf-8") as file:
                self._check_private(os.fstat(file.fileno()))
                content = json.load(file)
            if content["format"] not in (_FORMAT_VERSION, _FORMAT_WITH_MADE):
                raise ValueError
            return tuple(_parse_key(fields) for fields in content["keys"])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise InvalidValue("keys", str(self._path), f"cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidValue("keys", str(self._path), "not a key file; create one: papers keys add NAME") from None

    def add(self, name: str) -> str:
        """Creates a key and returns it; the file stores only its hash.

        Raises:
            InvalidValue: the name has a key already or contains other characters; see also ``load``.
        """
        if not _NAME_PATTERN.fullmatch(name):
            raise InvalidValue("name", name, "use at most 64 letters, digits and _ . @ -")
        with self._exclusive_lock():
            keys = self.load()
            if any(key.name == name for key in keys):
                raise InvalidValue("name", name, "has a key already; remove it first: papers keys remove NAME")
            token = _KEY_PREFIX + secrets.token_urlsafe(32)
            self._write((*keys, Key(name, _digest(token).hex(), datetime.now(UTC).date().isoformat())))
        return token

    def remove(self, name: str) -> None:
        """Removes a key; servers notice with their next request.

        Raises:
            InvalidValue: no key has that name; see also ``load``.
        """
        with self._exclusive_lock():
            keys = self.load()
            remaining = tuple(key for key in keys if key.name != name)
            if remaining == keys:
                raise InvalidValue("name", name, "no key has this name; list them: papers keys list")
            self._write(remaining)

    def _check_private(self, status: os.stat_result) -> None:
        """Refuses a file that other users can read or replace: they could learn names, or add a key of their own."""
        if status.st_uid != os.geteuid():
            reason = f"belongs to user {status.st_uid}, not to {os.geteuid()}, who reads it; repair: sudo chown"
            raise InvalidValue("keys", str(self._path), f"{reason} {os.geteuid()} {quote(str(self._path))}")
        if status.st_mode & 0o077:
            reason = f"other users have access (mode {status.st_mode & 0o777:03o}); repair: chmod 600"
            raise InvalidValue("keys", str(self._path), f"{reason} {quote(str(self._path))}")

    @contextmanager
    def _exclusive_lock(self) -> Iterator[None]:
        """Excludes other processes that change the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(self._path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, keys: tuple[Key, ...]) -> None:
        content = json.dumps({"format": _FORMAT_VERSION, "keys": [asdict(key) for key in keys]}, indent=1)
        replace_file(self._path, content + "\n", mode=0o600)


class RequireKey:
    """Requires a key with every request but those to /healthz, /readyz and private feeds, and commands' own.

    The forms are ``Authorization: Bearer KEY``, ``X-API-Key: KEY``, or the password of ``Authorization: Basic``, for
    which browsers prompt.

    Args:
        app: called with requests that have a key of the file.
        path: the key file; read again when it has changed.
        command_token: what commands of the user who runs the server send in place of a key; empty without any.
    """

    def __init__(self, app: ASGIApp, path: Path, command_token: str = "") -> None:
        self._app, self._path, self._command_token = app, path, command_token
        self._file_version: tuple[int, ...] = ()
        self._digests: tuple[tuple[bytes, str], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _PUBLIC_PATHS or scope["path"].startswith(_FEED_PREFIX):
            return await self._app(scope, receive, send)
        token = _extract_token(scope)
        if token is not None and self._is_command(scope["path"], token):
            return await self._app(scope, receive, send)
        name = self._find_key_name(token) if token is not None else None
        if name is None:
            return await self._reject(scope, receive, send, detail=_MISSING_KEY if token is None else _INVALID_KEY)
        RequestRecord.from_scope(scope).key_name = name
        return await self._app(scope, receive, send)

    def _is_command(self, path: str, token: str) -> bool:
        expected = self._command_token
        return bool(expected) and path == _COMMANDS_PATH and hmac.compare_digest(_digest(token), _digest(expected))

    def _find_key_name(self, token: str) -> str | None:
        """Returns the name of a key; compares all keys in constant time."""
        digest, found = _digest(token), None
        for known, name in self._current_digests():
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def _current_digests(self) -> tuple[tuple[bytes, str], ...]:
        """Returns the digests and names that the file has now; none if it cannot be read."""
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode, status.st_uid)
        except OSError:
            return ()
        if version != self._file_version:
            try:
                self._digests = tuple((bytes.fromhex(key.sha256), key.name) for key in KeyFile(self._path).load())
            except (InvalidValue, ValueError) as error:
                _log.error("all requests are rejected: %s", error)
                self._digests = ()
            self._file_version = version
        return self._digests

    async def _reject(self, scope: Scope, receive: Receive, send: Send, *, detail: str) -> None:
        challenge = 'Bearer realm="papers"'
        if not scope["path"].startswith(("/v1/", "/mcp")):
            challenge += ', Basic realm="papers", charset="UTF-8"'
        await error_response(scope, 401, detail, {"www-authenticate": challenge})(scope, receive, send)


def _parse_key(fields: dict[str, str]) -> Key:
    return Key(**{"created" if name == "made" else name: value for name, value in fields.items()})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _extract_token(scope: Scope) -> str | None:
    """Returns the key that a request was sent with."""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return str(value.decode("latin-1"))
        if name == b"authorization":
            scheme, _, credentials = value.decode("latin-1").partition(" ")
            if scheme.casefold() == "bearer":
                return str(credentials.strip())
            if scheme.casefold() == "basic":
                with suppress(ValueError):
                    return base64.b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")[2]
    return None
