"""How the core grows: build time, memory, disk and latency from 10,000 rows to 3 million, and the exponent of each.

Also: whether two threads answer twice as many questions a second as one, and how fast memory is read.

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
from search.vectors.code_writer import write_codes
from search.vectors.vectors import MIN_CODED_ROWS, VectorIndex

_MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    synthetic_vectors.add_arguments(parser)
    parser.set_defaults(rows=[10_000, 100_000, 1_000_000])
    for action in parser._actions:
        if action.dest == "rows":
            action.nargs = "+"
    asked = parser.parse_args()
    sizes = {rows: _measure_size(VectorCorpus(asked.shared, asked.work, rows)) for rows in asked.rows}
    figures = {"memory_gb_per_s": _memory_bandwidth(), "rows": sizes, "exponents": _fit_exponents(sizes)}
    results.save("scaling", figures, dataset="grown vectors, real questions, k = 10, one thread")


def _measure_size(corpus: VectorCorpus) -> dict[str, float]:
    """In processes of their own: a build must not leave its memory to the one that answers."""
    corpus.vectors, corpus.queries  # noqa: B018  made here, kept in the work folder
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=corpus.work) as folder:
        codes = Path(folder) / "codes" if corpus.rows >= MIN_CODED_ROWS else None
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
    figures["questions_per_s"] = round(median(rates[1]), 1)
    figures["two_threads_ratio"] = round(median(two / one for one, two in zip(rates[1], rates[2], strict=True)), 2)
    return figures


def _queries_per_second(index: VectorIndex, queries: np.ndarray, rows: Rows, threads: int) -> float:
    """Questions a second, each the work of one thread."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda query: index.nearest(query[None], 10, rows), queries[: 2 * threads]))
        start = time.perf_counter()
        list(pool.map(lambda query: index.nearest(query[None], 10, rows), queries))
        return len(queries) / (time.perf_counter() - start)


def _memory_bandwidth() -> float:
    """GB/s at which one core sums half a gigabyte that is in no cache, the best of five."""
    memory = np.ones(2**26, np.uint64)

    def once() -> float:
        start = time.perf_counter()
        memory.sum()
        return time.perf_counter() - start

    return round(memory.nbytes / min(once() for _ in range(5)) / 1e9, 1)


def _fit_exponents(sizes: dict[int, dict[str, float]]) -> dict[str, float]:
    """The slope of each figure over the rows, both as logarithms: 1 is in proportion, 0 not at all."""
    rows = np.log(list(sizes))
    names = ("build_s", "codes_mib", "vectors_mib", "private_mib", "all_p50_ms", "tenth_p50_ms")
    found = {}
    for name in names:
        values = np.array([figures[name] for figures in sizes.values()])
        known = values > 0
        if np.count_nonzero(known) > 1:
            found[name] = round(float(np.polyfit(rows[known], np.log(values[known]), 1)[0]), 2)
    return found


if __name__ == "__main__":
    main()
