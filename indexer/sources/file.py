"""SourceFile: an input file, decompressed and decoded for the readers."""

import errno
import io
import itertools
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

import zstandard

from indexer.sources.decompression import decompress
from indexer.sources.encoding import ENCODING_NAMES, FALLBACK, SAMPLE_BYTES, detect_encoding
from indexer.sources.limits import MAX_RECORD_CHARACTERS, UnreadableFile

HEAD_CHARACTERS = 65_536
"""Characters from the start of a file that its format is detected by."""

READ_ERRORS = (OSError, EOFError, MemoryError, UnreadableFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""Exceptions that reading a missing, inaccessible, damaged or oversized file can raise."""

_CHUNK_CHARACTERS = 2**16
"""Characters per chunk of ``chunks``."""
_SPECIAL_FILES = (
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)
_ASSUMED = "bytes that are not UTF-8 were read as {}; if the text is wrong, convert the file to UTF-8"
_NOT_DECODED = "characters that are not {} were replaced by U+FFFD; save the file as UTF-8"
_UNICODE_PAIRS = ("utf-16", "utf-32")
"""The start of the names of encodings in units of more than one byte."""
_UNDECODED = re.compile("[\udc80-\udcff]")
"""What the error handler puts in place of bytes that it cannot decode."""
_REPLACED = re.compile("\ufffd")
"""The same for units of more than one byte."""
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_WINDOWS_1252 = {0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0x100)}
"""The character of each such byte; bytes that Windows-1252 does not use are control characters of Latin-1."""
_REPLACEMENTS = dict.fromkeys(_WINDOWS_1252, "\ufffd")


@dataclass(slots=True)
class _Warning:
    """Where a problem occurs in a file: the first line, what is there, and the number of times."""

    line: int
    example: str
    count: int = 0

    def describe_examples(self) -> str:
        return f": {self.example}" if self.count == 1 else f" (first {self.example}; {self.count:,} in the file)"


@dataclass(slots=True)
class FileGroup:
    """The files of one command, of which one may use what another defines.

    Attributes:
        paths: Their paths.
        definitions: What a reader has found in all of them, by the name of its format.
    """

    paths: Sequence[Path] = ()
    definitions: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: Its path.
        as_of: Reference date for dates without a year: none of them is later.
        format: One of ``sources.FORMATS``; empty until it is detected.
        group: The files that are read by the same command.
        record_line: Number of the line at which the current record starts, for warnings.
        harvest: The canonical name of the harvest that it is a page of; empty for any other file.
        identifier: What the repository calls the current record; empty if the format has no such name.
    """

    path: Path
    as_of: date
    format: str = ""
    group: FileGroup = field(default_factory=FileGroup)
    record_line: int = 1
    harvest: str = ""
    identifier: str = ""
    _raw: IO[bytes] | None = None
    _encoding: str = ""
    _warnings: dict[str, _Warning] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The source of its records, as in ``bibtex:zotero.bib`` or ``oai-pmh:arxiv?category=cs.IR``."""
        return f"{self.format}:{self.harvest or os.fsencode(self.path.name).decode(errors='replace')}"

    @property
    def position(self) -> int:
        """Bytes read so far, before decompression; 0 while the file is closed."""
        return self._raw.tell() if self._raw and not self._raw.closed else 0

    @property
    def warnings(self) -> list[str]:
        """What the readers have assumed about the text so far, one line for each kind of problem."""
        return [
            f"{self.path}:{each.line}: {problem}{each.describe_examples()}" for problem, each in self._warnings.items()
        ]

    def warn(self, line: int, problem: str, example: str) -> None:
        """Adds to ``warnings``.

        Args:
            line: Number of the line, from 1.
            problem: What is wrong and what was assumed, the same text for each case of a kind.
            example: The part of the line that is meant.
        """
        self._warnings.setdefault(problem, _Warning(line, example)).count += 1

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Opens the file; gzip, xz, bzip2 and zstandard, detected by their magic numbers, are decompressed.

        Raises:
            UnreadableFile: It is a pipe, socket or device, or, while reading, it exceeds the limits of decompression.
        """
        self._check_is_regular()
        with self.path.open("rb") as raw:
            self._raw = raw
            with decompress(raw) as stream:
                yield stream

    def head(self) -> str:
        """Reads the first HEAD_CHARACTERS characters."""
        with self._open_text("") as text:
            return text.read(HEAD_CHARACTERS).translate(_WINDOWS_1252)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yields the lines with their numbers from 1.

        A line of more than MAX_RECORD_CHARACTERS is cut one character after that, so that ``check_record_size`` finds
        it. For the encoding see ``chunks``.
        """
        with self._open_text("") as text:
            for number in itertools.count(1):
                line = rest = text.readline(MAX_RECORD_CHARACTERS + 1)
                if not line:
                    return
                while rest and not rest.endswith("\n"):
                    rest = text.readline(MAX_RECORD_CHARACTERS)
                yield number, self._decode_rest(line, number, text.encoding)

    def chunks(self, encoding: str = "") -> Iterator[tuple[int, str]]:
        """Yields the text in chunks, each with the number of its first line.

        Without an encoding, it is detected; there is a warning if it is not Unicode, and for bytes that cannot be
        decoded. Among UTF-8, these are decoded as Windows-1252, elsewhere they are replaced by U+FFFD.

        Raises:
            LookupError: There is no such encoding.
        """
        number = 1
        with self._open_text(encoding) as text:
            while chunk := text.read(_CHUNK_CHARACTERS):
                yield number, self._decode_rest(chunk, number, text.encoding, is_declared=bool(encoding))
                number += chunk.count("\n")

    def records(self, is_start: Callable[[str], object]) -> Iterator[tuple[int, list[str]]]:
        """Yields the lines of each record with the number of the first one.

        The lines before the first record are yielded like a record. Lines beyond MAX_RECORD_CHARACTERS are dropped
        after the first one that exceeds it, so that ``check_record_size`` finds the record.

        Args:
            is_start: Whether a line is the first one of a record.
        """
        start, size, lines = 1, 0, list[str]()
        for number, line in self.lines():
            if is_start(line):
                if lines:
                    self.record_line = start
                    yield start, lines
                start, size, lines = number, 0, []
            if size <= MAX_RECORD_CHARACTERS:
                size += len(line)
                lines.append(line)
        if lines:
            self.record_line = start
            yield start, lines

    def _check_is_regular(self) -> None:
        mode = self.path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path))
        for is_kind, kind in _SPECIAL_FILES:
            if is_kind(mode):
                raise UnreadableFile(f"is a {kind}; only regular files can be read, so write its content to a file")

    @contextmanager
    def _open_text(self, encoding: str) -> Iterator[io.TextIOWrapper]:
        if not encoding:
            if not self._encoding:
                with self.open() as stream:
                    self._encoding = detect_encoding(stream.read(SAMPLE_BYTES))
            encoding = self._encoding
        errors = "replace" if encoding.startswith(_UNICODE_PAIRS) else "surrogateescape"
        with self.open() as stream, io.TextIOWrapper(stream, encoding, errors) as text:
            yield text

    def _decode_rest(self, text: str, number: int, encoding: str, *, is_declared: bool = False) -> str:
        """Decodes what the error handler has put in place of undecodable bytes, and warns of what was assumed.

        Args:
            text: The text.
            number: The number of its first line.
            encoding: The encoding that it was decoded by.
            is_declared: Whether the file declares this encoding.
        """
        if text.isascii():
            return text
        is_utf8, name = encoding.startswith("utf-8"), ENCODING_NAMES.get(encoding, encoding.upper())
        undecoded = (_REPLACED if encoding.startswith(_UNICODE_PAIRS) else _UNDECODED).search(text)
        if not is_utf8 and not is_declared and encoding in ENCODING_NAMES:
            self._warn_of(text, number, _NON_ASCII.search(text), _ASSUMED.format(name), encoding)
        elif undecoded:
            problem = _ASSUMED.format(ENCODING_NAMES[FALLBACK]) if is_utf8 else _NOT_DECODED.format(name)
            self._warn_of(text, number, undecoded, problem, encoding)
        if not undecoded:
            return text
        return text.translate(_WINDOWS_1252 if is_utf8 or encoding == FALLBACK else _REPLACEMENTS)

    def _warn_of(self, text: str, number: int, found: re.Match[str] | None, problem: str, encoding: str) -> None:
        """Warns of a character that was found in a text."""
        if not found:
            return
        code = ord(found[0]) - 0xDC00 if _UNDECODED.match(found[0]) else found[0].encode(encoding, "replace")[0]
        example = "U+FFFD" if found[0] == "\ufffd" else f"0x{code:X}"
        self.warn(number + text.count("\n", 0, found.start()), problem, example)
