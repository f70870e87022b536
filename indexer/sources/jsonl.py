"""JSON lines: one paper per line, as an object with the fields of ``Paper``; other plain fields go to ``extra``.

The objects may also be the values of a list, or have more than one line each.
Reads exported search results (NDJSON) as well, without the fields that describe the hit and not the paper.
"""

import math
import re
from collections.abc import Container, Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.json import read_records
from indexer.sources.json_shape import first_record_fields
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, find_date, read_date
from search.errors import SourceError
from search.papers.fields import HIT_ONLY_FIELDS, INDEX_FIELDS
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import JSON_FIELDS, Paper

_AUTHOR_SEPARATOR = re.compile(r" ?; ?| and ")
KNOWN_FIELDS = frozenset(("doi", *(each.name for each in JSON_FIELDS))).difference(INDEX_FIELDS)
"""Fields that are read into attributes of ``Paper``; ``doi`` is one of its IDs."""


def sniff(head: str) -> bool:
    """Whether the first record has a title or an abstract, and no other field with an object or a list of them.

    A record of another program may have a title as well, but we would lose the rest of it.
    """
    fields = first_record_fields(head)
    others = (kind for name, kind in fields.items() if name not in KNOWN_FIELDS and name not in HIT_ONLY_FIELDS)
    return '"' in (fields.get("title"), fields.get("abstract")) and not any(kind in ("{", "[{") for kind in others)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields one record or one error per value."""
    return read_records(file, partial(_read_paper, file), "a paper")


def _read_paper(file: SourceFile, fields: dict[str, Json]) -> Paper:
    for name in ("published", "updated"):
        read_date(file, name, fields.get(name))
    return parse_paper(fields, file.source)


def parse_paper(fields: dict[str, Json], source: str) -> Paper:
    """Converts an object to a paper.

    Raises:
        MalformedRecord: a field has the wrong type; the message names the field, its value and the type expected.
    """
    extra = fields.get("extra") or {}
    if not isinstance(extra, dict):
        raise MalformedRecord(f"extra: {str(extra)[:60]!r} is not an object")
    known = KNOWN_FIELDS.union(ignored_fields(fields))
    unknown = {
        name: value for name, value in fields.items() if name not in known and isinstance(value, str | int | float)
    }
    return Draft(
        source,
        ids=[text for name in ("id", "doi") if (text := _text_field(fields, name))] + _text_list_field(fields, "ids"),
        title=_text_field(fields, "title"),
        abstract=_text_field(fields, "abstract"),
        authors=_text_list_field(fields, "authors"),
        authors_partial=_bool_field(fields, "authors_partial"),
        published=find_date(fields.get("published")),
        updated=find_date(fields.get("updated")),
        categories=_text_list_field(fields, "categories"),
        url=_text_field(fields, "url"),
        version=_version_field(fields),
        retraction=_text_field(fields, "retraction"),
        extra={**unknown, **extra},
    ).to_paper()


def ignored_fields(names: Container[str]) -> tuple[str, ...]:
    """The fields that do not describe the paper, if these are the fields of an exported one."""
    if is_hit(names):
        return (*INDEX_FIELDS, *HIT_ONLY_FIELDS)
    return INDEX_FIELDS if "authors_partial" in names else ()


def is_hit(names: Container[str]) -> bool:
    """Whether these are the fields of a search hit; a ``score`` alone may be a field of another program."""
    return any(name in names for name in ("band", "legs", "highlights"))


def _text_field(fields: dict[str, Json], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if name == "id" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a string")


def _text_list_field(fields: dict[str, Json], name: str) -> list[str]:
    value = fields.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [
            part
            for part in (value.split() if name != "authors" else _AUTHOR_SEPARATOR.split(normalize_whitespace(value)))
            if part
        ]
    texts = list(map(_name_of, value)) if isinstance(value, list) else [None]
    if all(isinstance(text, str) for text in texts):
        return [str(text) for text in texts]
    raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a list of strings")


def _name_of(value: Json) -> Json:
    """The name in an object such as ``{"name": "Jane Doe"}``, as which other programs write authors."""
    return value.get("name") if isinstance(value, dict) else value


def _bool_field(fields: dict[str, Json], name: str) -> bool:
    value = fields.get(name) or False
    if not isinstance(value, bool):
        raise MalformedRecord(f"{name}: {str(value)[:60]!r} is neither true nor false")
    return value


def _version_field(fields: dict[str, Json]) -> int | None:
    value = fields.get("version")
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return int(value) if value else None
    raise MalformedRecord(f"version: {str(value)[:60]!r} is not a whole number from 1")
