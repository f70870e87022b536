"""Creates millions of synthetic vectors that resemble those of papers, from 100,000 real ones.

The first 100,000 rows are vectors of real papers. Every later row is derived from a real row: it is moved towards the
centre of its k-means cluster, and noise from the distribution of the cluster's residuals is added. The noise covers the
``_NOISE_RANK`` principal directions with the largest variance. The weights preserve the variance of each cluster:

    synthetic = centre + sqrt(1 - _NOISE_WEIGHT^2) * (row - centre) + _NOISE_WEIGHT * noise,    then unit length

Rows are drawn with a fixed seed and written in blocks to a row-major float16 file. ``--check`` compares real rows with
the same number of synthetic ones by the recall@10 of re-ranking the best codes (``IVF1,PQ96x4fs``) at several depths
and by the scores of the nearest rows (``benchmarks/results/synthetic_vectors-1000000.json``):

    depth        80    160   320   640   1280     score of the 1st, 10th, 100th nearest
    real        .942  .984  .994  .998  1.000     .672  .602  .529
    synthetic   .920  .972  .992  .998  1.000     .651  .594  .527

A noise weight of 0.4 reduces the difference at depth 80 by .009 but makes the rows derived from one real row near
duplicates of each other.

    python -m benchmarks.synthetic_vectors --rows 1000000 --work build/ann --check
"""

import argparse
import itertools
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from search.embedding.embedder import load_embedder

Vectors = NDArray[np.float32]

REAL_ROWS = 100_000
"""Number of real vectors."""
DIM = 384
"""Components per vector."""
REGIONS = 64
"""Number of coarse clusters of the real rows. A row's region is the cluster with the nearest centre."""
_CLUSTERS = 256
"""Number of clusters that synthetic rows are drawn from."""
_NOISE_RANK = 128
"""Principal directions of the noise in each cluster."""
_NOISE_WEIGHT = 0.5
"""Weight of the noise; the module documentation gives the reason."""
_BLOCK = 50_000
"""Rows processed per step."""
_SEED = 20_261
_QUERY_PAPERS = 150
"""Papers that queries are made from, two per paper."""
_DEPTHS = (80, 160, 320, 640, 1280)
"""Numbers of candidates to re-rank in ``--check``."""


@dataclass(frozen=True)
class VectorCorpus:
    """The vectors, the queries and data derived from them, cached in a folder.

    Attributes:
        shared: the folder that contains ``corpora/``.
        work: the folder for generated files.
        rows: number of vectors.
        query_count: number of queries to use, evenly spaced; None for all.
    """

    shared: Path
    work: Path
    rows: int
    query_count: int | None = None

    @property
    def vectors_path(self) -> Path:
        """The float16 file of ``rows`` x DIM, created if missing."""
        path = self.work / f"vectors-{self.rows}.f16"
        if not path.exists():
            _write_vectors(self, path)
        return path

    @property
    def vectors(self) -> NDArray[np.float16]:
        """(rows, DIM) float16 unit rows, memory-mapped."""
        return np.memmap(self.vectors_path, np.float16, "r", shape=(self.rows, DIM))

    @cached_property
    def real_vectors(self) -> NDArray[np.float16]:
        """(REAL_ROWS, DIM) float16, memory-mapped."""
        real: NDArray[np.float16] = np.load(self.shared / "corpora/arxiv100k.minilm.f16.npy", mmap_mode="r")
        return real

    def centres(self, count: int = REGIONS) -> Vectors:
        """Returns k-means centres of the real rows, (count, DIM) float32, cached in the work folder."""
        path = self.work / f"centres-{count}.npy"
        if not path.exists():
            means = faiss.Kmeans(DIM, count, niter=20, seed=_SEED, max_points_per_centroid=1_000)
            means.train(np.asarray(self.real_vectors, np.float32))
            np.save(path, means.centroids)
        centres: Vectors = np.load(path)
        return centres

    @cached_property
    def queries(self) -> Vectors:
        """(300, DIM) float32: the titles of 150 papers that are not in the corpus, then their titles with abstracts."""
        path = self.work / "queries.npy"
        if not path.exists():
            np.save(path, load_embedder().encode(list(_query_texts(self.shared / "corpora/arxiv.jsonl.xz"))))
        queries: Vectors = np.load(path)
        return queries[np.linspace(0, len(queries) - 1, self.query_count).astype(int)] if self.query_count else queries


def assign_regions(vectors: NDArray[np.float16], centres: Vectors) -> NDArray[np.int32]:
    """Returns the index of the centre nearest to each row, (rows,) int32."""
    index = faiss.IndexFlatL2(DIM)
    index.add(centres)
    found = np.empty(len(vectors), np.int32)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK], np.float32)
        found[start : start + len(block)] = index.search(block, 1)[1][:, 0]
    return found


def _query_texts(path: Path) -> Iterator[str]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        unused = (json.loads(line) for line in itertools.islice(lines, REAL_ROWS, None))
        papers_with_abstract = (paper for paper in unused if paper.get("abstract"))
        selected = list(itertools.islice(papers_with_abstract, _QUERY_PAPERS))
    yield from (paper["title"] for paper in selected)
    yield from (f"{paper['title']}. {paper['abstract']}" for paper in selected)


@dataclass(frozen=True)
class _ResidualNoise:
    """The normal distribution of the residuals of a cluster.

    Attributes:
        axes: (rank, DIM) float32, principal directions scaled to their standard deviation.
    """

    axes: Vectors

    @classmethod
    def fit(cls, residuals: Vectors, rank: int) -> "_ResidualNoise":
        """Fits the ``rank`` directions with the largest variance."""
        variances, axes = np.linalg.eigh(residuals.T @ residuals / len(residuals))
        return cls((axes[:, -rank:] * np.sqrt(np.maximum(variances[-rank:], 0))).T.astype(np.float32))

    def draw(self, random: np.random.Generator, count: int) -> Vectors:
        """Draws residuals, (count, DIM) float32."""
        return random.standard_normal((count, len(self.axes)), np.float32) @ self.axes


class VectorSynthesizer:
    """Draws rows that resemble real ones. The method is in the documentation of the module.

    Args:
        real: (n, DIM) float32 unit rows.
        centres: (clusters, DIM) float32, the centres of their clusters.
    """

    def __init__(self, real: Vectors, centres: Vectors) -> None:
        self._real, self._centres = real, centres
        self._cluster = assign_regions(real, centres)
        self._noise = [
            _ResidualNoise.fit(real[self._cluster == each] - centre, _NOISE_RANK) for each, centre in enumerate(centres)
        ]

    def draw(self, random: np.random.Generator, bases: NDArray[np.int64]) -> NDArray[np.float16]:
        """Draws one row per base row.

        Args:
            random: the source of randomness.
            bases: indices of real rows.

        Returns:
            (len(bases), DIM) float16 unit rows.
        """
        clusters = self._cluster[bases]
        drawn = self._real[bases] - self._centres[clusters]
        drawn *= np.sqrt(1 - _NOISE_WEIGHT**2)
        for cluster in np.unique(clusters):
            members = np.flatnonzero(clusters == cluster)
            noise = self._noise[cluster].draw(random, len(members))
            drawn[members] += self._centres[cluster] + _NOISE_WEIGHT * noise
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn.astype(np.float16)


def _write_vectors(corpus: VectorCorpus, path: Path) -> None:
    """Writes all rows. The numbers of synthetic rows derived from each real row differ by at most one."""
    random = np.random.default_rng(_SEED)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(np.ascontiguousarray(corpus.real_vectors[: corpus.rows]).tobytes())
        synthesizer = (
            VectorSynthesizer(np.asarray(corpus.real_vectors, np.float32), corpus.centres(_CLUSTERS))
            if corpus.rows > REAL_ROWS
            else None
        )
        for start in range(REAL_ROWS, corpus.rows, _BLOCK):
            if start % REAL_ROWS == 0:
                order = random.permutation(REAL_ROWS)
            count = min(_BLOCK, corpus.rows - start)
            file.write(synthesizer.draw(random, order[start % REAL_ROWS :][:count]).tobytes())  # type: ignore[union-attr]
    partial.rename(path)


def recall_by_depth(rows: Vectors, queries: Vectors) -> dict[int, float]:
    """Returns recall@10 by the number of best codes that are re-ranked exactly."""
    exact = faiss.IndexFlatIP(DIM)
    exact.add(rows)
    _, truth = exact.search(queries, 10)
    codes = faiss.index_factory(DIM, "IVF1,PQ96x4fs", faiss.METRIC_INNER_PRODUCT)
    codes.by_residual = False
    codes.train(rows[np.random.default_rng(_SEED).choice(len(rows), 32_768, replace=False)])
    codes.add(rows)
    _, found = codes.search(queries, max(_DEPTHS))
    return {
        depth: round(
            float(np.mean([np.isin(best, near[:depth]).mean() for best, near in zip(truth, found, strict=True)])), 4
        )
        for depth in _DEPTHS
    }


def mean_nearest_scores(rows: Vectors, queries: Vectors) -> list[float]:
    """Returns the mean score of the 1st, 10th and 100th nearest row."""
    exact = faiss.IndexFlatIP(DIM)
    exact.add(rows)
    scores, _ = exact.search(queries, 100)
    return [round(float(scores[:, rank].mean()), 4) for rank in (0, 9, 99)]


def compare_with_real(corpus: VectorCorpus) -> None:
    """Compares real rows with the same number of synthetic ones; prints and saves the figures."""
    sample = np.sort(np.random.default_rng(1).choice(np.arange(REAL_ROWS, corpus.rows), REAL_ROWS, replace=False))
    kinds = {"real": corpus.real_vectors, "synthetic": corpus.vectors[sample]}
    figures = {
        name: {
            "recall_at_10_by_depth": recall_by_depth(np.asarray(rows, np.float32), corpus.queries),
            "mean_score_of_rank_1_10_100": mean_nearest_scores(np.asarray(rows, np.float32), corpus.queries),
        }
        for name, rows in kinds.items()
    }
    results.save(
        f"synthetic_vectors-{corpus.rows}",
        {"clusters": _CLUSTERS, "rank": _NOISE_RANK, "noise": _NOISE_WEIGHT, **figures},
        dataset=f"{REAL_ROWS:,} real rows and {REAL_ROWS:,} synthetic ones, {len(corpus.queries)} queries",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a benchmark on synthetic vectors."""
    parser.add_argument("--rows", type=int, default=REAL_ROWS, help="number of vectors")
    add_folder_arguments(parser)


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the folders of a ``VectorCorpus``."""
    parser.add_argument("--work", type=Path, default=Path("build/ann"), help="folder for generated files")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that contains corpora/")


def corpus_from_arguments(description: str | None) -> VectorCorpus:
    """Parses the command line of a benchmark that has no other options."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    return VectorCorpus(options.shared, options.work, options.rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--check", action="store_true", help="compare synthetic rows with real ones")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    corpus = VectorCorpus(options.shared, options.work, options.rows)
    print(corpus.vectors_path, corpus.vectors.shape, corpus.queries.shape)
    if options.check:
        compare_with_real(corpus)


if __name__ == "__main__":
    main()
