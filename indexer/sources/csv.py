"""CSV (RFC 4180) with a header line, as exported by this program, spreadsheets and reference managers."""

import csv
import re
from collections.abc import Iterator

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra, parse_json
from indexer.sources.jsonl import KNOWN_FIELDS, is_hit
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import (
    MAX_ABSTRACT_CHARACTERS,
    Draft,
    parse_date,
    parse_positive_int,
)
from search.errors import SourceError
from search.papers.fields import HIT_ONLY_FIELDS
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_DELIMITERS = (",", ";", "\t")
_COLUMN_ALIASES = {
    "author": "authors", "year": "published", "date": "published", "publication year": "published",
    "abstract note": "abstract", "link": "url", "publication title": "journal", "source title": "journal",
    "author keywords": "keywords",
}  # fmt: skip
"""Column names of other programs."""
_FORMULA_GUARD = re.compile("(?:\\A|(?<=[;\t\r\n]))'(?=['\"]*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
"""An apostrophe that keeps a spreadsheet from evaluating what follows as a formula."""


def sniff(head: str) -> bool:
    """Whether the first line is a header with a title or an abstract column."""
    return bool(_detect_delimiter(head.partition("\n")[0]))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the rows in order; an error carries the line on which its row starts."""
    heading = file.head().partition("\n")[0]
    delimiter = _detect_delimiter(heading) or ","
    names = _parse_header(heading, delimiter)
    if is_hit(names):
        names = ["" if name in HIT_ONLY_FIELDS else name for name in names]
    csv.field_size_limit(MAX_ABSTRACT_CHARACTERS * 4)
    lines = _RowLines(file)
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        number = lines.start_row()
        try:
            row = next(rows, None)
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield _parse_paper(_row_to_fields(names, row), file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        except csv.Error as error:
            yield SourceError(file.path, number, f"not CSV: {error}")


class _RowLines:
    """The lines after the header; a row may have many lines, but only MAX_RECORD_CHARACTERS."""

    def __init__(self, file: SourceFile) -> None:
        self._lines = file.lines()
        self._number = next(self._lines, (1, ""))[0]
        self._row_characters = 0

    def start_row(self) -> int:
        """Starts a row and returns the number of its first line."""
        self._row_characters = 0
        return self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self._number, line = next(self._lines)
        self._row_characters += len(line)
        check_record_size(self._row_characters)
        return line


def _detect_delimiter(heading: str) -> str:
    """The delimiter of a header line; empty if no delimiter yields known column names."""
    for delimiter in _DELIMITERS:
        names = _parse_header(heading, delimiter)
        if len(names) > 1 and ("title" in names or "abstract" in names):
            return delimiter
    return ""


def _parse_header(heading: str, delimiter: str) -> list[str]:
    try:
        found = next(csv.reader([heading], delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [name.strip().lower() for name in found]
    return [_COLUMN_ALIASES.get(name, name) for name in names]


def _row_to_fields(names: list[str], row: list[str]) -> dict[str, str]:
    """The cells that are not blank by column name; of columns with the same name, the first."""
    if len(row) > len(names):
        raise MalformedRecord(
            f"the row has {len(row)} cells and the header {len(names)}; quote cells that contain the delimiter"
        )
    fields: dict[str, str] = {}
    for name, cell in zip(names, row, strict=False):
        if name and cell.strip():
            fields.setdefault(name, _FORMULA_GUARD.sub("", cell))
    return fields


def _parse_paper(fields: dict[str, str], source: str) -> Paper:
    get = fields.get
    extra: dict[str, Json] = {name: cell.strip() for name, cell in fields.items() if name not in KNOWN_FIELDS}
    return Draft(
        source,
        ids=[get("id", ""), get("doi", ""), *get("ids", "").split()],
        title=get("title"),
        abstract=get("abstract"),
        authors=[put_given_name_first(name) for name in _split_authors(get("authors", ""))],
        authors_partial=get("authors_partial", "").strip().lower() in ("true", "1", "yes"),
        published=parse_date(get("published", "").strip(), "published"),
        updated=parse_date(get("updated", "").strip(), "updated"),
        categories=re.split(r"[\s,;]+", get("categories", "").strip()),
        url=get("url"),
        version=parse_positive_int(get("version", "").strip()),
        retraction=get("retraction"),
        extra={**extra, **parse_extra(get("extra"))},
    ).to_paper()


def _split_authors(cell: str) -> list[str]:
    if cell.startswith('["'):
        try:
            listed = parse_json(cell)
        except MalformedRecord:
            listed = None
        if isinstance(listed, list):
            return [str(name) for name in listed]
    return cell.split(";")
