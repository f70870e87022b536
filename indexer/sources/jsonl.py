"""JSON lines: one paper per line, as an object with the fields of ``Paper``; other plain fields go to ``extra``.

The objects may also be the values of a list, or have more than one line each.
Reads exported search results (NDJSON) as well, without the fields that describe the hit and not the paper.
"""

from collections.abc import Container, Iterator
from functools import partial

from indexer.sources.dates import find_date, read_date
from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import first_record_fields
from indexer.sources.record import Draft, parse_positive_int
from search.errors import SourceError
from search.papers.fields import HIT_ONLY_FIELDS, INDEX_FIELDS
from search.papers.json import Json
from search.papers.paper import JSON_FIELDS, Paper

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
    return read_records(file, partial(_read_paper, file))


def _read_paper(file: SourceFile, fields: JsonFields) -> Paper:
    for name in ("published", "updated"):
        read_date(file, name, fields.values.get(name))
    return _parse_fields(fields, file.source)


def parse_paper(fields: dict[str, Json], source: str) -> Paper:
    """Converts an object to a paper; a field with a value of the wrong type is left out.

    Raises:
        MalformedRecord: see ``Draft.to_paper``.
    """
    return _parse_fields(JsonFields(fields), source)


def _parse_fields(fields: JsonFields, source: str) -> Paper:
    ignored = ignored_fields(fields.values)
    unknown = {
        name: value
        for name, value in fields.values.items()
        if name not in KNOWN_FIELDS and name not in ignored and isinstance(value, str | int | float)
    }
    return Draft(
        source,
        ids=[fields.plain("id"), fields.text("doi"), *_split_texts(fields, "ids")],
        title=fields.text("title"),
        abstract=fields.text("abstract"),
        authors=fields.people("authors", lambda author: author.text("name")),
        authors_partial=fields.flag("authors_partial"),
        published=find_date(fields.values.get("published")),
        updated=find_date(fields.values.get("updated")),
        categories=_split_texts(fields, "categories"),
        url=fields.text("url"),
        version=_version_field(fields),
        retraction=fields.text("retraction"),
        extra={**unknown, **fields.object("extra").values, **_citations_field(fields)},
        references=_split_texts(fields, "references"),
    ).to_paper()


def _citations_field(fields: JsonFields) -> dict[str, Json]:
    value = fields.number("citations")
    return {"citations": value} if value is not None else {}


def _split_texts(fields: JsonFields, name: str) -> list[str]:
    """The texts of a list, or the words of a text."""
    value = fields.values.get(name)
    return value.split() if isinstance(value, str) else fields.texts(name)


def _version_field(fields: JsonFields) -> int | None:
    value = fields.plain("version")
    version = parse_positive_int(value)
    if value and not version:
        fields.warn("version: a value that is not a whole number from 1 was left out", value[:60])
    return version


def ignored_fields(names: Container[str]) -> tuple[str, ...]:
    """The fields that do not describe the paper, if these are the fields of an exported one."""
    if is_hit(names):
        return (*INDEX_FIELDS, *HIT_ONLY_FIELDS)
    return INDEX_FIELDS if "authors_partial" in names else ()


def is_hit(names: Container[str]) -> bool:
    """Whether these are the fields of a search hit; a ``score`` alone may be a field of another program."""
    return any(name in names for name in ("band", "legs", "highlights"))
