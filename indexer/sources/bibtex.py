"""BibTeX and biblatex; LaTeX in fields is converted to plain text.

The syntax is in ``bibtex_syntax``, macros and parents in ``bibtex_definitions``, ``crossref`` and ``xdata`` in
``bibtex_inheritance``, names in ``bibtex_names``, identifiers in ``bibtex_ids``.
"""

import re
from collections.abc import Iterator
from functools import partial

from indexer.sources.bibtex_definitions import Definitions
from indexer.sources.bibtex_ids import find_ids, find_url
from indexer.sources.bibtex_inheritance import resolve_fields
from indexer.sources.bibtex_names import parse_collaboration, parse_names
from indexer.sources.bibtex_syntax import Entry, Macro, Malformed, has_block, parse_blocks, read_texts
from indexer.sources.dates import date_from_parts, find_date
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.json import parse_extra
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import Draft, add_subtitle, parse_positive_int, select_non_empty
from search.errors import SourceError
from search.papers.character_references import decode_references
from search.papers.date import Date
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.latex import latex_to_text
from search.papers.paper import Paper

_NO_PAPERS = ("xdata", "set", "control", "bibnote", "ieeetranbstctl")
"""Entries that are for other entries or for a style."""
_WHOLE_BOOKS = ("book", "collection", "proceedings", "reference", "periodical")
"""Entries whose ``booktitle`` is what their parts inherit, and not a book that they are in."""
_JSON_FIELDS = ("extra",)
"""Fields of our own exports whose value is JSON."""
_DAYS = re.compile(r"\D*\d{1,2}\s*[-–]\s*\d{1,2}\b")
"""The days of a conference, as in ``22-24 May, 2003``: no certain day of publication."""
_TEXT_EXTRA = ("comment", "pages", "volume")


def sniff(head: str) -> bool:
    """Whether a line starts an entry or defines a macro."""
    return has_block(head)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the entries in order; an entry that is not closed ends where the next one starts."""
    definitions = Definitions(file)
    for number, text in read_texts(file):
        try:
            check_record_size(len(text))
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        else:
            yield from _read_blocks(text, number, definitions, file)


def _read_blocks(text: str, number: int, definitions: Definitions, file: SourceFile) -> Iterator[Paper | SourceError]:
    for block in parse_blocks(text, number):
        if isinstance(block, Malformed):
            yield SourceError(file.path, block.line, f"not a BibTeX entry: {block.reason}")
        elif isinstance(block, Macro):
            try:
                definitions.add(block)
            except MalformedRecord as error:
                yield SourceError(file.path, block.line, str(error))
        elif block.type not in _NO_PAPERS:
            for problem, example in block.faults:
                file.warn(block.line, problem, example)
            yield from read_record(file, block.line, partial(_parse_entry, block, definitions, file.source))


def _parse_entry(entry: Entry, definitions: Definitions, source: str) -> Paper:
    try:
        fields = resolve_fields(entry, definitions)
        fields = {name: text if name in _JSON_FIELDS else decode_references(text) for name, text in fields.items()}
        return _parse_paper(entry.type, fields, source)
    except MalformedRecord as error:
        raise MalformedRecord(f"{entry.key}: {error}" if entry.key else str(error)) from None


def _parse_paper(type_: str, fields: dict[str, str], source: str) -> Paper:
    def text(*names: str) -> str:
        """The text of the first of these fields that has one."""
        texts = (normalize_whitespace(latex_to_text(fields[name])) for name in names if name in fields)
        return next(filter(None, texts), "")

    title, abstract = add_subtitle(text("title"), text("subtitle")), text("abstract")
    book = add_subtitle(text("booktitle", "maintitle"), text("booksubtitle"))
    journal = add_subtitle(text("journal", "journaltitle"), text("journalsubtitle"))
    if not title and not abstract:  # a part of a book, of which BibTeX only has the chapter
        title, book = book, ""
    authors, is_partial = parse_names(fields.get("author", ""))
    authors += [name for name in parse_collaboration(fields.get("collaboration", "")) if name not in authors]
    extra: dict[str, Json] = {
        "journal": journal or ("" if type_ in _WHOLE_BOOKS else book),
        "keywords": [word.strip() for word in re.split("[,;]", text("keywords")) if word.strip(" /")],
        "editors": [] if authors else list[Json](map(normalize_whitespace, parse_names(fields.get("editor", ""))[0])),
        "issue": text("number", "issue") if journal else "",
        "publisher": text("publisher"),
        **{name: text(name) for name in _TEXT_EXTRA},
    }
    return Draft(
        source,
        ids=text("paperids").split() or find_ids(fields),
        title=title,
        abstract=abstract,
        authors=authors,
        authors_partial=is_partial,
        published=_publication_date(*(text(name) for name in ("date", "year", "month", "day"))),
        updated=date_from_parts(*text("updated").split("-")[:3]),
        categories=text("categories", "primaryclass", "eprintclass").split(),
        url=find_url(fields),
        version=parse_positive_int(text("version")),
        retraction=text("pubstate"),
        extra={**select_non_empty(extra, extra), **parse_extra(text("extra"))},
    ).to_paper()


def _publication_date(date: str, year: str, month: str, day: str) -> Date | None:
    """The date that ``date`` or ``year``, ``month`` and ``day`` state; the more precise one if they agree."""
    found, parts = find_date(date), date_from_parts(year, month, day)
    if found and _DAYS.match(date):
        found = Date(found.year, found.month)
    if found and parts and found.year == parts.year:
        return max(found, parts, key=lambda each: each.precision)
    return found or parts
