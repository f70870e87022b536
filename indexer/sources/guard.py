"""Keeps a failure at one record from ending an import."""

from collections.abc import Callable

from indexer.sources.file import SourceFile
from indexer.sources.limits import MalformedRecord
from search.errors import SourceError
from search.papers.paper import Paper


def read_record(file: SourceFile, line: int | None, parse: Callable[[], Paper]) -> Paper | SourceError:
    """Parses one record; whatever the parser raises becomes an error with file, line and reason.

    Args:
        file: The file.
        line: The number of the line where the record starts, from 1; None if the format has no lines.
        parse: Returns the paper.
    """
    try:
        return parse()
    except MalformedRecord as error:
        return SourceError(file.path, line, str(error))
    except Exception as error:  # noqa: BLE001  # of libraries and readers, any error costs this record alone
        return SourceError(file.path, line, describe_failure("this record", error))


def describe_failure(what: str, error: Exception) -> str:
    """The reason for a failure that no reader foresees."""
    cause = "nested too deep" if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"
    return f"the reader failed at {what} ({' '.join(cause.split())[:200]}); please report it with the record"
