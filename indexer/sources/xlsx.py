"""Excel workbooks (xlsx, ISO/IEC 29500), read by openpyxl; a sheet is a table like a CSV file."""

import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from itertools import chain, islice
from typing import IO, Any

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import (
    MAX_COMPRESSION_RATIO,
    MIN_RATIO_BYTES,
    UnreadableFile,
    check_record_size,
)
from indexer.sources.table import FIRST_ROWS, SAMPLE_ROWS, Table, find_header, list_columns
from search.errors import SourceError
from search.papers.paper import Paper

_MAX_STRINGS_BYTES = 2**28
"""Bytes of the table of texts, which openpyxl keeps in memory; 100,000 abstracts have about half as many."""
_STRINGS = "xl/sharedStrings.xml"
_BROKEN_WORKBOOK = (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError)
"""Exceptions of openpyxl for files that are no workbook; XML that is not well-formed is a SyntaxError."""


def sniff(head: str) -> bool:
    """Whether the file is a ZIP archive with the parts of a workbook."""
    return head.startswith("PK\x03\x04") and "xl/" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the rows of all sheets that are tables of papers; an error carries the number of its row.

    Raises:
        UnreadableFile: openpyxl is missing, the file is no workbook, or it exceeds the limits.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UnreadableFile(
            "xlsx files are read by openpyxl, which is not installed; install papers-search[xlsx], or save the sheet "
            "as CSV"
        ) from None
    warnings.filterwarnings("ignore", module="openpyxl")  # of styles and extensions, which have no text
    with file.open() as stream:
        try:
            _check_size(stream)
            workbook = load_workbook(stream, read_only=True, data_only=True)
            others = list[str]()
            sheets = [sheet for sheet in workbook.worksheets if hasattr(sheet, "iter_rows")]  # a chart has no rows
            for sheet in sheets:
                yield from _read_sheet(file, sheet, others)
            if len(others) == len(sheets):
                yield SourceError(file.path, None, f"no column has titles or abstracts; {'; '.join(others)}")
            else:
                for columns in others:
                    file.warn(1, "sheets without a column for titles or abstracts were not read", columns)
        except _BROKEN_WORKBOOK as error:
            if isinstance(error, UnreadableFile):
                raise
            raise UnreadableFile(f"is no xlsx file that openpyxl can read: {error}; save it again, or as CSV") from None


def _check_size(stream: IO[bytes]) -> None:
    """Raises UnreadableFile for a workbook that decompresses to too much."""
    with zipfile.ZipFile(stream) as archive:
        parts = archive.infolist()
    size, compressed = (sum(getattr(part, name) for part in parts) for name in ("file_size", "compress_size"))
    if size > max(MIN_RATIO_BYTES, MAX_COMPRESSION_RATIO * compressed):
        raise UnreadableFile(f"decompresses to more than {MAX_COMPRESSION_RATIO} times its size; save it as CSV")
    if any(part.filename == _STRINGS and part.file_size > _MAX_STRINGS_BYTES for part in parts):
        raise UnreadableFile(f"has more than {_MAX_STRINGS_BYTES >> 20} MiB of text; save it as CSV")
    stream.seek(0)


def _read_sheet(file: SourceFile, sheet: Any, others: list[str]) -> Iterator[Paper | SourceError]:
    """Yields the rows of a sheet; one that is no table of papers is added to ``others``."""
    sheet.reset_dimensions()  # programs often write wrong ones
    rows = ([_to_text(value) for value in row] for row in sheet.iter_rows(values_only=True))
    first = list(islice(rows, FIRST_ROWS + SAMPLE_ROWS))
    place, fields = find_header(first[:FIRST_ROWS])
    if not fields:
        columns = list_columns(next((row for row in first if any(row)), [])) or "none"
        others.append(f"the columns of the sheet {sheet.title!r} are {columns}")
        return
    header = first[place]
    file.record_line = place + 1
    table = Table(file, header, first[place + 1 :])
    for number, row in enumerate(chain(first[place + 1 :], rows), place + 2):
        if not any(row):
            continue
        file.record_line = number
        yield from read_record(file, number, partial(_parse_row, table, row, len(header)))


def _parse_row(table: Table, row: list[str], columns: int) -> Paper:
    check_record_size(sum(map(len, row)))
    return table.parse_row(row[:columns])


def _to_text(value: object) -> str:
    """A cell as text: a date in ISO form, a whole number without decimals."""
    from openpyxl.utils.escape import unescape

    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat().removesuffix("T00:00:00")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(unescape(value)) if isinstance(value, str) else str(value)
