"""Everything of an import but the embedding: seconds on one core, peak memory, bytes a paper.

The vectors come from an index of the same papers (``--vectors``), or are random ones; either way the time spent in
getting them is left out.

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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from indexer.build import ImportOptions, index
from search.embedding.model import ModelIdentity, default_identity
from search.index.snapshot import Snapshot
from search.papers.identifiers import text_key
from search.searcher import Searcher


class LookupEmbedder:
    """An embedder that looks its vectors up, and keeps the time on the CPU that takes: an import does other things
    meanwhile."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot, self.cpu_seconds, self._lock = snapshot, 0.0, threading.Lock()
        self._random = np.random.default_rng(1)

    @property
    def model(self) -> ModelIdentity:
        return default_identity()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            start = time.thread_time()
            vectors = self._look_up(texts)
            self.cpu_seconds += time.thread_time() - start
        return vectors

    def _look_up(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._random.normal(size=(len(texts), self.model.dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for place, text in enumerate(texts if self._snapshot else ()):
            rows = self._snapshot.store.rows_for_key(text_key(text))  # type: ignore[union-attr]
            if rows:
                vectors[place] = self._snapshot.vectors.get_vector(rows[0])  # type: ignore[union-attr]
        return vectors


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("papers", type=Path, nargs="+")
    options.add_argument("--vectors", type=Path, help="an index of the same papers")
    options.add_argument("--keep", type=Path, help="leave the index here")
    asked = options.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    stored = LookupEmbedder(Snapshot.open(asked.vectors) if asked.vectors else None)
    with tempfile.TemporaryDirectory() as folder:
        directory = asked.keep or Path(folder) / "index"
        start, cpu = time.perf_counter(), time.process_time()
        report = index(asked.papers, directory, stored, options=ImportOptions(), progress=_progress_printer())
        seconds, cpu = time.perf_counter() - start - stored.cpu_seconds, time.process_time() - cpu - stored.cpu_seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        store = Searcher(directory, lambda _model: stored).snapshot.store
        sizes = _bytes_by_component(directory)
        beside = sum(sizes.values()) - store.text_bytes()
        results.save(
            "indexing",
            {
                "seconds_without_embedding": round(seconds, 1),
                "of_those_on_the_cpu": round(cpu, 1),
                "records": report.counts.read,
                "papers_held": report.papers,
                "peak_memory_mib": round(peak / 2**20),
                "bytes_a_paper_beside_its_text": round(beside / report.papers),
                "bytes_of_text_a_paper": round(store.text_bytes() / report.papers),
                "bytes_a_paper_by_file": {name: round(size / report.papers) for name, size in sizes.items()},
            },
            dataset=", ".join(path.name for path in asked.papers) + ", one core",
        )


def _bytes_by_component(directory: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            inside = path.relative_to(directory).as_posix()
            name = next(
                (part for part in ("columns", "lexicon", "codes", "papers", "vectors") if part in inside), "other"
            )
            found[name] = found.get(name, 0) + path.stat().st_size
    return found


def _progress_printer():  # type: ignore[no-untyped-def]
    start = time.perf_counter()

    def progress(counts, _done: float) -> None:  # type: ignore[no-untyped-def]
        if counts.read % 20_000 == 0:
            print(f"{counts.read:,} read, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    main()
