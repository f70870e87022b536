"""Vectors by the million that behave like papers: 100,000 real ones, grown.

Row ``i`` below 100,000 is a real paper's vector. Every later one starts from a real row, is drawn towards the centre of
its k-means cluster and gets noise from the cluster's residuals, whose covariance is kept to its ``_RANK`` largest
directions; both are balanced so that each cluster keeps its spread:

    grown = centre + sqrt(1 - _NOISE^2) * (row - centre) + _NOISE * noise,    then unit length

Seeded; written in blocks as a plain row-major float16 file. ``--check`` compares what a re-rank of the best codes finds
(recall@10 against depth, codes ``IVF1,PQ96x4fs``) among the real rows with what it finds among as many grown ones:

    depth     80    160   320   640   1280     score of the 1st, 10th, 100th nearest
    real     .942  .984  .994  .998  1.000     .672  .602  .529
    grown    .920  .972  .992  .998  1.000     .651  .594  .527

Less noise (.4) comes .009 nearer at depth 80, but makes a row's ten descendants near duplicates of one another.

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

REAL_ROWS, DIM = 100_000, 384
REGIONS = 64
"""Coarse clusters of the real rows; every row's region is the nearest of them."""
_CLUSTERS, _NOISE_RANK, _NOISE_WEIGHT = 256, 128, 0.5
_BLOCK, _SEED = 50_000, 20_261
_QUERY_PAPERS = 150
_DEPTHS = (80, 160, 320, 640, 1280)


@dataclass(frozen=True)
class VectorCorpus:
    """Where the vectors, the queries and what is derived of them lie.

    Attributes:
        shared: the folder with ``corpora/``. work: the folder for what is made here. rows: how many vectors.
        asked: how many of the queries, spread over all of them; None for all.
    """

    shared: Path
    work: Path
    rows: int
    query_count: int | None = None

    @property
    def vectors_path(self) -> Path:
        """The float16 file of ``rows`` x DIM, grown if it is not there."""
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
        """(REAL, DIM) float16, memory-mapped."""
        real: NDArray[np.float16] = np.load(self.shared / "corpora/arxiv100k.minilm.f16.npy", mmap_mode="r")
        return real

    def centres(self, count: int = REGIONS) -> Vectors:
        """(count, DIM) float32: k-means of the real rows, kept in the work folder."""
        path = self.work / f"centres-{count}.npy"
        if not path.exists():
            means = faiss.Kmeans(DIM, count, niter=20, seed=_SEED, max_points_per_centroid=1_000)
            means.train(np.asarray(self.real_vectors, np.float32))
            np.save(path, means.centroids)
        centres: Vectors = np.load(path)
        return centres

    @cached_property
    def queries(self) -> Vectors:
        """(300, DIM) float32: titles, then title and abstract, of 150 papers that are not among the rows."""
        path = self.work / "queries.npy"
        if not path.exists():
            np.save(path, load_embedder().encode(list(_query_texts(self.shared / "corpora/arxiv.jsonl.xz"))))
        queries: Vectors = np.load(path)
        return queries[np.linspace(0, len(queries) - 1, self.query_count).astype(int)] if self.query_count else queries


def assign_regions(vectors: NDArray[np.float16], centres: Vectors) -> NDArray[np.int32]:
    """The nearest centre of each row, (rows,) int32."""
    index = faiss.IndexFlatL2(DIM)
    index.add(centres)
    found = np.empty(len(vectors), np.int32)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK], np.float32)
        found[start : start + len(block)] = index.search(block, 1)[1][:, 0]
    return found


def _query_texts(papers: Path) -> Iterator[str]:
    with lzma.open(papers, "rt", encoding="utf-8") as lines:
        past = (json.loads(line) for line in itertools.islice(lines, REAL_ROWS, None))
        asked = list(itertools.islice((paper for paper in past if paper.get("abstract")), _QUERY_PAPERS))
    yield from (paper["title"] for paper in asked)
    yield from (f"{paper['title']}. {paper['abstract']}" for paper in asked)


@dataclass(frozen=True)
class _ResidualNoise:
    """Residuals of a cluster: their (r, DIM) principal directions, each as long as its standard deviation."""

    axes: Vectors

    @classmethod
    def fit(cls, residuals: Vectors, rank: int) -> "_ResidualNoise":
        spread, axes = np.linalg.eigh(residuals.T @ residuals / len(residuals))
        return cls((axes[:, -rank:] * np.sqrt(np.maximum(spread[-rank:], 0))).T.astype(np.float32))

    def draw(self, random: np.random.Generator, count: int) -> Vectors:
        """(count, DIM) float32."""
        return random.standard_normal((count, len(self.axes)), np.float32) @ self.axes


class VectorSynthesizer:
    """Draws rows that are like the real ones.

    Args:
        real: (n, DIM) float32 unit rows. centres: of their clusters. rank, noise: see the module.
    """

    def __init__(self, real: Vectors, centres: Vectors, rank: int = _NOISE_RANK, noise: float = _NOISE_WEIGHT) -> None:
        self._real, self._centres, self._noise_weight = real, centres, noise
        self._cluster = assign_regions(real, centres)
        self._noise = [
            _ResidualNoise.fit(real[self._cluster == each] - centre, rank) for each, centre in enumerate(centres)
        ]

    def draw(self, random: np.random.Generator, bases: NDArray[np.int64]) -> NDArray[np.float16]:
        """One row for each base, (len(bases), DIM) float16 of unit length."""
        clusters = self._cluster[bases]
        grown = self._real[bases] - self._centres[clusters]
        grown *= np.sqrt(1 - self._noise_weight**2)
        for cluster in np.unique(clusters):
            places = np.flatnonzero(clusters == cluster)
            grown[places] += self._centres[cluster] + self._noise_weight * self._noise[cluster].draw(
                random, len(places)
            )
        grown /= np.linalg.norm(grown, axis=1, keepdims=True)
        return grown.astype(np.float16)


def _write_vectors(corpus: VectorCorpus, path: Path) -> None:
    """Each real row is the base of as many grown ones as any other, give or take one."""
    random = np.random.default_rng(_SEED)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(np.ascontiguousarray(corpus.real_vectors[: corpus.rows]).tobytes())
        grower = (
            VectorSynthesizer(np.asarray(corpus.real_vectors, np.float32), corpus.centres(_CLUSTERS))
            if corpus.rows > REAL_ROWS
            else None
        )
        for start in range(REAL_ROWS, corpus.rows, _BLOCK):
            if start % REAL_ROWS == 0:
                order = random.permutation(REAL_ROWS)
            count = min(_BLOCK, corpus.rows - start)
            file.write(grower.draw(random, order[start % REAL_ROWS :][:count]).tobytes())  # type: ignore[union-attr]
    partial.rename(path)


def recall_by_depth(rows: Vectors, queries: Vectors) -> dict[int, float]:
    """Recall@10 of an exact re-rank of so many best codes."""
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
    """Mean score of the 1st, 10th and 100th nearest row."""
    exact = faiss.IndexFlatIP(DIM)
    exact.add(rows)
    scores, _ = exact.search(queries, 100)
    return [round(float(scores[:, rank].mean()), 4) for rank in (0, 9, 99)]


def compare_with_real(corpus: VectorCorpus) -> None:
    """Real rows against a sample of as many purely grown ones: prints and saves recall by depth and nearness."""
    sample = np.sort(np.random.default_rng(1).choice(np.arange(REAL_ROWS, corpus.rows), REAL_ROWS, replace=False))
    kinds = {"real": corpus.real_vectors, "grown": corpus.vectors[sample]}
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
        dataset=f"{REAL_ROWS:,} real rows, as many synthetic ones; {len(corpus.queries)} queries",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every benchmark on grown vectors is told."""
    parser.add_argument("--rows", type=int, default=REAL_ROWS)
    parser.add_argument("--work", type=Path, default=Path("build/ann"), help="where what is made here lies")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder that holds corpora/")


def corpus_from_arguments(description: str | None) -> VectorCorpus:
    """The corpus that the command line names, where nothing else is asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    asked = parser.parse_args()
    return VectorCorpus(asked.shared, asked.work, asked.rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    corpus = VectorCorpus(asked.shared, asked.work, asked.rows)
    print(corpus.vectors_path, corpus.vectors.shape, corpus.queries.shape)
    if asked.check:
        compare_with_real(corpus)


if __name__ == "__main__":
    main()
