"""LocalRows: the rows of an index in a folder.

Order of writing: the vectors of a batch, fsync, then its rows in one transaction; batches are written one after
another. A new writer truncates the vectors to the number of rows.
"""

import os
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.batch import PendingPaper
from indexer.database import acquire_lock, count_rows, find_replaced_rows, find_rows_with_text, open_database
from indexer.decisions import Decision, Decisions, store_decisions
from indexer.generations import check_model, find_layout, load_manifests
from indexer.published import PublishedRows
from indexer.removed_papers import ExcludedId, insert_excluded_ids
from indexer.row_insertion import RowInsertion
from indexer.written import WrittenPapers, to_json_text
from search.embedding.model import ModelIdentity
from search.files import make_directory, sha256_of_bytes
from search.index.layout import Layout
from search.papers.identifiers import text_key
from search.papers.paper import Paper
from search.vectors.file import VectorsFile


class LocalRows:
    """The rows of an index in a folder; see ``RowStorage``.

    Args:
        directory: The index; created if absent.
        model: The model of the vectors.
        repair: Whether published rows may be lost, and keys may differ from their papers.

    Attributes:
        layout: The index's file names.
        inserted: The rows that this writer has inserted.
        published: The published rows and their checksums.
        reads_ahead: See ``RowStorage``.

    Raises:
        IndexBusy: Another process is writing the index.
        IndexDamaged: The database is not the published one or a later one, or its last published rows, its keys or the
            vectors of these rows are damaged.
        ModelMismatch: The index has vectors of another model.
    """

    reads_ahead = False

    def __init__(self, directory: Path, model: ModelIdentity, *, repair: bool = False) -> None:
        make_directory(directory)
        self._model = model
        self._lock = acquire_lock(Layout(directory))
        try:
            self.layout = find_layout(directory)
            check_model(self.layout, model)
            self.database = open_database(self.layout.store)
            self.inserted = RowInsertion(self.database, count_rows(self.database))
            self.published = self._check_published(repair=repair)
            self._vectors = VectorsFile(self.layout.vectors(model), model.dim, self.rows)
            self.replaced = find_replaced_rows(self.database)
        except BaseException:
            os.close(self._lock)
            raise
        self._written = WrittenPapers(self.database, self.published.check, self.replaced, is_empty=not self.rows)

    @property
    def rows(self) -> int:
        """See ``RowStorage``."""
        return self.inserted.rows

    def expect(self, records: Sequence[Paper], decisions: Decisions) -> None:
        """See ``RowStorage``; each row is found at once."""

    def select_stored(self, keys: Iterable[int]) -> list[int]:
        """See ``RowStorage``."""
        return self._written.select_stored(keys)

    def find(self, keys: Iterable[int], known: Container[int] = ()) -> dict[int, dict[str, Paper]]:
        """See ``RowStorage``."""
        return self._written.find(keys, known)

    def read(self, row: int) -> Paper:
        """See ``RowStorage``."""
        return self._written.read(row)

    def find_vectors(self, texts: Sequence[str]) -> dict[int, NDArray[np.float16]]:
        """See ``RowStorage``."""
        keys = self._written.select_stored(map(text_key, texts))
        found = find_rows_with_text(self.database, texts, keys, self.rows)
        self.published.check(found.values())
        return {position: self._vectors.read(row) for position, row in found.items()}

    def append(
        self,
        pending_papers: Sequence[PendingPaper],
        papers: Sequence[Paper],
        vectors: NDArray[np.float16],
        decisions: Sequence[Decision],
    ) -> None:
        """See ``RowStorage``."""
        self._vectors.append(vectors)
        with self.database:
            store_decisions(self.database, decisions, self.rows)
            self._insert(pending_papers, papers)

    def load(self, rows: Iterable[int]) -> None:
        """See ``RowStorage``; the database has all rows."""

    def check(self, rows: Iterable[int]) -> None:
        """See ``RowStorage``."""
        self.published.check(rows)

    def remove(self, rows: Sequence[int], entries: Iterable[ExcludedId]) -> None:
        """See ``RowStorage``.

        A row without a paper replaces them. It makes generations, and copies of the database, differ as after an
        import.
        """
        marker = Paper(extra={"removed": sha256_of_bytes(repr(rows).encode())})
        vector = np.zeros((1, self._model.dim), np.float16)
        vector[0, 0] = 1  # never read: vectors have length 1
        self._vectors.append(vector)
        self.replaced.update(rows, (self.rows,))
        pending = PendingPaper({to_json_text(marker): marker}, frozenset(), replaced_rows={*rows, self.rows})
        with self.database:
            insert_excluded_ids(self.database, entries, self.rows)
            self._insert([pending], [marker])

    def close(self) -> None:
        """See ``RowStorage``."""
        self.database.close()
        os.close(self._lock)

    def _insert(self, pending_papers: Sequence[PendingPaper], papers: Sequence[Paper]) -> None:
        self._written.add_keys(self.inserted.insert(pending_papers, papers))

    def _check_published(self, *, repair: bool) -> PublishedRows:
        """Compares the database and its last published rows with the manifest before anything is written."""
        published = PublishedRows(self.layout, self._model, load_manifests(self.layout), self.rows)
        published.check_database(accept_lost_rows=repair)
        if not repair:
            published.check([max(published.papers.rows - 1, 0)])
            published.check_keys()
        return published
