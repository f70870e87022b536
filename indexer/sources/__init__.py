"""Sources: the files a user has, read as records of papers. A module a format, each with ``sniff`` and ``read``."""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from indexer.sources.file import READ_ERRORS, SourceFile
from search.errors import InvalidValue, SourceError
from search.papers.paper import Paper

FORMATS = (
    "arxiv-atom",
    "pubmed",
    "acl",
    "arxiv-snapshot",
    "semantic-scholar",
    "csl-json",
    "jsonl",
    "csv",
    "nbib",
    "ris",
    "bibtex",
    "author-page",
)
"""The formats, in the order in which a file is tried for them."""


def discover(paths: Iterable[Path]) -> list[Path]:
    """The files of these paths: folders are walked in order of name, hidden files passed over.

    Raises:
        InvalidValue: a path that is not there.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise InvalidValue("path", str(path), "there is no such file or folder; check the spelling")
        inside = sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each, path))
        found.update(dict.fromkeys(inside if path.is_dir() else [path]))
    return list(found)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The records of a file in order; a malformed one comes as the SourceError that says why, and reading goes on.

    Raises:
        InvalidValue: ``file.format`` is none of FORMATS; where it is empty it is told by the content.
    """
    if file.format and file.format not in FORMATS:
        raise InvalidValue("format", file.format, f"choose one of {', '.join(FORMATS)}")
    try:
        file.format = file.format or _detect_format(file)
        if file.format:
            yield from _import_reader(file.format).read(file)
        else:
            yield SourceError(file.path, None, f"of no known format; name it with --format {'|'.join(FORMATS)}")
    except READ_ERRORS as error:
        yield SourceError(file.path, None, f"cannot be read to its end: {error}")


def _detect_format(file: SourceFile) -> str:
    beginning = file.head()
    return next((name for name in FORMATS if _import_reader(name).sniff(beginning)), "")


def _import_reader(name: str) -> ModuleType:
    return importlib.import_module(f"indexer.sources.{name.replace('-', '_')}")


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
