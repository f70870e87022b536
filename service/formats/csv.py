"""CSV (RFC 4180) with a line of names first. ``indexer.sources.csv`` reads it back.

Several values stand in one cell, parted by "; " or by a space where they hold none; other values that are no text are
JSON. A text that a spreadsheet would take for a formula gets an apostrophe before it, as it would in the spreadsheet
(OWASP, "CSV Injection"); every text is quoted, so that no other delimiter can cut it.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable

from search.papers.paper import Json, Paper
from search.query.page import Page
from service.formats import HIT_FIELDS, PAPER_FIELDS, RenderOptions
from service.formats.render import hit_json, paper_json

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_DEFAULT_COLUMNS = tuple(name for name in HIT_FIELDS if name not in ("sources", "legs", "highlights", "exact_match"))


def render_page(answer: Page, wanted: RenderOptions) -> bytes:
    """A row a hit."""
    return _serialize_rows(wanted.fields or _DEFAULT_COLUMNS, (hit_json(hit) for hit in answer.hits))


def render_paper(answer: Paper, wanted: RenderOptions) -> bytes:
    """One row."""
    return _serialize_rows(wanted.fields or PAPER_FIELDS[:-1], [paper_json(answer)])


def _serialize_rows(columns: tuple[str, ...], rows: Iterable[dict[str, Json]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_format_cell(name, row[name]) for name in columns])
    return text.getvalue().encode()


def _format_cell(name: str, value: Json) -> str | int | float:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else _CELL_FORMATTERS.get(name, _to_json)(value)
    return f"'{text}" if _FORMULA.match(text) else text


def _to_json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _join_names(value: Json) -> str:
    """Names parted by semicolons; as JSON where one holds a semicolon itself."""
    names = [str(name) for name in value] if isinstance(value, list) else []
    return _to_json(value) if any(";" in name for name in names) else "; ".join(names)


def _join_words(value: Json) -> str:
    return " ".join(str(word) for word in value) if isinstance(value, list) else ""


_CELL_FORMATTERS: dict[str, Callable[[Json], str]] = {
    "authors": _join_names,
    "ids": _join_words,
    "categories": _join_words,
}
