"""CSL-JSON (https://docs.citationstyles.org/en/stable/specification.html, schema 1.0.2), as Zotero and Pandoc have it:
a list of items, one item, or an item a line."""

import json
from collections.abc import Iterator

from indexer.sources.file import SourceFile
from indexer.sources.jsonl import parse_json_object
from indexer.sources.record import (
    Draft,
    MalformedRecord,
    date_from_parts,
    parse_date,
    parse_extra,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.paper import Date, Json, Paper

_CSL_NAMES = ("issued", "container-title", "family", "literal", "custom", "DOI")
_QUOTED_CSL_NAMES = tuple(f'"{name}"' for name in _CSL_NAMES)
_JsonObject = dict[str, Json]


def sniff(head: str) -> bool:
    """Whether a file is JSON with the names of CSL."""
    start = head.lstrip()[:1]
    marks = _QUOTED_CSL_NAMES if start == "[" else _QUOTED_CSL_NAMES[:2]
    return start in ("[", "{") and '"type"' in head and any(mark in head for mark in marks)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The items in order, each named by the line it starts on."""
    try:
        for number, text in _split_items(file.text()):
            try:
                yield _parse_paper(parse_json_object(text), file.source)
            except MalformedRecord as error:
                yield SourceError(file.path, number, str(error))
    except _MalformedJson as error:
        yield SourceError(file.path, error.line, f"not JSON: {error}")


class _MalformedJson(ValueError):
    """The JSON breaks on a line; what came before was given."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _split_items(text: str) -> Iterator[tuple[int, str]]:
    """Each value of the list, or of the file, as it is written, with the number of its first line.

    Raises:
        _Unreadable: one of them is none; those after it cannot be told apart.
    """
    decoder, place, line, end = json.JSONDecoder(), 0, 1, 0
    listed = text.lstrip().startswith("[")
    while True:
        place = _skip_separators(text, end, "[," if listed else "")
        line += text.count("\n", end, place)
        if place == len(text) or (listed and text[place] == "]"):
            return
        try:
            _, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise _MalformedJson(line, str(error) if isinstance(error, ValueError) else "nested too deep") from None
        yield line, text[place:end]
        line += text.count("\n", place, end)


def _skip_separators(text: str, place: int, separators: str) -> int:
    """Where the next value starts: past white space and what parts values."""
    while place < len(text) and (text[place].isspace() or text[place] in separators):
        place += 1
    return place


def _parse_paper(fields: _JsonObject, source: str) -> Paper:
    custom = fields.get("custom")
    ours: _JsonObject = custom if isinstance(custom, dict) else {}
    keywords: list[Json] = [word.strip() for word in _text_field(fields, "keyword").split(",") if word.strip()]
    told: _JsonObject = {
        "journal": _text_field(fields, "container-title"),
        "keywords": keywords,
        "comment": _text_field(fields, "note"),
        "pages": _text_field(fields, "page"),
    }
    return Draft(
        source,
        ids=_text_list(ours.get("ids")) or _extract_ids(fields),
        title=_text_field(fields, "title"),
        abstract=_text_field(fields, "abstract"),
        authors=[_author_name(person) for person in _names_field(fields, "author")],
        authors_partial=ours.get("authors_partial") is True,
        published=_publication_date(fields.get("issued")),
        updated=parse_date(ours.get("updated"), "updated"),
        categories=_text_list(ours.get("categories")),
        url=_text_field(fields, "URL"),
        version=parse_positive_int(fields.get("version")),
        extra={**select_non_empty(told, told), **parse_extra(ours.get("extra"))},
    ).to_paper()


def _extract_ids(fields: _JsonObject) -> list[str]:
    url, number = _text_field(fields, "URL"), _text_field(fields, "number")
    found = [_text_field(fields, "DOI"), f"pmid:{_text_field(fields, 'PMID')}" if fields.get("PMID") else ""]
    found += [url] if "arxiv.org/" in url else []
    return [*found, number] if number.lower().startswith("arxiv:") else found


def _text_field(fields: _JsonObject, name: str) -> str:
    value = fields.get(name)
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value)
    raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a text")


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
    """The first of ``date-parts``, else what is written out."""
    if not isinstance(issued, dict):
        return None
    listed = issued.get("date-parts")
    first = listed[0] if isinstance(listed, list) and listed else None
    parts = first if isinstance(first, list) else str(issued.get("raw") or issued.get("literal") or "").split("-")
    written = [f"{part:04}" if isinstance(part, int) else str(part or "") for part in parts[:1]]
    return date_from_parts(*written, *(str(part or "") for part in parts[1:3])) if written else None
