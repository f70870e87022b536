"""Files written durably, and their checksums."""

import hashlib
import os
from pathlib import Path


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
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    fsync(path.parent)


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
