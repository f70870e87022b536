"""WrittenPapers: the live rows of the store as a writer finds them, by the keys of their records."""

import sqlite3
from collections.abc import Callable, Container, Iterable, Sequence

import orjson

from indexer.database import placeholders
from indexer.key_filter import KeyBloomFilter
from search.papers.paper import Paper


class WrittenPapers:
    """Finds rows by their keys and reads their records.

    Args:
        database: The database.
        check: Called with rows before they are read.
        replaced: The rows that are not live; the caller adds to them.
        is_empty: Whether there are no rows yet.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        check: Callable[[Sequence[int]], None],
        replaced: set[int],
        *,
        is_empty: bool,
    ) -> None:
        self._database, self._check, self._replaced = database, check, replaced
        self._keys = KeyBloomFilter() if is_empty else None

    def find(self, keys: Iterable[int], known: Container[int] = ()) -> dict[int, dict[str, Paper]]:
        """Returns the live rows that have one of the keys, except known ones, with their records by JSON text."""
        candidates = self.select_stored(keys)
        if not candidates:
            return {}
        sql = f"SELECT DISTINCT row FROM keys WHERE key IN ({placeholders(candidates)})"  # noqa: S608  only question marks
        found = (row for (row,) in self._database.execute(sql, candidates))
        rows = [row for row in found if row not in self._replaced and row not in known]
        self._check(rows)
        return {row: self._read_records(row) for row in rows}

    def read(self, row: int) -> Paper:
        """Returns the paper in a row."""
        (paper,) = self._database.execute("SELECT paper FROM papers WHERE row = ?", [row]).fetchone()
        return Paper.from_json(orjson.loads(paper))

    def select_stored(self, keys: Iterable[int]) -> list[int]:
        """Returns the keys that a row may have."""
        return self._keys.select(keys) if self._keys else list(keys)

    def add_keys(self, keys: Iterable[int]) -> None:
        """Adds the keys of a new row."""
        if self._keys:
            self._keys.add(keys)

    def _read_records(self, row: int) -> dict[str, Paper]:
        paper, records = self._database.execute("SELECT paper, records FROM papers WHERE row = ?", [row]).fetchone()
        if not records:
            return {paper: Paper.from_json(orjson.loads(paper))}
        return {orjson.dumps(fields).decode(): Paper.from_json(fields) for fields in orjson.loads(records)}


def to_json_text(paper: Paper) -> str:
    """Returns the JSON text of a paper or record, as the store has it."""
    return orjson.dumps(paper.to_json()).decode()
