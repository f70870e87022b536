"""CSL-JSON (https://docs.citationstyles.org/en/stable/specification.html, schema 1.0.2), as Zotero and Pandoc have it:
a list of items, one item, or an item a line."""

import json
from collections.abc import Iterator

from indexer.sources.file import SourceFile
from indexer.sources.jsonl import json_object
from indexer.sources.record import Draft, Malformed, date, date_of, extra_of, rest_of, whole
from search.errors import SourceError
from search.papers.paper import Date, Json, Paper

_NAMES = ("issued", "container-title", "family", "literal", "custom", "DOI")
_MARKS = tuple(f'"{name}"' for name in _NAMES)
_Object = dict[str, Json]


def sniff(head: str) -> bool:
    """Whether a file is JSON with the names of CSL."""
    start = head.lstrip()[:1]
    marks = _MARKS if start == "[" else _MARKS[:2]
    return start in ("[", "{") and '"type"' in head and any(mark in head for mark in marks)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The items in order, each named by the line it starts on."""
    try:
        for number, text in _items(file.text()):
            try:
                yield _paper(json_object(text), file.source)
            except Malformed as error:
                yield SourceError(file.path, number, str(error))
    except _Unreadable as error:
        yield SourceError(file.path, error.line, f"not JSON: {error}")


class _Unreadable(ValueError):
    """The JSON breaks on a line; what came before was given."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Each value of the list, or of the file, as it is written, with the number of its first line.

    Raises:
        _Unreadable: one of them is none; those after it cannot be told apart.
    """
    decoder, place, line, end = json.JSONDecoder(), 0, 1, 0
    listed = text.lstrip().startswith("[")
    while True:
        place = _after(text, end, "[," if listed else "")
        line += text.count("\n", end, place)
        if place == len(text) or (listed and text[place] == "]"):
            return
        try:
            _, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise _Unreadable(line, str(error) if isinstance(error, ValueError) else "nested too deep") from None
        yield line, text[place:end]
        line += text.count("\n", place, end)


def _after(text: str, place: int, signs: str) -> int:
    """Where the next value starts: past white space and what parts values."""
    while place < len(text) and (text[place].isspace() or text[place] in signs):
        place += 1
    return place


def _paper(fields: _Object, source: str) -> Paper:
    custom = fields.get("custom")
    ours: _Object = custom if isinstance(custom, dict) else {}
    keywords: list[Json] = [word.strip() for word in _text(fields, "keyword").split(",") if word.strip()]
    told: _Object = {
        "journal": _text(fields, "container-title"),
        "keywords": keywords,
        "comment": _text(fields, "note"),
        "pages": _text(fields, "page"),
    }
    return Draft(
        source,
        ids=_texts(ours.get("ids")) or _ids(fields),
        title=_text(fields, "title"),
        abstract=_text(fields, "abstract"),
        authors=[_name(person) for person in _list(fields, "author")],
        authors_partial=ours.get("authors_partial") is True,
        published=_date(fields.get("issued")),
        updated=date(ours.get("updated"), "updated"),
        categories=_texts(ours.get("categories")),
        url=_text(fields, "URL"),
        version=whole(fields.get("version")),
        extra={**extra_of(told, told), **rest_of(ours.get("extra"))},
    ).paper()


def _ids(fields: _Object) -> list[str]:
    url, number = _text(fields, "URL"), _text(fields, "number")
    found = [_text(fields, "DOI"), f"pmid:{_text(fields, 'PMID')}" if fields.get("PMID") else ""]
    found += [url] if "arxiv.org/" in url else []
    return [*found, number] if number.lower().startswith("arxiv:") else found


def _text(fields: _Object, name: str) -> str:
    value = fields.get(name)
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value)
    raise Malformed(f"{name}: {str(value)[:60]!r} is not a text")


def _list(fields: _Object, name: str) -> list[_Object]:
    value = fields.get(name) or []
    if not isinstance(value, list):
        raise Malformed(f"{name}: {str(value)[:60]!r} is not a list of names")
    return [each if isinstance(each, dict) else {"literal": str(each)} for each in value]


def _texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _name(person: _Object) -> str:
    parts = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    named = " ".join(_text(person, part) for part in parts if person.get(part))
    return named or _text(person, "literal")


def _date(issued: Json) -> Date | None:
    """The first of ``date-parts``, else what is written out."""
    if not isinstance(issued, dict):
        return None
    listed = issued.get("date-parts")
    first = listed[0] if isinstance(listed, list) and listed else None
    parts = first if isinstance(first, list) else str(issued.get("raw") or issued.get("literal") or "").split("-")
    written = [f"{part:04}" if isinstance(part, int) else str(part or "") for part in parts[:1]]
    return date_of(*written, *(str(part or "") for part in parts[1:3])) if written else None
