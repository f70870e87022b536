"""Clusters: groups papers by their vectors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClusterTuning:
    """Constants of the clusters; ``docs/design/themes.md`` gives the reasons."""

    min_papers: int = 20
    """Papers below which there are no clusters: a list of that length is read."""
    papers_per_cluster: int = 10
    """Papers per cluster at least, on average, of a small set."""
    min_clusters: int = 5
    """Clusters of a set that is large enough for them."""
    max_clusters: int = 12
    """Clusters at most."""
    components: int = 32
    """Principal components of the vectors that are compared."""
    starts: int = 2
    """Runs of k-means from other starts, of which the best counts."""
    tolerance: float = 0.03
    """Share of the highest silhouette by which that of a larger number of clusters may be lower."""
    seed: int = 0
    """Seed of all random numbers, so that equal input has equal clusters."""


CLUSTER_TUNING = ClusterTuning()


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Papers in groups of similar ones.

    Attributes:
        numbers: (n,) int64, the cluster of each paper from 0, the largest first.
        nearness: (n,) float32, the cosine of each paper and the centre of its cluster, 0 where it is negative.
        points: (n, components) float32, what was compared: unit vectors around the mean of all papers.
    """

    numbers: NDArray[np.int64]
    nearness: NDArray[np.float32]
    points: NDArray[np.float32]

    @classmethod
    def find(cls, vectors: NDArray[np.float32], tuning: ClusterTuning = CLUSTER_TUNING) -> Self:
        """Groups papers by k-means of the directions of their principal components.

        The number of clusters is the largest whose silhouette is near the highest: smaller groups have labels that
        say more. Of each number, the clusters are those of the next larger one, with the two merged that increase the
        variance least (Ward, "Hierarchical grouping to optimize an objective function", JASA 1963). From the best of
        them, k-means starts again.

        Args:
            vectors: (n, dim) float32.
            tuning: constants.
        """
        most = min(tuning.max_clusters, len(vectors) // tuning.papers_per_cluster)
        if len(vectors) < tuning.min_papers or most < 2:
            return cls(np.zeros(len(vectors), np.int64), np.ones(len(vectors), np.float32), vectors)
        points = _principal_directions(vectors, tuning)
        partitions = list(_partitions(points, min(tuning.min_clusters, most), most, tuning))
        silhouettes = [partition.silhouette(points) for partition in partitions]
        best = partitions[_first_near(silhouettes, tuning.tolerance)].refine(points)
        return cls(_order_by_size(best.numbers), best.nearness(points), points)


@dataclass(frozen=True, slots=True, eq=False)
class _Partition:
    """One way to group points.

    Attributes:
        centres: (k, components) float32.
        numbers: (n,) the cluster of each point.
    """

    centres: NDArray[np.float32]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, means: Any) -> Self:
        """Returns the partition of a ``KMeans`` that has been fitted."""
        return cls(np.asarray(means.cluster_centers_, np.float32), np.asarray(means.labels_, np.int64))

    def silhouette(self, points: NDArray[np.float32]) -> float:
        """Returns the mean silhouette, with the distances to centres in place of those to all points.

        Hruschka, de Castro and Campello, "Evolutionary algorithms for clustering gene-expression data", ICDM 2004.
        """
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ self.centres.T + (self.centres**2).sum(axis=1)
        distances = np.sqrt(np.maximum(squares, 0))
        own = distances[np.arange(len(points)), self.numbers].copy()
        distances[np.arange(len(points)), self.numbers] = np.inf
        other = distances.min(axis=1)
        return float(((other - own) / np.maximum(np.maximum(other, own), np.finfo(np.float32).tiny)).mean())

    def nearness(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the cosine of each point and its centre, 0 where it is negative."""
        lengths = np.linalg.norm(self.centres, axis=1, keepdims=True)
        centres = self.centres / np.maximum(lengths, np.finfo(np.float32).tiny)
        return np.asarray(np.maximum(np.einsum("nd,nd->n", points, centres[self.numbers]), 0), np.float32)

    def refine(self, points: NDArray[np.float32]) -> "_Partition":
        """Returns the partition at which k-means ends that starts from this one."""
        from sklearn.cluster import KMeans  # imported here: it takes as long as a search

        return _Partition.of(KMeans(len(self.centres), init=self.centres, n_init=1).fit(points))

    def merge(self) -> "_Partition":
        """Returns the partition with those two clusters merged that increase the variance within clusters least."""
        sizes = np.bincount(self.numbers, minlength=len(self.centres)).astype(np.float32)
        squares = ((self.centres[:, None] - self.centres) ** 2).sum(axis=2)
        costs = squares * (sizes[:, None] * sizes) / np.maximum(sizes[:, None] + sizes, 1)
        costs[np.tril_indices(len(costs))] = np.inf
        one, two = np.unravel_index(costs.argmin(), costs.shape)
        centres = self.centres.copy()
        centres[one] = (sizes[one] * centres[one] + sizes[two] * centres[two]) / max(sizes[one] + sizes[two], 1)
        numbers = np.where(self.numbers == two, one, self.numbers)
        return _Partition(np.delete(centres, two, axis=0), numbers - (numbers > two))


def _partitions(points: NDArray[np.float32], least: int, most: int, tuning: ClusterTuning) -> Iterator[_Partition]:
    """Yields a partition of each number of clusters, from the largest number."""
    from sklearn.cluster import KMeans

    partition = _Partition.of(KMeans(most, n_init=tuning.starts, random_state=tuning.seed).fit(points))
    yield partition
    while len(partition.centres) > least:
        partition = partition.merge()
        yield partition


def _principal_directions(vectors: NDArray[np.float32], tuning: ClusterTuning) -> NDArray[np.float32]:
    """Returns the vectors without what they have in common, in few dimensions and of length 1."""
    from sklearn.decomposition import PCA

    components = min(tuning.components, *vectors.shape)
    reduction = PCA(components, svd_solver="randomized", iterated_power=2, random_state=tuning.seed)
    points = np.asarray(reduction.fit_transform(vectors), np.float32)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.ascontiguousarray(points / np.maximum(lengths, np.finfo(np.float32).tiny))


def _first_near(values: Sequence[float], tolerance: float) -> int:
    """Returns the first value that is at least the greatest, reduced by a share of it."""
    return next(number for number, value in enumerate(values) if value >= max(values) - tolerance * abs(max(values)))


def _order_by_size(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers clusters by descending size; of equal ones, the one whose first paper comes first."""
    _, first, inverse, sizes = np.unique(numbers, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[inverse]
