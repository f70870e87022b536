"""SourceFile: an input file, decompressed and decoded for the readers."""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, cast

import zstandard

from indexer.sources.zstd import ZstdReader

HEAD_CHARACTERS = 65_536
"""Characters from the start of a file that its format is detected by."""

READ_ERRORS = (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""Exceptions that reading a missing, inaccessible or damaged file can raise."""


@dataclass(slots=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: Its path.
        as_of: Reference date for dates without a year: none of them is later.
        format: One of ``sources.FORMATS``; empty until it is detected.
    """

    path: Path
    as_of: date
    format: str = ""
    _raw: IO[bytes] | None = None

    @property
    def source(self) -> str:
        """The source of its records, as in ``bibtex:zotero.bib``."""
        return f"{self.format}:{os.fsencode(self.path.name).decode(errors='replace')}"

    @property
    def position(self) -> int:
        """Bytes read so far, before decompression; 0 while the file is closed."""
        return self._raw.tell() if self._raw and not self._raw.closed else 0

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Opens the file; gzip, xz, bzip2 and zstandard, detected by their magic numbers, are decompressed."""
        with self.path.open("rb") as raw:
            self._raw = raw
            magic = raw.read(6)
            raw.seek(0)
            with _decompress(raw, magic) as stream:
                yield stream

    def head(self) -> str:
        """Reads the first HEAD_CHARACTERS characters; bytes that are not UTF-8 become U+FFFD."""
        with self.open() as stream:
            return stream.read(4 * HEAD_CHARACTERS).decode("utf-8-sig", "replace")[:HEAD_CHARACTERS]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yields the lines with their numbers from 1; bytes that are not UTF-8 become U+FFFD."""
        with self.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="\n") as text:
            yield from enumerate(text, 1)

    def text(self) -> str:
        """Reads the whole file; bytes that are not UTF-8 become U+FFFD."""
        with self.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="replace") as text:
            return text.read()


def _decompress(raw: IO[bytes], magic: bytes) -> IO[bytes]:
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(raw)
    if magic.startswith(b"BZh"):
        return bz2.open(raw)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return io.BufferedReader(ZstdReader(raw))
    return raw
