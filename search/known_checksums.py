"""KnownChecksums: checksums of large files that were computed before, so that a command need not read them again.

A checksum is known by the file's device, inode, size and times. No program can set ``st_ctime``, so whatever is written
to the file, or put in its place, makes its checksum unknown. What changes without the file system's knowledge, as on a
failing disk, is found a day later at the latest, at once by ``papers doctor``, and while serving.
"""

import os
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import orjson

from search.files import cache_folder, sha256_of

_MIN_BYTES = 1 << 18
"""Size of the smallest file whose checksum is kept, in bytes; a smaller one is read in 0.2 ms."""
_MAX_FILES = 500
"""Number of checksums that are kept, the last ones computed: 60 KB; an index has about 20 files of this size."""
_MAX_AGE_S = 86_400.0
"""Seconds after which a file is read again, in case that its disk has altered it."""
_MIN_QUIET_S = 2.0
"""Seconds for which a file must be unchanged before it is read: the times of some file systems have this resolution,
and a later change within the same tick would not show; see git's ``Documentation/technical/racy-git``."""

_Known = tuple[list[int], str, float]
"""Size, mtime and ctime of a file; its SHA-256 in hexadecimal; and the time at which it was computed."""


@dataclass(frozen=True, slots=True)
class KnownChecksums:
    """Checksums of files that one user has read, in a file of the user's cache folder.

    Losing it costs nothing but time, so that it is written without a lock, and errors of writing it are ignored.

    Attributes:
        known: the checksums by device and inode.
        added: those that have been computed since it was loaded.
    """

    known: dict[str, _Known]
    added: dict[str, _Known] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        """Reads the file; without it, or if somebody else can write it, nothing is known."""
        return cls(_read())

    def knows(self, path: Path, sha256: str) -> bool:
        """Returns whether a file had this checksum when it was last read, and has not been written since."""
        try:
            found = path.stat()
        except OSError:  # whoever opens it reports the error
            return False
        known = self.known.get(_key(found))
        return known is not None and known[:2] == (_state(found), sha256) and 0 <= time.time() - known[2] < _MAX_AGE_S

    def compute(self, path: Path) -> str:
        """Reads a file, returns its SHA-256 in hexadecimal and keeps it.

        Raises:
            OSError: The file cannot be read.
        """
        before, start = path.stat(), time.time()
        sha256 = sha256_of(path)
        is_quiet = start - before.st_ctime > _MIN_QUIET_S and _state(path.stat()) == _state(before)
        if before.st_size >= _MIN_BYTES and is_quiet:
            self.added[_key(before)] = _state(before), sha256, start
        return sha256

    def save(self) -> None:
        """Writes the checksums that have been computed, if any, besides those that other commands have written."""
        if not self.added:
            return
        newest = sorted({**_read(), **self.added}.items(), key=lambda each: each[1][2])[-_MAX_FILES:]
        with suppress(OSError):
            path = _file()
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, new = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # only the user may read it
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(dict(newest)))
            Path(new).replace(path)
            self.added.clear()


def _file() -> Path:
    return cache_folder() / "checksums.json"


def _read() -> dict[str, _Known]:
    """Returns the contents of the file; empty if it is absent, malformed, or another user may have written it."""
    try:
        with _file().open("rb") as file:
            owner = os.fstat(file.fileno())
            if owner.st_uid != os.geteuid() or owner.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return {}
            fields = orjson.loads(file.read())
        return {
            str(key): ([int(part) for part in state], str(sha256), float(at))
            for key, (state, sha256, at) in fields.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _key(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


def _state(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
