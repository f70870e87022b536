"""Fills a collection from an index on this machine, without embedding anything again."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from search.milvus.entities import PaperSource
from search.milvus.schema import Dialect
from search.milvus.writer import CollectionWriter

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from search.index.snapshot import Snapshot
    from search.milvus.manifest import CollectionManifest

_BATCH_ROWS = 2_000
"""Papers that are written at once."""


def copy_snapshot(
    snapshot: "Snapshot",
    client: "MilvusClient",
    name: str,
    dialect: Dialect,
    *,
    limit: int | None = None,
    on_batch: Callable[[int], None] = lambda papers: None,  # noqa: ARG005
) -> "CollectionManifest":
    """Copies the papers of a generation into a collection, from where an earlier copy stopped, and publishes them.

    Args:
        snapshot: the generation.
        client: the connection.
        name: name of the collection.
        dialect: what the server understands.
        limit: copies only the rows below this one.
        on_batch: called after each batch with its number of papers.
    """
    writer = CollectionWriter.open(client, name, snapshot.model, dialect)
    try:
        return _copy(snapshot, writer, limit, on_batch)
    finally:
        writer.close()


def _copy(
    snapshot: "Snapshot", writer: CollectionWriter, limit: int | None, on_batch: Callable[[int], None]
) -> "CollectionManifest":
    rows = snapshot.live.ids
    rows = rows[(rows >= writer.next_row) & (rows < (len(snapshot.columns) if limit is None else limit))]
    if writer.manifest and writer.manifest.generation == snapshot.generation and not len(rows):
        return writer.manifest
    sources = _Sources(snapshot)
    for first in range(0, len(rows), _BATCH_ROWS):
        some = rows[first : first + _BATCH_ROWS].tolist()
        papers, vectors = snapshot.store.get(some), snapshot.vectors.get_vectors(np.array(some))
        writer.write(some, papers, vectors, list(map(sources.of, some)))
        on_batch(len(some))
    calibration = snapshot.calibration.to_json() if snapshot.calibration else None
    return writer.publish(snapshot.generation, lambda _: calibration, {"decisions": snapshot.store.decisions()})


class _Sources:
    """What a local index knows about its papers.

    Args:
        snapshot: the generation.
    """

    def __init__(self, snapshot: "Snapshot") -> None:
        self._store = snapshot.store
        pairs = np.array(self._store.select("SELECT row, key FROM keys"), np.int64).reshape(-1, 2)
        self._pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]

    def of(self, row: int) -> PaperSource:
        """Returns what is known about the paper of a row."""
        start, end = np.searchsorted(self._pairs[:, 0], [row, row + 1])
        return PaperSource(self._pairs[start:end, 1].tolist(), self._store.records(row))
