"""Tables of a collection: what its importer knows besides papers, such as removed papers and the log of imports.

They are those of the database of an index in a folder. A publication writes them under names of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from indexer.moving.paper import Table, Value
from search.errors import IndexUnavailable
from search.milvus.data import DataStore

_TABLE_ROWS = 20_000
"""Rows of a table that are one datum, about 1 MB."""


class CollectionTables:
    """The tables of one publication.

    Args:
        data: The data of the collection.
        extra: ``CollectionManifest.extra``.
    """

    def __init__(self, data: DataStore, extra: Mapping[str, Any]) -> None:
        self._data = data
        self._decisions = extra.get("decisions", ())
        self._version, self._parts = extra.get("tables_version", 0), dict[str, int](extra.get("tables", {}))

    def read(self) -> Iterator[Table]:
        """Yields the tables, each to be read before the next one."""
        decisions: list[Sequence[Value]] = [(number, *map(str, row)) for number, row in enumerate(self._decisions, 1)]
        yield Table("decisions", ("number", "one", "other", "verdict"), decisions)
        for name, parts in self._parts.items():
            if parts:
                columns, _ = self._read_part(name, 1)
                rows = (row for part in range(1, parts + 1) for row in self._read_part(name, part)[1])
                yield Table(name, tuple(columns), rows)

    def delete(self) -> None:
        """Deletes the tables."""
        names = [
            _name(self._version, name, part) for name, parts in self._parts.items() for part in range(1, parts + 1)
        ]
        self._data.delete(names)

    def _read_part(self, name: str, part: int) -> tuple[list[str], list[list[Value]]]:
        found = self._data.get([datum := _name(self._version, name, part)])
        if not found:
            raise IndexUnavailable(datum, "the collection has changed while it was read; try again")
        columns, rows = orjson.loads(found[datum])
        return columns, rows


def write_tables(data: DataStore, version: int, tables: Iterable[Table]) -> dict[str, Any]:
    """Writes the tables of a publication and returns what its ``extra`` has to say of them.

    Args:
        data: The data of the collection.
        version: The number of the publication.
        tables: The tables, each read before the next one.
    """
    decisions, parts = list[Any](), dict[str, int]()
    for table in tables:
        if table.name == "decisions":
            decisions += table.select("one", "other", "verdict")
        else:
            parts[table.name] = _write(data, version, table)
    return {"decisions": decisions, "tables": parts, "tables_version": version}


def _write(data: DataStore, version: int, table: Table) -> int:
    """Writes a table in parts, each with the names of its columns; returns their number."""
    rows, parts = iter(table.rows), 0
    while some := list(islice(rows, _TABLE_ROWS)):
        parts += 1
        data.put({_name(version, table.name, parts): orjson.dumps([table.columns, some])})
    return parts


def _name(version: int, table: str, part: int) -> str:
    place = f"{version}/{table}" if version else table  # 0: of an earlier version of this program
    return f"table/{place}/{part:06}"
