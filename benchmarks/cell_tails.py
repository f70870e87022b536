"""Measures which share of a cell's rows exceeds a threshold, by its distance from the centroid's score.

The threshold is the exact k-th best score of a real query among all rows; distances are in standard deviations.
``ProbeTuning`` models this share to choose the cells to scan.

    python -m benchmarks.cell_tails --rows 1000000 --work build/ann
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results, synthetic_vectors
from benchmarks.filter_cases import Fields, Workload
from benchmarks.synthetic_vectors import VectorCorpus
from search.vectors.cells import DEFAULT_PROBE_TUNING, normal_tail, tail_share
from search.vectors.code_writer import write_codes
from search.vectors.codes import Codes

_BIN_EDGES = np.arange(0.0, 12.0)
"""Distances that separate the bins, in standard deviations."""


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
        dataset=f"{corpus.rows:,} synthetic vectors in {len(codes.cells)} cells, {len(corpus.queries)} real queries",
    )


def _measure_tails(corpus: VectorCorpus, codes: Codes, k: int) -> dict[str, list[float]]:
    """Returns the measured share in each bin, and the shares that the models predict for the middle of the bin."""
    cells, tuning = codes.cells, DEFAULT_PROBE_TUNING
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
    models = {
        "predicted": tuning.tail_quadratic,
        "predicted_filtered": tuning.tail_quadratic_filtered,
        "predicted_correlated": tuning.tail_quadratic_correlated,
    }
    return {
        "deviations": middles.tolist(),
        "measured": _round_shares(better / np.maximum(all_rows, 1)),
        **{
            name: _round_shares(tail_share(middles, tuning.tail_linear, quadratic))
            for name, quadratic in models.items()
        },
        "normal": _round_shares(normal_tail(middles)),
    }


def _scores(corpus: VectorCorpus, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(corpus.vectors[rows], np.float32) @ query


def _round_shares(shares: NDArray[np.floating]) -> list[float]:
    return [float(f"{share:.2g}") for share in shares]


if __name__ == "__main__":
    main()
