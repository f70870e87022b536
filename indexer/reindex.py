"""Reindex: moves an index to another embedding model; the previous generation answers until the new one is published.

The vectors of a model have a file of their own, which no reader opens before a manifest names it. They are appended in
batches, with an fsync after each, so all batches of an interrupted run but the last are known to be complete: the next
run continues from there. Rows are only added, so an import between the two runs does no harm.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.batch import EmbeddingBatch, PendingPapers
from indexer.build import OnStage, publish
from indexer.database import (
    acquire_lock,
    count_rows,
    find_replaced_rows,
    find_rows_with_text,
    named_errors,
    open_database,
)
from indexer.generations import find_layout, find_model, load_manifests, remove_unused_generations
from indexer.paper_writer import BATCH_PAPERS, CONCURRENT_SLICES
from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.index.layout import Layout, Manifest
from search.index.store import PaperStore
from search.papers.identifiers import text_key
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning
from search.vectors.file import VectorsFile

OnEmbedded = Callable[[int, int], None]
"""Called while texts are embedded, with the number of rows that have vectors, and that of all rows."""


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """The outcome of a move to another model.

    Attributes:
        manifest: The published generation.
        continued: Rows that had vectors of the model already.
        embedded: Texts that the model embedded; equal texts are embedded once.
    """

    manifest: Manifest
    continued: int
    embedded: int


def reindex(
    directory: Path,
    embedder: Embedder,
    *,
    on_embedded: OnEmbedded = lambda done, rows: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
    codes: CodesTuning = DEFAULT_CODES_TUNING,
) -> ReindexReport:
    """Embeds all papers of an index with another model and publishes the result; IDs and rows do not change.

    If the index has vectors of the model already, nothing is published.

    Args:
        directory: The index.
        embedder: The embedder of the new model.
        on_embedded: See ``OnEmbedded``.
        on_stage: See ``indexer.build.OnStage``.
        codes: Tuning of the vector codes.

    Raises:
        IndexMissing: There is no index.
        IndexBusy: Another process is writing the index.
        IndexDamaged: The papers cannot be read.
        ModelUnavailable: The model returned a vector whose length is not 1.
    """
    Layout(directory).published_generation()
    with named_errors(find_layout(directory)), _ModelWriter(directory, embedder) as writer:
        layout = writer.layout
        if find_model(layout) == writer.model:
            manifest = Manifest.load(layout.generation(layout.published_generation()).manifest)
            remove_unused_generations(layout, manifest)  # a kill may have prevented it
            return ReindexReport(manifest, writer.rows, 0)
        continued, embedded = writer.embed(on_embedded)
        return ReindexReport(publish(writer, rebuild=True, on_stage=on_stage, codes=codes), continued, embedded)


class _ModelWriter:
    """Writes the vectors of another model; used as a context manager, which holds the writer lock.

    Args:
        directory: The index.
        embedder: The embedder of the model.

    Attributes:
        layout: The index's file names.
        rows: Rows of the index, including replaced ones.
        inserted: The rows among them that it has inserted, which are none.
        live: (rows,) bool: whether each row is live.
    """

    def __init__(self, directory: Path, embedder: Embedder) -> None:
        self.embedder = embedder
        self._lock = acquire_lock(Layout(directory))
        try:
            self.layout = layout = find_layout(directory)
            self.database = open_database(layout.store)
            self.rows = count_rows(self.database)
            self.inserted = RowInsertion(self.database, self.rows)
            self.published = PublishedRows(layout, embedder.model, load_manifests(layout), self.rows)
            self.published.check_database(accept_lost_rows=False)
            self.published.check_all()
            self.live: NDArray[np.bool_] = np.ones(self.rows, bool)
            self.live[sorted(find_replaced_rows(self.database))] = False
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        os.close(self._lock)

    @property
    def model(self) -> ModelIdentity:
        """The new model."""
        return self.embedder.model

    def embed(self, on_embedded: OnEmbedded) -> tuple[int, int]:
        """Completes the vectors file; returns the rows that it had already, and the texts embedded."""
        first = self._written = self._count_complete_rows()
        vectors = VectorsFile(self.layout.vectors(self.model), self.model.dim, first)
        executor, embedded = ThreadPoolExecutor(CONCURRENT_SLICES, "texts"), 0
        try:
            batches = self._start_batches(vectors, executor)
            batch = next(batches, None)
            while batch:
                following = next(batches, None)  # embedded while this batch is written
                for count in batch.collect():
                    embedded += count
                    on_embedded(self._written + len(batch.texts) - batch.waiting, self.rows)
                batch.check_lengths(self.model.name)
                vectors.append(batch.vectors)
                self._written += len(batch.texts)
                batch = following
        finally:
            executor.shutdown(cancel_futures=True)
        return first, embedded

    def _start_batches(self, vectors: VectorsFile, executor: ThreadPoolExecutor) -> Iterator[EmbeddingBatch]:
        """Yields batches that are being embedded; texts of rows that are written keep their vector."""
        with closing(PaperStore(self.layout.store, self.rows)) as store:
            for first in range(self._written, self.rows, BATCH_PAPERS):
                papers = store.get(range(first, min(first + BATCH_PAPERS, self.rows)))
                texts = [paper.text for paper in papers]
                known = find_rows_with_text(self.database, texts, [*map(text_key, texts)], self._written)
                arrays = np.empty((len(texts), self.model.dim), np.float16)
                for position, row in known.items():
                    arrays[position] = vectors.read(row)
                missing = [position for position in range(len(texts)) if position not in known]
                batch = EmbeddingBatch(PendingPapers(), papers, arrays, missing)
                batch.start(self.embedder, executor)
                yield batch

    def _count_complete_rows(self) -> int:
        """Counts the rows whose vectors are certainly on disk: of a generation, or of all batches but the last."""
        path, row_bytes = self.layout.vectors(self.model), self.model.dim * np.dtype(np.float16).itemsize
        stored = path.stat().st_size // row_bytes if path.exists() else 0
        published = (each.rows for each in load_manifests(self.layout) if each.model == self.model)
        return min(self.rows, max(stored - BATCH_PAPERS, *published, 0))
