"""How many of a cell's rows score better than the k-th best of all, by deviations above the cell's mean score.

Real questions against all rows, exactly. From such a share ``search.vectors.cells`` decides which cells to look at.

    python -m benchmarks.cell_tails --rows 1000000 --work build/ann
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results, synthetic_vectors
from benchmarks.filter_cases import Fields, Workload
from benchmarks.synthetic_vectors import VectorCorpus
from search.vectors.cells import (
    _TAIL_QUADRATIC,
    _TAIL_QUADRATIC_CORRELATED,
    _TAIL_QUADRATIC_FILTERED,
    _tail_share,
    normal_tail,
)
from search.vectors.code_writer import write_codes
from search.vectors.codes import Codes

_BIN_EDGES = np.arange(0.0, 12.0)


def main() -> None:
    corpus = synthetic_vectors.corpus_from_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=corpus.work) as folder:
        write_codes(corpus.vectors, np.arange(corpus.rows), Path(folder) / "codes", None)
        codes = Codes(Path(folder) / "codes")
    figures = {f"k={k}": _measure_tails(corpus, codes, k) for k in (10, 100)}
    for k, shares in figures.items():
        print(k, *(f"{key} {value}" for key, value in shares.items()), sep="\n  ")
    results.save(
        f"cell_tails-{corpus.rows}",
        {"shares_above": figures},
        dataset=f"{corpus.rows:,} grown vectors in {len(codes.cells)} cells, {len(corpus.queries)} real questions",
    )


def _measure_tails(corpus: VectorCorpus, codes: Codes, k: int) -> dict[str, list[float]]:
    """By deviation, whole numbers from 0 on: the share found, and what is taken for it."""
    cells = codes.cells
    truth = np.stack(Workload(corpus, Fields.of(corpus)).ground_truth("none", k))
    threshold = np.array(
        [_scores(corpus, rows, query).min() for rows, query in zip(truth, corpus.queries, strict=True)]
    )
    deviations = (threshold[:, None] - corpus.queries @ cells.centroids.T) / cells.spread
    found = np.stack([np.bincount(cells.cell_of_row[rows], minlength=len(cells)) for rows in truth])
    bins = np.digitize(deviations, _BIN_EDGES[:-1]).ravel()
    better = np.bincount(bins, found.ravel(), len(_BIN_EDGES))[1:]
    all_rows = np.bincount(bins, np.broadcast_to(cells.sizes, found.shape).ravel(), len(_BIN_EDGES))[1:]
    middles = (_BIN_EDGES[:-1] + 0.5).astype(np.float32)
    return {
        "deviations": middles.tolist(),
        "found": _round_shares(better / np.maximum(all_rows, 1)),
        "taken": _round_shares(_tail_share(middles, _TAIL_QUADRATIC)),
        "taken_with_a_filter": _round_shares(_tail_share(middles, _TAIL_QUADRATIC_FILTERED)),
        "taken_with_a_filter_for_the_question": _round_shares(_tail_share(middles, _TAIL_QUADRATIC_CORRELATED)),
        "normal": _round_shares(normal_tail(middles)),
    }


def _scores(corpus: VectorCorpus, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(corpus.vectors[rows], np.float32) @ query


def _round_shares(shares: NDArray[np.floating]) -> list[float]:
    return [float(f"{share:.2g}") for share in shares]


if __name__ == "__main__":
    main()
