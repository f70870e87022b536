"""Measures from how many matching rows on scanning codes costs less than scoring the matching rows exactly.

The matching rows are drawn at random and so are uncorrelated with the queries. This is the hardest case for the codes,
since most cells contain some of them. ``SearchTuning.exact_max_rows`` and ``exact_row_divisor`` are chosen from the
results.

    python -m benchmarks.strategy_crossover --rows 1000000 --work build/ann
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.synthetic_vectors import DIM, VectorCorpus
from search.rows import Rows
from search.vectors.code_writer import write_codes
from search.vectors.vectors import DEFAULT_SEARCH_TUNING, VectorIndex

_MATCH_COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000, 200_000)
"""Numbers of matching rows that are measured."""
_ROUNDS = 3
"""Rounds in which the strategies take turns."""


def main() -> None:
    corpus = synthetic_vectors.corpus_from_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=corpus.work) as folder:
        codes = Path(folder) / "codes"
        write_codes(corpus.vectors, np.arange(corpus.rows), codes, None)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        indexes = _open_indexes(corpus, codes)
        figures = {count: _compare_strategies(indexes, corpus, count) for count in _MATCH_COUNTS if count < corpus.rows}
    for count, figure in figures.items():
        print(f"{count:8,}  " + "  ".join(f"{strategy} {ms:.3f} ms" for strategy, ms in figure.items()))
    cheaper = [count for count, figure in figures.items() if figure["approximate"] < figure["exact"]]
    results.save(
        f"strategy_crossover-{corpus.rows}",
        {"p50_ms": figures, "approximate_costs_less_from": min(cheaper, default=None)},
        dataset=f"{corpus.rows:,} synthetic vectors, {len(corpus.queries)} real queries, k = 10, one thread",
    )


def _open_indexes(corpus: VectorCorpus, codes: Path) -> dict[str, VectorIndex]:
    """Opens the same index once per strategy, with a tuning that always selects it."""
    limits = {"exact": corpus.rows, "approximate": 0}
    return {
        strategy: VectorIndex(
            corpus.vectors_path,
            corpus.rows,
            DIM,
            codes,
            replace(DEFAULT_SEARCH_TUNING, exact_max_rows=limit, exact_row_divisor=corpus.rows + 1),
        )
        for strategy, limit in limits.items()
    }


def _compare_strategies(indexes: Mapping[str, VectorIndex], corpus: VectorCorpus, count: int) -> dict[str, float]:
    """Returns the median milliseconds of each strategy. Every query has other rows, so that no cache contains them."""
    queries = [(query, _draw_rows(corpus.rows, count, seed)) for seed, query in enumerate(corpus.queries[::3])]
    seconds: dict[str, list[float]] = {strategy: [] for strategy in indexes}
    for _ in range(_ROUNDS):
        for strategy, index in indexes.items():
            seconds[strategy].append(median(_time_search(index, query, rows) for query, rows in queries))
    return {strategy: round(median(rounds) * 1e3, 3) for strategy, rounds in seconds.items()}


def _draw_rows(universe: int, count: int, seed: int) -> Rows:
    mask = np.zeros(universe, bool)
    mask[np.random.default_rng(seed).choice(universe, count, replace=False)] = True
    return Rows.from_mask(mask)


def _time_search(index: VectorIndex, query: np.ndarray, rows: Rows) -> float:
    rows.ids, rows.bitmap  # noqa: B018  computed before the timer starts, since converting sets is not compared
    start = time.perf_counter()
    index.nearest(query[None], 10, rows)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
