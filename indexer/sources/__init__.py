"""Readers of bibliographic file formats, one module per format, each with ``sniff`` and ``read``."""

import importlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from indexer.sources.file import READ_ERRORS, SourceFile
from indexer.sources.guard import describe_failure
from indexer.sources.limits import UnreadableFile
from search.errors import InvalidValue, SourceError, UnknownFormat, UnreadFile
from search.papers.paper import Paper

_XML_FORMATS = (
    "pubmed", "acl", "arxiv-rss", "arxiv-atom", "oai-pmh", "dblp", "endnote-xml", "mods", "zotero-rdf"
)  # fmt: skip
_JSON_FORMATS = (
    "arxiv-atom", "arxiv-snapshot", "semantic-scholar", "openalex", "crossref", "ads", "zotero-json",
    "csl-json", "json-table", "jsonl",
)  # fmt: skip
_BINARY_FORMATS = ("xlsx",)
_TEXT_FORMATS = (
    "csv", "nbib", "ris", "web-of-science", "bibtex", "refer", "author-page"
)  # fmt: skip
FORMATS = tuple(dict.fromkeys((*_JSON_FORMATS, *_XML_FORMATS, *_TEXT_FORMATS, *_BINARY_FORMATS)))
"""The formats that can be imported. Detection tries those of the syntax that a file starts with, in this order."""


def discover(paths: Iterable[Path]) -> list[Path]:
    """Lists the files of paths: folders recursively, sorted by name, without hidden files and folders.

    A file or folder that cannot be accessed is listed as well; ``read`` reports the reason.

    Raises:
        InvalidValue: A path does not exist.
    """
    return list(dict.fromkeys(file for path in paths for file in _list_files(path)))


def find_folders(paths: Iterable[Path]) -> list[Path]:
    """Returns the paths that are folders."""
    return [path for path in paths if os.path.isdir(path)]  # noqa: PTH112  # False for a folder that cannot be accessed


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records of a file in order.

    A malformed record, or a file that cannot be read, is yielded as a SourceError with the reason. Reading continues
    after a malformed record. An error that no reader foresees ends the file and not the import.

    Args:
        file: The file. If its ``format`` is empty, it is detected by content and set.

    Raises:
        InvalidValue: ``file.format`` is not one of FORMATS.
    """
    if file.format and file.format not in FORMATS:
        raise InvalidValue("format", file.format, f"choose one of {', '.join(FORMATS)}")
    try:
        file.format = file.format or _detect_format(file)
        if file.format:
            yield from _import_reader(file.format).read(file)
        elif not file.head().strip():
            yield SourceError(file.path, None, "the file is empty; export or download it again, or leave it out")
        else:
            yield UnknownFormat(file.path, None, _describe_unknown_format(file))
    except READ_ERRORS as error:
        yield UnreadFile(file.path, None, _describe_read_error(file.path, error))
    except Exception as error:  # noqa: BLE001  # of a reader or library, outside of a record
        yield UnreadFile(file.path, file.record_line, describe_failure("the rest of this file", error))


def _list_files(path: Path) -> list[Path]:
    try:
        if not path.exists():
            raise InvalidValue("path", str(path), "there is no such file or folder; check the spelling")
        if not path.is_dir():
            return [path]
    except OSError:
        return [path]
    found: list[Path] = []
    visited: set[tuple[int, int]] = set()
    walk = os.walk(path, onerror=lambda error: found.append(Path(error.filename)), followlinks=True)
    for folder, folders, files in walk:
        if not _add_folder(folder, visited):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += (file for name in files if not name.startswith(".") and _may_be_file(file := Path(folder, name)))
    return sorted(found)


def _add_folder(folder: str, visited: set[tuple[int, int]]) -> bool:
    """Adds a folder to those visited; False if it was visited before, by another link."""
    try:
        status = Path(folder).stat()
    except OSError:
        return True
    known = len(visited)
    visited.add((status.st_dev, status.st_ino))
    return len(visited) > known


def _may_be_file(path: Path) -> bool:
    """Whether a path exists or cannot be accessed; a dangling link does not."""
    try:
        return path.exists()
    except OSError:
        return True


def _describe_read_error(path: Path, error: Exception) -> str:
    if isinstance(error, UnreadableFile):
        return str(error)
    if isinstance(error, IsADirectoryError):
        try:
            os.scandir(path).close()
        except OSError as cause:
            error = cause
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"cannot be read to its end: {'not enough memory' if isinstance(error, MemoryError) else error}"


def _detect_format(file: SourceFile) -> str:
    """The name of the format that the file starts like; empty if it is unknown."""
    from indexer.sources.unknown_format import describe_binary

    head = file.head()
    if found := _find_format(_BINARY_FORMATS, head):
        return found
    if describe_binary(file):
        return ""
    start = head.lstrip()[:1]
    formats = _XML_FORMATS if start == "<" else _JSON_FORMATS if start in ("{", "[") else _TEXT_FORMATS
    return _find_format(formats, head)


def _find_format(names: Iterable[str], head: str) -> str:
    return next((name for name in names if _import_reader(name).sniff(head)), "")


def _describe_unknown_format(file: SourceFile) -> str:
    from indexer.sources.unknown_format import describe_binary, describe_text

    looks_like = describe_binary(file) or describe_text(file.head())
    if looks_like:
        return f"unknown format: it looks like {looks_like}"
    return "unknown format; papers index --help lists those that are read"


def _import_reader(name: str) -> ModuleType:
    return importlib.import_module(f"indexer.sources.{name.replace('-', '_')}")
