"""RIS (https://en.wikipedia.org/wiki/RIS_(file_format), with the tags of Reference Manager, EndNote and Zotero).

The lines are split here: rispy keeps one value of a repeated tag, no value of tags such as BT and ED, and requires both
spaces before the hyphen.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

from indexer.sources.dates import date_from_parts, find_date, read_date
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.json import parse_extra
from indexer.sources.limits import check_record_size
from indexer.sources.placeholders import is_placeholder
from indexer.sources.record import Draft, parse_positive_int, select_non_empty
from search.errors import SourceError
from search.papers import identifiers
from search.papers.character_references import decode_references
from search.papers.date import Date
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_RECORD_START = re.compile(r"\s{0,3}TY(?P<space> {1,2})- ?")
_OWN_NOTE = re.compile(r"(ids|authors|updated|categories|version|retraction|comment|extra): (.*)", re.DOTALL)
_URL_SEPARATOR = re.compile(r";\s*(?=[a-z][a-z0-9+.-]*://|www\.|10\.\d{4,9}/)", re.IGNORECASE)
"""A semicolon before another URL; URLs contain semicolons as well."""
_TITLES = ("TI", "T1", "CT", "BT", "TT")
_AUTHORS = ("AU", "A1")
"""Tags of authors. Some programs write the first ones as A1 and the others as AU, some write each author twice."""
_JOURNALS = ("T2", "JO", "JF", "JA", "J1", "J2", "BT", "C3", "T3")
_LINKS = ("UR", "LK", "L1", "L2", "L4")
_TAGS_WITH_IDS = ("M3", "AN", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "N1", "ID")
"""Tags that programs put IDs into, among other texts."""
_PUBMED = re.compile(r"pubmed|medline", re.IGNORECASE)
_Fields = dict[str, list[str]]


def sniff(head: str) -> bool:
    """Whether a line starts a record."""
    return bool(re.search(rf"^{_RECORD_START.pattern}", head, re.MULTILINE))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; one without an ``ER`` line ends where the next one starts."""
    for number, lines in file.records(_RECORD_START.match):
        if not _RECORD_START.match(lines[0]):
            continue  # what precedes the first record
        yield from read_record(file, number, partial(_parse_record, lines, file))


def _parse_record(lines: list[str], file: SourceFile) -> Paper:
    check_record_size(sum(map(len, lines)))
    return _parse_paper(_parse_fields(lines), file)


def _parse_fields(lines: Sequence[str]) -> _Fields:
    """The values by tag; a line without a tag continues the one before. All tags are written like the first one."""
    start = _RECORD_START.match(lines[0])
    space = " {1,2}" if start and start["space"] == " " else "  "
    tag_line = re.compile(rf"\s{{0,3}}(?P<tag>[A-Z][A-Z0-9]){space}-(?: |$)(?P<value>.*)")
    values = defaultdict[str, list[list[str]]](list)
    last: list[str] | None = None
    for line in lines:
        text = line.rstrip("\n")
        if match := tag_line.fullmatch(text):
            if match["tag"] == "ER":
                break
            last = [match["value"].strip()]
            values[match["tag"]].append(last)
        elif last is not None and text.strip():
            last.append(text.strip())
    joined = {tag: [" ".join(filter(None, parts)) for parts in found] for tag, found in values.items()}
    return {tag: [each for each in found if each and not is_placeholder(each)] for tag, found in joined.items()}


def _parse_paper(fields: _Fields, file: SourceFile) -> Paper:
    def first(*tags: str) -> str:
        return next((value for tag in tags for value in fields.get(tag, ())), "")

    notes = _own_notes(fields.get("N1", ()))
    is_export = "ids" in notes
    links = [
        link for tag in _LINKS for value in fields.get(tag, ()) for link in map(str.strip, _URL_SEPARATOR.split(value))
    ]
    extra: dict[str, Json] = {
        "journal": first(*_JOURNALS),
        "keywords": [word for value in fields.get("KW", ()) for word in ([value] if is_export else _split(value))],
        "comment": notes.get("comment"),
        "pages": "-".join(value for tag in ("SP", "EP") if (value := first(tag))),
        "volume": first("VL"),
        "issue": first("IS"),
        "publisher": first("PB"),
        "editors": [put_given_name_first(name) for name in fields.get("ED", ())],
    }
    return Draft(
        file.source,
        ids=notes["ids"].split() if is_export else [*fields.get("DO", ()), *_other_ids(fields)],
        title=first(*_TITLES),
        abstract=" ".join(fields.get("AB") or fields.get("N2", [])),
        authors=_parse_authors(fields, is_export),
        published=_publication_date(fields, file),
        authors_partial=notes.get("authors") == "et al.",
        updated=find_date(notes.get("updated")),
        categories=notes.get("categories", "").split(),
        url=next(iter(links), None),
        links=links[1:],
        version=parse_positive_int(notes.get("version")),
        retraction=notes.get("retraction"),
        extra={**select_non_empty(extra, extra), **parse_extra(notes.get("extra"))},
    ).to_paper()


def _parse_authors(fields: _Fields, is_export: bool) -> list[str]:
    """The names in all tags of authors, in the order of the tags; a name in both of them is one author."""
    authors = list[str]()
    for tag, values in fields.items():
        if tag in _AUTHORS:
            known = set(authors)
            names = [name for value in values for name in ([value] if is_export else _split(value))]
            authors += [name for name in map(put_given_name_first, names) if name not in known]
    return authors


def _split(value: str) -> list[str]:
    """The parts of a value with semicolons between them, some of which may belong to character references."""
    return [text for part in decode_references(value).split(";") if (text := part.strip())]


def _own_notes(notes: Sequence[str]) -> dict[str, str]:
    """The notes that our own export writes for fields without a RIS tag, by field."""
    return {match[1]: match[2] for note in notes if (match := _OWN_NOTE.fullmatch(note))}


def _other_ids(fields: _Fields) -> list[str]:
    """The IDs in tags that are not for IDs alone; a number is a PMID if the record is from PubMed."""
    values = [value for tag in _TAGS_WITH_IDS for value in fields.get(tag, ())]
    if any(_PUBMED.search(value) for tag in ("DB", "DP") for value in fields.get(tag, ())):
        values += [f"pmid:{value}" for value in fields.get("AN", ()) if value.isdigit()]
    return [value for value in values if identifiers.parse(value)]


def _publication_date(fields: _Fields, file: SourceFile) -> Date | None:
    """The date, else the year, completed by a date that lacks the year."""
    dates, years = fields.get("DA", []), [*fields.get("PY", ()), *fields.get("Y1", ())]
    for text in (*dates, *years):
        if found := find_date(text):
            break
    else:
        return read_date(file, "published", next(iter([*dates, *years]), ""))
    if found.month:
        return found
    rests = [text.replace("/", " ").strip() for text in dates if not find_date(text)]
    fuller = [date_from_parts(found.year, rest) for rest in rests] + [find_date(year) for year in years]
    return next((date for date in fuller if date and date.month and date.year == found.year), found)
