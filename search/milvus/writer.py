"""CollectionWriter: fills a collection with papers and publishes them.

Papers are written in batches, each with what it adds to the data about all papers. A batch that is written twice
replaces itself, so an import that stops goes on after the last complete batch (``next_row``). Papers are found once
``publish`` has added up the data of all batches and written a manifest.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.milvus import schema
from search.milvus.author_buckets import merge_names, pack_names, unpack_names
from search.milvus.counts import add_up, pack, unpack
from search.milvus.data import DataStore
from search.milvus.entities import BatchData, FetchedPaper, PaperSource, PaperTexts, build_entity
from search.milvus.manifest import CollectionManifest
from search.milvus.segments import Segments, delete_segments
from search.papers.date import NO_DAY
from search.papers.paper import Paper

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_PENDING = "pending"
"""First part of the name of the data of a batch that is not published."""
_BATCHES_AT_ONCE = 32
"""Batches whose data is added up in memory, some 100 MB, before it becomes a segment."""
_ENTITIES_PER_REQUEST = 1_000
"""Papers that are written or deleted at once, 5 MB; Milvus accepts 64 MB."""


class CollectionWriter:
    """Writes papers into one collection. There must be one writer at a time.

    Args:
        client: the connection.
        name: name of the collection of papers.
        model: identity of the model that made the vectors.
        dialect: what the server understands.
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
        manifest: CollectionManifest | None = None,
    ) -> None:
        self._client, self._name, self._model, self._dialect = client, name, model, dialect
        self._data = DataStore(client, name + schema.DATA_SUFFIX)
        self.manifest = manifest
        self._analyzer = create_analyzer(LEXICON_TUNING.term_cache_size)

    @classmethod
    def open(cls, client: "MilvusClient", name: str, model: ModelIdentity, dialect: schema.Dialect) -> Self:
        """Opens a collection, which is created if it does not exist.

        Raises:
            IndexDamaged: its vectors are of another model.
        """
        schema.create_collections(client, name, model.dim, dialect)
        schema.load_collections(client, name, name)
        data = DataStore(client, name + schema.DATA_SUFFIX)
        manifest = CollectionManifest.load(data, name) if CollectionManifest.read_version(data) else None
        if manifest and manifest.model != model:
            problem = f"its vectors are of {manifest.model.name}, not of {model.name}; use another collection"
            raise IndexDamaged(name, problem)
        writer = cls(client, name, model, dialect, manifest)
        writer._delete_applied()
        return writer

    @property
    def next_row(self) -> int:
        """The row after the last one that was written, published or not."""
        ends = [int(name.split("/")[2]) for name in self._pending() if name.split("/")[1] != "removed"]
        return max([self.manifest.rows if self.manifest else 0, *ends])

    def write(
        self,
        rows: Sequence[int],
        papers: Sequence[Paper],
        vectors: NDArray[Any],
        sources: Sequence[PaperSource] | None = None,
    ) -> None:
        """Writes a batch of papers, which are found once they are published.

        Args:
            rows: their primary keys, ascending, above those of all papers before.
            papers: the papers.
            vectors: (n, dim) their vectors, of length 1.
            sources: what an importer knows about each.
        """
        data, entities = BatchData(), []
        known = sources or [PaperSource()] * len(rows)
        for paper, row, vector, source in zip(papers, rows, vectors, known, strict=True):
            texts = PaperTexts.of(paper, self._analyzer)
            data.add(paper, texts)
            entities.append(build_entity(row, paper, texts, vector, source, self._dialect))
        for first in range(0, len(entities), _ENTITIES_PER_REQUEST):
            self._client.upsert(self._name, entities[first : first + _ENTITIES_PER_REQUEST])
        if rows:
            self._data.put({f"{_PENDING}/{rows[0]:012}/{rows[-1] + 1:012}": _pack_batch(data)})

    def remove(self, rows: Sequence[int]) -> None:
        """Removes published papers with the next publication."""
        for first in range(0, len(rows), _ENTITIES_PER_REQUEST):
            some = list(rows[first : first + _ENTITIES_PER_REQUEST])
            data = BatchData()
            fields = list(schema.FETCHED)
            for entity in self._client.get(self._name, ids=some, output_fields=fields, consistency_level="Strong"):
                paper = FetchedPaper.of(entity).paper
                data.add(paper, PaperTexts.of(paper, self._analyzer))
            self._data.put({f"{_PENDING}/removed/{some[0]:012}": _pack_batch(data, some)})

    def publish(
        self,
        generation: str,
        calibration: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        newest_added: int = 0,
    ) -> CollectionManifest:
        """Makes all papers that were written part of the index, and those that were removed not.

        Args:
            generation: name of what is published; cursors contain it.
            calibration: ``Calibration.to_json``; the one before by default.
            extra: what an importer keeps about the collection; that of before by default.
            newest_added: the time at which the last paper was added, if that is one that was removed since.
        """
        self._client.flush(self._name)
        before = self.manifest or self._empty_manifest()
        delete_segments(self._data, [each.number for each in before.replaced])
        segments, added, names = Segments(self._data, before.segments, before.next_segment), before, self._pending()
        for first in range(0, len(names), _BATCHES_AT_ONCE):
            values = self._data.get(names[first : first + _BATCHES_AT_ONCE]).values()
            batches = [_unpack_batch(value) for value in values]
            segments.add(
                add_up(batch["counts"] for batch in batches), merge_names(batch["authors"] for batch in batches)
            )
            added = _add_batches(added, batches)
        manifest = replace(
            added,
            newest_added=max(added.newest_added, newest_added),
            version=before.version + 1,
            generation=generation,
            rows=self.next_row,
            segments=segments.current,
            next_segment=segments.next_number,
            replaced=segments.replaced,
            calibration=before.calibration if calibration is None else calibration,
            applied=tuple(names),
            extra=before.extra if extra is None else extra,
        )
        manifest.save(self._data)
        self._client.flush(self._name + schema.DATA_SUFFIX)  # the log of Milvus Lite may have a gap from a full disk
        self.manifest = manifest
        self._delete_applied()
        if before.version:
            self._data.delete([before.name])
        return manifest

    def unpublished_batches(self) -> set[tuple[int, int]]:
        """Returns the batches that are complete but not published: their first row, and the row after the last."""
        places = (name.split("/")[1:3] for name in self._pending())
        return {(int(first), int(end)) for first, end in places if first != "removed"}

    def _empty_manifest(self) -> CollectionManifest:
        days = {"published": NO_DAY, "updated": NO_DAY}
        return CollectionManifest(0, "", self._model, 0, 0, (0, 0, 0), (), 1, (), {}, (), 0, 0, days, None)

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
        for value in self._data.get([name for name in names if "/removed/" in name]).values():
            self._client.delete(self._name, ids=_unpack_batch(value)["rows"])
        self._data.delete(names)


def _pack_batch(data: BatchData, removed: Sequence[int] = ()) -> bytes:
    """Returns the data of a batch as bytes; of papers that are removed, with their rows."""
    counts, authors = pack(data.counts), pack_names(data.authors.values())
    head = orjson.dumps({**data.to_json(), "rows": list(removed), "bytes": [len(counts), len(authors)]})
    return b"".join((len(head).to_bytes(8, "big"), head, counts, authors))


def _unpack_batch(value: bytes) -> dict[str, Any]:
    """Returns the data of ``_pack_batch``, with the numbers of removed papers negative."""
    start = 8 + int.from_bytes(value[:8], "big")
    fields: dict[str, Any] = orjson.loads(value[8:start])
    end = start + fields["bytes"][0]
    counts, sign = unpack(value[start:end]).copy(), -1 if fields["rows"] else 1
    counts["count"] *= sign
    totals = {name: sign * fields[name] for name in ("papers", "cited")}
    return {
        **fields,
        **totals,
        "categories": {code: sign * papers for code, papers in fields["categories"].items()},
        "lengths": [sign * length for length in fields["lengths"]],
        "counts": counts,
        "authors": [name._replace(papers=sign * name.papers) for name in unpack_names(value[end:])],
    }


def _add_batches(manifest: CollectionManifest, batches: Sequence[Mapping[str, Any]]) -> CollectionManifest:
    """Returns a manifest with the numbers of some batches added."""
    lengths = np.sum([manifest.lengths, *(batch["lengths"] for batch in batches)], axis=0)
    days, categories, sources = dict(manifest.days), Counter(manifest.categories), dict.fromkeys(manifest.sources)
    for batch in batches:
        categories.update(batch["categories"])
        if not batch["rows"]:  # the days and sources of removed papers remain
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
