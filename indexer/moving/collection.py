"""Moves an index into a collection of Milvus and out of it."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

import numpy as np

from indexer.collections.papers import FIELDS, READ_PAPERS, StoredPaper, WrittenPaper, write_papers
from indexer.collections.rows import STARTED
from indexer.collections.tables import CollectionTables, write_tables
from indexer.moving.archive import Archive
from indexer.moving.paper import (
    Batch,
    Header,
    MovedPaper,
    ParsedBatch,
    Table,
    describe_mismatch,
    find_keys,
)
from search.errors import IndexUnavailable, ModelMismatch
from search.files import sha256_of_bytes
from search.milvus.address import Address
from search.milvus.collection import MAX_RESULTS, Collection
from search.milvus.data import DataStore
from search.milvus.errors import reports_errors
from search.milvus.manifest import CollectionManifest
from search.milvus.records import LongPapers
from search.milvus.schema import DATA_SUFFIX, load_collections
from search.milvus.writer import CollectionWriter


class NewCollection:
    """A new collection, whose rows are those of the archive, in the same order; see ``indexer.moving.target.Target``.

    There must be one writer at a time.

    Args:
        address: The collection; created if absent.
        archive: The archive.

    Raises:
        IndexUnavailable: Milvus cannot be reached, or the collection has other papers.
        ModelMismatch: The collection has vectors of another model.
    """

    def __init__(self, address: Address, archive: Archive) -> None:
        self._address, self._archive = address, archive
        self._client: Any = address.connect()
        self._data = DataStore(self._client, address.collection + DATA_SUFFIX)
        self._long = LongPapers(self._data)

    def __enter__(self) -> Self:
        try:
            with reports_errors(str(self._address)):
                self._open()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._client.close()

    def write(self, number: int, batch: ParsedBatch) -> None:
        """Writes a batch, unless the collection has all of it; see ``Target``."""
        first = number * self._archive.header.batch_papers
        if self._is_complete or (first, first + len(batch.papers)) in self._written:
            return
        papers = [
            WrittenPaper(each.paper, list(each.records.values()), find_keys(each.records)) for each in batch.papers
        ]
        with reports_errors(str(self._address)):
            write_papers(self._writer, self._long, first, papers, batch.vectors)

    def finish(self) -> str:
        """Publishes the papers with the tables of the archive; see ``Target``.

        Raises:
            IndexUnavailable: The collection does not have exactly the papers of the archive.
        """
        header = self._archive.header
        if self._is_complete:
            return header.generation
        with reports_errors(str(self._address)):
            self._client.flush(self._address.collection)
            self._check_papers()
            tables = map(self._archive.read_table, self._archive.tables)
            extra = {"source": header.source, **write_tables(self._data, 1, tables)}
            return self._writer.publish(
                header.generation, lambda _: header.calibration, extra, header.newest_added
            ).generation

    def _check_papers(self) -> None:
        """Raises an error unless the collection has exactly the papers of the archive, and the data of each batch."""
        expected, papers = self._archive.header.papers, self._writer.count("")
        complete = sum(batch.papers for batch in self._writer.unpublished_batches())
        if papers > expected:
            problem = f"it has {papers:,} papers instead of {expected:,}; drop it and import the archive again"
            raise IndexUnavailable(str(self._address), problem)
        if min(papers, complete) < expected:
            problem = f"it has lost papers and has {min(papers, complete):,} of {expected:,}; repeat the command"
            raise IndexUnavailable(str(self._address), problem)

    def _open(self) -> None:
        """Opens the collection for writing, and compares what it has with the archive."""
        self._is_complete = self._check_published()
        name, model = self._address.collection, self._archive.header.model
        self._writer = CollectionWriter.open(self._client, name, model, self._address.dialect)
        self._written = {(batch.first, batch.end) for batch in self._writer.unpublished_batches()}
        started = self._archive.header.source.encode()
        known = self._data.get([STARTED]).get(STARTED, b"" if self._written else started)
        if known != started and not self._is_complete:
            self._writer.close()
            raise self._has_other_papers()
        self._data.put({STARTED: started})

    def _check_published(self) -> bool:
        """Returns whether the archive was imported already.

        Raises:
            ModelMismatch: The collection has vectors of another model.
            IndexUnavailable: It has other papers.
        """
        name = self._address.collection + DATA_SUFFIX
        if not self._client.has_collection(name):
            return False
        self._client.load_collection(name)
        if not CollectionManifest.read_version(self._data):
            return False
        manifest, header = CollectionManifest.load(self._data, str(self._address)), self._archive.header
        if manifest.model != header.model:
            raise ModelMismatch(str(self._address), describe_mismatch(manifest.model, header.model))
        if manifest.extra.get("source") != header.source:
            raise self._has_other_papers()
        return True

    def _has_other_papers(self) -> IndexUnavailable:
        problem = "it has papers of another index; give a collection that does not exist yet"
        return IndexUnavailable(str(self._address), problem)


class CollectionSource:
    """The papers that are published in a collection; see ``indexer.moving.source.Source``.

    Args:
        address: The collection.

    Attributes:
        header: What an archive says of it.

    Raises:
        IndexUnavailable: Milvus cannot be reached, or does not show all papers.
        IndexMissing: Nothing is published in the collection.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Any = address.connect()
        self._data = DataStore(self._client, address.collection + DATA_SUFFIX)
        with reports_errors(str(address)):
            load_collections(self._client, address.collection, str(address))
            manifest = CollectionManifest.load(self._data, str(address))
            self._collection = Collection(self._client, address.collection, address.dialect, manifest)
            self._long = LongPapers(self._data)
            self._rows = self._find_rows()
        identity = f"{address}\0{manifest.version}\0{manifest.generation}"
        self.header = Header(
            sha256_of_bytes(identity.encode()),
            manifest.generation,
            manifest.model,
            len(self._rows),
            manifest.newest_added,
            manifest.calibration,
        )

    def read_batch(self, number: int) -> Batch:
        """Returns a batch; see ``Source``."""
        size = self.header.batch_papers
        rows = self._rows[number * size : (number + 1) * size]
        with reports_errors(str(self._address)):
            parts = (rows[first : first + READ_PAPERS] for first in range(0, len(rows), READ_PAPERS))
            entities = [entity for part in parts for entity in self._read_entities(part)]
            long = self._long.get(rows)
        if [int(entity["row"]) for entity in entities] != rows:
            raise self._changed()
        stored = [StoredPaper.of(entity, long) for entity in entities]
        papers = [MovedPaper(each.paper, each.records, each.added) for each in stored]
        return Batch(papers, np.stack([each.vector for each in stored]))

    def _read_entities(self, rows: Sequence[int]) -> list[Mapping[str, Any]]:
        """Returns the entities of some rows, ascending."""
        expression = f"row >= {rows[0]} and row <= {rows[-1]}"
        return sorted(self._collection.values(expression, FIELDS), key=itemgetter("row"))

    def tables(self) -> Iterator[Table]:
        """Yields the tables; see ``Source``."""
        with reports_errors(str(self._address)):
            yield from CollectionTables(self._data, self._collection.manifest.extra).read()

    def _find_rows(self) -> list[int]:
        """Returns the rows of all papers, ascending."""
        manifest, rows = self._collection.manifest, list[int]()
        for first in range(0, manifest.rows, MAX_RESULTS):
            expression = f"row >= {first} and row < {first + MAX_RESULTS}"
            rows += sorted(int(each["row"]) for each in self._collection.values(expression, ["row"]))
        if len(rows) != manifest.papers:
            raise self._changed()
        return rows

    def _changed(self) -> IndexUnavailable:
        hint = "try again; if an import into it was interrupted, repeat that first"
        return IndexUnavailable(str(self._address), f"it has changed, or does not show exactly its papers; {hint}")
