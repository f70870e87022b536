"""CollectionRecords: the records of papers that the field ``records`` of a collection does not have.

These are lists that are too long for a field, and single records that differ from their paper.
"""

from collections.abc import Mapping, Sequence

import orjson

from search.milvus.data import DataStore
from search.papers.json import Json

_ROWS = 1_024
"""Rows whose records are one datum; few papers have any here."""

Records = list[dict[str, Json]]
"""The records of a paper, each as ``Paper.to_json``."""


class CollectionRecords:
    """Reads and writes records by the rows of their papers.

    Args:
        data: the data of the collection.
    """

    def __init__(self, data: DataStore) -> None:
        self._data = data

    def put(self, records: Mapping[int, Records]) -> None:
        """Writes the records of some rows; those of other rows stay."""
        found = self._read(list(records))
        for row, each in records.items():
            found.setdefault(_name(row), {})[str(row)] = each
        self._data.put({name: orjson.dumps(rows) for name, rows in found.items()})

    def get(self, rows: Sequence[int]) -> dict[int, Records]:
        """Returns the records of those of some rows that have any here; one or two round trips."""
        found = self._read(rows)
        return {row: records for row in rows if (records := found.get(_name(row), {}).get(str(row)))}

    def _read(self, rows: Sequence[int]) -> dict[str, dict[str, Records]]:
        names = list(dict.fromkeys(map(_name, rows)))
        return {name: orjson.loads(value) for name, value in self._data.get(names).items()}


def _name(row: int) -> str:
    return f"records/{row // _ROWS:09}"
