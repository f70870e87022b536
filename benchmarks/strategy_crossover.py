"""Which road costs less for how many passing rows: scoring just those exactly, or scanning codes with a bitmap.

Rows are drawn at random, so they have nothing to do with the questions: the hardest case for the codes, as most cells
hold some. ``search.vectors.vectors.EXACT_UP_TO`` and ``EXACT_SHARE`` follow from it.

    python -m benchmarks.strategy_crossover --rows 1000000 --work build/ann
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.synthetic_vectors import DIM, VectorCorpus
from search.rows import Rows
from search.vectors import vectors as roads
from search.vectors.code_writer import write_codes
from search.vectors.vectors import VectorIndex

_MATCH_COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000, 200_000)
_ROUNDS = 3


def main() -> None:
    corpus = synthetic_vectors.corpus_from_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=corpus.work) as folder:
        write_codes(corpus.vectors, np.arange(corpus.rows), Path(folder) / "codes", None)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        index = VectorIndex(corpus.vectors_path, corpus.rows, DIM, Path(folder) / "codes")
        figures = {
            passing: _compare_strategies(index, corpus, passing) for passing in _MATCH_COUNTS if passing < corpus.rows
        }
    for passing, figure in figures.items():
        print(f"{passing:8,}  " + "  ".join(f"{road} {ms:.3f} ms" for road, ms in figure.items()))
    dearer = [passing for passing, figure in figures.items() if figure["rows"] > figure["codes"]]
    results.save(
        f"strategy_crossover-{corpus.rows}",
        {"p50_ms": figures, "codes_cost_less_from": min(dearer, default=None)},
        dataset=f"{corpus.rows:,} grown vectors, {len(corpus.queries)} real questions, k = 10, one thread",
    )


def _compare_strategies(index: VectorIndex, corpus: VectorCorpus, passing: int) -> dict[str, float]:
    """Medians of rounds in which the roads take turns, other rows for every question: none are in a cache."""
    asked = [(query, _draw_rows(corpus.rows, passing, place)) for place, query in enumerate(corpus.queries[::3])]
    seconds: dict[str, list[float]] = {"rows": [], "codes": []}
    for _ in range(_ROUNDS):
        for road, up_to in (("rows", corpus.rows), ("codes", 0)):
            roads.EXACT_MAX_ROWS, roads.EXACT_ROW_DIVISOR = up_to, corpus.rows + 1
            seconds[road].append(median(_time_search(index, query, rows) for query, rows in asked))
    return {road: round(median(rounds) * 1e3, 3) for road, rounds in seconds.items()}


def _draw_rows(universe: int, count: int, seed: int) -> Rows:
    mask = np.zeros(universe, bool)
    mask[np.random.default_rng(seed).choice(universe, count, replace=False)] = True
    return Rows.from_mask(mask)


def _time_search(index: VectorIndex, query: np.ndarray, rows: Rows) -> float:
    rows.ids, rows.bitmap  # noqa: B018  how a set is held is not what is compared
    start = time.perf_counter()
    index.nearest(query[None], 10, rows)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
