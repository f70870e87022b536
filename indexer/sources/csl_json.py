"""CSL-JSON (https://docs.citationstyles.org/en/stable/specification.html, schema 1.0.2) as Zotero and Pandoc write it:
a list of items, a single item, or one item per line."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import (
    Draft,
    date_from_parts,
    find_date,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

_CSL_NAMES = ("issued", "container-title", "DOI", "custom")
_ID_NAMES = {"pmid": "PMID", "pmc": "PMCID"}
_DATE_PARTS = ("year", "month", "day")
_JsonObject = dict[str, Json]


def sniff(head: str) -> bool:
    """Whether the file is JSON with items of CSL."""
    fields = record_fields(head, "references[]")
    return fields.get("type") == '"' and (
        any(name in fields for name in _CSL_NAMES) or (fields.get("title") == '"' and fields.get("author") == "[{")
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the items in order; errors have the number of the line where the item starts."""
    return read_records(file, partial(_parse_paper, source=file.source), "an item of CSL-JSON", "references")


def _parse_paper(fields: _JsonObject, source: str) -> Paper:
    """Parses one item; ``custom`` has the fields that our own export writes and CSL has no variable for."""
    value = fields.get("custom")
    custom: _JsonObject = value if isinstance(value, dict) else {}
    keywords: list[Json] = [word.strip() for word in _text_field(fields, "keyword").split(",") if word.strip()]
    extra: _JsonObject = {
        "journal": _text_field(fields, "container-title"),
        "keywords": keywords,
        "comment": _text_field(fields, "note"),
        "pages": _text_field(fields, "page"),
    }
    return Draft(
        source,
        ids=_text_list(custom.get("ids")) or _extract_ids(fields),
        title=_text_field(fields, "title"),
        abstract=_text_field(fields, "abstract"),
        authors=[_author_name(person) for person in _names_field(fields, "author")],
        authors_partial=custom.get("authors_partial") is True,
        published=_publication_date(fields.get("issued")),
        updated=find_date(custom.get("updated")),
        categories=_text_list(custom.get("categories")),
        url=_text_field(fields, "URL"),
        version=parse_positive_int(fields.get("version")),
        retraction=_text_field(fields, "status"),
        extra={**select_non_empty(extra, extra), **parse_extra(custom.get("extra"))},
    ).to_paper()


def _extract_ids(fields: _JsonObject) -> list[str]:
    number = _text_field(fields, "number")
    ids = [_text_field(fields, "DOI"), number if number.lower().startswith("arxiv:") else ""]
    return ids + [f"{scheme}:{text}" for scheme, name in _ID_NAMES.items() if (text := _text_field(fields, name))]


def _text_field(fields: _JsonObject, name: str) -> str:
    value = fields.get(name)
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value)
    raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a string")


def _names_field(fields: _JsonObject, name: str) -> list[_JsonObject]:
    value = fields.get(name) or []
    if not isinstance(value, list):
        raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a list of names")
    return [each if isinstance(each, dict) else {"literal": str(each)} for each in value]


def _text_list(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _author_name(person: _JsonObject) -> str:
    parts = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    named = " ".join(_text_field(person, part) for part in parts if person.get(part))
    return named or _text_field(person, "literal")


def _publication_date(issued: Json) -> Date | None:
    """The start of ``date-parts``, else the date in another part of the variable; Pandoc writes a list of objects."""
    if isinstance(issued, list):
        return next((date for each in issued if (date := _publication_date(each))), None)
    if not isinstance(issued, dict):
        return find_date(issued)
    parts = issued.get("date-parts")
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        parts = parts[0]
    numbers = [each for each in parts if isinstance(each, int | str)][:3] if isinstance(parts, list) else []
    found = date_from_parts(*numbers) if numbers else date_from_parts(*map(_scalar, map(issued.get, _DATE_PARTS)))
    others = [date for name in ("edtf", "raw", "literal") if (date := find_date(issued.get(name)))]
    return found or next(iter(others), None)


def _scalar(value: Json) -> str | int | float | None:
    return None if isinstance(value, dict | list) else value
