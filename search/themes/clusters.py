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
    min_clusters: int = 5
    """Clusters that a set has even if further phrases describe little more, or few papers."""
    max_clusters: int = 11
    """Clusters at most, besides the papers that belong to none."""
    components: int = 32
    """Principal components of the vectors that are compared."""
    phrase_weight: float = 0.8
    """What is added to the cosine of a paper that contains the phrase in its title, times the coherence."""
    min_coherence: float = 0.13
    """Mean cosine of two papers with a phrase, at least; those of a phrase that any paper of the answer may contain
    have about 0."""
    min_importance: float = 0.7
    """Mean importance of the papers with a phrase relative to that of all, at least."""
    near: float = 0.3
    """Similarity of a paper and a phrase from which on the phrase describes the paper."""
    same: float = 0.55
    """Cosine of two phrases from which on they mean the same."""
    same_words: int = 2
    """Words besides those of the query that two phrases share, from which on they mean the same if they are near."""
    min_gain: float = 0.15
    """Gain of a phrase relative to the first one, at least."""
    min_new: float = 0.7
    """Share of the gain of a phrase, at least, that is left after those before it."""
    near_in_cluster: float = 0.45
    """Similarity from which on a paper always belongs to a cluster."""
    max_far: float = 0.5
    """Share of the papers, at most, that belong to none because they are less similar to all phrases."""
    min_containing: float = 0.4
    """Share of the papers of a cluster, at least, that contain its phrase."""
    min_share: float = 0.03
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
    def find(
        cls,
        vectors: NDArray[np.float32],
        candidates: Candidates,
        importance: NDArray[np.float32],
        tuning: ClusterTuning = CLUSTER_TUNING,
    ) -> Self:
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
            importance: (n,) float32, how much each paper counts when phrases are chosen.
            tuning: constants.
        """
        points = _principal_directions(vectors, tuning)
        compared = _Comparison.of(points, candidates, tuning)
        chosen = compared.choose(candidates, importance, tuning)
        if not chosen:
            return cls(np.zeros(len(points), np.int64), np.zeros(len(points), np.float32), ())
        chosen, numbers = _assign(compared.similarity, candidates, chosen, tuning)
        is_other, best = numbers < 0, compared.similarity[:, chosen].max(axis=1)
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

    def choose(self, candidates: Candidates, importance: NDArray[np.float32], tuning: ClusterTuning) -> list[int]:
        """Returns the phrases that together describe the papers best, the one that describes most of them first.

        Only papers that contain a phrase count: it may be near to papers that are about something else.
        """
        best = np.full(len(self.similarity), tuning.near, np.float32)
        counted = np.ascontiguousarray((candidates.papers.toarray() > 0).T * importance[:, None])
        means = counted.sum(axis=0) / np.diff(candidates.papers.indptr)
        is_good = (self.coherence >= tuning.min_coherence) & (means >= tuning.min_importance * importance.mean())
        is_free, chosen, alone = np.ones(len(is_good), bool), list[int](), np.zeros(0)
        while len(chosen) < tuning.max_clusters and is_free.any():
            gains = np.einsum("nm,nm->m", np.maximum(self.similarity - best[:, None], 0), counted)
            gains[~is_free] = 0
            alone = alone if chosen else gains
            least = tuning.min_gain * alone[is_good].max(initial=0)
            best_gains = np.where(is_good & (gains >= least) & (gains >= tuning.min_new * alone), gains, 0)
            if len(chosen) >= tuning.min_clusters or best_gains.any():
                gains = best_gains
            number = int(gains.argmax())
            if gains[number] <= 0:
                break
            chosen.append(number)
            best = np.maximum(best, self.similarity[:, number])
            terms, added = candidates.terms[number], candidates.added[number]
            is_free &= np.array([not (each <= terms or terms <= each) for each in candidates.terms])
            shares_words = np.array([len(each & added) >= tuning.same_words for each in candidates.added])
            is_free &= self.directions @ self.directions[number] < np.where(shares_words, tuning.near, tuning.same)
        return chosen


def _assign(
    similarity: NDArray[np.float32], candidates: Candidates, chosen: Sequence[int], tuning: ClusterTuning
) -> tuple[list[int], NDArray[np.int64]]:
    """Returns the phrases without those that describe few papers, left out one by one, and the phrase of each paper.

    Returns:
        The numbers of the phrases; and (n,) int64, the position among them of the phrase that describes each paper, -1
        if none does.
    """
    left, similarity = list(chosen), similarity[:, chosen]
    contains = candidates.papers[left].toarray().T > 0
    while True:
        numbers = _most_similar(similarity, contains, tuning)
        sizes = np.bincount(numbers[numbers >= 0], minlength=len(left))
        smallest = int(sizes.argmin())
        if len(left) <= tuning.min_clusters or sizes[smallest] >= tuning.min_share * len(similarity):
            return left, numbers
        similarity, contains = np.delete(similarity, smallest, axis=1), np.delete(contains, smallest, axis=1)
        del left[smallest]


def _most_similar(
    similarity: NDArray[np.float32], contains: NDArray[np.bool_], tuning: ClusterTuning
) -> NDArray[np.int64]:
    """Returns the phrase to which each paper is most similar, -1 if that is not enough to belong to its cluster.

    Args:
        similarity: (n, m) float32, of each paper and phrase.
        contains: (n, m) bool, whether the paper contains the phrase.
        tuning: constants.
    """
    best, numbers = similarity.max(axis=1), np.asarray(similarity.argmax(axis=1), np.int64)
    numbers[best < min(tuning.near_in_cluster, float(np.quantile(best, tuning.max_far)))] = -1
    for number in range(similarity.shape[1]):
        members = np.flatnonzero(numbers == number)
        has = contains[members, number]
        without = members[~has][np.argsort(-best[members[~has]], kind="stable")]
        numbers[without[int(has.sum() * (1 / tuning.min_containing - 1)) :]] = -1
    return numbers


def _principal_directions(vectors: NDArray[np.float32], tuning: ClusterTuning) -> NDArray[np.float32]:
    """Returns the vectors without what they have in common, in few dimensions and of length 1."""
    from sklearn.decomposition import PCA  # imported here: it takes as long as a search

    components = min(tuning.components, *vectors.shape)
    reduction = PCA(components, svd_solver="randomized", iterated_power=2, random_state=tuning.seed)
    return _unit(np.ascontiguousarray(reduction.fit_transform(vectors), np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
