"""IndexWriter: appends papers to the store and their vectors to the vectors file, in batches.

Order of writing: the vectors of a batch, fsync, then its rows in one transaction; batches are written one after
another. A new writer truncates the vectors to the number of rows. While a batch is embedded, the next one is read and
the previous one is written, so a kill loses at most one batch that is being embedded and one that is being written.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer import identity
from indexer.batch import EmbeddingBatch, PendingPaper
from indexer.database import (
    acquire_lock,
    count_rows,
    find_replaced_rows,
    find_rows_with_text,
    open_database,
    placeholders,
)
from indexer.generations import find_layout, find_model, load_manifests
from indexer.key_filter import KeyBloomFilter
from indexer.logged_files import load_records
from indexer.published import PublishedRows
from indexer.removed_papers import RemovedId, add_removed_ids
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import ModelMismatch
from search.files import make_directory, sha256_of_bytes
from search.index.layout import Layout
from search.papers.identifiers import text_key
from search.papers.paper import Paper
from search.vectors.file import VectorsFile

BATCH_PAPERS = 1_024
"""Papers embedded and written together."""
CONCURRENT_SLICES = 2
"""Slices of texts in the embedder at once: while one is finished, the next is tokenized and started."""


@dataclass(slots=True)
class ImportCounts:
    """Counts of an import so far.

    Attributes:
        read: Records passed to ``IndexWriter.add``.
        new: Records that became a new paper.
        merged: Records that were merged with a paper.
        unchanged: Records that were already indexed.
        removed: Records that were left out because their paper was removed (``indexer.removed_papers``).
        embedded: Texts that the model embedded.
        waiting: Papers that are not embedded yet.
    """

    read: int = 0
    new: int = 0
    merged: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    waiting: int = 0


class IndexWriter:
    """The only writer of an index; used as a context manager.

    Args:
        directory: The index; created if absent.
        embedder: Embeds the texts that the index does not have yet.
        on_embedded: Called whenever ``counts.embedded`` has increased.
        repair: Whether published rows may be lost, and keys may differ from their papers.

    Attributes:
        layout: The index's file names.
        counts: Counts so far.
        rows: Rows written; all of them have vectors.
        published: The published rows and their checksums.
        database: The database.

    Raises:
        IndexBusy: Another process is writing the index.
        IndexDamaged: The database is not the published one or a later one, or its last published rows, its keys or the
            vectors of these rows are damaged.
        ModelMismatch: The index has vectors of another model.
    """

    def __init__(
        self,
        directory: Path,
        embedder: Embedder,
        on_embedded: Callable[[], None] = lambda: None,
        *,
        repair: bool = False,
    ) -> None:
        make_directory(directory)
        self.embedder = embedder
        self._on_embedded = on_embedded
        self.counts = ImportCounts()
        self._lock = acquire_lock(Layout(directory))
        try:
            self.layout = find_layout(directory)
            self._check_model()
            self.database = open_database(self.layout.store)
            self.rows: int = count_rows(self.database)
            self.published = self._check_published(repair=repair)
            self._vectors = VectorsFile(self.layout.vectors(embedder.model), embedder.model.dim, self.rows)
            self._replaced = find_replaced_rows(self.database)
        except BaseException:
            os.close(self._lock)
            raise
        self._written_keys = KeyBloomFilter() if not self.rows else None
        self._pending: dict[int, PendingPaper] = {}
        self._slots_by_key: defaultdict[int, set[int]] = defaultdict(set)
        self._next_slot = 0
        self._batch: EmbeddingBatch | None = None
        self._executor = ThreadPoolExecutor(CONCURRENT_SLICES, "texts")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases the index; records that were not flushed are discarded."""
        self._executor.shutdown(cancel_futures=True)
        self.database.close()
        os.close(self._lock)

    @property
    def model(self) -> ModelIdentity:
        """The model of the vectors."""
        return self.embedder.model

    @property
    def live(self) -> NDArray[np.bool_]:
        """(rows,) bool: whether each row is live, that is, not replaced by a later row."""
        live = np.ones(self.rows, bool)
        live[sorted(self._replaced)] = False
        return live

    def add(self, record: Paper) -> Paper:
        """Adds one record: as a new paper, or merged with a paper that is written or pending.

        Returns:
            The record as the index has it.

        Raises:
            ModelUnavailable: The model cannot embed a batch, or returned a vector whose length is not 1.
        """
        record = self._add(record)
        if len(self._pending) >= BATCH_PAPERS:
            self._submit()
        return record

    def _add(self, record: Paper) -> Paper:
        record = identity.ensure_id(record)
        self.counts.read += 1
        keys = identity.keys(record)
        if self._batch and (self._batch.done or self._is_being_embedded(record, keys)):
            self._finish()
        slots = [slot for slot in self._find_slots(keys) if _is_same_as_any(record, self._pending[slot].records)]
        written = {row: records for row, records in self._find_rows(keys) if _is_same_as_any(record, records)}
        groups = [self._pending[slot].records for slot in slots] + list(written.values())
        known = next((each for group in groups for each in group if each == record), None)
        if known and len(groups) == 1:
            self.counts.unchanged += 1
            return known
        if groups:
            self.counts.merged += 1
        else:
            self.counts.new += 1
        self._enqueue(record, keys, slots, written)
        return known or record

    def replace(self, row: int, records: Sequence[Paper]) -> None:
        """Replaces the paper of a row with some of its records, which may be several papers without the others.

        One transaction writes all of them.

        Args:
            row: A live row.
            records: At least one of its records.

        Raises:
            ModelUnavailable: As in ``add``.
        """
        if len(self._pending) + len(records) > BATCH_PAPERS:
            self.flush()
        self._replaced.add(row)
        for record in records:
            self._add(record)
        slots = self._find_slots(identity.keys(records[0]))
        self._pending[min(slot for slot in slots if records[0] in self._pending[slot].records)].replaced_rows.add(row)
        if len(self._pending) >= BATCH_PAPERS:
            self._submit()

    def remove(self, rows: Sequence[int], entries: Iterable[RemovedId]) -> None:
        """Removes the papers of some rows.

        A row without a paper replaces them. It makes generations, and copies of the database, differ as after an
        import.

        Args:
            rows: Live rows.
            entries: What later imports recognise the papers by.
        """
        self.flush()
        marker = Paper(extra={"removed": sha256_of_bytes(repr(rows).encode())})
        vector = np.zeros((1, self.model.dim), np.float16)
        vector[0, 0] = 1  # never read: vectors have length 1
        self._vectors.append(vector)
        self._replaced.update(rows, (self.rows,))
        with self.database:
            add_removed_ids(self.database, entries, self.rows)
            self._insert_rows([PendingPaper([marker], frozenset(), {*rows, self.rows})], [marker])

    def flush(self) -> None:
        """Embeds and writes all pending papers; they then survive a kill.

        Raises:
            ModelUnavailable: As in ``add``.
        """
        self._submit()
        self._finish()

    def _is_being_embedded(self, record: Paper, keys: frozenset[int]) -> bool:
        """Whether the record belongs to a paper of the batch that is being embedded."""
        found = self._batch.find(keys) if self._batch else ()
        return any(_is_same_as_any(record, pending.records) for pending in found)

    def _submit(self) -> None:
        """Starts to embed the pending papers, and writes the previous batch meanwhile."""
        pending_papers = list(self._pending.values())
        if not pending_papers:
            return
        papers = [identity.merge(pending.records) for pending in pending_papers]
        texts = [paper.text for paper in papers]
        if self._batch and not set(texts).isdisjoint(self._batch.texts):
            self._finish()  # texts that are written are not embedded again
        vectors = np.empty((len(texts), self.embedder.model.dim), np.float16)
        keys = self._possibly_written(map(text_key, texts))
        embedded_rows = find_rows_with_text(self.database, texts, keys, self.rows)
        self.published.check(embedded_rows.values())
        for position, row in embedded_rows.items():
            vectors[position] = self._vectors.read(row)
        missing = [position for position in range(len(texts)) if position not in embedded_rows]
        batch = EmbeddingBatch(pending_papers, papers, vectors, missing)
        batch.start(self.embedder, self._executor)
        self._pending.clear()
        self._slots_by_key.clear()
        previous, self._batch = self._batch, batch
        self._write_batch(previous)

    def _finish(self) -> None:
        """Waits for the batch that is being embedded and writes it."""
        batch, self._batch = self._batch, None
        self._write_batch(batch)

    def _write_batch(self, batch: EmbeddingBatch | None) -> None:
        """Writes a batch once it is embedded, vectors first."""
        if not batch:
            return
        for embedded in batch.collect():
            self.counts.embedded += embedded
            self._update_waiting(batch.waiting)
            self._on_embedded()
        batch.check_lengths(self.model.name)
        self._vectors.append(batch.vectors)
        with self.database:
            self._insert_rows(batch.pending_papers, batch.papers)

    def _update_waiting(self, collecting: int = 0) -> None:
        self.counts.waiting = len(self._pending) + (self._batch.waiting if self._batch else 0) + collecting

    def _find_slots(self, keys: Iterable[int]) -> set[int]:
        return {slot for key in keys for slot in self._slots_by_key.get(key, ())}

    def _find_rows(self, keys: Iterable[int]) -> list[tuple[int, list[Paper]]]:
        """The live rows that have one of the keys, with their records."""
        candidates = self._possibly_written(keys)
        if not candidates:
            return []
        sql = f"SELECT DISTINCT row FROM keys WHERE key IN ({placeholders(candidates)})"  # noqa: S608  only question marks
        rows = [row for (row,) in self.database.execute(sql, candidates) if row not in self._replaced]
        self.published.check(rows)
        return [(row, load_records(self.database.execute, row)) for row in rows]

    def _possibly_written(self, keys: Iterable[int]) -> list[int]:
        """The keys that a row may have."""
        return [key for key in keys if not self._written_keys or key in self._written_keys]

    def _enqueue(
        self, record: Paper, keys: frozenset[int], slots: Sequence[int], written: dict[int, list[Paper]]
    ) -> None:
        """Makes the record, and all papers that are the same as it, one pending paper.

        Args:
            record: The record.
            keys: Its keys.
            slots: Slots of the pending papers that it belongs to.
            written: Rows that it belongs to, with their records.
        """
        pending = PendingPaper([record], keys)
        for slot in slots:
            other = self._pending.pop(slot)
            pending.records += other.records
            pending.keys |= other.keys
            pending.replaced_rows |= other.replaced_rows
        for row, records in written.items():
            pending.records += records
            pending.keys = pending.keys.union(*(identity.keys(each) for each in records))
            pending.replaced_rows.add(row)
            self._replaced.add(row)
        slot, self._next_slot = self._next_slot, self._next_slot + 1
        self._pending[slot] = pending
        self._update_waiting()
        for key in pending.keys:
            self._slots_by_key[key].difference_update(slots)
            self._slots_by_key[key].add(slot)

    def _insert_rows(self, pending_papers: Sequence[PendingPaper], papers: Sequence[Paper]) -> None:
        for row, (pending, paper) in enumerate(zip(pending_papers, papers, strict=True), self.rows):
            records = sorted({_to_json_text(record) for record in pending.records}) if len(pending.records) > 1 else []
            self.database.execute(
                "INSERT INTO papers VALUES (?, ?, ?)",
                [row, _to_json_text(paper), f"[{','.join(records)}]" if len(records) > 1 else None],
            )
            keys = pending.keys | {text_key(paper.text)}
            self.database.executemany("INSERT INTO keys VALUES (?, ?)", [(key, row) for key in sorted(keys)])
            if self._written_keys:
                self._written_keys.add(keys)
            self.database.executemany(
                "INSERT INTO replaced VALUES (?, ?)", [(old, row) for old in sorted(pending.replaced_rows)]
            )
        self.rows += len(papers)

    def _check_published(self, *, repair: bool) -> PublishedRows:
        """Compares the database and its last published rows with the manifest before anything is written."""
        published = PublishedRows(self.layout, self.model, load_manifests(self.layout), self.rows)
        published.check_database(accept_lost_rows=repair)
        if not repair:
            published.check([max(published.papers.rows - 1, 0)])
            published.check_keys()
        return published

    def _check_model(self) -> None:
        model, known = self.embedder.model, find_model(self.layout)
        others = set(self.layout.rows_directory.glob("vectors-*.f16")) - {self.layout.vectors(model)}
        if model != known if known else others:
            raise ModelMismatch(
                self.layout.directory,
                f"its vectors were made with a model or precision other than {model.name} in {model.precision}; omit "
                "--model and --precision to use those of the index, use another folder with --index, or move the "
                f"index with: papers reindex --model {model.name} --precision {model.precision}",
            )


def _is_same_as_any(record: Paper, records: Sequence[Paper]) -> bool:
    return any(record == other or identity.is_same_paper(record, other) for other in records)


def _to_json_text(paper: Paper) -> str:
    return orjson.dumps(paper.to_json()).decode()
