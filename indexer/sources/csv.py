"""CSV (RFC 4180) and tab-separated tables with a header, as exported by this program, databases, spreadsheets and
reference managers.
"""

import csv
import io
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import MAX_ABSTRACT_CHARACTERS
from indexer.sources.table import FIRST_ROWS, SAMPLE_ROWS, Table, find_header, list_columns
from search.errors import SourceError
from search.papers.paper import Paper

_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*\n", re.IGNORECASE)
"""The first line of files for Excel."""


def sniff(head: str) -> bool:
    """Whether one of the first lines is a header with a column for titles or abstracts."""
    return bool(_detect_delimiter(head))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the rows in order; an error carries the line on which its row starts."""
    head = file.head()
    delimiter = _detect_delimiter(head)
    if not delimiter:
        columns = find_columns(head) or "not found"
        yield SourceError(file.path, 1, f"no column has titles or abstracts; the columns are {columns}")
        return
    ends, sample = zip(*islice(_read_head(head, delimiter), FIRST_ROWS + SAMPLE_ROWS), strict=True)
    place, _ = find_header(sample[:FIRST_ROWS])
    file.record_line = ends[place - 1] + 1 if place else 1
    table = Table(file, sample[place], sample[place + 1 :])
    csv.field_size_limit(MAX_ABSTRACT_CHARACTERS * 4)
    lines = _RowLines(file, delimiter, ends[place], len(sample[place]))
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        number = file.record_line = lines.start_row()
        try:
            row = next(rows, None)
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield from read_record(file, number, partial(table.parse_row, row))
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        except csv.Error as error:
            yield SourceError(file.path, number, f"not CSV: {error}")


class _RowLines:
    """The lines of a file after the header; a row may have many lines, but only MAX_RECORD_CHARACTERS.

    In tab-separated tables, few programs quote cells. So a line with all cells and an odd number of quotation marks is
    a row without quotes.
    """

    def __init__(self, file: SourceFile, delimiter: str, header_end: int, columns: int) -> None:
        self._lines = islice(file.lines(), header_end, None)
        self._delimiter = delimiter
        self._columns = columns
        self._number = header_end
        self._row_characters = 0

    def start_row(self) -> int:
        """Starts a row and returns the number of its first line."""
        self._row_characters = 0
        return self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self._number, line = next(self._lines)
        is_first = not self._row_characters
        self._row_characters += len(line)
        check_record_size(self._row_characters)
        if self._delimiter == "\t" and is_first and line.count('"') % 2 and line.count("\t") >= self._columns - 1:
            return "\t".join('"' + cell.replace('"', '""') + '"' for cell in line.rstrip("\n").split("\t")) + "\n"
        return line


def _detect_delimiter(head: str) -> str:
    """The delimiter with which the header has the most fields of a paper; empty if none yields a header."""
    if declared := _SEPARATOR_LINE.match(head):
        return declared[1] if _count_fields(head, declared[1]) else ""
    counts = {delimiter: _count_fields(head, delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ""


def _count_fields(head: str, delimiter: str) -> int:
    return find_header([row for _, row in islice(_read_head(head, delimiter), FIRST_ROWS)])[1]


def _read_head(head: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows at the start of a file, up to one that is not CSV, each with the number of its last line."""
    rows = csv.reader(io.StringIO(head), delimiter=delimiter)
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error:
        return


def find_columns(head: str) -> str:
    """Lists the columns of a table for a message; empty if the text is no table."""
    for delimiter in _DELIMITERS:
        rows = [row for _, row in islice(_read_head(head, delimiter), 3)]
        names = rows.pop(0) if rows else []
        if len(names) > 2 and all(names) and any(len(row) == len(names) for row in rows):
            return list_columns(names)
    return ""
