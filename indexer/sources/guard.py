"""Keeps a failure at one record from ending an import."""

from collections.abc import Callable, Iterator
from pathlib import Path

from indexer.sources.file import SourceFile
from indexer.sources.limits import DeletedRecord, MalformedRecord
from search.errors import SourceError
from search.papers.paper import Paper

FAILURE = "the reader failed at"
"""The start of the reason for a failure that no reader foresees."""


class Deletion(SourceError):
    """A repository says that it has deleted a record.

    Attributes:
        identifier: What the repository calls the record.
    """

    def __init__(self, path: Path, line: int | None, reason: str, identifier: str) -> None:
        super().__init__(path, line, reason)
        self.identifier = identifier


def read_record(file: SourceFile, line: int | None, parse: Callable[[], Paper | None]) -> Iterator[Paper | SourceError]:
    """Yields the paper that a record has; whatever the parser raises is yielded as an error with the reason.

    Args:
        file: The file.
        line: The number of the line where the record starts, from 1; None if it has none.
        parse: Returns the paper; None if the record is none.
    """
    try:
        paper = parse()
    except DeletedRecord as error:
        yield Deletion(file.path, line, str(error), file.identifier)
    except MalformedRecord as error:
        yield SourceError(file.path, line, str(error))
    except Exception as error:  # noqa: BLE001  # of libraries and readers, any error costs this record alone
        yield SourceError(file.path, line, describe_failure("this record", error))
    else:
        if paper:
            yield paper


def describe_failure(what: str, error: Exception) -> str:
    """The reason, in plain words, for a failure that no reader foresees, at this record or at the rest of this file."""
    cause = "nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
    return f"{FAILURE} {what}{f' ({cause})' if cause else ''}; please report it with the record"
