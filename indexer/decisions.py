"""Decisions: what the user decided about pairs of records, kept in the database and stronger than what records say.

A decision names a record by one of its IDs, so it holds for later records of the paper as well, or by its content ID
(``identity.content_id``). Rows are only added to the table; of two decisions about the same pair, the later one counts.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from indexer.identity import names_of
from search.papers.identifiers import id_key
from search.papers.paper import Paper

Verdict = Literal["same", "different", "open"]
"""Whether two records describe the same paper; ``open`` withdraws an earlier decision."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    verdict TEXT NOT NULL,
    row INTEGER NOT NULL
);
"""
"""The table: two IDs, the verdict, and the number of rows that the index had before, 0 after a compaction."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about the records that have one of two IDs.

    Attributes:
        one: An ID, or a content ID.
        other: Another one.
        verdict: What was decided.
    """

    one: str
    other: str
    verdict: Verdict


class Decisions:
    """The decisions that count, by pair.

    Args:
        decisions: All decisions, the earliest first.
    """

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._verdicts: dict[frozenset[str], Verdict] = {}
        self._partners: dict[str, set[str]] = {}
        self._has_content_ids = False
        for each in decisions:
            self.add(each)

    @classmethod
    def load(cls, database: sqlite3.Connection) -> "Decisions":
        """Reads the table."""
        return cls.from_rows(database.execute("SELECT one, other, verdict FROM decisions ORDER BY number"))

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, str]]) -> "Decisions":
        """Reads rows of the table, as ``PaperStore.decisions`` returns them."""
        return cls(Decision(one, other, cast("Verdict", verdict)) for one, other, verdict in rows)

    def __bool__(self) -> bool:
        return bool(self._verdicts)

    def add(self, decision: Decision) -> None:
        """Adds a decision, which replaces an earlier one about the same pair."""
        pair = frozenset((decision.one, decision.other))
        if decision.verdict == "open":
            self._verdicts.pop(pair, None)
            return
        self._verdicts[pair] = decision.verdict
        self._has_content_ids |= any(name.startswith("h:") for name in pair)
        self._partners.setdefault(decision.one, set()).add(decision.other)
        self._partners.setdefault(decision.other, set()).add(decision.one)

    def find(self, one: Paper, other: Paper) -> bool | None:
        """Returns whether two records were decided to be the same paper; None if nothing was decided."""
        verdicts = {self._verdicts[pair] for pair in self._pairs(self._names(one), self._names(other))}
        return None if not verdicts else verdicts == {"same"}

    def between(self, one: Iterable[Paper], other: Iterable[Paper]) -> Iterator[tuple[str, str, Verdict]]:
        """Yields the decisions about a record of one paper and a record of another, or of the same."""
        first, second = ({name for record in records for name in self._names(record)} for records in (one, other))
        for pair in self._pairs(first, second):
            a, b = sorted(pair)
            yield a, b, self._verdicts[pair]

    def keys(self, record: Paper) -> frozenset[int]:
        """Returns the keys of the IDs that a record was decided to be the same paper with."""
        partners = (
            partner
            for name in self._names(record)
            for partner in self._partners.get(name, ())
            if self._verdicts.get(frozenset((name, partner))) == "same"
        )
        return frozenset(map(id_key, partners))

    def _names(self, record: Paper) -> frozenset[str]:
        """Returns the names of a record; without its content ID, which takes longer, if no decision has such an ID."""
        return names_of(record) if self._has_content_ids else frozenset(record.ids)

    def _pairs(self, one: Iterable[str], other: Iterable[str]) -> set[frozenset[str]]:
        other = set(other)
        return {
            pair
            for name in one
            for partner in self._partners.get(name, set()) & other
            if (pair := frozenset((name, partner))) in self._verdicts
        }


def store_decisions(database: sqlite3.Connection, decisions: Iterable[Decision], row: int) -> None:
    """Adds decisions to the table, in the transaction of the rows that follow from them.

    Args:
        database: The database.
        decisions: The decisions, in order.
        row: Rows that the index has.
    """
    rows = [(each.one, each.other, each.verdict, row) for each in decisions]
    database.executemany("INSERT INTO decisions (one, other, verdict, row) VALUES (?, ?, ?, ?)", rows)
