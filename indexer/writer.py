"""Library: appends papers to the store and their vectors to the vectors file, a chunk at a time.

Order of writing: vectors of a chunk, fsync, then its rows in one transaction, one chunk after another. A writer that
starts cuts the vectors to the rows there are. While a chunk is embedded the next one is read, and it is written while
that one is embedded; so a kill costs at most a chunk of embedding and what was embedded while one was written.
"""

import fcntl
import os
import sqlite3
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
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy, ModelMismatch, ModelUnavailable
from search.index.layout import Layout
from search.index.store import PAGE_BYTES, SCHEMA
from search.papers.identifiers import text_key
from search.papers.paper import Paper
from search.vectors.file import VectorsFile

BATCH_PAPERS = 1_024
"""Papers embedded and written together."""
_CONCURRENT_SLICES = 2
"""Slices of texts in the embedder: while the last batches of one are embedded, the next is tokenized and begun."""


@dataclass(slots=True)
class ImportCounts:
    """What became of the records so far.

    Attributes:
        read: records that came in. new: papers no record of which was held. merged: records that joined a paper.
        unchanged: records held already. embedded: texts that went through the model.
        waiting: papers that are not embedded yet.
    """

    read: int = 0
    new: int = 0
    merged: int = 0
    unchanged: int = 0
    embedded: int = 0
    waiting: int = 0


class _KeyBloomFilter:
    """A bit for each key that was written, found by its low bits: most records of a first import are new, and asking
    the database for the keys of each would take a twelfth of the time."""

    _MASK = (1 << 27) - 1

    def __init__(self) -> None:
        self._bits = bytearray((self._MASK + 1) // 8)

    def __contains__(self, key: int) -> bool:
        """Never False for a key that was added; True for one in a hundred others when a million were."""
        place = key & self._MASK
        return bool(self._bits[place >> 3] >> (place & 7) & 1)

    def add(self, keys: Iterable[int]) -> None:
        for key in keys:
            place = key & self._MASK
            self._bits[place >> 3] |= 1 << (place & 7)


class IndexWriter:
    """The one writer of an index, from opening to ``close``.

    Args:
        directory: the index; made if absent. embedder: makes the vectors of new texts.
        embedded: called whenever ``counts.embedded`` has grown.

    Raises:
        IndexBusy: another process is writing it. ForeignModel: its vectors are of another model.
        ModelUnavailable: from ``flush`` and ``add``, the model gives a vector that has not length 1.
    """

    def __init__(self, directory: Path, embedder: Embedder, on_embedded: Callable[[], None] = lambda: None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.layout = Layout(directory)
        self.embedder, self._on_embedded = embedder, on_embedded
        self.counts = ImportCounts()
        self._lock = _acquire_lock(self.layout)
        try:
            self._check_model()
            self._database = _open_database(self.layout.store)
            self.rows: int = self._database.execute("SELECT coalesce(max(row) + 1, 0) FROM papers").fetchone()[0]
            self._vectors = VectorsFile(self.layout.vectors(embedder.model), embedder.model.dim, self.rows)
            self._replaced = {row for (row,) in self._database.execute("SELECT row FROM replaced")}
        except BaseException:
            os.close(self._lock)
            raise
        self._written_keys = _KeyBloomFilter() if not self.rows else None
        self._pending: dict[int, PendingPaper] = {}
        self._slots_by_key: defaultdict[int, set[int]] = defaultdict(set)
        self._next_slot = 0
        self._batch: EmbeddingBatch | None = None
        self._executor = ThreadPoolExecutor(_CONCURRENT_SLICES, "texts")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the index go; what was not flushed is forgotten."""
        self._executor.shutdown(cancel_futures=True)
        self._database.close()
        os.close(self._lock)

    @property
    def model(self) -> ModelIdentity:
        """Of the vectors."""
        return self.embedder.model

    @property
    def live(self) -> NDArray[np.bool_]:
        """(rows,) bool: False where a later row took the paper over."""
        live = np.ones(self.rows, bool)
        live[sorted(self._replaced)] = False
        return live

    def add(self, record: Paper) -> None:
        """Takes one record in: a paper of its own, or part of one that is held or waits in the chunk."""
        record = identity.ensure_id(record)
        self.counts.read += 1
        keys = identity.keys(record)
        if self._batch and (self._batch.done or self._is_being_embedded(record, keys)):
            self._finish()
        waiting = [slot for slot in self._find_slots(keys) if _is_same_as_any(record, self._pending[slot].records)]
        held = {row: records for row, records in self._find_rows(keys) if _is_same_as_any(record, records)}
        groups = [self._pending[slot].records for slot in waiting] + list(held.values())
        if any(record in group for group in groups) and len(groups) == 1:
            self.counts.unchanged += 1
            return
        if groups:
            self.counts.merged += 1
        else:
            self.counts.new += 1
        self._enqueue(record, keys, waiting, held)
        if len(self._pending) >= BATCH_PAPERS:
            self._submit()

    def flush(self) -> None:
        """Embeds all that waits and writes it down; after this it survives a kill."""
        self._submit()
        self._finish()

    def _is_being_embedded(self, record: Paper, keys: frozenset[int]) -> bool:
        """Whether the record belongs to a paper that is being embedded: once written, it is found like any other."""
        found = self._batch.find(keys) if self._batch else ()
        return any(_is_same_as_any(record, pending.records) for pending in found)

    def _submit(self) -> None:
        """Gives the chunk to the embedder, and writes the one before down meanwhile."""
        chunk = list(self._pending.values())
        if not chunk:
            return
        papers = [identity.merge(pending.records) for pending in chunk]
        texts = [paper.text for paper in papers]
        if self._batch and not set(texts).isdisjoint(self._batch.texts):
            self._finish()  # what is written is not embedded again
        vectors = np.empty((len(texts), self.embedder.model.dim), np.float16)
        held = self._find_embedded_rows(texts)
        for place, row in held.items():
            vectors[place] = self._vectors.read(row)
        sent = EmbeddingBatch(chunk, papers, vectors, [place for place in range(len(texts)) if place not in held])
        sent.start(self.embedder, self._executor)
        self._pending.clear()
        self._slots_by_key.clear()
        before, self._batch = self._batch, sent
        self._write_batch(before)

    def _finish(self) -> None:
        """Waits for the chunk in flight and writes it down."""
        flight, self._batch = self._batch, None
        self._write_batch(flight)

    def _write_batch(self, batch: EmbeddingBatch | None) -> None:
        """Writes a chunk as soon as it is embedded: vectors first."""
        if not batch:
            return
        for embedded in batch.collect():
            self.counts.embedded += embedded
            self._update_waiting(batch.waiting)
            self._on_embedded()
        self._check_lengths(batch)
        self._vectors.append(batch.vectors)
        self._insert_rows(batch.pending_papers, batch.papers)

    def _update_waiting(self, collecting: int = 0) -> None:
        self.counts.waiting = len(self._pending) + (self._batch.waiting if self._batch else 0) + collecting

    def _check_lengths(self, batch: EmbeddingBatch) -> None:
        lengths = np.linalg.norm(batch.vectors.astype(np.float32), axis=1)
        broken = np.flatnonzero(~(np.abs(lengths - 1) < 0.01))  # a comparison that NaN fails
        if len(broken):
            raise ModelUnavailable(
                f"{self.embedder.model.name} gives a vector of length {lengths[broken[0]]:.3g} and not 1 "
                f"for {batch.texts[broken[0]][:60]!r}; leave that paper out, or index with another --model"
            )

    def _find_slots(self, keys: Iterable[int]) -> set[int]:
        return {slot for key in keys for slot in self._slots_by_key.get(key, ())}

    def _find_rows(self, keys: Iterable[int]) -> list[tuple[int, list[Paper]]]:
        """The live rows found under the keys, with their records."""
        asked = self._possibly_written(keys)
        if not asked:
            return []
        sql = f"SELECT DISTINCT row FROM keys WHERE key IN ({_placeholders(asked)})"  # noqa: S608  only question marks
        rows = [row for (row,) in self._database.execute(sql, asked) if row not in self._replaced]
        return [(row, self._load_records(row)) for row in rows]

    def _possibly_written(self, keys: Iterable[int]) -> list[int]:
        """Those of the keys that a row may have."""
        return [key for key in keys if not self._written_keys or key in self._written_keys]

    def _load_records(self, row: int) -> list[Paper]:
        paper, records = self._database.execute("SELECT paper, records FROM papers WHERE row = ?", [row]).fetchone()
        return (
            [Paper.from_json(each) for each in orjson.loads(records)]
            if records
            else [Paper.from_json(orjson.loads(paper))]
        )

    def _enqueue(
        self, record: Paper, keys: frozenset[int], slots: Sequence[int], written: dict[int, list[Paper]]
    ) -> None:
        """Puts the record into the chunk, together with every paper it makes one of."""
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

    def _find_embedded_rows(self, texts: Sequence[str]) -> dict[int, int]:
        """By their places, the texts that a row of the store was embedded from, and that row."""
        places = {text_key(text): place for place, text in enumerate(texts)}
        asked = self._possibly_written(places)
        sql = f"SELECT key, papers.row, paper FROM keys JOIN papers USING (row) WHERE key IN ({_placeholders(asked)})"  # noqa: S608  only question marks
        return {
            places[key]: row
            for key, row, paper in self._database.execute(sql, asked)
            if Paper.from_json(orjson.loads(paper)).text == texts[places[key]]
        }

    def _insert_rows(self, pending_papers: Sequence[PendingPaper], papers: Sequence[Paper]) -> None:
        first = self.rows
        with self._database:
            for row, (pending, paper) in enumerate(zip(pending_papers, papers, strict=True), first):
                records = (
                    sorted({_to_json_text(record) for record in pending.records}) if len(pending.records) > 1 else []
                )
                self._database.execute(
                    "INSERT INTO papers VALUES (?, ?, ?)",
                    [row, _to_json_text(paper), f"[{','.join(records)}]" if len(records) > 1 else None],
                )
                keys = pending.keys | {text_key(paper.text)}
                self._database.executemany("INSERT INTO keys VALUES (?, ?)", [(key, row) for key in sorted(keys)])
                if self._written_keys:
                    self._written_keys.add(keys)
                self._database.executemany(
                    "INSERT INTO replaced VALUES (?, ?)", [(old, row) for old in sorted(pending.replaced_rows)]
                )
        self.rows += len(papers)

    def _check_model(self) -> None:
        model = self.embedder.model
        others = set(self.layout.directory.glob("vectors-*.f16")) - {self.layout.vectors(model)}
        if others:
            raise ModelMismatch(
                self.layout.directory,
                f"it holds {others.pop().name}, made with a model or precision other than {model.name} in "
                f"{model.precision}; index into another folder with --index, or leave --model and --precision as "
                "they were",
            )


def _placeholders(values: Sequence[int]) -> str:
    """A question mark for each value."""
    return ",".join("?" * len(values))


def _is_same_as_any(record: Paper, records: Sequence[Paper]) -> bool:
    return any(record == other or identity.is_same_paper(record, other) for other in records)


def _to_json_text(paper: Paper) -> str:
    return orjson.dumps(paper.to_json()).decode()


def _acquire_lock(layout: Layout) -> int:
    lock = os.open(layout.writer_lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise IndexBusy(
            layout.directory, "another process is writing this index; wait for it, or index into another folder"
        ) from None
    return lock


def _open_database(path: Path) -> sqlite3.Connection:
    new = not path.exists()
    database = sqlite3.connect(path, timeout=30)
    if new or not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.executescript(SCHEMA)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -262144")
    return database
