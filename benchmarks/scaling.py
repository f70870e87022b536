"""Measures how build time, memory, disk space and latency of vector search grow from 10,000 to 3 million rows.

It fits the exponent of each figure, compares the throughput of two threads with one, and measures memory bandwidth.

    python -m benchmarks.scaling --rows 10000 100000 1000000 3000000 --work build/ann
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.filter_cases import folder_bytes
from benchmarks.synthetic_vectors import DIM, VectorCorpus
from search.rows import Rows
from search.vectors.code_writer import DEFAULT_CODES_TUNING, write_codes
from search.vectors.vectors import VectorIndex

_MIB = 2**20
"""Bytes per MiB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="numbers of vectors to measure"
    )
    synthetic_vectors.add_folder_arguments(parser)
    options = parser.parse_args()
    sizes = {rows: _measure_size(VectorCorpus(options.shared, options.work, rows)) for rows in options.rows}
    figures = {"memory_gb_per_s": _memory_bandwidth(), "rows": sizes, "exponents": _fit_exponents(sizes)}
    results.save("scaling", figures, dataset="synthetic vectors, real queries, k = 10, one thread")


def _measure_size(corpus: VectorCorpus) -> dict[str, float]:
    """Builds and searches in separate processes, so that the memory of the build does not count for the search."""
    corpus.vectors, corpus.queries  # noqa: B018  created here and cached in the work folder
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=corpus.work) as folder:
        codes = Path(folder) / "codes" if corpus.rows >= DEFAULT_CODES_TUNING.min_rows else None
        with spawn.Pool(1, maxtasksperchild=1) as pool:
            built = pool.apply(_measure_build, (corpus, codes)) if codes else {"build_s": 0.0, "codes_mib": 0.0}
        with spawn.Pool(1, maxtasksperchild=1) as pool:
            answered = pool.apply(_measure_queries, (corpus, codes))
    print(corpus.rows, built, answered, flush=True)
    return {**built, **answered, "vectors_mib": round(corpus.rows * DIM * 2 / _MIB, 1)}


def _measure_build(corpus: VectorCorpus, codes: Path) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start = time.process_time()
    write_codes(corpus.vectors, np.arange(corpus.rows), codes, None)
    return {"build_s": round(time.process_time() - start, 2), "codes_mib": round(folder_bytes(codes) / _MIB, 1)}


def _measure_queries(corpus: VectorCorpus, codes: Path | None) -> dict[str, float]:
    index = VectorIndex(corpus.vectors_path, corpus.rows, DIM, codes)
    everything = Rows.from_mask(np.ones(corpus.rows, bool))
    tenth = Rows.from_mask(np.random.default_rng(1).random(corpus.rows) < 0.1)
    queries = corpus.queries
    before = results.private_bytes()
    index.nearest(queries[:1], 10, everything)
    figures = {"private_mib": round((results.private_bytes() - before) / _MIB, 1)}
    for name, rows in (("all", everything), ("tenth", tenth)):
        seconds = []
        for query in queries:
            start = time.perf_counter()
            index.nearest(query[None], 10, rows)
            seconds.append(time.perf_counter() - start)
        figures |= {f"{name}_{key}": value for key, value in results.percentiles(seconds).items()}
    rates = {
        threads: [_queries_per_second(index, queries, everything, threads) for _ in range(5)] for threads in (1, 2)
    }
    figures["queries_per_s"] = round(median(rates[1]), 1)
    figures["two_threads_ratio"] = round(median(two / one for one, two in zip(rates[1], rates[2], strict=True)), 2)
    return figures


def _queries_per_second(index: VectorIndex, queries: np.ndarray, rows: Rows, threads: int) -> float:
    """Returns the throughput of several threads, each of which runs one query at a time."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda query: index.nearest(query[None], 10, rows), queries[: 2 * threads]))
        start = time.perf_counter()
        list(pool.map(lambda query: index.nearest(query[None], 10, rows), queries))
        return len(queries) / (time.perf_counter() - start)


def _memory_bandwidth() -> float:
    """Returns the GB/s at which one core sums half a gigabyte, which exceeds the caches; best of five runs."""
    memory = np.ones(2**26, np.uint64)

    def once() -> float:
        start = time.perf_counter()
        memory.sum()
        return time.perf_counter() - start

    return round(memory.nbytes / min(once() for _ in range(5)) / 1e9, 1)


def _fit_exponents(sizes: dict[int, dict[str, float]]) -> dict[str, float]:
    """Returns the slope of the logarithm of each figure over the logarithm of the rows: 1 is linear, 0 constant."""
    rows = np.log(list(sizes))
    names = ("build_s", "codes_mib", "vectors_mib", "private_mib", "all_p50_ms", "tenth_p50_ms")
    exponents = {}
    for name in names:
        values = np.array([figures[name] for figures in sizes.values()])
        positive = values > 0
        if np.count_nonzero(positive) > 1:
            exponents[name] = round(float(np.polyfit(rows[positive], np.log(values[positive]), 1)[0]), 2)
    return exponents


if __name__ == "__main__":
    main()
