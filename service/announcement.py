"""Announcement: the file in which a server says that it serves an index, so that commands can use it.

It is in the user's cache folder and only its owner can read it, so that only commands of the same user find the server.
The server holds a lock on it while it lives; without the lock, it is what a killed server has left.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from search.files import cache_folder

_MAX_BYTES = 4_096
"""Size of the largest announcement, in bytes."""
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104  to connect to such a server
"""The address at which commands connect to a server that listens on all addresses."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """The address of a server, and what commands need to use it.

    Attributes:
        host: its address.
        port: its port.
        token: what a command sends to show that it has read this file; it replaces an API key.
        version: version of papers-search.
        machine: name of the machine on which it runs, for cache folders that several share.
    """

    host: str
    port: int
    token: str
    version: str
    machine: str

    @classmethod
    def of_server(cls, host: str, port: int, token: str, version: str) -> "Announcement":
        """Returns the announcement of a server of this machine that listens on an address and a port."""
        return cls(_ANY_ADDRESS.get(host, host), port, token, version, os.uname().nodename)


@contextmanager
def announce(index: Path, announcement: Announcement) -> Iterator[None]:
    """Announces a server of an index while the context is open, unless another one is announced.

    Raises:
        OSError: the file cannot be written.
    """
    path = _path(index)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not _lock(descriptor, fcntl.LOCK_EX):
            yield
            return
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(asdict(announcement)).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def find_server(index: Path) -> Announcement | None:
    """Returns the announcement of a server of this index that runs on this machine; None without one."""
    try:
        descriptor = os.open(_path(index), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or _lock(descriptor, fcntl.LOCK_SH):
            return None
        found = Announcement(**json.loads(os.read(descriptor, _MAX_BYTES)))
    except (OSError, ValueError, TypeError):
        return None
    finally:
        os.close(descriptor)
    return found if found.machine == os.uname().nodename else None


def _path(index: Path) -> Path:
    name = hashlib.sha256(os.fsencode(index.expanduser().resolve())).hexdigest()[:32]
    return cache_folder() / "servers" / f"{name}.json"


def _lock(descriptor: int, kind: int) -> bool:
    """Locks a file; returns whether nobody else has it locked."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
