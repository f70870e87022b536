"""Whitening: transforms vectors so that the papers of an index vary equally in all directions."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

SAMPLE_ROWS = 10_000
"""Papers that the mean and the covariance are computed from."""
_PRIOR_ROWS = 1_000
"""Weight of the prior, the same variance in all directions, in papers. With a sample of 10,000 papers this is a share
of 0.09; 0.03 to 0.3 is a plateau (docs/relevance.md)."""
_MIN_VARIANCE = 1e-6
"""Lower bound of the mean variance of a component, for an index whose papers all have the same vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """ZCA whitening (Kessy, Lewin and Strimmer, "Optimal whitening and decorrelation", 2018) with shrinkage.

    Embeddings of all papers have common directions, which dominate the cosine of papers of unrelated fields. After
    whitening, the cosine of two random papers is about 0 in every field.

    Attributes:
        mean: (dim,) float32, mean of the vectors.
        matrix: (dim, dim) float32, symmetric: the inverse square root of the covariance.
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    @classmethod
    def fit(cls, sample: NDArray[np.float32]) -> Self:
        """Computes the transformation from a sample of vectors, (n, dim) float32."""
        count, dim = max(len(sample), 1), sample.shape[1]
        mean = sample.sum(axis=0, dtype=np.float64) / count
        centred = sample - mean.astype(np.float32)
        values, directions = np.linalg.eigh((centred.T @ centred / count).astype(np.float64))
        prior = _PRIOR_ROWS / (_PRIOR_ROWS + count)
        values = (1 - prior) * np.maximum(values, 0) + prior * max(float(values.sum()) / dim, _MIN_VARIANCE)
        matrix = (directions * values**-0.5) @ directions.T
        return cls(mean.astype(np.float32), matrix.astype(np.float32))

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the whitened vectors, (n, dim) float32, scaled to length 1."""
        return _unit(np.asarray((vectors - self.mean) @ self.matrix, np.float32))

    @property
    def main_plane(self) -> NDArray[np.float32]:
        """Two directions, (dim, 2) float32, in which the papers of the index vary most before whitening.

        Their signs, which an eigendecomposition leaves open, make the largest component of each positive.
        """
        directions = np.linalg.eigh(self.matrix.astype(np.float64))[1][:, :2]
        largest = directions[np.abs(directions).argmax(axis=0), [0, 1]]
        return np.asarray(directions * np.where(largest < 0, -1, 1), np.float32)

    def queries(self, whitened: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns unit vectors whose inner product with a stored vector ranks as that of the whitened vectors does.

        The length of the whitened stored vector is ignored.

        Args:
            whitened: (n, dim) float32.
        """
        return _unit(np.asarray(whitened @ self.matrix, np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales rows to length 1; a row of zeros becomes the first unit vector."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    unit[lengths[:, 0] == 0, 0] = 1
    return unit
