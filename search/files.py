"""Files written durably, and their checksums."""

import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:  # imported where it is used: `papers status` starts without numpy
    from numpy.typing import NDArray

T = TypeVar("T")
_MIN_FREE_BYTES = 1 << 20
"""Free bytes below which a write of unknown size counts as failed for lack of room."""
_NAMED_ERROR = re.compile(r"(?:\bos error|\bcode:) ([0-9]+)")
"""The number of a system error in a message of tantivy."""


def cache_folder() -> Path:
    """Returns $PAPERS_CACHE, or else a folder in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PAPERS_CACHE") or Path(base) / "papers")


def replace_file(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Writes a file so that readers, and a restart after a crash, find the old content or the new one.

    Writes ``NAME.new`` in the same folder and renames it; file and folder are fsynced. Callers must not write the
    same path concurrently.

    Args:
        path: The file; created if absent.
        content: All of its content; text is encoded as UTF-8.
        mode: Permission bits of the file, reduced by the umask.

    Raises:
        OSError: The file cannot be written; the old one is unchanged.
    """
    write_aside(path, content, mode=mode).replace(path)
    fsync(path.parent)


def write_aside(path: Path, content: str | bytes, *, mode: int = 0o666) -> Path:
    """Writes ``NAME.new`` next to a file, fsyncs it and returns its path, for a rename; see ``replace_file``."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return new


def make_directory(path: Path) -> None:
    """Creates a directory with its missing parents; each new name is fsynced."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    fsync(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Makes a new name for a file's content: a hard link, or a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:  # EPERM, EXDEV, EMLINK, ENOTSUP; after another error, the copy fails or succeeds by itself
        shutil.copyfile(source, target)


def save_array(path: Path, array: "NDArray[Any]") -> None:
    """Writes an array in NumPy's format.

    ``np.save`` writes through C streams, so a full disk is an ``OSError`` without ``errno``.

    Raises:
        OSError: The file cannot be written.
    """
    import numpy as np

    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.tobytes())


class ArrayFile:
    """A one-dimensional array in NumPy's format, written in parts; a context manager.

    Args:
        path: The file to create.
        dtype: The type of the elements.
    """

    def __init__(self, path: Path, dtype: type) -> None:
        self._file = path.open("wb")
        self._dtype = dtype
        self._count = 0

    def __enter__(self) -> Self:
        self._write_header()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.seek(0)
            self._write_header()
        finally:
            self._file.close()

    def write(self, part: "NDArray[Any]") -> None:
        """Appends elements.

        Raises:
            OSError: The file cannot be written.
        """
        self._file.write(part.astype(self._dtype, copy=False).tobytes())
        self._count += len(part)

    def _write_header(self) -> None:
        """Writes the header, which has the same length for any number of elements."""
        import numpy as np

        empty = np.lib.format.header_data_from_array_1_0(np.empty(0, self._dtype))
        np.lib.format.write_array_header_1_0(self._file, {**empty, "shape": (self._count,)})


def load_array(path: Path) -> "NDArray[Any]":
    """Reads an array in NumPy's format into memory; unlike ``np.load``, a failed read is an ``OSError`` with ``errno``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It does not contain an array.
    """
    import numpy as np

    return np.asarray(np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False))


def system_error(error: Exception, path: Path) -> OSError:
    """Returns the system's error that a library's error is about, with the path.

    Libraries name it in the text, or only say that a thread has ended; a file system without free space is the likely
    cause then.
    """
    text = str(error)
    named = _NAMED_ERROR.search(text)
    if named:
        number = int(named[1])
    elif "disk is full" in text or shutil.disk_usage(path).free < _MIN_FREE_BYTES:
        number = errno.ENOSPC
    else:
        number = errno.EIO
    return OSError(number, os.strerror(number) if named or number == errno.ENOSPC else text, str(path))


def call_library(path: Path, call: Callable[[], T]) -> T:
    """Returns the result of a library function whose errors are ``ValueError`` for every cause.

    Raises:
        OSError: The call failed; see ``system_error``.
    """
    try:
        return call()
    except ValueError as error:
        raise system_error(error, path) from None


def fsync(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of a content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
