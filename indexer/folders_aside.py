"""A folder that is written next to its target and renamed when it is complete."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from search.errors import IndexBusy, InvalidValue
from search.files import fsync

_ASIDE_SUFFIX = ".incomplete"
"""Added to the name of a folder while its content is written."""
_LOCK = "COPY.lock"
"""File in an incomplete folder, locked (flock) by the process that writes it."""


def is_free(folder: Path) -> bool:
    """Whether a folder is absent or empty."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


@contextlib.contextmanager
def written_aside(target: Path, *, resumes: bool = False) -> Iterator[Path]:
    """Provides a folder next to a target, which the caller renames to it.

    Args:
        target: The folder to write.
        resumes: Whether to provide what a process that was killed, or an error, has left. Without it, the folder is
            empty, and it is removed after an error.

    Raises:
        InvalidValue: The folder is needed and has files that no such process has written.
        IndexBusy: Another process is writing to it.
    """
    aside = target.with_name(target.name + _ASIDE_SUFFIX)
    aside.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in aside.iterdir()}
    if names and _LOCK not in names:
        raise InvalidValue("folder", str(aside), f"it is needed to write {target.name}; delete or rename it first")
    lock = os.open(aside / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock_or_refuse(lock, target)
        if not resumes:
            empty_folder(aside)
        try:
            yield aside
        except BaseException:
            if not resumes:
                shutil.rmtree(aside, ignore_errors=True)
            raise
        (target / _LOCK).unlink()
    finally:
        os.close(lock)
    fsync(target)
    fsync(target.parent)


def empty_folder(aside: Path) -> None:
    """Removes everything from a folder that ``written_aside`` provided."""
    for path in aside.iterdir():
        if path.name == _LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _lock_or_refuse(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise IndexBusy(target, "another process is copying to it; wait until it has finished") from None
