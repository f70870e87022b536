"""Removed papers: the IDs by which imports recognise them, so that they stay removed.

An entry has a scope. Records with its ID are left out of every import, or only of imports of the file whose records
were removed. No title and no abstract is kept: a record without an ID of its own is recognised by the hash of its text
(``identity.content_id``).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from indexer.identity import names_of
from indexer.logged_files import Select
from search.papers.paper import Paper

SCHEMA = """
CREATE TABLE IF NOT EXISTS removed (
    id TEXT NOT NULL,
    scope TEXT NOT NULL,
    paper TEXT NOT NULL,
    row INTEGER NOT NULL,
    PRIMARY KEY (id, scope)
) WITHOUT ROWID;
"""
"""The entries; ``row`` is the number of rows that the index had before, 0 after a compaction."""

ANY_FILE = ""
"""The scope of a paper that was removed whatever files have it."""


@dataclass(frozen=True, slots=True)
class ExcludedId:
    """An ID of a removed paper, whose records imports leave out.

    Attributes:
        id: The canonical ID.
        scope: ANY_FILE, or the path or the source of a file.
        paper: The public ID that the paper had. An import restores all of its IDs together.
    """

    id: str
    scope: str
    paper: str


def insert_excluded_ids(database: sqlite3.Connection, entries: Iterable[ExcludedId], row: int) -> None:
    """Adds entries, in the transaction of the caller.

    Args:
        database: The database.
        entries: The entries; known ones are replaced.
        row: Rows that the index has.
    """
    values = [(each.id, each.scope, each.paper, row) for each in entries]
    database.executemany("INSERT OR REPLACE INTO removed VALUES (?, ?, ?, ?)", values)


def is_excluded(select: Select, paper_id: str) -> bool:
    """Whether the paper that had an ID was removed; not in an index that an earlier version made."""
    return _has_table(select) and bool(list(select("SELECT 1 FROM removed WHERE id = ? AND scope = ''", [paper_id])))


def list_excluded_ids(select: Select, rows: int) -> list[str]:
    """Returns the IDs that no paper of a generation may have, since they were removed whatever files have them.

    Args:
        select: Queries the database.
        rows: Rows of the generation; what was removed later is ignored.
    """
    sql = "SELECT id FROM removed WHERE scope = '' AND row < ? ORDER BY id"
    return [paper_id for (paper_id,) in select(sql, [rows])] if _has_table(select) else []


def _has_table(select: Select) -> bool:
    """Whether the index has the table; one that an earlier version made has not."""
    return bool(list(select("SELECT 1 FROM sqlite_master WHERE name = 'removed'", [])))


class RemovalFilter:
    """Finds the records that an import leaves out, because their papers were removed.

    Args:
        database: The database.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._papers: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for paper_id, scope, paper in database.execute("SELECT id, scope, paper FROM removed"):
            self._papers[paper_id][scope] = paper
            self._ids[scope, paper].append(paper_id)
        self._has_content_ids = any(paper_id.startswith("h:") for paper_id in self._papers)

    def contains(self, record: Paper, scopes: Iterable[str]) -> bool:
        """Whether a record, which has an ID, belongs to a paper that was removed in one of the scopes."""
        return bool(self._ids) and any(True for _ in self._find(record, scopes))

    def restore(self, record: Paper, scopes: Iterable[str]) -> None:
        """Forgets that the papers of a record were removed, in the next transaction of the writer."""
        for scope, paper in set(self._find(record, scopes)):
            for paper_id in self._ids.pop((scope, paper)):
                del self._papers[paper_id][scope]
                self._database.execute("DELETE FROM removed WHERE id = ? AND scope = ?", [paper_id, scope])

    def _find(self, record: Paper, scopes: Iterable[str]) -> Iterable[tuple[str, str]]:
        for paper_id in names_of(record) if self._has_content_ids else record.ids:
            papers = self._papers.get(paper_id, {})
            yield from ((scope, papers[scope]) for scope in scopes if scope in papers)
