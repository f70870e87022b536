"""Clusters: groups papers around the phrases that describe them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.themes.candidates import Candidates


@dataclass(frozen=True, slots=True)
class ClusterTuning:
    """Constants of the clusters; ``docs/design/themes.md`` gives the reasons."""

    min_papers: int = 20
    """Papers below which there are no clusters: a list of that length is read."""
    papers_per_cluster: int = 15
    """Papers per cluster at least, on average, of a small set."""
    min_clusters: int = 5
    """Clusters of a set that is large enough for them."""
    max_clusters: int = 11
    """Clusters at most, besides the papers that belong to none."""
    components: int = 32
    """Principal components of the vectors that are compared."""
    phrase_weight: float = 0.8
    """What is added to the cosine of a paper that contains the phrase in its title, times the coherence."""
    min_coherence: float = 0.1
    """Mean cosine of two papers with a phrase, at least; those of a phrase that any paper of the answer may contain
    have about 0."""
    near: float = 0.3
    """Similarity of a paper and a phrase from which on the phrase describes the paper."""
    same: float = 0.7
    """Cosine of two phrases from which on they mean the same."""
    min_gain: float = 0.04
    """Gain of a further phrase relative to the first one, at least."""
    near_in_cluster: float = 0.45
    """Similarity from which on a paper always belongs to a cluster."""
    max_others: float = 0.4
    """Share of the papers, at most, that belong to none because they are less similar to all phrases."""
    min_share: float = 0.02
    """Share of the papers in a cluster, at least."""
    seed: int = 0
    """Seed of all random numbers, so that equal input has equal clusters."""


CLUSTER_TUNING = ClusterTuning()


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Papers in groups around phrases.

    Attributes:
        numbers: (n,) int64, the cluster of each paper from 0, the largest first; the last is of the papers of none.
        nearness: (n,) float32, from 0 to 1, the similarity of each paper and the phrase of its cluster.
        labels: the phrase of each cluster, without that of the papers of none.
    """

    numbers: NDArray[np.int64]
    nearness: NDArray[np.float32]
    labels: tuple[str, ...]

    @classmethod
    def find(cls, vectors: NDArray[np.float32], candidates: Candidates, tuning: ClusterTuning = CLUSTER_TUNING) -> Self:
        """Chooses the phrases that together describe most papers best, and groups the papers around them.

        A phrase is represented by the mean of the papers that contain it, and describes a paper as well as that is
        near to the paper's vector. So the label comes first, and a cluster consists of what it describes (Osiński and
        Weiss, "A concept-driven algorithm for clustering search results", IEEE Intelligent Systems 2005). Phrases are
        chosen one by one, each the one by which the sum of the similarities of papers to their best phrase grows most,
        which is near the best choice (Cornuéjols, Fisher and Nemhauser, "Location of bank accounts to optimize float",
        Management Science 1977).

        Args:
            vectors: (n, dim) float32.
            candidates: the phrases of the papers.
            tuning: constants.
        """
        points = _principal_directions(vectors, tuning)
        compared = _Comparison.of(points, candidates, tuning)
        most = min(tuning.max_clusters, max(len(points) // tuning.papers_per_cluster, 1))
        similarity, chosen = _without_small(compared.similarity, compared.choose(candidates, most, tuning), tuning)
        if not chosen:
            return cls(np.zeros(len(points), np.int64), np.zeros(len(points), np.float32), ())
        best, numbers = similarity.max(axis=1), similarity.argmax(axis=1)
        is_other = best < min(tuning.near_in_cluster, float(np.quantile(best, tuning.max_others)))
        sizes = np.bincount(numbers[~is_other], minlength=len(chosen))
        order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
        rank = np.zeros(len(sizes), np.int64)
        rank[order] = np.arange(len(order))
        labels = tuple(candidates.spelling(chosen[number]) for number in order.tolist())
        nearness = np.asarray(np.clip(best, 0, 1), np.float32)
        return cls(np.where(is_other, len(order), rank[numbers]), nearness, labels)


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison:
    """How well phrases describe papers.

    Attributes:
        similarity: (n, m) float32, of each paper and phrase.
        coherence: (m,) float32, the mean cosine of two papers with each phrase, 0 where it is negative.
        directions: (m, components) float32, of the mean of the papers with each phrase.
    """

    similarity: NDArray[np.float32]
    coherence: NDArray[np.float32]
    directions: NDArray[np.float32]

    @classmethod
    def of(cls, points: NDArray[np.float32], candidates: Candidates, tuning: ClusterTuning) -> Self:
        """Compares each paper with each phrase."""
        weights = candidates.papers
        contains = weights.copy()
        contains.data = np.ones_like(contains.data)
        counts = np.diff(contains.indptr)
        squares = ((contains @ points) ** 2).sum(axis=1)
        coherence = np.maximum((squares - counts) / np.maximum(counts * (counts - 1), 1), 0).astype(np.float32)
        directions = _unit(np.asarray(weights @ points, np.float32))
        factors = np.float32(tuning.phrase_weight) * np.sqrt(coherence)
        added = np.minimum(weights.toarray() / 2, 1) * factors[:, None]
        return cls(points @ directions.T + added.T, coherence, directions)

    def choose(self, candidates: Candidates, most: int, tuning: ClusterTuning) -> list[int]:
        """Returns the phrases that together describe the papers best, the one that describes most of them first.

        Only papers that contain a phrase count: it may be near to papers that are about something else.
        """
        best = np.full(len(self.similarity), tuning.near, np.float32)
        contains = np.ascontiguousarray(candidates.papers.toarray().T > 0)
        is_free, chosen, first = self.coherence >= tuning.min_coherence, list[int](), 0.0
        while len(chosen) < most and is_free.any():
            gains = np.maximum(self.similarity - best[:, None], 0)
            scores = np.where(is_free, np.einsum("nm,nm->m", gains, contains), 0)
            number = int(scores.argmax())
            first = first or float(scores[number])
            least = tuning.min_gain * first if len(chosen) >= tuning.min_clusters else 0
            if scores[number] <= least:
                break
            chosen.append(number)
            best = np.maximum(best, self.similarity[:, number])
            terms = candidates.terms[number]
            is_free &= np.array([not (each <= terms or terms <= each) for each in candidates.terms])
            is_free &= self.directions @ self.directions[number] < tuning.same
        return chosen


def _without_small(
    similarity: NDArray[np.float32], chosen: Sequence[int], tuning: ClusterTuning
) -> tuple[NDArray[np.float32], list[int]]:
    """Leaves out the chosen phrases, one by one, that describe few papers better than the others do.

    Returns:
        The similarity of each paper and each phrase that is left, and these phrases.
    """
    left = list(chosen)
    similarity = similarity[:, left]
    while len(left) > 1:
        sizes = np.bincount(similarity.argmax(axis=1), minlength=len(left))
        if sizes.min() >= tuning.min_share * len(similarity):
            break
        similarity = np.delete(similarity, sizes.argmin(), axis=1)
        del left[int(sizes.argmin())]
    return similarity, left


def _principal_directions(vectors: NDArray[np.float32], tuning: ClusterTuning) -> NDArray[np.float32]:
    """Returns the vectors without what they have in common, in few dimensions and of length 1."""
    from sklearn.decomposition import PCA  # imported here: it takes as long as a search

    components = min(tuning.components, *vectors.shape)
    reduction = PCA(components, svd_solver="randomized", iterated_power=2, random_state=tuning.seed)
    return _unit(np.ascontiguousarray(reduction.fit_transform(vectors), np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
