"""Tables of papers: rows of cells become papers by the meaning of the columns (``indexer.sources.columns``)."""

import itertools
import re
from collections.abc import Iterable, Sequence

from indexer.sources.author_cells import find_separator, split_authors, split_exported_authors
from indexer.sources.columns import count_fields, find_field
from indexer.sources.dates import date_from_parts, find_date, read_date
from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra
from indexer.sources.jsonl import ignored_fields
from indexer.sources.placeholders import is_placeholder
from indexer.sources.record import Draft, parse_positive_int
from search.papers import identifiers
from search.papers.character_references import decode_references
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import JSON_FIELDS, Paper

FIRST_ROWS = 10
"""Rows among which the header is; before it, programs write the search, its date or ``sep=;``."""
SAMPLE_ROWS = 100
"""Rows after the header by which the separator of the authors is found."""

_MAX_EXTRA_CHARACTERS = 1_000
"""Characters of a cell in a column that is no field of a paper; longer ones, such as lists of references, are left
out."""
_REFERENCE_SEPARATOR = r"[\s;|]+"
"""What separates the IDs of cited papers."""
_MAX_LISTED_COLUMNS = 12
"""Names of columns in a message."""
_FORMULA_GUARD = re.compile("(?:\\A|(?<=[;\t\r\n]))'(?=['\"]*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
"""An apostrophe that keeps a spreadsheet from evaluating what follows as a formula."""
_SCHEMES = frozenset(("doi", "pmid", "pmc", "arxiv", "corpusid", "s2", "acl"))
_S2_ID = re.compile(r"[0-9a-f]{40}")
"""What Semantic Scholar's tables have as ``paperId``."""
_PLAIN_FIELDS = ("journal", "volume", "issue", "publisher", "comment")
_KEYWORD_SEPARATORS = (";", "|", "\n", ",")
_REFERENCE = re.compile(
    r"""(?P<journal>.{1,300}?)\s\((?P<year>(?:1[4-9]|20)\d\d)\)
    (?:\s(?P<volume>[^\s:(]{1,20}))?(?::(?P<issue>[^(]{1,40}?)(?=\s?\(|\.?\s*$|\.\sDate))?(?:\s?\((?P<pages>[^()]{1,40})\))?""",
    re.VERBOSE | re.DOTALL,
)
"""A journal with the rest of the reference, as Embase writes it."""
_DATE_OF_REFERENCE = re.compile(r"Date of Publication: *(.{1,40})")
_PARENTHESES = re.compile(r"\([^()]*\)")


class Table:
    """The columns of a table, and what they say about its rows. Warnings have the line ``file.record_line``.

    Args:
        file: The file.
        header: The names of the columns.
        sample: Some rows.
    """

    def __init__(self, file: SourceFile, header: Sequence[str], sample: Iterable[Sequence[str]]) -> None:
        self._file = file
        names = [name.strip().lower() for name in header]
        ignored = ignored_fields(names)
        self._is_export = bool(ignored)
        self._names = ["" if name in ignored else name for name in names]
        self._fields = [find_field(name) if known else ("", 0) for name, known in zip(header, self._names, strict=True)]
        if ("volume", 0) in self._fields and not any(field == "issue" for field, _ in self._fields):
            self._fields = [
                ("issue", 0) if name == "number" else each for name, each in zip(self._names, self._fields, strict=True)
            ]  # as rispy writes it
        self._separator = find_separator(
            cell for row in sample for cell, (field, _) in zip(row, self._fields, strict=False) if field == "authors"
        )
        self._report_columns()

    def parse_row(self, row: Sequence[str]) -> Paper:
        """Converts a row to a paper.

        Raises:
            MalformedRecord: see ``Draft.to_paper``.
        """
        cells = [_FORMULA_GUARD.sub("", cell) for cell in row]
        if len(cells) > len(self._names):
            cells = self._align(cells)
        fields, extra = self._assign(cells)
        authors, is_partial = self._read_authors(fields)
        fields = _read_reference(fields)
        get = fields.get
        notes, ids = _read_notes(get("extra", ""))
        references = get("references", "")
        return Draft(
            self._file.source,
            ids=[*_read_ids(fields), *ids],
            title=get("title"),
            abstract=get("abstract"),
            authors=authors,
            authors_partial=is_partial or get("authors_partial", "").lower() in ("true", "1", "yes"),
            published=self._read_date(fields),
            updated=read_date(self._file, "updated", get("updated")),
            categories=re.split(r"[\s,;]+", get("categories", "")),
            url=get("url"),
            version=parse_positive_int(get("version", "")),
            retraction=get("retraction"),
            extra={**extra, **self._read_extra(fields), **notes},
            references=re.split(_REFERENCE_SEPARATOR, references) if _are_ids(references) else [],
        ).to_paper()

    def _assign(self, cells: Sequence[str]) -> tuple[dict[str, str], dict[str, Json]]:
        """The cells that are not blank by field, the preferred column of each, and the others by name."""
        fields: dict[str, str] = {}
        places: dict[str, int] = {}
        extra: dict[str, Json] = {}
        for name, (field, place), cell in zip(self._names, self._fields, cells, strict=False):
            cell = cell.strip()
            if not name or not cell or is_placeholder(cell):
                continue
            if not field:
                if len(cell) <= _MAX_EXTRA_CHARACTERS:
                    extra.setdefault(name, cell)
            elif place < places.get(field, place + 1):
                fields[field], places[field] = cell, place
        return fields, extra

    def _read_authors(self, fields: dict[str, str]) -> tuple[list[str], bool]:
        cell = fields.get("authors", "")
        return (split_exported_authors(cell), False) if self._is_export else split_authors(cell, self._separator)

    def _read_date(self, fields: dict[str, str]) -> Date | None:
        """The date of publication: the year, and the month and day if the date is in this year or has none."""
        date, year = fields.get("published"), find_date(fields.get("year"))
        found = find_date(date) or (date_from_parts(year.year, date) if year and date else year)
        if found and year and found.year != year.year:
            found = year  # the date is that of another event, such as the release on a site
        return found or read_date(self._file, "published", date or fields.get("year"))

    def _read_extra(self, fields: dict[str, str]) -> dict[str, Json]:
        extra: dict[str, Json] = {name: fields[name] for name in _PLAIN_FIELDS if name in fields}
        if editors := fields.get("editors"):
            extra["editors"] = list[Json](split_authors(editors, find_separator([editors]))[0])
        if keywords := fields.get("keywords"):
            extra["keywords"] = _split_keywords(keywords)
        page_range = "-".join(fields[name] for name in ("first_page", "last_page") if name in fields)
        if pages := fields.get("pages") or page_range or fields.get("article_number"):
            extra["pages"] = pages
        if citations := fields.get("citations"):
            extra["citations"] = citations
        references = fields.get("references", "")
        if not _are_ids(references) and len(references) <= _MAX_EXTRA_CHARACTERS:
            extra["references"] = references
        return extra

    def _align(self, cells: list[str]) -> list[str]:
        """Removes the surplus cells of a row, wherever they can be; cells of which the column is uncertain are empty.

        The place of the surplus cells is found by the columns whose values have a form. The title, the authors and the
        abstract stand before it, unless such a column contradicts.
        """
        while len(cells) > len(self._names) and not cells[-1].strip():
            cells.pop()
        surplus = len(cells) - len(self._names)
        if not surplus:
            return cells
        before, after = self._rate_forms(cells), self._rate_forms(cells[surplus:])
        scores = [sum(after)]
        for left, right in zip(before, after, strict=True):
            scores.append(scores[-1] + left - right)
        best_score = max(scores)
        best = [place for place, score in enumerate(scores) if score == best_score]
        self._file.warn(
            self._file.record_line,
            "the row has more cells than the header, so cells whose column is uncertain were left out; quote cells "
            "that contain the separator",
            f"{len(cells)} cells, {len(self._names)} columns",
        )
        aligned = [*cells[: best[-1]], *cells[best[-1] + surplus :]]
        certain = ("title", "abstract", "authors")
        return [
            "" if best[0] <= place < best[-1] and self._fields[place][0] not in certain else cell
            for place, cell in enumerate(aligned)
        ]

    def _rate_forms(self, cells: Sequence[str]) -> list[int]:
        """For each column 1 if its cell has the form of the field, -1 if it has another, and 0 if it does not tell."""
        forms = [_has_form(field, cell) for (field, _), cell in zip(self._fields, cells, strict=False)]
        return [0 if form is None else 1 if form else -1 for form in forms]

    def _report_columns(self) -> None:
        others = [name for name, (field, _) in zip(self._names, self._fields, strict=True) if name and not field]
        others = [name for name in others if name not in _JSON_NAMES]
        if others:
            self._file.warn(
                self._file.record_line,
                "columns that are no field of a paper were kept as extra fields, without cells of more than "
                f"{_MAX_EXTRA_CHARACTERS:,} characters",
                list_columns(others),
            )
        if not any(field == "title" for field, _ in self._fields):
            self._file.warn(self._file.record_line, "no column has titles", "columns: " + list_columns(self._names))


_JSON_NAMES = frozenset(each.name for each in JSON_FIELDS)


def list_columns(names: Sequence[str]) -> str:
    """The first names, and the number of the others, for a message."""
    shown = [name for name in names if name.strip()]
    more = len(shown) - _MAX_LISTED_COLUMNS
    return ", ".join(shown[:_MAX_LISTED_COLUMNS]) + (f" and {more} more" if more > 0 else "")


def find_header(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """The place of the header among the first rows, and the number of its columns that are fields of a paper, 0 if no
    row is a header.
    """
    counts = [count_fields(row, is_first=place == 0) for place, row in enumerate(rows)]
    return (counts.index(max(counts)), max(counts)) if counts else (0, 0)


def _has_form(field: str, cell: str) -> bool | None:
    """Whether a cell has the form of its field; None if the field has none, or the cell is empty."""
    cell = cell.strip()
    if not cell:
        return None
    if field in ("year", "published"):
        return len(cell) < 30 and find_date(cell) is not None
    if field in _SCHEMES or field == "url":
        found = identifiers.parse(cell) or identifiers.parse(f"{field}:{cell}")
        return bool(found) or cell.lower().startswith(("http", "www."))
    if field in ("citations", "version"):
        return cell.isdigit()
    return None


def _read_ids(fields: dict[str, str]) -> list[str]:
    get = fields.get
    own = get("id", "")
    ids = [f"s2:{own}" if _S2_ID.fullmatch(own) else own, *get("ids", "").split()]
    for scheme in _SCHEMES & fields.keys():
        cell = fields[scheme]
        texts = [f"{scheme}:{text.removesuffix('.0')}" for text in re.split(r"[\s;|]+", cell)]
        ids += [text for text in texts if identifiers.parse(text)] or [cell]
    return ids


def _are_ids(references: str) -> bool:
    """Whether a cell has the IDs of the cited papers, and not their titles, or the numbers of another program."""
    return all(map(identifiers.parse, re.split(_REFERENCE_SEPARATOR, references)))


def _read_notes(cell: str) -> tuple[dict[str, Json], list[str]]:
    """The fields in the JSON of our own export; of other texts, such as Zotero's, the text and the IDs in its lines."""
    if fields := parse_extra(cell):
        return fields, []
    ids = [line for line in re.split(r"[\r\n]+", cell) if identifiers.parse(line)]
    return {"note": cell} if cell and cell != "{}" else {}, ids


def _read_reference(fields: dict[str, str]) -> dict[str, str]:
    """The fields with the parts of the reference that a table without years has in place of the journal."""
    if "published" in fields or "year" in fields:
        return fields
    journal = fields.get("journal", "")
    found, date = _REFERENCE.match(journal), _DATE_OF_REFERENCE.search(journal)
    parts = found.groupdict() | {"published": date[1] if date else ""} if found else {}
    return fields | {name: text.strip() for name, text in parts.items() if text}


def _split_keywords(cell: str) -> list[Json]:
    """Splits keywords; separators in parentheses, as in ``cyst (diagnosis, surgery)``, are part of a keyword."""
    text = decode_references(cell).strip("[]")
    plain = _PARENTHESES.sub(lambda match: " " * len(match[0]), text)
    separator = next((each for each in _KEYWORD_SEPARATORS if each in plain), ";")
    places = [-1, *(match.start() for match in re.finditer(re.escape(separator), plain)), len(text)]
    parts = [text[start + 1 : end] for start, end in itertools.pairwise(places)]
    return [word for part in parts if (word := part.strip().strip("'\""))]
