"""CSL-JSON (https://docs.citationstyles.org/en/stable/specification.html, schema 1.0.2) as Zotero and Pandoc write it:
a list of items, a single item, or one item per line."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.dates import date_from_list, date_from_parts, find_date
from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, parse_positive_int, select_non_empty
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

_CSL_NAMES = ("issued", "container-title", "DOI", "custom")
_ID_NAMES = {"pmid": "PMID", "pmc": "PMCID"}
_DATE_PARTS = ("year", "month", "day")
_NAME_PARTS = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")


def sniff(head: str) -> bool:
    """Whether the file is JSON with items of CSL."""
    fields = record_fields(head, "references[]")
    return fields.get("type") == '"' and (
        any(name in fields for name in _CSL_NAMES) or (fields.get("title") == '"' and fields.get("author") == "[{")
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the items in order; errors have the number of the line where the item starts."""
    return read_records(file, partial(_parse_paper, source=file.source), "references")


def _parse_paper(fields: JsonFields, source: str) -> Paper:
    """Parses one item; ``custom`` has the fields that our own export writes and CSL has no variable for."""
    custom = fields.object("custom")
    extra: dict[str, Json] = {
        "journal": fields.text("container-title"),
        "keywords": [word.strip() for text in fields.texts("keyword") for word in text.split(",") if word.strip()],
        "comment": fields.text("note"),
        "pages": fields.plain("page"),
        "volume": fields.plain("volume"),
        "issue": fields.plain("issue"),
        "publisher": "" if custom.values else fields.text("publisher"),  # our export writes "arXiv" for preprints
    }
    return Draft(
        source,
        ids=custom.texts("ids") or _extract_ids(fields),
        title=fields.text("title"),
        abstract=fields.text("abstract"),
        authors=fields.people("author", _author_name),
        authors_partial=custom.flag("authors_partial"),
        published=_publication_date(fields.values.get("issued")),
        updated=custom.date("updated"),
        categories=custom.texts("categories"),
        url=fields.text("URL"),
        version=parse_positive_int(fields.plain("version")),
        retraction=fields.text("status"),
        extra={**select_non_empty(extra, extra), **parse_extra(custom.values.get("extra"))},
        references=custom.texts("references"),
    ).to_paper()


def _extract_ids(fields: JsonFields) -> list[str]:
    number = fields.plain("number")
    ids = [fields.text("DOI"), number if number.lower().startswith("arxiv:") else ""]
    return ids + [f"{scheme}:{text}" for scheme, name in _ID_NAMES.items() if (text := fields.plain(name))]


def _author_name(person: JsonFields) -> str:
    return " ".join(text for part in _NAME_PARTS if (text := person.text(part))) or person.text("literal")


def _publication_date(issued: Json) -> Date | None:
    """The start of ``date-parts``, else the date in another part of the variable; Pandoc writes a list of objects."""
    if isinstance(issued, list):
        return next((date for each in issued if (date := _publication_date(each))), None)
    if not isinstance(issued, dict):
        return find_date(issued)
    parts = date_from_list(issued.get("date-parts"))
    found = parts or date_from_parts(*map(_scalar, map(issued.get, _DATE_PARTS)))
    others = [date for name in ("edtf", "raw", "literal") if (date := find_date(issued.get(name)))]
    return found or next(iter(others), None)


def _scalar(value: Json) -> str | int | float | None:
    return None if isinstance(value, dict | list | bool) else value
