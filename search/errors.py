"""The error tree.

    PapersError
    ├── InvalidValue          a value from the caller is invalid: field, value, what is allowed  (exit 2, HTTP 422)
    ├── PaperNotFound         no paper has or ever had the ID                                    (exit 4, HTTP 404)
    ├── NameNotFound          no list or saved search has the name                               (exit 4, HTTP 404)
    ├── IndexUnavailable      the index cannot be read or written                                (exit 1, HTTP 503)
    │   ├── IndexMissing      the directory has no index
    │   ├── IndexDamaged      a file does not match the manifest
    │   ├── IndexBusy         another process is writing the index
    │   └── ModelMismatch     the index was made with another embedding model
    ├── StateUnavailable      the lists and saved searches cannot be read or written             (exit 1, HTTP 503)
    │   └── StateDamaged      their file is damaged
    ├── QueryStopped          the time for a response is over, or the request was cancelled      (HTTP 503)
    ├── ModelUnavailable      the embedding model cannot be loaded, or its checksum is wrong     (exit 1)
    ├── HarvestFailed         a service on the network did not send what was requested           (exit 1)
    ├── ClusterUnavailable    a Ray cluster cannot be reached, or cannot embed                   (exit 1)
    └── SourceError           a record of an input file is invalid: file, line, reason           (skipped, counted)

Every message states what is invalid, the value, what is allowed and what to do next.
"""

from collections.abc import Sequence
from pathlib import Path

_MAX_SHOWN_VALUE = 60
"""Characters of an invalid value that a message shows."""
_MAX_SHOWN_NAMES = 10
"""Existing names that a message shows."""


class PapersError(Exception):
    """The base of all errors that are reported to the user; ``str`` is the message."""


class InvalidValue(PapersError):
    """A value from the caller is invalid.

    Args:
        field: the parameter's name in snake case, for example ``updated_from``; interfaces show their own spelling.
        value: the value; a long one is shortened in the middle.
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
        """Returns the message, with the name that an interface uses for the parameter."""
        if self.position is None:
            return f"invalid {name} {self.value!r}: {self.allowed}"
        return f"invalid {name} at character {self.position} ({self.value!r}): {self.allowed}"


class PaperNotFound(PapersError):
    """No paper has, or ever had, this ID.

    Args:
        paper_id: the ID, as the caller wrote it.
        hint: what to do next.
    """

    def __init__(self, paper_id: str, hint: str = "") -> None:
        super().__init__(f"no paper {paper_id!r} in the index" + (f"; {hint}" if hint else ""))
        self.paper_id = paper_id


class NameNotFound(PapersError):
    """No list or saved search has this name.

    Args:
        kind: ``list`` or ``saved search``.
        name: the name.
        names: those that exist.
    """

    def __init__(self, kind: str, name: str, names: Sequence[str]) -> None:
        shown = ", ".join(map(repr, names[:_MAX_SHOWN_NAMES])) + (", ..." if len(names) > _MAX_SHOWN_NAMES else "")
        super().__init__(f"no {kind} {name!r}; " + (f"choose one of {shown}" if names else "there is none yet"))
        self.name = name


class IndexUnavailable(PapersError):
    """An index cannot be read or written.

    Args:
        directory: the index: its folder, or its address.
        message: the reason, and what to do next.
    """

    def __init__(self, directory: Path | str, message: str) -> None:
        super().__init__(f"{directory}: {message}")
        self.directory = directory


class IndexMissing(IndexUnavailable):
    """The directory has no published index."""


class IndexDamaged(IndexUnavailable):
    """A file of the index does not match its manifest."""


class IndexBusy(IndexUnavailable):
    """Another process is writing the index."""


class ModelMismatch(IndexUnavailable):
    """The vectors of the index were made with a model other than the installed one."""


class StateUnavailable(PapersError):
    """The lists, saved searches and followed sources cannot be read or written. Searches do not need them.

    Args:
        path: their file.
        message: the reason, and what to do next.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class StateDamaged(StateUnavailable):
    """The file of the lists, saved searches and followed sources is damaged.

    Args:
        path: the file.
        reason: what is damaged.
    """

    def __init__(self, path: Path, reason: str) -> None:
        hint = "searches work without it. Restore it from a backup, or move it away to start with empty lists"
        super().__init__(path, f"the lists and saved searches are damaged ({reason}); {hint}")


class ModelUnavailable(PapersError):
    """The embedding model cannot be loaded, or the checksum of its weights is wrong."""


class QueryStopped(PapersError):
    """The work for a query was stopped before its end (``search.budget``)."""


class HarvestFailed(PapersError):
    """A service on the network did not send what was requested.

    Args:
        url: the address; what follows a question mark is left out, since it may contain a key.
        reason: what happened, and what to do next.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url.partition('?')[0]}: {reason}")


class ClusterUnavailable(PapersError):
    """A Ray cluster cannot be reached, or its nodes cannot embed.

    Args:
        address: its address.
        reason: what happened, and what to do next.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"Ray cluster {address}: {reason}")


class SourceError(PapersError):
    """A record of an input file cannot be read.

    Args:
        path: the file.
        line: the line where the record starts, from 1; None if the format has no lines.
        reason: what is wrong with the record.
    """

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {reason}")
        self.path = str(path)
        self.line = line
        self.reason = reason


class UnknownFormat(SourceError):
    """An input file has none of the formats that can be imported."""


class UnreadFile(SourceError):
    """An input file, or the rest of it, cannot be read."""
