"""CollectionWriter: fills a collection with papers and publishes them.

Papers are written in batches. The datum of a batch, which makes it complete, says what it adds to the data about all
papers, and which papers it replaces. Papers are found once ``publish`` has added up the data of all batches and written
a manifest; what was replaced is deleted after that.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexUnavailable
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.milvus import schema
from search.milvus.author_buckets import merge_names
from search.milvus.batches import PENDING, Batch, pack_batch, read_heads, read_replaced, unpack_batch
from search.milvus.counts import add_up
from search.milvus.data import DataStore
from search.milvus.entities import BatchData, PaperSource, PaperTexts, build_entity
from search.milvus.lease import WriterLease
from search.milvus.manifest import CollectionManifest
from search.milvus.segments import Segments, delete_segments
from search.papers.date import NO_DAY
from search.papers.paper import Paper

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Calibrate = Callable[[CollectionManifest], Mapping[str, Any] | None]
"""Returns ``Calibration.to_json`` for what is about to be published; None without a calibration."""
_BATCHES_AT_ONCE = 32
"""Batches whose data is added up in memory, some 100 MB, before it becomes a segment."""
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
        schema.create_collections(client, name, model.dim, dialect)
        schema.load_collections(client, name, name)
        data = DataStore(client, name + schema.DATA_SUFFIX)
        lease = WriterLease(data, name)  # before the manifest is read, which another writer may replace
        try:
            manifest = CollectionManifest.load(data, name) if CollectionManifest.read_version(data) else None
            if manifest and manifest.model != model:
                problem = f"its vectors are of {manifest.model.name}, not of {model.name}; use another collection"
                raise IndexDamaged(name, problem)
            writer = cls(client, name, model, dialect, lease, manifest)
            writer._delete_applied()
            writer._delete_incomplete()
        except BaseException:
            lease.end()
            raise
        return writer

    def close(self) -> None:
        """Lets another process write the collection. Batches that are complete remain to be published."""
        self._lease.end()

    def renew_lease(self) -> None:
        """Makes sure that no other process writes the collection, before something is written into it.

        Raises:
            IndexBusy: another process has begun to write it.
        """
        self._lease.renew()

    def keep_lease(self) -> None:
        """Renews the lease now and then while nothing is written."""
        self._lease.keep()

    @property
    def next_row(self) -> int:
        """The row after the last one that was written, published or not."""
        return max([self.manifest.rows if self.manifest else 0, *(batch.end for batch in self.unpublished_batches())])

    def replaced_rows(self) -> list[int]:
        """Returns the rows that the next publication removes."""
        return read_replaced(self._data, self.unpublished_batches())

    def notes(self) -> list[Mapping[str, Any]]:
        """Returns the notes of the batches that are not published."""
        return [head["note"] for head in read_heads(self._data, self.unpublished_batches())]

    def write(
        self,
        rows: Sequence[int],
        papers: Sequence[Paper],
        vectors: NDArray[Any],
        sources: Sequence[PaperSource] | None = None,
        replaced: Mapping[int, Paper] | None = None,
        note: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes a batch of papers, which are found once they are published.

        Args:
            rows: their primary keys, ascending, above those of all papers before.
            papers: the papers.
            vectors: (n, dim) their vectors, of length 1.
            sources: what an importer knows about each.
            replaced: papers of lower rows that the next publication removes, by their rows.
            note: what an importer has to know of the batch until it is published (``notes``); of a batch that replaces
                papers.

        Raises:
            IndexBusy: another process has begun to write the collection.
        """
        self._lease.renew()
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
            batch = Batch(first, end, len(rows), min(replaced or (-1,)))
            head = {"replaced": list(replaced or ()), "note": note or {}}
            self._data.put({batch.name: pack_batch(data, removed, head)})

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

        Raises:
            IndexUnavailable: Milvus has lost papers that it had confirmed.
            IndexBusy: another process has begun to write the collection.
        """
        self._lease.renew()
        self._client.flush(self._name)
        before = self.manifest or self._empty_manifest()
        delete_segments(self._data, [each.number for each in before.replaced])
        batches = self.unpublished_batches()
        self._check_papers(before.rows, sum(batch.papers for batch in batches))
        names = [batch.name for batch in batches]
        segments, added = Segments(self._data, before.segments, before.next_segment), before
        for first in range(0, len(names), _BATCHES_AT_ONCE):
            values = self._data.get(names[first : first + _BATCHES_AT_ONCE]).values()
            parts = [part for value in values for part in unpack_batch(value)]
            segments.add(add_up(part["counts"] for part in parts), merge_names(part["authors"] for part in parts))
            added = _add_batches(added, parts)
        manifest = replace(
            added,
            newest_added=max(added.newest_added, newest_added),
            version=before.version + 1,
            generation=generation,
            rows=self.next_row,
            segments=segments.current,
            next_segment=segments.next_number,
            replaced=segments.replaced,
            calibration=before.calibration,
            applied=tuple(names),
            extra=before.extra if extra is None else extra,
        )
        manifest = replace(manifest, calibration=calibrate(manifest))
        self._lease.renew()
        manifest.save(self._data)
        self._client.flush(self._name + schema.DATA_SUFFIX)  # the log of Milvus Lite may have a gap from a full disk
        self.manifest = manifest
        self._delete_applied()
        if before.version:
            self._data.delete([before.name])
        return manifest

    def unpublished_batches(self) -> list[Batch]:
        """Returns the batches that are complete but not published, those of the lowest rows first."""
        rows = self._client.query(
            self._name + schema.DATA_SUFFIX, filter=f'name like "{PENDING}/%"', output_fields=["name"]
        )
        names = {row["name"].rpartition("/")[0] for row in rows}
        return sorted(Batch.parse(names.difference(self.manifest.applied if self.manifest else ())))

    def count(self, expression: str) -> int:
        """Returns the number of papers that meet an expression, published or not."""
        options = {"output_fields": ["count(*)"], "consistency_level": "Strong"}
        return int(self._client.query(self._name, filter=expression, **options)[0]["count(*)"])

    def _check_papers(self, first: int, expected: int) -> None:
        """Compares the number of papers that are not published with that of their batches."""
        papers = self.count(f"row >= {first} and row < {self.next_row}")
        if papers != expected:
            problem = f"it has {papers:,} of {expected:,} papers that were written; repeat the command"
            raise IndexUnavailable(self._name, problem)

    def _empty_manifest(self) -> CollectionManifest:
        days = {"published": NO_DAY, "updated": NO_DAY}
        return CollectionManifest(0, "", self._model, 0, 0, (0, 0, 0), (), 1, (), {}, (), 0, 0, days, None)

    def _delete_applied(self) -> None:
        """Deletes what the last publication has removed and the data of its batches."""
        names = list(self.manifest.applied) if self.manifest else []
        replaced = read_replaced(self._data, Batch.parse(names))
        for first in range(0, len(replaced), _ENTITIES_PER_REQUEST):
            self._client.delete(self._name, ids=replaced[first : first + _ENTITIES_PER_REQUEST])
        self._data.delete(names)

    def _delete_incomplete(self) -> None:
        """Deletes papers without the datum of their batch, and batches from the first one on that lacks papers."""
        batches = self.unpublished_batches()
        for number, batch in enumerate(batches):
            if batch.papers and self.count(f"row >= {batch.first} and row < {batch.end}") != batch.papers:
                self._data.delete([each.name for each in reversed(batches[number:])])  # a kill leaves the first ones
                break
        self._client.delete(self._name, filter=f"row >= {self.next_row}")


def _add_batches(manifest: CollectionManifest, batches: Sequence[Mapping[str, Any]]) -> CollectionManifest:
    """Returns a manifest with the numbers of some batches added."""
    lengths = np.sum([manifest.lengths, *(batch["lengths"] for batch in batches)], axis=0)
    days, categories, sources = dict(manifest.days), Counter(manifest.categories), dict.fromkeys(manifest.sources)
    for batch in batches:
        categories.update(batch["categories"])
        if not batch["is_removal"]:  # the days and sources of removed papers remain
            sources |= dict.fromkeys(batch["sources"])
            for name, (first, last) in batch["days"].items():
                days[name] = min(days[name][0], first), max(days[name][1], last)
    return replace(
        manifest,
        lengths=tuple(lengths.tolist()),
        papers=manifest.papers + sum(batch["papers"] for batch in batches),
        cited=manifest.cited + sum(batch["cited"] for batch in batches),
        newest_added=max([manifest.newest_added, *(batch["newest_added"] for batch in batches)]),
        categories=dict(categories),
        sources=tuple(sources),
        days=days,
    )
