"""Projection: places papers in two dimensions, so that similar ones are near each other.

A neighbour embedding as in t-SNE (van der Maaten and Hinton, JMLR 2008) with exaggeration, which makes it
similar to UMAP (Böhm, Berens and Kobak, "Attraction-Repulsion Spectrum in Neighbor Embeddings", JMLR 2022). Each paper
attracts its nearest ones. All are repelled by the same landmarks, which stand for all papers, so that a step takes
linear time. Nothing is drawn at random, and the start is a principal component analysis, so equal papers have equal
maps and a few more papers move the others little (``docs/design/maps.md``).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from search import budget


@dataclass(frozen=True, slots=True)
class ProjectionTuning:
    """Constants of the projection."""

    components: int = 32
    """Principal components of the vectors that are compared, as for themes."""
    neighbours: int = 15
    """Nearest papers that attract a paper, the default of UMAP; on a map of few, the root of their number."""
    landmarks: int = 128
    """Papers that repel the others; twice as many give the same quality and take twice as long."""
    first_exaggeration: float = 4.0
    """Factor of the attraction until the groups have formed."""
    first_exaggeration_steps: int = 40
    """Steps with that factor."""
    exaggeration: float = 1.5
    """Factor of the attraction thereafter; with 1 groups hardly show, with 4 most of a map is empty."""
    steps: int = 100
    """Steps of the gradient descent; with twice as many, added papers move the others twice as far."""
    start_deviation: float = 10.0
    """Standard deviation of the start, in units of the kernel's width."""
    first_momentum: float = 0.5
    """Momentum of the first steps."""
    first_steps: int = 20
    """Steps with the first momentum."""
    momentum: float = 0.8
    """Momentum of the later steps."""
    max_step: float = 3.0
    """Longest step of a paper, in units of the kernel's width."""


PROJECTION_TUNING = ProjectionTuning()
_MIN_NEIGHBOURS = 3
"""Nearest papers that attract a paper on a map of few."""
_MIN_DEVIATION = 1e-6
"""Least standard deviation of the start that counts, for papers with equal vectors."""
_HASH_FACTOR = 2_654_435_761
"""Knuth's multiplicative hash (The Art of Computer Programming, volume 3, section 6.4): 2**32 over the golden ratio."""


def project(
    vectors: NDArray[np.float32],
    rows: NDArray[np.int64],
    plane: NDArray[np.float32],
    tuning: ProjectionTuning = PROJECTION_TUNING,
) -> NDArray[np.float32]:
    """Places papers in two dimensions.

    Args:
        vectors: (n, dim) float32, their whitened vectors.
        rows: (n,) int64, their rows in ascending order; which of them are landmarks depends on these alone.
        plane: (dim, 2) float32, the same for all maps of an index: a map is turned and mirrored to be as close as
            possible to the projection on it.
        tuning: constants.

    Returns:
        (n, 2) float32, with mean 0.
    """
    orientation = vectors @ plane
    components = _principal_components(vectors, tuning.components)
    start = _align(components[:, :2], orientation)
    if len(vectors) < 3:
        return start
    spread = max(float(start.std()), _MIN_DEVIATION)
    places = start * np.float32(tuning.start_deviation / spread) + _offsets(rows)
    places = _descend(places, _Attraction.of(_unit(components), tuning.neighbours), _landmarks(rows, tuning), tuning)
    return _align(places, orientation)


@dataclass(frozen=True, slots=True, eq=False)
class _Attraction:
    """The pairs of papers of which one is among the nearest of the other, in both orders.

    Attributes:
        first: (m,) the one of each pair.
        second: (m,) the other.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, points: NDArray[np.float32], neighbours: int) -> "_Attraction":
        """Finds the pairs among (n, components) unit vectors, by their cosine."""
        count = len(points)
        near = min(neighbours, count - 1, max(_MIN_NEIGHBOURS, round(sqrt(count))))
        cosines = points @ points.T
        np.fill_diagonal(cosines, -np.inf)
        nearest = np.argpartition(-cosines, near - 1, axis=1)[:, :near]
        one, other = np.repeat(np.arange(count), near), nearest.ravel()
        pairs = np.unique(np.concatenate((one * count + other, other * count + one)))
        return cls(pairs // count, pairs % count)

    def forces(self, places: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the attraction of each paper, (n, 2); every pair weighs the same."""
        offsets = [axis[self.first] - axis[self.second] for axis in np.ascontiguousarray(places.T)]
        weights = 1 / (len(self.first) * (1 + offsets[0] * offsets[0] + offsets[1] * offsets[1]))
        sums = [np.bincount(self.first, weights * each, len(places)) for each in offsets]
        return np.stack(sums, axis=1).astype(np.float32)


def _descend(
    places: NDArray[np.float32], attraction: _Attraction, landmarks: NDArray[np.int64], tuning: ProjectionTuning
) -> NDArray[np.float32]:
    """Moves papers to where attraction and repulsion are in balance, in steps that become shorter."""
    velocity = np.zeros_like(places)
    for step in range(tuning.steps):
        budget.check()
        is_first = step < tuning.first_exaggeration_steps
        exaggeration = tuning.first_exaggeration if is_first else tuning.exaggeration
        gradient = exaggeration * attraction.forces(places) - _repulsion(places, landmarks)
        momentum = tuning.first_momentum if step < tuning.first_steps else tuning.momentum
        rate = len(places) / 3 * (1 - step / tuning.steps)
        velocity = momentum * velocity - rate * gradient
        lengths = np.hypot(velocity[:, :1], velocity[:, 1:])
        velocity *= np.minimum(1, tuning.max_step / np.maximum(lengths, np.finfo(np.float32).tiny))
        places = (places + velocity).astype(np.float32)
    return places


def _repulsion(places: NDArray[np.float32], landmarks: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns the repulsion of each paper by all others, (n, 2), of which the landmarks are a sample."""
    offsets = [axis[:, None] - axis[landmarks] for axis in np.ascontiguousarray(places.T)]
    kernel = 1 / (1 + offsets[0] * offsets[0] + offsets[1] * offsets[1])
    total = kernel.sum()
    kernel *= kernel
    return np.stack([np.einsum("ij,ij->i", kernel, each) / total for each in offsets], axis=1)


def _landmarks(rows: NDArray[np.int64], tuning: ProjectionTuning) -> NDArray[np.int64]:
    """Returns the positions of the landmarks: papers that are added replace few of them."""
    return np.sort(np.argsort(_hash(rows), kind="stable")[: tuning.landmarks])


def _offsets(rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns small offsets, (n, 2), that separate papers with equal vectors."""
    angles = _hash(rows) * (2 * np.pi / 2**32)
    return (0.01 * np.stack((np.cos(angles), np.sin(angles)), axis=1)).astype(np.float32)


def _hash(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return (rows % 2**31) * _HASH_FACTOR % 2**32


def _principal_components(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Returns the coordinates of vectors on their first principal components, at least two."""
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1][:, :count]
    return np.asarray(centred @ directions, np.float32)


def _align(places: NDArray[np.float32], orientation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turns and mirrors places so that they are as close as possible to others.

    Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 1966.
    """
    places = places - places.mean(axis=0)
    left, _, right = np.linalg.svd((places.T @ (orientation - orientation.mean(axis=0))).astype(np.float64))
    return np.asarray(places @ (left @ right), np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))
