"""RowInsertion: writes the rows of papers into the database, and sums their keys for the manifest."""

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from indexer import identity
from indexer.added_times import insert_times
from indexer.batch import PendingPaper
from indexer.written import to_json_text
from search.index.database_checksums import sum_key_checksums
from search.papers.identifiers import citation_key
from search.papers.paper import Paper


class RowInsertion:
    """Inserts rows, each batch in the transaction of the caller.

    Args:
        database: The database.
        rows: The number of its rows.

    Attributes:
        first: The first row that it inserts.
        rows: The number of rows now.
        keys: The number of keys of the inserted rows.
        keys_checksum: The sum of their checksums (``key_checksum``).
    """

    def __init__(self, database: sqlite3.Connection, rows: int) -> None:
        self.first = self.rows = rows
        self.keys = self.keys_checksum = 0
        self._database = database

    def insert(self, pending_papers: Iterable[PendingPaper], papers: Sequence[Paper]) -> list[int]:
        """Inserts papers as the next rows; returns the keys by which imports find them, repeated if several have one.

        Args:
            pending_papers: The papers.
            papers: Each of them with its records merged.
        """
        pending_papers = list(pending_papers)
        values, keys, key_rows, found = [], list[int](), list[int](), list[int]()
        for row, (pending, paper) in enumerate(zip(pending_papers, papers, strict=True), self.rows):
            text, record = next(iter(pending.records.items()))
            text = text if paper is record else to_json_text(paper)
            records = f"[{','.join(sorted(pending.records))}]" if pending.records.keys() != {text} else None
            values.append((row, text, records))
            row_keys = identity.paper_keys(paper, pending.keys)
            keys += row_keys
            key_rows += [row] * len(row_keys)
            found += row_keys.difference(map(citation_key, paper.references)) if paper.references else row_keys
        self._insert_keys(keys, key_rows)
        self._database.executemany("INSERT INTO papers VALUES (?, ?, ?)", values)
        insert_times(self._database, self.rows, [pending.added for pending in pending_papers])
        replaced = enumerate((sorted(pending.replaced_rows) for pending in pending_papers), self.rows)
        self._database.executemany(
            "INSERT INTO replaced VALUES (?, ?)", [(old, row) for row, rows in replaced for old in rows]
        )
        self.rows += len(papers)
        return found

    def _insert_keys(self, keys: Sequence[int], rows: Sequence[int]) -> None:
        """Inserts the keys of rows in ascending order, in which SQLite inserts them faster."""
        self.keys += len(keys)
        self.keys_checksum += sum_key_checksums(np.array(keys, np.int64), np.array(rows, np.int64))
        self._database.executemany("INSERT INTO keys VALUES (?, ?)", sorted(zip(keys, rows, strict=True)))
