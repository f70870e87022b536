"""Spool: the pages of a harvest on disk, from when they arrive until they are indexed and published.

A harvest has a folder in ``spool`` in the index, named after a hash of its canonical name::

    harvest.json            the name, the state after the last page, the number of the next page
    000001.oai-pmh.zst      pages; the name has the number and the format
    000002.oai-pmh.zst.failed  a page that cannot be read, see ``Spool.set_aside``
    lock                    locked by the process that fetches or imports

A page is written and renamed before ``harvest.json`` is replaced, which names the state after it. A process that is
killed between the two leaves a page with the number of the next one, which is written anew. So the state and the pages
fit together at any time. The pages are removed when the generation with their records is published; to import a page
again changes nothing.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import orjson
import zstandard

from indexer.harvest.service import HarvestPage, State
from search.errors import IndexBusy, IndexDamaged
from search.files import fsync, make_directory, replace_file

_LEVEL = 9
"""Compression level; pages of XML shrink to about a fifth, at 50 MB/s."""
FAILED_SUFFIX = ".failed"
"""End of the names of pages that cannot be read."""
_PAGE_NAME = re.compile(r"([0-9]{6,})\.([a-z-]+)\.zst")


@dataclass(frozen=True, slots=True)
class SpooledPage:
    """A page on disk.

    Attributes:
        path: The compressed file.
        number: Its number, from 1.
        format: One of ``indexer.sources.FORMATS``.
    """

    path: Path
    number: int
    format: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a harvest is.

    Attributes:
        name: The canonical name.
        state: The state after the last page.
        next_page: The number of the next page.
        is_complete: Whether the last page ended a round.
        records: Records of the pages of this round.
        fetched: Records of the pages of all rounds.
        total: Records of this round, if the service has said so.
    """

    name: str
    state: State = field(default_factory=dict)
    next_page: int = 1
    is_complete: bool = False
    records: int = 0
    fetched: int = 0
    total: int | None = None


class Spool:
    """The folder of one harvest; used as a context manager, which locks it.

    Args:
        directory: The index.
        name: The canonical name of the harvest.

    Attributes:
        position: How far the harvest is.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.directory = directory / "spool" / hashlib.sha256(name.encode()).hexdigest()[:16]
        self._lock = -1
        self.position = Position(name)

    def __enter__(self) -> Self:
        """Locks the folder, and reads the position.

        Raises:
            IndexBusy: Another process has locked it.
            IndexDamaged: ``harvest.json`` cannot be read.
        """
        make_directory(self.directory)
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.position = self._load()
        except BlockingIOError:
            os.close(self._lock)
            raise IndexBusy(
                self.directory, f"another process is fetching {self.name}; wait until it has finished"
            ) from None
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._lock)

    def add(self, page: HarvestPage) -> None:
        """Writes a page, unless it has no records, and the state after it."""
        number, old = self.position.next_page, self.position
        if page.records:
            compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
            replace_file(self.directory / f"{number:06}.{page.format}.zst", compressor.compress(page.body))
        self._save(
            replace(
                old,
                state=page.state,
                next_page=number + bool(page.records),
                is_complete=page.is_last,
                records=page.records + (0 if old.is_complete else old.records),
                fetched=old.fetched + page.records,
                total=page.total if page.total is not None or old.is_complete else old.total,
            )
        )

    def pages(self) -> list[SpooledPage]:
        """Lists the pages that were not removed, in order."""
        found = []
        for path in self.directory.iterdir():
            match = _PAGE_NAME.fullmatch(path.name)
            if match and int(match[1]) < self.position.next_page:
                found.append(SpooledPage(path, int(match[1]), match[2]))
        return sorted(found, key=lambda page: page.number)

    def remove(self, pages: Iterable[SpooledPage]) -> None:
        """Removes pages whose records are published."""
        for page in pages:
            page.path.unlink(missing_ok=True)
        fsync(self.directory)

    def set_aside(self, pages: Iterable[SpooledPage]) -> None:
        """Renames pages that cannot be read, so that they are kept but not read again."""
        for page in pages:
            page.path.rename(f"{page.path}{FAILED_SUFFIX}")
        fsync(self.directory)

    @property
    def _file(self) -> Path:
        return self.directory / "harvest.json"

    def _load(self) -> Position:
        try:
            fields = orjson.loads(self._file.read_bytes())
            return Position(**fields)
        except FileNotFoundError:
            return Position(self.name)
        except (ValueError, TypeError) as error:
            raise IndexDamaged(
                self._file, f"{error}; delete the folder {self.directory} to fetch this harvest from its beginning"
            ) from None

    def _save(self, position: Position) -> None:
        replace_file(self._file, orjson.dumps(position))
        self.position = position
