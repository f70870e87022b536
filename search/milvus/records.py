"""LongPapers: papers and records of a collection that its fields do not have.

These are papers whose JSON is too long for a field (``entities.pack_paper``), lists of records that are too long, and
single records that differ from their paper.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import orjson

from search.milvus.data import DataStore
from search.papers.json import Json

_ROWS = 1_024
"""Rows that share a datum; few papers are here."""


class LongPaper(TypedDict):
    """What the fields of a paper do not have; null is what they have."""

    paper: dict[str, Json] | None
    records: list[dict[str, Json]] | None


class LongPapers:
    """Reads and writes them by their rows.

    Args:
        data: the data of the collection.
    """

    def __init__(self, data: DataStore) -> None:
        self._data = data

    def put(self, rows: Sequence[int], papers: Mapping[int, LongPaper]) -> None:
        """Writes those of some rows in place of what an import that was killed may have written for them."""
        before = self._read(rows)
        found = {
            name: {row: each for row, each in known.items() if int(row) not in rows} for name, known in before.items()
        }
        for row, each in papers.items():
            found.setdefault(_name(row), {})[str(row)] = each
        self._data.put({name: orjson.dumps(known) for name, known in found.items() if known != before.get(name)})

    def get(self, rows: Sequence[int]) -> dict[int, LongPaper]:
        """Returns those that there are of some rows; one or two round trips."""
        found = self._read(rows)
        return {row: paper for row in rows if (paper := found.get(_name(row), {}).get(str(row)))}

    def _read(self, rows: Sequence[int]) -> dict[str, dict[str, LongPaper]]:
        names = list(dict.fromkeys(map(_name, rows)))
        return {name: orjson.loads(value) for name, value in self._data.get(names).items()}


def _name(row: int) -> str:
    return f"long/{row // _ROWS:09}"
