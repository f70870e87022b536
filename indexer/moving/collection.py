"""Moves an index into a collection of Milvus and out of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson

from indexer.identity import paper_keys
from indexer.moving.archive import Archive
from indexer.moving.paper import (
    Batch,
    Header,
    MovedPaper,
    ParsedBatch,
    ParsedPaper,
    Table,
    Value,
    describe_mismatch,
    find_keys,
)
from indexer.written import to_json_text
from search.errors import IndexUnavailable, ModelMismatch
from search.files import sha256_of_bytes
from search.milvus.address import Address
from search.milvus.collection import MAX_RESULTS, Collection
from search.milvus.data import DataStore
from search.milvus.entities import FetchedPaper, PaperSource, pack_paper, pack_records, unpack_paper, unpack_records
from search.milvus.errors import reports_errors
from search.milvus.manifest import CollectionManifest
from search.milvus.records import LongPaper, LongPapers
from search.milvus.schema import DATA_SUFFIX, FETCHED, load_collections
from search.milvus.writer import CollectionWriter

_STARTED = "moving"
"""Name of the datum that says which archive an interrupted import has begun to write."""
_TABLE_ROWS = 20_000
"""Rows of a table that are one datum, about 1 MB."""
_READ_PAPERS = 1_000
"""Papers that are read at once, 5 MB; Milvus accepts 64 MB."""
_NOT_LONG: LongPaper = {"paper": None, "records": None}
"""Stands for a paper whose fields have all of it."""


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
        self._client.close()

    def write(self, number: int, batch: ParsedBatch) -> None:
        """Writes a batch, unless the collection has all of it; see ``Target``."""
        first = number * self._archive.header.batch_papers
        if self._is_complete or self._has(first, first + len(batch.papers)):
            return
        papers = [each.paper for each in batch.papers]
        keys = [paper_keys(each.paper, find_keys(each.records)) for each in batch.papers]
        records = [list(each.records.values()) for each in batch.papers]
        long = {row: found for row, each in enumerate(batch.papers, first) if (found := _find_long(each))}
        sources = [PaperSource(list(key), each) for key, each in zip(keys, records, strict=True)]
        with reports_errors(str(self._address)):
            self._long.put(long)
            self._writer.write(range(first, first + len(papers)), papers, batch.vectors, sources)

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
            decisions, parts = list[Sequence[Value]](), dict[str, int]()
            for name in self._archive.tables:
                table = self._archive.read_table(name)
                if name == "decisions":
                    decisions += table.select("one", "other", "verdict")
                else:
                    parts[name] = self._write_table(table)
            extra = {
                "source": header.source,
                "decisions": decisions,
                "tables": parts,
            }
            return self._writer.publish(header.generation, header.calibration, extra, header.newest_added).generation

    def _check_papers(self) -> None:
        """Raises an error unless the collection has exactly the papers of the archive, and the data of each batch."""
        expected, papers = self._archive.header.papers, self._count("")
        complete = sum(end - first for first, end in self._writer.unpublished_batches())
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
        self._written = self._writer.unpublished_batches()
        started = self._archive.header.source.encode()
        known = self._data.get([_STARTED]).get(_STARTED, b"" if self._written else started)
        if known != started and not self._is_complete:
            raise self._has_other_papers()
        self._data.put({_STARTED: started})

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

    def _has(self, first: int, end: int) -> bool:
        """Whether an interrupted import has written a batch, and Milvus has kept it: see docs/milvus.md, full disk."""
        return (first, end) in self._written and self._count(f"row >= {first} and row < {end}") == end - first

    def _count(self, expression: str) -> int:
        """Returns the number of papers that meet an expression, published or not."""
        options = {"output_fields": ["count(*)"], "consistency_level": "Strong"}
        return int(self._client.query(self._address.collection, filter=expression, **options)[0]["count(*)"])

    def _write_table(self, table: Table) -> int:
        """Writes a table in parts, the first with the names of its columns; returns their number."""
        rows, parts = iter(table.rows), 0
        while some := list(islice(rows, _TABLE_ROWS)):
            parts += 1
            self._data.put({_table_part(table.name, parts): orjson.dumps([table.columns, some])})
        return parts

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
            parts = (rows[first : first + _READ_PAPERS] for first in range(0, len(rows), _READ_PAPERS))
            entities = [entity for part in parts for entity in self._read_entities(part)]
            long = self._long.get(rows)
        if [int(entity["row"]) for entity in entities] != rows:
            raise self._changed()
        papers, vectors = [], []
        for entity in entities:
            fetched, records = FetchedPaper.of(entity), unpack_records(entity["records"])
            known = long.get(fetched.row, _NOT_LONG)
            fields = [record.to_json() for record in records] or known["records"]
            text = orjson.dumps(known["paper"]).decode() if known["paper"] else to_json_text(fetched.paper)
            papers.append(MovedPaper(text, orjson.dumps(fields).decode() if fields else None, fetched.added))
            vectors.append(fetched.vector)
        return Batch(papers, np.stack(vectors).astype(np.float16))

    def _read_entities(self, rows: Sequence[int]) -> list[Mapping[str, Any]]:
        """Returns the entities of some rows, ascending."""
        expression = f"row >= {rows[0]} and row <= {rows[-1]}"
        return sorted(self._collection.values(expression, [*FETCHED, "records"]), key=itemgetter("row"))

    def tables(self) -> Iterator[Table]:
        """Yields the tables; see ``Source``."""
        extra = self._collection.manifest.extra
        decisions: list[Sequence[Value]] = [
            (number, *map(str, row)) for number, row in enumerate(extra.get("decisions", ()), 1)
        ]
        yield Table("decisions", ("number", "one", "other", "verdict"), decisions)
        for name, parts in extra.get("tables", {}).items():
            if parts:
                columns, _ = self._read_part(name, 1)
                rows = (row for part in range(1, parts + 1) for row in self._read_part(name, part)[1])
                yield Table(name, tuple(columns), rows)

    def _read_part(self, name: str, part: int) -> tuple[list[str], list[list[Value]]]:
        with reports_errors(str(self._address)):
            columns, rows = orjson.loads(self._data.get([_table_part(name, part)])[_table_part(name, part)])
        return columns, rows

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
        return IndexUnavailable(str(self._address), "it has changed, or does not show all papers yet; try again")


def _find_long(parsed: ParsedPaper) -> LongPaper | None:
    """Returns what the fields of a collection do not have of a paper; None if they have all."""
    paper, records = parsed.paper, list(parsed.records.values())
    is_long = unpack_paper(pack_paper(paper), 0) != paper
    has_others = records != [paper] and not pack_records(records)
    if not is_long and not has_others:
        return None
    fields = [record.to_json() for record in records]
    return {"paper": paper.to_json() if is_long else None, "records": fields if has_others else None}


def _table_part(name: str, part: int) -> str:
    return f"table/{name}/{part:06}"
