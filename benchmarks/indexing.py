"""An import without embedding: seconds on one core, peak memory, bytes per paper.

The vectors come from an index of the same papers (``--vectors``), or are random. The time that this takes is excluded.

    papers index PAPERS.jsonl.xz --index FULL
    python -m benchmarks.indexing PAPERS.jsonl.xz --vectors FULL
"""

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from indexer.build import ImportOptions, index
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import DEFAULT_MODEL, ModelIdentity
from search.index.snapshot import Snapshot
from search.papers.identifiers import text_key
from search.searcher import Searcher


class LookupEmbedder:
    """An embedder that looks up its vectors in an index and embeds texts that it lacks, or returns random ones.

    Attributes:
        cpu_seconds: CPU time of all calls; the wall time includes work that the import does in parallel.

    Args:
        snapshot: the index; None for random vectors only.
    """

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.cpu_seconds = 0.0
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._random = np.random.default_rng(1)

    @property
    def model(self) -> ModelIdentity:
        return DEFAULT_MODEL.identity()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            start = time.thread_time()
            vectors = self._look_up(texts)
            self.cpu_seconds += time.thread_time() - start
        return vectors

    def _look_up(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._snapshot is None:
            vectors = self._random.normal(size=(len(texts), self.model.dim)).astype(np.float32)
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found = [self._snapshot.store.rows_for_key(text_key(text)) for text in texts]
        vectors = self._snapshot.vectors.get_vectors(np.array([rows[0] if rows else 0 for rows in found], np.int64))
        missing = [position for position, rows in enumerate(found) if not rows]  # the titles that calibrate the index
        if missing:
            vectors[missing] = self._embedder.encode([texts[position] for position in missing])
        return vectors

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("papers", type=Path, nargs="+")
    options.add_argument("--vectors", type=Path, help="an index of the same papers")
    options.add_argument("--keep", type=Path, help="keep the index in this directory")
    arguments = options.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    embedder = LookupEmbedder(Snapshot.open(arguments.vectors) if arguments.vectors else None)
    with tempfile.TemporaryDirectory() as folder:
        directory = arguments.keep or Path(folder) / "index"
        start, cpu_start = time.perf_counter(), time.process_time()
        report = index(arguments.papers, directory, embedder, options=ImportOptions(), progress=_progress_printer())
        seconds = time.perf_counter() - start - embedder.cpu_seconds
        cpu_seconds = time.process_time() - cpu_start - embedder.cpu_seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sizes = _bytes_by_component(directory)
        store = Searcher(directory, lambda _model: embedder).snapshot.store
        ((text_bytes,),) = store.select("SELECT coalesce(sum(length(cast(paper AS BLOB))), 0) FROM papers")
        results.save(
            "indexing",
            {
                "seconds_without_embedding": round(seconds, 1),
                "cpu_seconds_without_embedding": round(cpu_seconds, 1),
                "records": report.counts.read,
                "papers_indexed": report.papers,
                "peak_memory_mib": round(peak / 2**20),
                "bytes_per_paper_without_text": round((sum(sizes.values()) - text_bytes) / report.papers),
                "text_bytes_per_paper": round(text_bytes / report.papers),
                "bytes_per_paper_by_file": {name: round(size / report.papers) for name, size in sizes.items()},
            },
            dataset=", ".join(path.name for path in arguments.papers) + ", one core",
        )


def _bytes_by_component(directory: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            relative = path.relative_to(directory).as_posix()
            name = next(
                (part for part in ("columns", "lexicon", "codes", "papers", "vectors") if part in relative), "other"
            )
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


def _progress_printer():  # type: ignore[no-untyped-def]
    start = time.perf_counter()

    def progress(counts, _done: float) -> None:  # type: ignore[no-untyped-def]
        if counts.read % 20_000 == 0:
            print(f"{counts.read:,} read, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    main()
