"""Ranking: the two legs fused into one order, and what the best papers of it say of the others.

    fuse        each leg's candidates, by both legs' scores
    moved       the question's vector, towards its best papers
    fed_back    the candidates, and what was found near the moved question, by their scores for that
    raised      a paper that scores less than its nearest neighbours, towards them

``docs/relevance.md`` has each part's worth, measured on sets that it was not tuned on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.rows import Ranked

COSINE_WEIGHT = 0.7
"""Weight of the cosine against BM25 over its maximum; .6 to .7 is a flat plateau on SciFact, Cranfield, CACM, CISI."""
LEG_DEPTH = 200
"""Candidates each leg gives at least."""
FEEDBACK_PAPERS, FEEDBACK_WEIGHT = 2, 0.4
"""Best papers that a question is moved towards, and the weight of their mean; .3 to .6 is a flat plateau."""
SMOOTHED_PAPERS, SMOOTHING_NEIGHBOURS, SMOOTHING_WEIGHT = 100, 4, 0.5
"""Best papers that are compared with each other, how many neighbours each has, and the weight of their scores; 50 to
100 papers, 3 to 8 neighbours and .4 to .7 are a flat plateau."""
_NEGATIVE_WEIGHT = 0.5
"""Weight of examples to stay away from."""
_MAX_SINGLE_CORE_PRODUCTS = 1 << 18
"""Products up to which OpenBLAS multiplies matrices on one core."""

Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]
VectorLoader = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Gives the stored vectors of rows, (n, dim) float32."""


@dataclass(frozen=True, slots=True, eq=False)
class FusedCandidates:
    """Candidates in fused order, best first.

    Attributes:
        rows: (n,) int64. scores: (n,) float32, what they are in order of. cosine, bm25: (n,) float32, of question and
            paper, each known exactly for every candidate.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cosine: NDArray[np.float32]
    bm25: NDArray[np.float32]

    def followed_by(self, other: "FusedCandidates") -> "FusedCandidates":
        """With those of a further order that are not here yet, after these."""
        new = ~np.isin(other.rows, self.rows)
        parts = zip(self._arrays, other._arrays, strict=True)
        return FusedCandidates(*(np.concatenate((mine, further[new])) for mine, further in parts))

    def preceded_by(self, first: "FusedCandidates") -> "FusedCandidates":
        """With those of another order before these."""
        return first.followed_by(self)

    def select(self, rows: NDArray[np.int64]) -> "FusedCandidates":
        """Only these rows, all of which are here, in the order given."""
        order = np.argsort(self.rows)
        places = order[np.searchsorted(self.rows, rows, sorter=order)]
        return FusedCandidates(*(column[places] for column in self._arrays))

    def select_range(self, start: int, end: int) -> "FusedCandidates":
        """Those from ``start`` to before ``end``."""
        return FusedCandidates(*(column[start:end] for column in self._arrays))

    @property
    def _arrays(self) -> "tuple[NDArray[Any], ...]":
        return self.rows, self.scores, self.cosine, self.bm25


def query_from_examples(
    positive: Sequence[NDArray[np.float32]], negative: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """One (dim,) unit vector for several: the mean of unit vectors to be near, less half the mean of those to stay away
    from.

    Rocchio's relevance feedback ("Relevance feedback in information retrieval", 1971) with examples in place of judged
    answers. One vector to be near, and none to stay away from, stays as it is.
    """
    if len(positive) == 1 and not negative:
        return positive[0]
    vector = np.mean(positive, axis=0)
    if negative:
        vector -= _NEGATIVE_WEIGHT * np.mean(negative, axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def fuse(semantic: Ranked, lexical: Ranked, cosine_of: Scorer, bm25_of: Scorer) -> FusedCandidates:
    """Score fusion of the legs' candidates: .7 cosine + .3 BM25 / (highest BM25).

    A convex combination of scores, the lexical one normalised by its maximum (Bruch, Gai, Ingber, "An Analysis of
    Fusion Functions for Hybrid Retrieval", TOIS 2023). A candidate that only one leg found gets the other leg's
    score from ``cosine_of`` or ``bm25_of`` rather than a zero.
    """
    rows = np.union1d(semantic.rows, lexical.rows)
    cosine = _leg_scores(rows, semantic, cosine_of)
    bm25 = _leg_scores(rows, lexical, None if lexical.complete else bm25_of)
    return _sort_by_score(rows, _combine_scores(cosine, bm25), cosine, bm25)


def rocchio_query(
    query_vector: NDArray[np.float32], fused: FusedCandidates, load_vectors: VectorLoader
) -> NDArray[np.float32] | None:
    """The question's (dim,) unit vector moved towards its best papers; None where no paper holds a word of it.

    Rocchio's relevance feedback ("Relevance feedback in information retrieval", 1971) with the best papers taken as
    relevant: question + .4 mean of the first two that hold a word of it, since of these both legs say something.
    """
    best = fused.rows[fused.bm25 > 0][:FEEDBACK_PAPERS]
    if not len(best):
        return None
    vector = query_vector + np.float32(FEEDBACK_WEIGHT) * load_vectors(best).mean(axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def rescore_with_feedback(
    fused: FusedCandidates, rescored: Ranked, feedback_cosine_of: Scorer, cosine_of: Scorer, bm25_of: Scorer
) -> FusedCandidates:
    """The candidates and those found near the moved question, in order of their scores for that.

    Args:
        fused: the question's own candidates. found: the nearest papers of the moved question, and near_of its cosines.
        cosine_of, bm25_of: of the question itself, for papers that only the moved question found.
    """
    new = np.setdiff1d(rescored.rows, fused.rows)
    rows = np.concatenate((fused.rows, new))
    cosine, bm25 = np.concatenate((fused.cosine, cosine_of(new))), np.concatenate((fused.bm25, bm25_of(new)))
    return _sort_by_score(rows, _combine_scores(feedback_cosine_of(rows), bm25), cosine, bm25)


def smooth_over_neighbours(fused: FusedCandidates, load_vectors: VectorLoader) -> FusedCandidates:
    """Each of the 100 best papers that scores less than its four nearest among them, raised half-way to their mean.

    Papers near each other answer the same questions (van Rijsbergen's cluster hypothesis); so scores are smoothed over
    neighbours (Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005). The mean is weighted by cosine. Only upwards:
    a paper that answers alone keeps its score.
    """
    best = slice(SMOOTHED_PAPERS)
    own, rows = fused.scores[best], fused.rows[best]
    if len(rows) < 2:
        return fused
    vectors = load_vectors(rows)
    weights = np.maximum(_inner_products(vectors), 0)
    np.fill_diagonal(weights, 0)
    fewest = len(rows) - min(SMOOTHING_NEIGHBOURS, len(rows))
    weights[weights < np.partition(weights, fewest, axis=1)[:, fewest, None]] = 0
    total = weights.sum(axis=1)
    around = np.divide(np.einsum("ij,j->i", weights, own), total, out=own.copy(), where=total > 0)
    scores = fused.scores.copy()
    scores[best] = np.maximum(own, (1 - SMOOTHING_WEIGHT) * own + SMOOTHING_WEIGHT * around)
    return _sort_by_score(fused.rows, scores, fused.cosine, fused.bm25)


def _inner_products(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) float32 inner products of each vector with each, in pieces that are one core's work: for the whole numpy
    would take all cores, and wait for them where they are busy, ten times as long as the work takes."""
    step = max(1, _MAX_SINGLE_CORE_PRODUCTS // max(vectors.size, 1))
    return np.concatenate([vectors[at : at + step] @ vectors.T for at in range(0, len(vectors), step)])


def _combine_scores(cosine: NDArray[np.float32], bm25: NDArray[np.float32]) -> NDArray[np.float32]:
    highest = float(bm25.max(initial=0.0)) or 1.0
    return np.float32(COSINE_WEIGHT) * cosine + np.float32((1 - COSINE_WEIGHT) / highest) * bm25


def _sort_by_score(
    rows: NDArray[np.int64], scores: NDArray[np.float32], cosine: NDArray[np.float32], bm25: NDArray[np.float32]
) -> FusedCandidates:
    """Best first; equal scores in row order."""
    order = np.lexsort((rows, -scores))
    return FusedCandidates(rows[order], scores[order], cosine[order], bm25[order])


def _leg_scores(rows: NDArray[np.int64], leg: Ranked, score_of: Scorer | None) -> NDArray[np.float32]:
    """The leg's score of each row (ascending); those it did not rank from ``missing``, or 0 without it."""
    scores = np.zeros(len(rows), np.float32)
    places = np.searchsorted(rows, leg.rows)
    scores[places] = leg.scores
    unknown = np.ones(len(rows), bool)
    unknown[places] = False
    if score_of and unknown.any():
        scores[unknown] = score_of(rows[unknown])
    return scores
