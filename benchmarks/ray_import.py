"""Measures the papers per second of an import on a Ray cluster by the number of workers, each on a core of its own.

    python -m benchmarks.ray_import papers.jsonl --workers 1 2 --rounds 3

Nodes and driver run on this machine, each node pinned to one core. The numbers of workers take turns, so that a change
in the load of the machine meets all of them. A local import on one core is measured beside them, and the driver alone:
an import whose vectors cost nothing.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
from numpy.typing import NDArray
from ray.cluster_utils import Cluster

from benchmarks import results
from indexer.build import ImportOptions, index_files
from indexer.ray_embedder import RayEmbedder
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import DEFAULT_MODEL


class FreeEmbedder:
    """An embedder that returns the same vector for each text, so that an import takes the time of the driver."""

    model = DEFAULT_MODEL.identity()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.model.dim), np.float32)
        vectors[:, 0] = 1
        return vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", type=Path, help="a file with some thousand papers")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers to measure")
    parser.add_argument("--rounds", type=int, default=3, help="imports with each number of workers")
    options = parser.parse_args()
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in ("driver", "local", *map(str, options.workers))}
    for _ in range(options.rounds):
        with _on_core(0):
            measured["driver"].append(_measure(options.papers, FreeEmbedder(), ImportOptions()))
            local = load_embedder()
            local.encode(["A text."] * 128)  # compiles the network
            measured["local"].append(_measure(options.papers, local, ImportOptions()))
        for count in options.workers:
            measured[str(count)].append(_measure_cluster(options.papers, count))
        print(measured, flush=True)
    figures = {name: {key: median(each[key] for each in runs) for key in runs[0]} for name, runs in measured.items()}
    first = str(options.workers[0])
    speedup = {
        name: round(figures[name]["embedded_per_s"] / figures[first]["embedded_per_s"], 2)
        for name in map(str, options.workers)
    }
    results.save(
        "ray_import",
        {"ray": version("ray"), "rounds": options.rounds, "workers": figures, "speedup": speedup},
        dataset=f"{options.papers.name}, one core per worker, medians",
    )


def _measure_cluster(papers: Path, count: int) -> dict[str, float]:
    with _cluster(count) as address, RayEmbedder(address, DEFAULT_MODEL.identity()) as embedder:
        while embedder.workers < count:
            time.sleep(0.1)
        with ThreadPoolExecutor(embedder.slices) as pool:  # the first texts of each worker compile its network
            list(pool.map(embedder.encode, [["A text."] * 128] * embedder.slices))
        return _measure(papers, embedder, ImportOptions(slices=embedder.slices))


@contextmanager
def _cluster(count: int) -> Iterator[str]:
    """Yields the address of a cluster of some nodes with one core each, pinned to cores of this machine in turn."""
    cluster = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for core in range(count):
            with _on_core(core):
                cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()


@contextmanager
def _on_core(number: int) -> Iterator[None]:
    """Restricts this process, and the processes that it starts meanwhile, to one of its cores."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _measure(papers: Path, embedder: Embedder, options: ImportOptions) -> dict[str, float]:
    """Imports papers into a new index.

    Returns:
        Papers per second until all are embedded and written, and of the whole import.
    """
    embedded: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        report = index_files(
            [papers], Path(folder), embedder, options=options, on_stage=lambda _: embedded.append(time.perf_counter())
        )
        end = time.perf_counter()
    count = report.counts.embedded
    return {
        "embedded_per_s": round(count / (embedded[0] - start), 1),
        "imported_per_s": round(count / (end - start), 1),
    }


if __name__ == "__main__":
    main()
