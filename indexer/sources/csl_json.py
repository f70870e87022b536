"""CSL-JSON (https://docs.citationstyles.org/en/stable/specification.html, schema 1.0.2) as Zotero and Pandoc write it:
a list of items, a single item, or one item per line."""

from collections.abc import Iterator

from indexer.sources.file import SourceFile
from indexer.sources.json import iter_values, parse_extra, parse_json_object
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import (
    Draft,
    date_from_parts,
    parse_date,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

_CSL_NAMES = ("issued", "container-title", "family", "literal", "custom", "DOI")
_QUOTED_CSL_NAMES = tuple(f'"{name}"' for name in _CSL_NAMES)
_JsonObject = dict[str, Json]


def sniff(head: str) -> bool:
    """Whether the file is JSON with names of CSL."""
    start = head.lstrip()[:1]
    names = _QUOTED_CSL_NAMES if start == "[" else _QUOTED_CSL_NAMES[:2]
    return start in ("[", "{") and '"type"' in head and any(name in head for name in names)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the items in order; errors have the number of the line where the item starts."""
    for each in iter_values(file):
        if isinstance(each, SourceError):
            yield each
            continue
        number, text = each
        try:
            yield _parse_paper(parse_json_object(text), file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))


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
        updated=parse_date(custom.get("updated"), "updated"),
        categories=_text_list(custom.get("categories")),
        url=_text_field(fields, "URL"),
        version=parse_positive_int(fields.get("version")),
        retraction=_text_field(fields, "status"),
        extra={**select_non_empty(extra, extra), **parse_extra(custom.get("extra"))},
    ).to_paper()


def _extract_ids(fields: _JsonObject) -> list[str]:
    url, number = _text_field(fields, "URL"), _text_field(fields, "number")
    ids = [_text_field(fields, "DOI"), f"pmid:{_text_field(fields, 'PMID')}" if fields.get("PMID") else ""]
    ids += [url] if "arxiv.org/" in url else []
    return [*ids, number] if number.lower().startswith("arxiv:") else ids


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
    """The first of ``date-parts``, else the date in ``raw`` or ``literal``."""
    if not isinstance(issued, dict):
        return None
    dates = issued.get("date-parts")
    first = dates[0] if isinstance(dates, list) and dates else None
    parts = first if isinstance(first, list) else str(issued.get("raw") or issued.get("literal") or "").split("-")
    year = [f"{part:04}" if isinstance(part, int) else str(part or "") for part in parts[:1]]
    return date_from_parts(*year, *(str(part or "") for part in parts[1:3])) if year else None
