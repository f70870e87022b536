"""SourceFile: a file as the readers see it, decompressed and decoded."""

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
"""Characters of a file by which its format is told."""

READ_ERRORS = (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading a damaged file raises."""


@dataclass(slots=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: where it lies. as_of: no date without a year can be later than this.
        format: how it is read; empty until it was told by the content.
    """

    path: Path
    as_of: date
    format: str = ""
    _raw: IO[bytes] | None = None

    @property
    def source(self) -> str:
        """What a record says of where it came from."""
        return f"{self.format}:{os.fsencode(self.path.name).decode(errors='replace')}"

    @property
    def position(self) -> int:
        """Bytes of the file, as it lies on disk, that were read so far."""
        return self._raw.tell() if self._raw and not self._raw.closed else 0

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The file's bytes: decompressed from gzip, xz, zstandard or bzip2 by their magic numbers, else as they are."""
        with self.path.open("rb") as raw:
            self._raw = raw
            magic = raw.read(6)
            raw.seek(0)
            with _decompress(raw, magic) as stream:
                yield stream

    def head(self) -> str:
        """The first HEAD_CHARACTERS, decoded as UTF-8."""
        with self.open() as stream:
            return stream.read(4 * HEAD_CHARACTERS).decode("utf-8-sig", "replace")[:HEAD_CHARACTERS]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Its lines with their numbers from 1. What is not UTF-8 becomes U+FFFD."""
        with self.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="\n") as text:
            yield from enumerate(text, 1)

    def text(self) -> str:
        """All of it."""
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
