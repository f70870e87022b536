"""Bytes of a paper in a collection of Milvus, by field, and in a file of Milvus Lite.

python -m benchmarks.milvus_bytes INDEX --papers 5000

The papers are drawn at random; those in the file are the first ones. ``benchmarks.cluster_size`` computes clusters from
the figures.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from indexer.identity import keys, paper_keys
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.index.snapshot import Snapshot
from search.milvus.entities import PaperSource, PaperTexts, build_entity
from search.milvus.schema import LITE, SERVER

_SEED = 7
_WORD_BYTES = 8
"""Bytes of a number, an element of an array, and an entry of a sparse vector (index and value, 4 bytes each)."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    options.add_argument("--papers", type=int, default=5_000)
    arguments = options.parse_args()
    snapshot = Snapshot.open(arguments.index)
    figures = {
        **_measure_fields(snapshot, arguments.papers),
        "lite_file_bytes": _measure_file(snapshot, arguments.papers),
    }
    results.save("milvus_bytes", figures, dataset=f"{arguments.papers:,} of {len(snapshot.live):,} arXiv papers")


def _measure_fields(snapshot: Snapshot, papers: int) -> dict[str, object]:
    """Returns the mean bytes of each field of the entities that a server gets."""
    rows = np.sort(np.random.default_rng(_SEED).choice(snapshot.live.ids, papers, replace=False))
    analyzer = create_analyzer(LEXICON_TUNING.term_cache_size)
    sizes: Counter[str] = Counter()
    vectors = snapshot.vectors.get_vectors(rows)
    for row, paper, vector in zip(rows.tolist(), snapshot.store.get(rows.tolist()), vectors, strict=True):
        source = PaperSource(sorted(paper_keys(paper, keys(paper))))
        entity = build_entity(row, paper, PaperTexts.of(paper, analyzer), vector, source, SERVER)
        sizes.update(_field_bytes(entity))
    return {
        "papers_measured": papers,
        "bytes_by_field": {name: round(size / papers, 1) for name, size in sizes.items()},
    }


def _field_bytes(entity: Mapping[str, Any]) -> dict[str, int]:
    """Returns the bytes of the values of an entity, not compressed; also of ``bm25``, which the server computes."""
    sizes = {name: _value_bytes(value) for name, value in entity.items()}
    return sizes | {"bm25": _WORD_BYTES * len(set(entity["text"].split()))}


def _value_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, np.ndarray):
        return value.nbytes
    return _WORD_BYTES * (len(value) if isinstance(value, list | dict) else 1)


def _measure_file(snapshot: Snapshot, papers: int) -> int:
    """Returns the bytes per paper of a file of Milvus Lite with the first papers."""
    from pymilvus import MilvusClient

    from search.milvus.copying import copy_snapshot

    with tempfile.TemporaryDirectory() as folder:
        client = MilvusClient(f"{folder}/papers.db")
        manifest = copy_snapshot(snapshot, client, "papers", LITE, limit=papers)
        client.close()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return size // manifest.papers


if __name__ == "__main__":
    main()
