"""JSON of plain fields with other names than ours, such as a table that a program has saved as JSON: each object is a
row, and its fields are understood by the meaning of their names (``indexer.sources.columns``)."""

from collections.abc import Iterator

import orjson

from indexer.sources.columns import count_fields, find_field
from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import first_record_fields
from indexer.sources.jsonl import KNOWN_FIELDS
from indexer.sources.table import Table
from search.errors import SourceError
from search.papers.paper import Paper

_MEANINGS = {"title": "title", "abstract": "abstract", "authors": "authors", "published": "published",
             "year": "published"}  # fmt: skip
"""Fields of a paper by the meaning of a name; without them, a paper would be thin."""
_MAX_TABLES = 1_000
"""Sets of names that are remembered; the records of a file have few."""


def sniff(head: str) -> bool:
    """Whether the first record has plain fields only, of which some mean fields of a paper under other names."""
    fields = first_record_fields(head)
    missing = {_MEANINGS.get(find_field(name)[0]) for name in fields if name not in KNOWN_FIELDS} - {None, *fields}
    is_plain = not any(kind in ("{", "[{") for kind in fields.values())
    return is_plain and bool(missing) and count_fields(list(fields), is_first=True) > 0


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields one record or one error per object."""
    tables: dict[tuple[str, ...], Table] = {}

    def parse(fields: JsonFields) -> Paper:
        names = tuple(fields.values)
        row = [_to_cell(fields, name) for name in names]
        if names not in tables:
            if len(tables) >= _MAX_TABLES:
                tables.clear()
            tables[names] = Table(file, names, [row])
        return tables[names].parse_row(row)

    return read_records(file, parse)


def _to_cell(fields: JsonFields, name: str) -> str:
    """The text of a field as a cell; an object or a list of them is none, unless it has the names of people."""
    value = fields.values[name]
    if find_field(name)[0] == "authors" and not isinstance(value, str):
        return orjson.dumps(fields.people(name, lambda person: person.text("name"))).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return "; ".join(fields.texts(name))
