"""The error tree.

    PapersError
    ├── InvalidValue      a value a caller gave: the field, the value, what is allowed   (exit 2, HTTP 422)
    ├── PaperNotFound     an id no paper has or ever had                                 (exit 4, HTTP 404)
    ├── IndexUnavailable  the index cannot answer or be written                          (exit 1, HTTP 503)
    │   ├── IndexMissing      there is no index at that place
    │   ├── IndexDamaged      a file differs from what the manifest says of it
    │   ├── IndexBusy         another writer holds the index
    │   └── ForeignModel      the index was made with another embedding model
    ├── ModelUnavailable  the embedding model cannot be loaded or is not what it claims  (exit 1)
    └── SourceError       a record of an input file: the file, the line, the reason      (skipped and counted)

Every message says what was wrong, the value seen, the values allowed and the next step.
"""

from pathlib import Path


class PapersError(Exception):
    """Any failure this project explains; its text is meant for the person who asked."""


class InvalidValue(PapersError):
    """A value that a caller gave and that cannot be meant.

    Args:
        field: the name of the field as the caller wrote it, for example ``from``.
        value: the value seen; a long one is shown without its middle.
        allowed: what is allowed, and what to do next.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        shown = value if isinstance(value, str) else str(value)
        shown = shown if len(shown) <= 60 else shown[:28] + " ... " + shown[-27:]
        super().__init__(f"{field}: {shown!r} is not allowed; {allowed}")
        self.field = field
        self.value = shown
        self.allowed = allowed


class PaperNotFound(PapersError):
    """No paper has, or ever had, this id."""

    def __init__(self, paper_id: str, hint: str = "") -> None:
        super().__init__(f"no paper {paper_id!r} in the index" + (f"; {hint}" if hint else ""))
        self.paper_id = paper_id


class IndexUnavailable(PapersError):
    """The index at a place cannot be read or written."""

    def __init__(self, directory: Path, message: str) -> None:
        super().__init__(f"{directory}: {message}")
        self.directory = directory


class IndexMissing(IndexUnavailable):
    """There is no published index at that place."""


class IndexDamaged(IndexUnavailable):
    """A file of the index differs from what its manifest says."""


class IndexBusy(IndexUnavailable):
    """Another process is writing this index."""


class ModelMismatch(IndexUnavailable):
    """The index holds vectors of a model other than the one that would embed the question."""


class ModelUnavailable(PapersError):
    """The embedding model cannot be loaded, or its weights are not the ones named."""


class SourceError(PapersError):
    """One record of an input file that cannot be read.

    Args:
        path: the file.
        line: the 1-based line where the record starts, or None where the format has no lines.
        reason: what is wrong with it.
    """

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {reason}")
        self.path = str(path)
        self.line = line
        self.reason = reason
