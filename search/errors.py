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

_MAX_SHOWN_VALUE = 60
"""Characters of an invalid value that a message shows."""


class PapersError(Exception):
    """Any failure this project explains; its text is meant for the person who asked."""


class InvalidValue(PapersError):
    """A value that a caller passed and that is invalid.

    Args:
        field: the parameter's name in snake case, for example ``updated_from``; each interface spells it its own way.
        value: the value; the middle of a long one is not shown.
        allowed: what is allowed, and what to do next.
        position: where the value starts in the query, from 1; None for values that are not part of a query.
    """

    def __init__(self, field: str, value: object, allowed: str, *, position: int | None = None) -> None:
        text = value if isinstance(value, str) else str(value)
        self.field = field
        self.value = text if len(text) <= _MAX_SHOWN_VALUE else f"{text[:28]} ... {text[-27:]}"
        self.allowed = allowed
        self.position = position
        super().__init__(self.describe(field))

    def describe(self, name: str) -> str:
        """The message, with the name that an interface has for the parameter."""
        if self.position is None:
            return f"invalid {name} {self.value!r}: {self.allowed}"
        return f"invalid {name} at character {self.position} ({self.value!r}): {self.allowed}"


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
