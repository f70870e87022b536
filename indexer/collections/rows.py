"""CollectionRows: the rows of a collection as its writer finds and adds them.

A temporary database has the rows that were looked up or added, and the tables of the last publication. So an import is
the same code as into a folder, and sends a request for many keys at once. Milvus has the only copy that lasts.
"""

import time
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer import identity
from indexer.batch import PendingPaper
from indexer.collections.key_lookup import KeyLookup
from indexer.collections.papers import FIELDS, READ_PAPERS, StoredPaper, WrittenPaper, write_papers
from indexer.collections.tables import CollectionTables, write_tables
from indexer.database import expected_keys, find_rows_with_text, open_database, placeholders
from indexer.decisions import Decision, Decisions, store_decisions
from indexer.moving.source import ROW_TABLES, read_tables
from indexer.moving.target import replace_rows
from indexer.removed_papers import ExcludedId, insert_excluded_ids
from indexer.row_insertion import RowInsertion
from indexer.written import WrittenPapers
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexUnavailable
from search.index.layout import generation_name, generation_number
from search.milvus.address import Address
from search.milvus.collection import Collection
from search.milvus.data import DataStore
from search.milvus.errors import reports_errors
from search.milvus.manifest import CollectionManifest
from search.milvus.records import LongPapers
from search.milvus.schema import DATA_SUFFIX
from search.milvus.writer import Calibrate, CollectionWriter
from search.papers.identifiers import id_key, text_key
from search.papers.paper import Paper
from search.papers.retraction import find_retracted_ids, retraction_key

STARTED = "moving"
"""Name of the datum that says which archive an interrupted import has begun to write."""
_MAX_KNOWN_KEYS = 2_000_000
"""Keys that need not be looked up again, 130 MB; then all are forgotten."""
_LOOKUPS = 3
"""Times that papers with the keys of those found are looked up in advance; the others are when they are needed."""
_VECTORS = "vectors"
"""A table that only this database has: the vector of each row."""


class CollectionRows:
    """The rows of a collection; see ``RowStorage``.

    Args:
        address: The collection; created if absent.
        model: The model of the vectors.

    Attributes:
        database: The temporary database.
        replaced: See ``RowStorage``.
        reads_ahead: See ``RowStorage``.

    Raises:
        IndexUnavailable: Milvus cannot be reached, or the import of an archive was interrupted.
        IndexBusy: Another process is writing the collection.
        IndexDamaged: The collection has vectors of another model.
    """

    reads_ahead = True

    def __init__(self, address: Address, model: ModelIdentity) -> None:
        self._address, self._model = address, model
        self._folder = TemporaryDirectory(prefix="papers-")
        self._client: Any = address.connect()
        try:
            with reports_errors(str(address)):
                self._writer = CollectionWriter.open(self._client, address.collection, model, address.dialect)
                try:
                    self._open()
                except BaseException:
                    self._writer.close()
                    raise
        except BaseException:
            self._client.close()
            self._folder.cleanup()
            raise

    def _open(self) -> None:
        self._data = DataStore(self._client, self._address.collection + DATA_SUFFIX)
        self._long = LongPapers(self._data)
        manifest = self._writer.manifest
        if not manifest and self._data.get([STARTED]):
            problem = "the import of an archive into it was interrupted; complete it with papers import-index"
            raise IndexUnavailable(str(self._address), problem)
        self.database = open_database(Path(self._folder.name, "papers.sqlite"))
        self.database.execute("PRAGMA synchronous = OFF")  # nothing of it has to survive
        self.database.execute(f"CREATE TABLE {_VECTORS} (row INTEGER PRIMARY KEY, vector BLOB NOT NULL)")
        self._tables = CollectionTables(self._data, manifest.extra if manifest else {})
        for table in self._tables.read():
            with self.database:
                if not replace_rows(self.database, table):
                    raise IndexDamaged(str(self._address), f"its table {table.name!r} is unknown; update this program")
        rows = self._writer.next_row
        self._lookup = KeyLookup(self._client, self._address.collection, self._address.dialect, rows)
        self.inserted = RowInsertion(self.database, rows)
        self.replaced = set(self._writer.replaced_rows())
        self._written = WrittenPapers(self.database, lambda rows: None, self.replaced, is_empty=True)  # noqa: ARG005
        for note in self._writer.notes():
            with self.database:
                insert_excluded_ids(self.database, (ExcludedId(*entry) for entry in note.get("removed", ())), 0)
        self._known_keys = set[int]()
        self._added = max(int(time.time()), (manifest.newest_added if manifest else 0) + 1)

    @property
    def rows(self) -> int:
        """See ``RowStorage``."""
        return self.inserted.rows

    def expect(self, records: Sequence[Paper], decisions: Decisions) -> None:
        """Looks up the papers of records, and the papers that these are related to; see ``RowStorage``."""
        with_ids = [identity.ensure_id(record) for record in records]
        keys = {key for record in with_ids for key in (*_related_keys(record), *decisions.keys(record))}
        with reports_errors(str(self._address)):
            self._writer.keep_lease()
        for _ in range(_LOOKUPS):
            found = self._look_up(keys)
            keys = {key for stored in found for record in _records(stored) for key in _related_keys(record)}

    def select_stored(self, keys: Iterable[int]) -> list[int]:
        """See ``RowStorage``."""
        wanted = list(keys)
        self._look_up(wanted)
        return self._written.select_stored(wanted)

    def find(self, keys: Iterable[int], known: Container[int] = ()) -> dict[int, dict[str, Paper]]:
        """See ``RowStorage``."""
        return self._written.find(self.select_stored(keys), known)

    def read(self, row: int) -> Paper:
        """See ``RowStorage``."""
        return self._written.read(row)

    def find_vectors(self, texts: Sequence[str]) -> dict[int, NDArray[np.float16]]:
        """See ``RowStorage``."""
        found = find_rows_with_text(self.database, texts, self.select_stored(map(text_key, texts)), self.rows)
        return {position: self._read_vector(row) for position, row in found.items()}

    def append(
        self,
        pending_papers: Sequence[PendingPaper],
        papers: Sequence[Paper],
        vectors: NDArray[np.float16],
        decisions: Sequence[Decision],
    ) -> None:
        """See ``RowStorage``."""
        first = self.rows
        for pending in pending_papers:
            pending.added = self._added if pending.added is None else pending.added
        with self.database:
            store_decisions(self.database, decisions, first)
            self._written.add_keys(self.inserted.insert(pending_papers, papers))
            self._insert_vectors(zip(range(first, self.rows), vectors, strict=True))
        replaced = {row for pending in pending_papers for row in pending.replaced_rows}
        written = [
            WrittenPaper(_with_time(paper, pending.added), list(pending.records.values()), pending.keys)
            for pending, paper in zip(pending_papers, papers, strict=True)
        ]
        with reports_errors(str(self._address)):
            removed = {row: self._written.read(row) for row in sorted(replaced)}
            write_papers(self._writer, self._long, first, written, vectors, removed)

    def load(self, rows: Iterable[int]) -> None:
        """See ``RowStorage``."""
        wanted = set(rows)
        with reports_errors(str(self._address)):
            self._read_papers(sorted(wanted - self._read_rows(wanted)))

    def check(self, rows: Iterable[int]) -> None:
        """See ``RowStorage``; Milvus verifies what it has stored."""

    def remove(self, rows: Sequence[int], entries: Iterable[ExcludedId]) -> None:
        """See ``RowStorage``; of more than a thousand papers, some may be removed before a kill, and others not."""
        removed = {row: self.read(row) for row in rows}
        self.replaced.update(rows)
        known = list(entries)
        with self.database:
            insert_excluded_ids(self.database, known, 0)
        no_vectors = np.empty((0, self._model.dim), np.float16)
        with reports_errors(str(self._address)):
            for first in range(0, len(rows), READ_PAPERS):
                some = {row: removed[row] for row in rows[first : first + READ_PAPERS]}
                ids = {paper.id for paper in some.values()}
                note = {"removed": [[entry.id, entry.scope, entry.paper] for entry in known if entry.paper in ids]}
                self._writer.write([], [], no_vectors, replaced=some, note=note)

    def publish(self, calibrate: Calibrate) -> CollectionManifest:
        """Publishes all rows with the tables, as the next generation; if no papers changed, its name stays.

        Args:
            calibrate: See ``CollectionWriter.publish``.
        """
        with reports_errors(str(self._address)):
            before, writer = self._writer.manifest, self._writer
            version = before.version + 1 if before else 1
            writer.renew_lease()
            extra = write_tables(self._data, version, read_tables(self.database, (*ROW_TABLES, _VECTORS)))
            if before and not writer.unpublished_batches():
                generation = before.generation
            else:
                generation = generation_name((generation_number(before.generation) or version) + 1 if before else 1)
            manifest = writer.publish(generation, calibrate, extra)
            self._tables.delete()
        return manifest

    @property
    def generation(self) -> str:
        """The published generation; empty without one, or while papers are not published."""
        manifest = self._writer.manifest
        return manifest.generation if manifest and not self._writer.unpublished_batches() else ""

    def collection(self, manifest: CollectionManifest) -> Collection:
        """Returns a publication of the collection, to be read."""
        return Collection(self._client, self._address.collection, self._address.dialect, manifest)

    def close(self) -> None:
        """See ``RowStorage``."""
        self.database.close()
        self._writer.close()
        self._client.close()
        self._folder.cleanup()

    def _look_up(self, keys: Iterable[int]) -> list[StoredPaper]:
        """Reads the papers with some keys that were not read before, into the database, and returns them."""
        if not self._lookup.rows:
            return []
        unknown = set(keys) - self._known_keys
        if len(self._known_keys) > _MAX_KNOWN_KEYS:
            self._known_keys.clear()
        self._known_keys |= unknown
        with reports_errors(str(self._address)):
            rows = self._lookup.find(unknown) - self.replaced if unknown else set[int]()
            return self._read_papers(sorted(rows - self._read_rows(rows)))

    def _read_rows(self, rows: Iterable[int]) -> set[int]:
        """Returns those of some rows that the database has."""
        wanted, found = list(rows), set[int]()
        for first in range(0, len(wanted), READ_PAPERS):
            some = wanted[first : first + READ_PAPERS]
            sql = f"SELECT row FROM papers WHERE row IN ({placeholders(some)})"  # noqa: S608  only question marks
            found |= {row for (row,) in self.database.execute(sql, some)}
        return found

    def _read_papers(self, rows: Sequence[int]) -> list[StoredPaper]:
        """Reads papers of the collection into the database."""
        stored = list[StoredPaper]()
        for first in range(0, len(rows), READ_PAPERS):
            some = list(rows[first : first + READ_PAPERS])
            long = self._long.get(some)
            name = self._address.collection
            entities = self._client.get(name, ids=some, output_fields=list(FIELDS), consistency_level="Strong")
            stored += (StoredPaper.of(entity, long) for entity in entities)
        with self.database:
            values = ((each.row, each.paper, each.records) for each in stored)
            self.database.executemany("INSERT INTO papers VALUES (?, ?, ?)", values)
            self.database.executemany("INSERT INTO added VALUES (?, ?)", ((each.row, each.added) for each in stored))
            self._insert_vectors((each.row, each.vector) for each in stored)
            for each in stored:
                ((row, keys),) = expected_keys(self.database, each.row, each.row + 1)
                self.database.executemany("INSERT INTO keys VALUES (?, ?)", ((key, row) for key in sorted(keys)))
                self._written.add_keys(keys)
        return stored

    def _insert_vectors(self, vectors: Iterable[tuple[int, NDArray[np.float16]]]) -> None:
        values = ((row, vector.tobytes()) for row, vector in vectors)
        self.database.executemany(f"INSERT INTO {_VECTORS} VALUES (?, ?)", values)  # noqa: S608  a constant

    def _read_vector(self, row: int) -> NDArray[np.float16]:
        sql = f"SELECT vector FROM {_VECTORS} WHERE row = ?"  # noqa: S608  a constant
        ((vector,),) = self.database.execute(sql, [row])
        return np.frombuffer(vector, np.float16)


def _related_keys(record: Paper) -> Iterator[int]:
    """Yields the keys by which a writer looks for the papers that a record may concern."""
    yield from identity.keys(record)
    yield from map(retraction_key, record.ids)
    yield from map(id_key, find_retracted_ids(record.extra))


def _records(stored: StoredPaper) -> list[Paper]:
    """Returns the records of a paper."""
    fields = orjson.loads(stored.records) if stored.records else [orjson.loads(stored.paper)]
    return [Paper.from_json(each) for each in fields]


def _with_time(paper: Paper, added: int | None) -> Paper:
    return replace(paper, added=datetime.fromtimestamp(added, UTC)) if added else paper
