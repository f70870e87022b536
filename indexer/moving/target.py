"""Targets of an import: what makes an index of an archive."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer.batch import PendingPaper
from indexer.build import OnStage, publish
from indexer.copied_rows import CopiedRows
from indexer.database import acquire_lock, count_rows, open_database
from indexer.generations import check_model, find_layout
from indexer.moving.archive import Archive
from indexer.moving.paper import ParsedBatch, ParsedPaper, Table, find_keys
from indexer.moving.source import ROW_TABLES
from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from indexer.written import to_json_text
from search.embedding.embedder import Embedder
from search.errors import IndexBusy, IndexUnavailable
from search.files import make_directory
from search.index.layout import Layout
from search.vectors.file import VectorsFile, read_rows


class Target(Protocol):
    """An index that an archive becomes; used as a context manager, which excludes other writers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, number: int, batch: ParsedBatch) -> None:
        """Writes a batch, from 0; all of them are written in order. Once it returns, the batch survives a kill.

        A batch that an interrupted run has written is left as it is.
        """
        ...

    def finish(self) -> str:
        """Writes what the archive has besides papers, makes all of it visible, and returns the generation."""
        ...


class NewLocalIndex:
    """A new index in a folder, whose rows are those of the archive, in the same order.

    Args:
        directory: The index; created if absent.
        archive: The archive.
        embedder: Has the model of the archive. It embeds titles for the calibration if the archive has none.
        on_stage: See ``indexer.build.OnStage``.

    Raises:
        IndexBusy: Another process is writing the index, or has just published it.
        ModelMismatch: The folder has vectors of another model.
    """

    def __init__(self, directory: Path, archive: Archive, embedder: Embedder, on_stage: OnStage) -> None:
        make_directory(directory)
        self._archive, self._embedder, self._on_stage = archive, embedder, on_stage
        self._lock = acquire_lock(Layout(directory))
        try:
            self._layout = find_layout(directory)
            if self._layout.current.exists():
                raise IndexBusy(directory, "another process has just published it; try again")
            check_model(self._layout, embedder.model)
            self._database = open_database(self._layout.store)
            self._inserted = RowInsertion(self._database, count_rows(self._database))
            path = self._layout.vectors(embedder.model)
            self._vectors = VectorsFile(path, embedder.model.dim, self._inserted.rows)
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        os.close(self._lock)

    def write(self, number: int, batch: ParsedBatch) -> None:
        """Writes the papers of a batch that the folder does not have yet; see ``Target``.

        Raises:
            IndexUnavailable: The folder has other papers, which were not published.
        """
        first = number * self._archive.header.batch_papers
        known = min(self._inserted.rows - first, len(batch.papers))
        self._check_written(first, batch.papers[:known], batch.vectors[:known])
        if papers := batch.papers[known:]:
            self._vectors.append(batch.vectors[known:])
            pending = [PendingPaper(each.records, find_keys(each.records), added=each.added) for each in papers]
            with self._database:
                self._inserted.insert(pending, [each.paper for each in papers])

    def finish(self) -> str:
        """Publishes the rows, with the tables of the archive, as the first generation; see ``Target``."""
        database, header = self._database, self._archive.header
        if self._inserted.rows != header.papers:
            raise self._has_other_papers()
        with database:
            database.execute("INSERT OR REPLACE INTO added VALUES (-1, ?)", [header.newest_added])
            for name in self._archive.tables:
                if not replace_rows(database, self._archive.read_table(name)):
                    raise self._archive.unknown_table(name)
        published = PublishedRows(self._layout, header.model, (), self._inserted.rows)
        rows = CopiedRows(self._layout, self._embedder, published, database, self._inserted)
        with TemporaryDirectory() as folder:
            calibration = Path(folder, "confidence.json")
            if header.calibration:
                calibration.write_bytes(orjson.dumps(header.calibration))
            return publish(rows, rebuild=True, calibration=calibration, on_stage=self._on_stage).generation

    def _check_written(self, first: int, papers: Sequence[ParsedPaper], vectors: NDArray[np.float16]) -> None:
        """Compares the first rows with papers of the archive.

        Raises:
            IndexUnavailable: They differ.
        """
        sql = "SELECT paper, time FROM papers JOIN added USING (row) WHERE row >= ? AND row < ? ORDER BY row"
        found = self._database.execute(sql, [first, first + len(papers)]).fetchall()
        path, dim = self._layout.vectors(self._embedder.model), self._embedder.model.dim
        written = b"".join(read_rows(path, dim)(first, first + len(papers)))
        if found != [(to_json_text(each.paper), each.added) for each in papers] or written != vectors.tobytes():
            raise self._has_other_papers()

    def _has_other_papers(self) -> IndexUnavailable:
        hint = "finish that import with papers index, or give a new folder with --index"
        return IndexUnavailable(
            self._layout.directory, f"it has papers of another import, which was interrupted; {hint}"
        )


def replace_rows(database: sqlite3.Connection, table: Table) -> bool:
    """Replaces the rows of a table, in the transaction of the caller; returns False if the index has no such table."""
    known = {column for _, column, *_ in database.execute("SELECT * FROM pragma_table_info(?)", [table.name])}
    if table.name in ROW_TABLES or not known.issuperset(table.columns) or not table.columns:
        return False
    database.execute(f'DELETE FROM "{table.name}"')  # noqa: S608  compared with the names of the index
    row = {"row": "0"} if "row" in known else {}  # as after a compaction
    values = dict.fromkeys(table.columns, "?") | row
    sql = f'INSERT INTO "{table.name}" ({", ".join(values)}) VALUES ({", ".join(values.values())})'  # noqa: S608  as above
    database.executemany(sql, table.rows)
    return True
