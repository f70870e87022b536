"""CSV (RFC 4180) with a header line. ``indexer.sources.csv`` reads it back.

A cell joins several values with "; ", or with spaces if the values contain none; objects are JSON. A text that a
spreadsheet would evaluate as a formula gets an apostrophe in front, the spreadsheets' own notation for text (OWASP,
"CSV Injection"). Every text is quoted. A spreadsheet that expects semicolons or tabs splits the row there all the same,
so a formula after one of these gets an apostrophe too.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable

from search.papers.json import Json, replace_surrogates
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import PAPER_FIELDS, RenderOptions

_FORMULA_START = re.compile("(?:\\A|(?<=[;\t\r\n]))(?=['\"]*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
"""The start of a formula at the start of a cell, or after what another program takes for a delimiter."""
_PAPER_COLUMNS = tuple(name for name in PAPER_FIELDS if name != "sources")
_HIT_COLUMNS = (*_PAPER_COLUMNS, "score", "band")
"""The default columns: those that describe the hits without nested objects."""


def render_page(page: Page, options: RenderOptions) -> bytes:
    """One row per hit."""
    return serialize_rows(options.fields or _HIT_COLUMNS, (hit.to_json() for hit in page.hits))


def render_paper(paper: Paper, options: RenderOptions) -> bytes:
    """One row."""
    return serialize_rows(options.fields or _PAPER_COLUMNS, [paper.to_dict()])


def serialize_rows(columns: tuple[str, ...], rows: Iterable[dict[str, Json]]) -> bytes:
    """Returns a header line and one line per row."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_format_cell(name, row[name]) for name in columns])
    return replace_surrogates(text.getvalue()).encode()


def _format_cell(name: str, value: Json) -> str | int | float:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else _CELL_FORMATTERS.get(name, _to_json)(value)
    return _FORMULA_START.sub("'", text)


def _to_json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _join_names(value: Json) -> str:
    """Names joined with semicolons, or a JSON list if a name contains one."""
    names = [str(name) for name in value] if isinstance(value, list) else []
    return _to_json(value) if any(";" in name for name in names) else "; ".join(names)


def _join_words(value: Json) -> str:
    return " ".join(str(word) for word in value) if isinstance(value, list) else ""


_CELL_FORMATTERS: dict[str, Callable[[Json], str]] = {
    "authors": _join_names,
    "ids": _join_words,
    "categories": _join_words,
    "references": _join_words,
}
