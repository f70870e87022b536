"""A read-only view of a lexicon: tantivy creates a lock file in the folder that it opens, even to read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY_FOLDER = "/dev/shm"  # noqa: S108  the view has a random name and mode 0700
"""A folder in memory, on Linux: to create and remove a view takes 1 ms there and 10 ms on a disk."""


@contextmanager
def read_only_view(directory: Path) -> Iterator[Path]:
    """Yields a temporary folder with a symbolic link to each file of a folder; it is removed at the end.

    The lists of files, which tantivy replaces, are copied. Files that are open at the end stay open.

    Args:
        directory: the lexicon of a generation.

    Raises:
        OSError: the folder or a list cannot be read, or no temporary folder can be created.
    """
    base = _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK | os.X_OK) else None
    view = Path(tempfile.mkdtemp(prefix="papers-lexicon-", dir=base))
    try:
        for file in directory.absolute().iterdir():
            if file.suffix == ".json":
                (view / file.name).write_bytes(file.read_bytes())
            elif file.suffix != ".lock":
                (view / file.name).symlink_to(file)
        yield view
    finally:  # renamed first, because a thread of tantivy may still create its lock file under the old name
        shutil.rmtree(view.rename(f"{view}.removed"))
