"""Ranking: the two legs fused into one order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.rows import Ranked

COSINE_WEIGHT = 0.7
"""Weight of the cosine against BM25 over its maximum; .6 to .7 is a flat plateau on SciFact, Cranfield, CACM, CISI."""
DEPTH = 200
"""Candidates each leg gives at least."""
_AWAY = 0.5
"""Weight of examples to stay away from."""

Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """Candidates in fused order, best first.

    Attributes:
        rows: (n,) int64. scores, cosine, bm25: (n,) float32, each known exactly for every candidate.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cosine: NDArray[np.float32]
    bm25: NDArray[np.float32]

    def followed_by(self, other: "Fused") -> "Fused":
        """With those of a further order that are not here yet, after these."""
        new = ~np.isin(other.rows, self.rows)
        parts = zip(self._columns, other._columns, strict=True)
        return Fused(*(np.concatenate((mine, further[new])) for mine, further in parts))

    def led_by(self, first: "Fused") -> "Fused":
        """With those of another order before these."""
        return first.followed_by(self)

    def at(self, rows: NDArray[np.int64]) -> "Fused":
        """Only these rows, all of which are here, in the order given."""
        order = np.argsort(self.rows)
        places = order[np.searchsorted(self.rows, rows, sorter=order)]
        return Fused(*(column[places] for column in self._columns))

    def part(self, start: int, end: int) -> "Fused":
        """Those from ``start`` to before ``end``."""
        return Fused(*(column[start:end] for column in self._columns))

    @property
    def _columns(self) -> "tuple[NDArray[Any], ...]":
        return self.rows, self.scores, self.cosine, self.bm25


def towards(near: Sequence[NDArray[np.float32]], away: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One (dim,) unit vector for several: the mean of unit vectors to be near, less half the mean of those to stay away
    from.

    Rocchio's relevance feedback ("Relevance feedback in information retrieval", 1971) with examples in place of judged
    answers. One vector to be near, and none to stay away from, stays as it is.
    """
    if len(near) == 1 and not away:
        return near[0]
    vector = np.mean(near, axis=0)
    if away:
        vector -= _AWAY * np.mean(away, axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def fuse(semantic: Ranked, lexical: Ranked, cosine_of: Scorer, bm25_of: Scorer) -> Fused:
    """Score fusion of the legs' candidates: .7 cosine + .3 BM25 / (highest BM25).

    A convex combination of scores, the lexical one normalised by its maximum (Bruch, Gai, Ingber, "An Analysis of
    Fusion Functions for Hybrid Retrieval", TOIS 2023). A candidate that only one leg found gets the other leg's
    score from ``cosine_of`` or ``bm25_of`` rather than a zero.
    """
    rows = np.union1d(semantic.rows, lexical.rows)
    cosine = _scores(rows, semantic, cosine_of)
    bm25 = _scores(rows, lexical, None if lexical.complete else bm25_of)
    highest = float(bm25.max(initial=0.0)) or 1.0
    scores = np.float32(COSINE_WEIGHT) * cosine + np.float32((1 - COSINE_WEIGHT) / highest) * bm25
    order = np.lexsort((rows, -scores))
    return Fused(rows[order], scores[order], cosine[order], bm25[order])


def _scores(rows: NDArray[np.int64], leg: Ranked, missing: Scorer | None) -> NDArray[np.float32]:
    """The leg's score of each row (ascending); those it did not rank from ``missing``, or 0 without it."""
    scores = np.zeros(len(rows), np.float32)
    places = np.searchsorted(rows, leg.rows)
    scores[places] = leg.scores
    unknown = np.ones(len(rows), bool)
    unknown[places] = False
    if missing and unknown.any():
        scores[unknown] = missing(rows[unknown])
    return scores
