"""CollectionWriter: fills a collection with papers and publishes them.

Papers are written in batches. The datum of a batch, which makes it complete, says what it adds to the data about all
papers, and which papers it replaces. Papers are found once ``publish`` has added up the data of all batches and written
a manifest; what was replaced is deleted after that.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.milvus import schema
from search.milvus.author_buckets import AuthorBuckets, IndexedName, merge_names, pack_names, unpack_names
from search.milvus.counts import CountBuckets, add_up, first_name_key, pack, unpack
from search.milvus.data import DataStore
from search.milvus.entities import BatchData, PaperSource, PaperTexts, build_entity
from search.milvus.lease import WriterLease
from search.milvus.manifest import CollectionManifest
from search.papers.date import NO_DAY
from search.papers.names import Name
from search.papers.paper import Paper

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Calibrate = Callable[[CollectionManifest], Mapping[str, Any] | None]
"""Returns ``Calibration.to_json`` for what is about to be published; None without a calibration."""
_PENDING = "pending"
"""First part of the name of the datum of a batch that is not published: ``pending/FIRST ROW/END`` or, if it replaces
papers, ``pending/FIRST ROW/END/replaces/LOWEST ROW``."""
_REPLACES = "/replaces/"
_ENTITIES_PER_REQUEST = 1_000
"""Papers that are written or deleted at once, 5 MB; Milvus accepts 64 MB."""


class CollectionWriter:
    """The only writer of a collection; ``close`` lets another one write.

    Args:
        client: the connection.
        name: name of the collection of papers.
        model: identity of the model that made the vectors.
        dialect: what the server understands.
        lease: the right to write.
        manifest: the last publication; None before the first.

    Attributes:
        manifest: the last publication.
    """

    def __init__(
        self,
        client: "MilvusClient",
        name: str,
        model: ModelIdentity,
        dialect: schema.Dialect,
        lease: WriterLease,
        manifest: CollectionManifest | None,
    ) -> None:
        self._client, self._name, self._model, self._dialect, self._lease = client, name, model, dialect, lease
        self._data = DataStore(client, name + schema.DATA_SUFFIX)
        self.manifest = manifest
        self._analyzer = create_analyzer(LEXICON_TUNING.term_cache_size)

    @classmethod
    def open(cls, client: "MilvusClient", name: str, model: ModelIdentity, dialect: schema.Dialect) -> Self:
        """Opens a collection, which is created if it does not exist.

        Raises:
            IndexDamaged: its vectors are of another model.
            IndexBusy: another process is writing it.
        """
        if not client.has_collection(name):
            schema.create_collections(client, name, model.dim, dialect)
        client.load_collection(name)
        client.load_collection(name + schema.DATA_SUFFIX)
        data = DataStore(client, name + schema.DATA_SUFFIX)
        manifest = CollectionManifest.load(data, name) if CollectionManifest.read_version(data) else None
        if manifest and manifest.model != model:
            problem = f"its vectors are of {manifest.model.name}, not of {model.name}; use another collection"
            raise IndexDamaged(name, problem)
        lease = WriterLease(data, name)
        try:
            writer = cls(client, name, model, dialect, lease, manifest)
            writer._delete_applied()
            client.delete(name, filter=f"row >= {writer.next_row}")  # of a batch that is not complete
        except BaseException:
            lease.end()
            raise
        return writer

    def close(self) -> None:
        """Lets another process write the collection. Batches that are complete remain to be published."""
        self._lease.end()

    @property
    def next_row(self) -> int:
        """The row after the last one that was written, published or not."""
        ends = [int(name.split("/")[2]) for name in self._pending()]
        return max([self.manifest.rows if self.manifest else 0, *ends])

    def replaced_rows(self) -> list[int]:
        """Returns the rows that the next publication removes."""
        return self._read_replaced(self._pending())

    def write(
        self,
        rows: Sequence[int],
        papers: Sequence[Paper],
        vectors: NDArray[Any],
        sources: Sequence[PaperSource] | None = None,
        replaced: Mapping[int, Paper] | None = None,
    ) -> None:
        """Writes a batch of papers, which are found once they are published.

        Args:
            rows: their primary keys, ascending, above those of all papers before.
            papers: the papers.
            vectors: (n, dim) their vectors, of length 1.
            sources: what an importer knows about each.
            replaced: papers of lower rows that the next publication removes, by their rows.

        Raises:
            IndexBusy: another process has begun to write the collection.
        """
        data, removed, entities = BatchData(), BatchData(), []
        known = sources or [PaperSource()] * len(rows)
        for paper, row, vector, source in zip(papers, rows, vectors, known, strict=True):
            texts = PaperTexts.of(paper, self._analyzer)
            data.add(paper, texts)
            entities.append(build_entity(row, paper, texts, vector, source, self._dialect))
        for paper in (replaced or {}).values():
            removed.add(paper, PaperTexts.of(paper, self._analyzer))
        for first in range(0, len(entities), _ENTITIES_PER_REQUEST):
            self._client.upsert(self._name, entities[first : first + _ENTITIES_PER_REQUEST])
        if rows or replaced:
            self._lease.renew()
            first, end = (rows[0], rows[-1] + 1) if rows else (self.next_row, self.next_row)
            name = f"{_PENDING}/{first:012}/{end:012}"
            if replaced:
                name += f"{_REPLACES}{min(replaced):012}"
            self._data.put({name: _pack_batch(data, removed, list(replaced or ()))})

    def publish(
        self,
        generation: str,
        calibrate: Calibrate = lambda manifest: manifest.calibration,
        extra: Mapping[str, Any] | None = None,
        newest_added: int = 0,
    ) -> CollectionManifest:
        """Makes all papers that were written part of the index, and those that were removed not.

        Args:
            generation: name of what is published; cursors contain it.
            calibrate: see ``Calibrate``; by default, the calibration remains.
            extra: what an importer keeps about the collection; that of before by default.
            newest_added: the time at which the last paper was added, if that is one that was removed since.
        """
        self._lease.renew()
        self._client.flush(self._name)
        names = self._pending()
        batches = [part for value in self._data.get(names).values() for part in _unpack_batch(value)]
        before = self.manifest or self._empty_manifest()
        authors, counts = self._merge(before, batches)
        written = [batch for batch in batches if not batch["is_removal"]]
        added = _add_batches(before, batches)
        manifest = replace(
            added,
            newest_added=max(added.newest_added, newest_added),
            version=before.version + 1,
            generation=generation,
            rows=self.next_row,
            counts=CountBuckets.for_entries(before.version + 1, len(counts)),
            authors=AuthorBuckets.for_names(before.version + 1, len(authors)),
            sources=tuple(dict.fromkeys((*before.sources, *(s for batch in written for s in batch["sources"])))),
            calibration=before.calibration,
            applied=tuple(names),
            extra=before.extra if extra is None else extra,
        )
        self._data.put(manifest.counts.split(counts))
        self._data.put(manifest.authors.split(authors))
        manifest = replace(manifest, calibration=calibrate(manifest))
        self._lease.renew()
        manifest.save(self._data)
        self.manifest = manifest
        self._delete_applied()
        if before.version:
            self._data.delete([before.name, *before.counts.all_names(), *before.authors.all_names()])
        return manifest

    def _empty_manifest(self) -> CollectionManifest:
        counts, authors = CountBuckets(0, 0), AuthorBuckets(0, 0, 0)
        days = {"published": NO_DAY, "updated": NO_DAY}
        return CollectionManifest(0, "", self._model, 0, 0, (0, 0, 0), counts, authors, {}, (), 0, 0, days, None)

    def _merge(
        self, before: CollectionManifest, batches: Sequence[Mapping[str, Any]]
    ) -> tuple[list[IndexedName], NDArray[np.void]]:
        """Returns the names of authors and the counts after some batches."""
        stored = self._data.get([*before.counts.all_names(), *before.authors.all_names()]) if before.version else {}
        known = [name for bucket in before.authors.all_names() for name in unpack_names(stored.get(bucket, b""))]
        authors = merge_names([known, *(batch["authors"] for batch in batches)])
        counts = [unpack(stored.get(bucket, b"")) for bucket in before.counts.all_names()]
        first_names: dict[int, int] = {}
        for name in authors[len(known) :]:
            if given := Name.from_key(name.key).given:
                key = first_name_key(given[0])
                first_names[key] = first_names.get(key, 0) + 1
        return authors, add_up([*counts, *(batch["counts"] for batch in batches), unpack(pack(first_names))])

    def _pending(self) -> list[str]:
        """Returns the names of the batches that are not published, those of the lowest rows first."""
        rows = self._client.query(
            self._name + schema.DATA_SUFFIX, filter=f'name like "{_PENDING}/%"', output_fields=["name"]
        )
        names = {row["name"].rpartition("/")[0] for row in rows}
        return sorted(names.difference(self.manifest.applied if self.manifest else ()))

    def _delete_applied(self) -> None:
        """Deletes what the last publication has removed and the data of its batches."""
        names = list(self.manifest.applied) if self.manifest else []
        replaced = self._read_replaced(names)
        for first in range(0, len(replaced), _ENTITIES_PER_REQUEST):
            self._client.delete(self._name, ids=replaced[first : first + _ENTITIES_PER_REQUEST])
        self._data.delete(names)

    def _read_replaced(self, names: Sequence[str]) -> list[int]:
        """Returns the rows that batches replace."""
        found = self._data.get([name for name in names if _REPLACES in name])
        return [row for value in found.values() for row in _unpack_head(value)["replaced"]]


def _pack_batch(added: BatchData, removed: BatchData, replaced: Sequence[int]) -> bytes:
    """Returns the datum of a batch: what it adds, what it removes, and the rows of the latter."""
    parts = [_pack_data(added), _pack_data(removed)]
    head = orjson.dumps({"replaced": list(replaced), "bytes": list(map(len, parts))})
    return b"".join((len(head).to_bytes(8, "big"), head, *parts))


def _unpack_head(value: bytes) -> dict[str, Any]:
    """Returns the first part of ``_pack_batch``."""
    fields: dict[str, Any] = orjson.loads(value[8 : 8 + int.from_bytes(value[:8], "big")])
    return fields


def _unpack_batch(value: bytes) -> Iterator[dict[str, Any]]:
    """Yields what a batch adds and, if it replaces papers, what it removes, as negative numbers."""
    fields = _unpack_head(value)
    start = 8 + int.from_bytes(value[:8], "big")
    end = start + fields["bytes"][0]
    yield _unpack_data(value[start:end], 1)
    if fields["replaced"]:
        yield _unpack_data(value[end:], -1)


def _pack_data(data: BatchData) -> bytes:
    counts, authors = pack(data.counts), pack_names(data.authors.values())
    head = orjson.dumps({**data.to_json(), "bytes": [len(counts), len(authors)]})
    return b"".join((len(head).to_bytes(8, "big"), head, counts, authors))


def _unpack_data(value: bytes, sign: int) -> dict[str, Any]:
    start = 8 + int.from_bytes(value[:8], "big")
    fields: dict[str, Any] = orjson.loads(value[8:start])
    end = start + fields["bytes"][0]
    counts = unpack(value[start:end]).copy()
    counts["count"] *= sign
    totals = {name: sign * fields[name] for name in ("papers", "cited")}
    return {
        **fields,
        **totals,
        "is_removal": sign < 0,
        "categories": {code: sign * papers for code, papers in fields["categories"].items()},
        "lengths": [sign * length for length in fields["lengths"]],
        "counts": counts,
        "authors": [name._replace(papers=sign * name.papers) for name in unpack_names(value[end:])],
    }


def _add_batches(manifest: CollectionManifest, batches: Sequence[Mapping[str, Any]]) -> CollectionManifest:
    """Returns a manifest with the numbers of some batches added."""
    lengths = np.sum([manifest.lengths, *(batch["lengths"] for batch in batches)], axis=0)
    days, categories = dict(manifest.days), Counter(manifest.categories)
    for batch in batches:
        categories.update(batch["categories"])
        if not batch["is_removal"]:  # the days of removed papers remain
            for name, (first, last) in batch["days"].items():
                days[name] = min(days[name][0], first), max(days[name][1], last)
    return replace(
        manifest,
        lengths=tuple(lengths.tolist()),
        papers=manifest.papers + sum(batch["papers"] for batch in batches),
        cited=manifest.cited + sum(batch["cited"] for batch in batches),
        newest_added=max([manifest.newest_added, *(batch["newest_added"] for batch in batches)]),
        categories=dict(categories),
        days=days,
    )
