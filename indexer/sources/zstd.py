"""Zstd: a zstandard stream that reads all frames of a file and reports a truncated one; ``zstandard.open`` does
neither."""

import io
from typing import IO, TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 2_048
"""Compressed bytes per step; bounds what one step can decompress to, 64 MB at most (4 bytes for a block of 128 KiB)."""


class ZstdReader(io.RawIOBase):
    """Decompresses a zstandard file.

    Args:
        raw: the compressed bytes.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_inside_frame = False
        self._compressed = b""
        self._decompressed = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fills the buffer; 0 at the end of the last frame.

        Raises:
            EOFError: the last frame is truncated.
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
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._decompressed = memoryview(self._frame.decompress(self._compressed))
        self._is_inside_frame = not self._frame.eof
        self._compressed = self._frame.unused_data if self._frame.eof else b""
