"""Keys: who may ask. A file of names and hashes, and the layer that wants one of its keys with every request.

A key is 256 bits of chance, so a plain SHA-256 hides it: there is nothing to guess that a slow hash would make slower,
and no two are alike, which a salt would be for. A hash cannot be turned back; a lost key is replaced.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from search.errors import InvalidValue
from search.files import replace_file
from service.api.guard.records import RequestRecord
from service.api.problems import error_response

_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_KEY_PREFIX = "papers_"
_PUBLIC_PATHS = ("/healthz", "/readyz")
_FORMAT_VERSION = 1
_log = logging.getLogger("papers")


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: whose it is, the SHA-256 of it in hexadecimal, and the day it was made."""

    name: str
    sha256: str
    made: str


class KeyFile:
    """A file of keys.

    Args:
        path: the file; none is an empty one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Key, ...]:
        """In the order they were added.

        Raises:
            InvalidValue: the file cannot be read, or is none of ours.
        """
        try:
            held = json.loads(self._path.read_text("utf-8"))
            if held["format"] != _FORMAT_VERSION:
                raise ValueError
            return tuple(Key(**each) for each in held["keys"])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise InvalidValue("keys", str(self._path), f"it cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidValue(
                "keys", str(self._path), "it is no file of keys; papers keys add NAME makes one"
            ) from None

    def add(self, name: str) -> str:
        """Makes a key; it is told here and never again.

        Raises:
            InvalidValue: see ``keys``; the name has other characters, or a key already.
        """
        if not _NAME_PATTERN.fullmatch(name):
            raise InvalidValue("name", name, "letters, digits and _ . @ - are allowed, 64 at most")
        with self._exclusive_lock():
            held = self.load()
            if any(key.name == name for key in held):
                raise InvalidValue("name", name, "it has a key; remove that first: papers keys remove")
            token = _KEY_PREFIX + secrets.token_urlsafe(32)
            self._write((*held, Key(name, _digest(token).hex(), datetime.now(UTC).date().isoformat())))
        return token

    def remove(self, name: str) -> None:
        """Takes a key away; servers notice with their next request.

        Raises:
            InvalidValue: see ``keys``; nobody has that name.
        """
        with self._exclusive_lock():
            held = self.load()
            left = tuple(key for key in held if key.name != name)
            if left == held:
                raise InvalidValue("name", name, "no key has that name; papers keys list shows them")
            self._write(left)

    @contextmanager
    def _exclusive_lock(self) -> Iterator[None]:
        """Two who change the file wait for each other."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(self._path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, keys: tuple[Key, ...]) -> None:
        content = json.dumps({"format": _FORMAT_VERSION, "keys": [asdict(key) for key in keys]}, indent=1)
        replace_file(self._path, content + "\n", mode=0o600)


class RequireKey:
    """Asks every request but /healthz and /readyz for a key: ``Authorization: Bearer KEY``, ``X-API-Key: KEY``, or for
    browsers, which ask for it themselves, the password of ``Authorization: Basic``.

    Args:
        app: asked where a key is one of the file's. path: the file; read again whenever it has changed.
    """

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._app, self._path = app, path
        self._file_version: tuple[int, ...] = ()
        self._digests: tuple[tuple[bytes, str], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _PUBLIC_PATHS:
            return await self._app(scope, receive, send)
        name = self._find_key_name(scope)
        if name is None:
            return await self._reject(scope, receive, send)
        RequestRecord.from_scope(scope).key_name = name
        return await self._app(scope, receive, send)

    def _find_key_name(self, scope: Scope) -> str | None:
        """Whose key came with the request. Every key is compared, and in constant time."""
        token = _extract_token(scope)
        if token is None:
            return None
        digest, found = _digest(token), None
        for held, name in self._current_digests():
            if hmac.compare_digest(held, digest):
                found = name
        return found

    def _current_digests(self) -> tuple[tuple[bytes, str], ...]:
        """Digests and names as the file has them now; without a file that can be read nobody may ask."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            return ()
        if seen != self._file_version:
            try:
                held = KeyFile(self._path).load()
                self._digests = tuple((bytes.fromhex(key.sha256), key.name) for key in held)
            except (InvalidValue, ValueError) as error:
                _log.error("nobody may ask: %s", error)
                self._digests = ()
            self._file_version = seen
        return self._digests

    async def _reject(self, scope: Scope, receive: Receive, send: Send) -> None:
        challenge = 'Bearer realm="papers"'
        if not scope["path"].startswith(("/v1/", "/mcp")):
            challenge += ', Basic realm="papers", charset="UTF-8"'
        said = "a key is needed: Authorization: Bearer KEY, X-API-Key: KEY, or in a browser as the password"
        await error_response(scope, 401, said, {"www-authenticate": challenge})(scope, receive, send)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _extract_token(scope: Scope) -> str | None:
    """The key that a request came with."""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return str(value.decode("latin-1"))
        if name == b"authorization":
            scheme, _, given = value.decode("latin-1").partition(" ")
            if scheme.casefold() == "bearer":
                return str(given.strip())
            if scheme.casefold() == "basic":
                with suppress(ValueError):
                    return base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")[2]
    return None
