"""RowStorage: where the papers of an index are stored, as their writer finds, reads and adds them."""

import sqlite3
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.batch import PendingPaper
from indexer.decisions import Decision, Decisions
from indexer.removed_papers import ExcludedId
from search.papers.paper import Paper


class RowStorage(Protocol):
    """The rows of one index, locked for one writer.

    Rows are only added; the paper of a row is changed by a later row that replaces it.
    """

    @property
    def database(self) -> sqlite3.Connection:
        """Decisions, removed papers, the log of imports, and at least those rows that were found so far."""
        ...

    @property
    def rows(self) -> int:
        """Rows that were added, including replaced ones."""
        ...

    @property
    def replaced(self) -> set[int]:
        """Rows that are not live; the writer adds to them what it is going to replace."""
        ...

    @property
    def reads_ahead(self) -> bool:
        """Whether records are found faster after ``expect``."""
        ...

    def expect(self, records: Sequence[Paper], decisions: Decisions) -> None:
        """Prepares for these records to be looked up together."""
        ...

    def select_stored(self, keys: Iterable[int]) -> list[int]:
        """Returns the keys that a row may have."""
        ...

    def find(self, keys: Iterable[int], known: Container[int] = ()) -> Mapping[int, dict[str, Paper]]:
        """Returns the live rows that have one of the keys, except known ones, with their records by JSON text."""
        ...

    def read(self, row: int) -> Paper:
        """Returns the paper in a row that ``find`` has returned."""
        ...

    def find_vectors(self, texts: Sequence[str]) -> Mapping[int, NDArray[np.float16]]:
        """Returns the vectors of those texts that a row has, each (dim,), by their position."""
        ...

    def append(
        self,
        pending_papers: Sequence[PendingPaper],
        papers: Sequence[Paper],
        vectors: NDArray[np.float16],
        decisions: Sequence[Decision],
    ) -> None:
        """Adds rows, which survive a kill once it returns: after a kill, all of them are there or none.

        Args:
            pending_papers: The n papers, with the rows that they replace.
            papers: Each of them with its records merged.
            vectors: (n, dim) their vectors.
            decisions: What the user has decided since the last call.
        """
        ...

    def load(self, rows: Iterable[int]) -> None:
        """Makes the database contain some live rows."""
        ...

    def check(self, rows: Iterable[int]) -> None:
        """Compares rows with what was published, before their papers are used again.

        Raises:
            IndexDamaged: They differ.
        """
        ...

    def remove(self, rows: Sequence[int], entries: Iterable[ExcludedId]) -> None:
        """Removes the papers of some rows, in one step that survives a kill.

        Args:
            rows: Live rows.
            entries: What later imports recognise the papers by.
        """
        ...

    def close(self) -> None:
        """Releases the index."""
        ...
