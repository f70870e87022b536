"""Interests: the groups of similar papers in a library, and how near other papers are to each of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.lazy import lazy_property

_BLOCK_ROWS = 2_048
"""Papers that are compared with the library at a time."""


@dataclass(frozen=True, slots=False, eq=False)
class Interests:
    """The interests of a library.

    The nearness of a paper to an interest is a kernel density: the sum over the papers of the interest of
    exp(concentration (cosine - 1)), the von Mises-Fisher kernel (Hall, Watson and Cabrera, "Kernel density estimation
    with spherical data", Biometrika 1987). It prefers papers that are near several papers of the library, as a mean
    vector does, and still tells apart what a mean mixes. Since whitening makes the density of all papers about the same
    everywhere, this also orders papers by the odds that they belong to the library.

    Attributes:
        vectors: (n, dim) float32, the whitened vectors of the papers.
        labels: (n,) int64, the interest of each paper from 0, the one with most papers first.
        concentration: of the kernel.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    concentration: float

    @classmethod
    def find(cls, vectors: NDArray[np.float32], max_distance: float, concentration: float) -> Self:
        """Groups papers by average linkage: two groups are joined while their mean cosine distance is small.

        Unlike Ward's criterion (PinnerSage, KDD 2020), it does not divide an interest because it has many papers.

        Args:
            vectors: (n, dim) float32, whitened, n at least 1.
            max_distance: the mean cosine distance up to which groups are joined.
            concentration: of the kernel.
        """
        return cls(vectors, _order_by_size(_cluster(vectors, max_distance)), concentration)

    @lazy_property
    def sizes(self) -> NDArray[np.int64]:
        """(k,) int64: number of papers of each interest."""
        return np.bincount(self.labels)

    @lazy_property
    def means(self) -> NDArray[np.float32]:
        """(k, dim) float32: mean vector of each interest."""
        return np.asarray(self._members.T @ self.vectors / self.sizes[:, None], np.float32)

    def densities(self, whitened: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the density of each interest at each of m papers, (m, k) float32.

        Args:
            whitened: (m, dim) float32.
        """
        blocks = [whitened[start : start + _BLOCK_ROWS] for start in range(0, len(whitened), _BLOCK_ROWS)]
        found = [np.exp(self.concentration * (block @ self.vectors.T - 1)) @ self._members for block in blocks]
        return np.concatenate(found) if found else np.empty((0, len(self.sizes)), np.float32)

    @lazy_property
    def _members(self) -> NDArray[np.float32]:
        """(n, k) float32: 1 where a paper belongs to an interest."""
        return np.asarray(self.labels[:, None] == np.arange(len(self.sizes)), np.float32)


def _cluster(vectors: NDArray[np.float32], max_distance: float) -> NDArray[np.int64]:
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    from sklearn.cluster import AgglomerativeClustering  # imported here: it takes as long as a search

    clustering = AgglomerativeClustering(None, metric="cosine", linkage="average", distance_threshold=max_distance)
    return np.asarray(clustering.fit_predict(vectors), np.int64)


def _order_by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers groups by descending size; of equal ones, the one whose first paper comes first."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[inverse]
