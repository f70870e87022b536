"""Reports the errors of numpy, faiss, tantivy and the system while files of an index are opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.errors import IndexUnavailable, PapersError
from search.index.json_object import damaged_file


@contextmanager
def reports_read_errors(path: Path) -> Iterator[None]:
    """Reports what goes wrong in the context as an error of the index.

    Args:
        path: the file or folder that is opened.

    Raises:
        IndexUnavailable: there is no permission to read it, or the system lacks memory, open files or disk space.
        IndexDamaged: it cannot be read for another reason.
    """
    try:
        yield
    except PapersError:
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise damaged_file(path, f"{error.filename or path} is missing or of another type") from None
    except PermissionError as error:
        advice = "its owner can let you read it with: chmod -R a+rX INDEX"
        raise IndexUnavailable(path, f"no permission to read {error.filename or path}; {advice}") from None
    except (OSError, MemoryError) as error:
        raise IndexUnavailable(path, f"it cannot be read ({error})") from None
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        raise damaged_file(path, f"it cannot be read ({_shorten(error)})") from None


def is_panic(error: BaseException) -> bool:
    """Whether an error is a panic of tantivy, whose class cannot be imported and is not an ``Exception``."""
    return type(error).__name__ == "PanicException"


def _shorten(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:_MAX_SHOWN]


_MAX_SHOWN = 200
"""Characters of a library's message that are shown."""
