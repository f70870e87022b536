"""Decompression of gzip, xz, bzip2 and zstandard, within limits.

``FrameReader`` replaces two readers of libraries: ``zstandard.open`` stops after the first frame and does not report a
truncated one, and ``lzma.open`` has no memory limit.
"""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from functools import partial
from typing import IO, TYPE_CHECKING, Protocol

import zstandard

from indexer.sources.limits import (
    MAX_COMPRESSION_RATIO,
    MAX_DECOMPRESSED_BYTES,
    MAX_XZ_MEMORY_BYTES,
    MIN_RATIO_BYTES,
    UnreadableFile,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 2_048
"""Compressed bytes per step; bounds what one step can decompress to, 64 MB at most (4 bytes for a block of 128 KiB)."""
_BUFFER_BYTES = 2**18
"""Decompressed bytes per read."""


def decompress(raw: IO[bytes]) -> IO[bytes]:
    """Decompresses a file if its first bytes are the magic number of a compression; else returns it as it is."""
    magic = raw.read(6)
    raw.seek(0)
    stream: io.BufferedIOBase | io.RawIOBase
    if magic.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=raw)
    elif magic.startswith(b"\xfd7zXZ\x00"):
        stream = FrameReader(raw, partial(lzma.LZMADecompressor, memlimit=MAX_XZ_MEMORY_BYTES))
    elif magic.startswith(b"BZh"):
        stream = bz2.BZ2File(raw)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        stream = FrameReader(raw, lambda: zstandard.ZstdDecompressor().decompressobj())
    else:
        return raw
    return io.BufferedReader(LimitedReader(raw, stream), _BUFFER_BYTES)


class LimitedReader(io.RawIOBase):
    """Reads a decompressed stream up to MAX_DECOMPRESSED_BYTES and MAX_COMPRESSION_RATIO.

    Args:
        raw: The compressed file, which ``stream`` reads.
        stream: The decompressed bytes.
    """

    def __init__(self, raw: IO[bytes], stream: io.BufferedIOBase | io.RawIOBase) -> None:
        self._raw = raw
        self._stream = stream
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fills the buffer; 0 at the end.

        Raises:
            UnreadableFile: A limit is exceeded.
        """
        size = self._stream.readinto(buffer) or 0
        self._bytes += size
        if self._bytes > MAX_DECOMPRESSED_BYTES:
            raise UnreadableFile(f"decompresses to more than {MAX_DECOMPRESSED_BYTES >> 30} GiB; split the file")
        if self._bytes > max(MIN_RATIO_BYTES, MAX_COMPRESSION_RATIO * self._raw.tell()):
            raise UnreadableFile(
                f"decompresses to more than {MAX_COMPRESSION_RATIO} times its size, so the rest is not read; "
                "to read it anyway, decompress it"
            )
        return size


class _Frame(Protocol):
    """A decompressor of one frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class FrameReader(io.RawIOBase):
    """Decompresses a file that consists of one or more frames.

    Args:
        raw: The compressed file.
        new_frame: Returns a decompressor for the next frame.
    """

    def __init__(self, raw: IO[bytes], new_frame: Callable[[], _Frame]) -> None:
        self._raw = raw
        self._new_frame = new_frame
        self._frame = new_frame()
        self._is_inside_frame = False
        self._compressed = b""
        self._decompressed = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fills the buffer; 0 at the end of the last frame.

        Raises:
            EOFError: The last frame is truncated.
        """
        while not self._decompressed:
            if not self._compressed:
                self._compressed = self._raw.read(_CHUNK_BYTES)
            if not self._compressed:
                if self._is_inside_frame:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
                return 0
            self._decompress()
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._decompressed))
        view[:size] = self._decompressed[:size]
        self._decompressed = self._decompressed[size:]
        return size

    def _decompress(self) -> None:
        if self._frame.eof:
            self._frame = self._new_frame()
            self._compressed = self._compressed.lstrip(b"\0")  # the padding after an xz stream
            if not self._compressed:
                return
        self._decompressed = memoryview(self._frame.decompress(self._compressed))
        self._is_inside_frame = not self._frame.eof
        self._compressed = self._frame.unused_data if self._frame.eof else b""
