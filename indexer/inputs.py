"""Inputs: the files of one import, read one after another."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path

from indexer import sources
from indexer.import_log import ImportLog
from indexer.sources.file import FileGroup, SourceFile
from search.errors import SourceError
from search.papers.paper import Paper

_AHEAD = 500
"""Records that are read before they are looked up together."""


def source_files(paths: Iterable[Path], as_of: date, format_: str | None) -> list[SourceFile]:
    """Returns the files that one command reads.

    Args:
        paths: Their paths.
        as_of: Reference date for dates without a year.
        format_: One of ``sources.FORMATS``; None detects the format of each file.
    """
    group = FileGroup(list(paths))
    return [SourceFile(path, as_of, format_ or "", group) for path in group.paths]


class Inputs:
    """The files of one import.

    Args:
        files: The files.

    Attributes:
        warnings: The warnings of the files that have been read.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._sizes = [_file_size(file.path) for file in files]
        self._total_bytes = sum(self._sizes) or 1
        self._bytes_read = 0
        self._current: SourceFile | None = None
        self.warnings: list[str] = []

    def records(
        self, log: ImportLog | None = None, expect: Callable[[Sequence[Paper]], None] | None = None
    ) -> Iterator[Paper | SourceError]:
        """Yields the records of all files, and notes in the log, if there is one, which file they are from.

        Args:
            log: The log.
            expect: Called with some records before they are yielded; without it, each is read when it is needed.
        """
        for file, size in zip(self._files, self._sizes, strict=True):
            self._current = file
            if log:
                log.start(file)
            yield from _read_ahead(sources.read(file), expect) if expect else sources.read(file)
            if log:
                log.end()
            self._current = None
            self.warnings += file.warnings
            self._bytes_read += size

    def stop(self, log: ImportLog) -> list[Path]:
        """Ends the reading of the current file, and returns the files that were not read to their end."""
        log.leave_out_rest()
        log.end()
        paths = [file.path for file in self._files]
        return paths[paths.index(self._current.path) :] if self._current else []

    @property
    def is_harvest(self) -> bool:
        """Whether the current file is a page of a harvest."""
        return bool(self._current and self._current.harvest)

    @property
    def fraction_read(self) -> float:
        """The share of all bytes that was read, 0 to 1."""
        position = self._current.position if self._current else 0
        return min(1.0, (self._bytes_read + position) / self._total_bytes)


def _read_ahead(
    records: Iterable[Paper | SourceError], expect: Callable[[Sequence[Paper]], None]
) -> Iterator[Paper | SourceError]:
    remaining = iter(records)
    while some := list(islice(remaining, _AHEAD)):
        expect([record for record in some if not isinstance(record, SourceError)])
        yield from some


def _file_size(path: Path) -> int:
    """Size of a file in bytes; 0 if it is unknown."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
