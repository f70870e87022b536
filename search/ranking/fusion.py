"""Fusion: combines the two legs into one ranking and refines it with its own top papers.

    fuse                    scores the candidates of both legs with the fusion model, whose weights follow the query
    fuse_by_weight          scores the candidates of example papers by a fixed weighted sum of cosine and BM25
    smooth_over_neighbours  increases the score of a paper that scores less than its nearest neighbours

``docs/relevance.md`` has the effect of each part, measured on queries that were not used for tuning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.ranking.fusion_model import Evidence, FusionModel
from search.rows import Ranked


@dataclass(frozen=True, slots=True)
class FusionTuning:
    """Constants of fusion and smoothing.

    They were chosen on SciFact's train split and Cranfield's even queries. ``docs/relevance.md`` and
    ``benchmarks/results/ablation.json`` have the effect of each part on other queries.
    """

    cosine_weight: float = 0.7
    """Weight of the cosine in the score of papers similar to examples, 0 to 1; the rest is the weight of BM25 over its
    maximum. 0.6 to 0.7 is a plateau on SciFact, Cranfield, CACM and CISI."""
    smoothed_papers: int = 100
    """Top papers whose scores are smoothed; 0 disables smoothing. 50 to 100 is a plateau."""
    smoothing_neighbours: int = 4
    """Neighbours of each of these papers; 3 to 8 is a plateau."""
    smoothing_weight: float = 0.5
    """Weight of the neighbours' mean score, 0 to 1; 0.4 to 0.7 is a plateau."""
    negative_weight: float = 0.5
    """Weight of the mean of negative examples, relative to that of the positive ones; not measured."""
    max_single_core_products: int = 1 << 18
    """Multiplications up to which OpenBLAS computes a matrix product on one core."""


FUSION_TUNING = FusionTuning()

Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Returns the scores of (n,) rows, (n,) float32."""
VectorLoader = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Returns the stored vectors of (n,) rows, (n, dim) float32."""


@dataclass(frozen=True, slots=True, eq=False)
class FusedCandidates:
    """Candidates in fused order, best first.

    Attributes:
        rows: (n,) int64.
        scores: (n,) float32, descending.
        cosine: (n,) float32, exact cosine of query and paper.
        bm25: (n,) float32, exact BM25 of query and paper.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cosine: NDArray[np.float32]
    bm25: NDArray[np.float32]

    def followed_by(self, other: "FusedCandidates") -> "FusedCandidates":
        """Returns these candidates, then those of another ranking that are not among them."""
        new = ~np.isin(other.rows, self.rows)
        pairs = zip(self._arrays, other._arrays, strict=True)
        return FusedCandidates(*(np.concatenate((mine, theirs[new])) for mine, theirs in pairs))

    def preceded_by(self, first: "FusedCandidates") -> "FusedCandidates":
        """Returns the candidates of another ranking, then those of these that are not among them."""
        return first.followed_by(self)

    def select(self, rows: NDArray[np.int64]) -> "FusedCandidates":
        """Returns the candidates of some rows, in the order given; every row has to be a candidate."""
        order = np.argsort(self.rows)
        positions = order[np.searchsorted(self.rows, rows, sorter=order)]
        return FusedCandidates(*(column[positions] for column in self._arrays))

    def select_range(self, start: int, end: int) -> "FusedCandidates":
        """Returns the candidates from ``start`` to before ``end``."""
        return FusedCandidates(*(column[start:end] for column in self._arrays))

    @property
    def _arrays(self) -> "tuple[NDArray[Any], ...]":
        return self.rows, self.scores, self.cosine, self.bm25


def query_from_examples(
    positive: Sequence[NDArray[np.float32]],
    negative: Sequence[NDArray[np.float32]],
    tuning: FusionTuning = FUSION_TUNING,
) -> NDArray[np.float32]:
    """Returns one (dim,) unit vector for several examples: the mean of the positive less half that of the negative.

    This is Rocchio's relevance feedback ("Relevance feedback in information retrieval", 1971) with examples in place of
    judged hits. A single positive vector without negative ones is returned unchanged.

    Args:
        positive: (dim,) float32 unit vectors of examples that hits should be similar to; at least one.
        negative: (dim,) float32 unit vectors of examples that hits should not be similar to.
        tuning: weight of the negative examples.
    """
    if len(positive) == 1 and not negative:
        return positive[0]
    vector = np.mean(positive, axis=0)
    if negative:
        vector -= tuning.negative_weight * np.mean(negative, axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@dataclass(frozen=True, slots=True)
class Scorers:
    """Exact scores of any papers for one query.

    Attributes:
        cosine: returns the cosine of query and papers.
        bm25: returns their BM25.
        coverage: returns the share of the inverse document frequency of the query's terms that each paper has.
        max_bm25: upper bound of the BM25.
        term_count: number of distinct terms of the query.
    """

    cosine: Scorer
    bm25: Scorer
    coverage: Scorer
    max_bm25: float
    term_count: int


def fuse(semantic: Ranked, lexical: Ranked, scorers: Scorers) -> FusedCandidates:
    """Ranks the candidates of both legs with the fusion model.

    A candidate that only one leg found gets its exact score in the other leg rather than a zero.

    Args:
        semantic: candidates of the semantic leg.
        lexical: candidates of the lexical leg.
        scorers: scores of papers that a leg did not return.
    """
    rows, cosine, bm25 = _score_candidates(semantic, lexical, scorers.cosine, scorers.bm25)
    evidence = Evidence(cosine, bm25, scorers.coverage(rows), scorers.max_bm25, scorers.term_count)
    return _sort_by_score(rows, FusionModel.load().score(evidence), cosine, bm25)


def fuse_by_weight(
    semantic: Ranked, lexical: Ranked, cosine_of: Scorer, bm25_of: Scorer, tuning: FusionTuning = FUSION_TUNING
) -> FusedCandidates:
    """Ranks the candidates of both legs by 0.7 cosine + 0.3 BM25 / (maximum BM25).

    This is a convex combination of scores, the lexical one normalised by its maximum (Bruch, Gai, Ingber, "An Analysis
    of Fusion Functions for Hybrid Retrieval", TOIS 2023). The fusion model was not trained on example papers.

    Args:
        semantic: candidates of the semantic leg.
        lexical: candidates of the lexical leg.
        cosine_of: returns the cosines of rows that the semantic leg did not return.
        bm25_of: returns the BM25 of rows that the lexical leg did not return.
        tuning: the weights.
    """
    rows, cosine, bm25 = _score_candidates(semantic, lexical, cosine_of, bm25_of)
    max_bm25, weight = float(bm25.max(initial=0.0)) or 1.0, tuning.cosine_weight
    return _sort_by_score(rows, np.float32(weight) * cosine + np.float32((1 - weight) / max_bm25) * bm25, cosine, bm25)


def smooth_over_neighbours(
    fused: FusedCandidates, load_vectors: VectorLoader, tuning: FusionTuning = FUSION_TUNING
) -> FusedCandidates:
    """Moves the score of each top paper half-way up to the mean of its four nearest neighbours among the top papers.

    Similar papers are relevant to the same queries (van Rijsbergen's cluster hypothesis), so scores are smoothed over
    neighbours (Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005). The mean is weighted by cosine. Scores only
    increase: a relevant paper without relevant neighbours keeps its score.

    Args:
        fused: the ranking.
        load_vectors: returns the stored vectors of rows.
        tuning: number of papers and neighbours, and the weight of the mean.
    """
    best = slice(tuning.smoothed_papers)
    own, rows = fused.scores[best], fused.rows[best]
    if len(rows) < 2:
        return fused
    similarity = np.maximum(_inner_products(load_vectors(rows), tuning.max_single_core_products), 0)
    np.fill_diagonal(similarity, 0)
    kth = len(rows) - min(tuning.smoothing_neighbours, len(rows))
    similarity[similarity < np.partition(similarity, kth, axis=1)[:, kth, None]] = 0
    total = similarity.sum(axis=1)
    mean = np.divide(np.einsum("ij,j->i", similarity, own), total, out=own.copy(), where=total > 0)
    scores = fused.scores.copy()
    scores[best] = np.maximum(own, (1 - tuning.smoothing_weight) * own + tuning.smoothing_weight * mean)
    return _sort_by_score(fused.rows, scores, fused.cosine, fused.bm25)


def _inner_products(vectors: NDArray[np.float32], max_products: int) -> NDArray[np.float32]:
    """Returns (n, n) float32 inner products, computed in blocks that OpenBLAS does not split over cores.

    For the whole product it would use all cores, and on a busy machine wait for them ten times as long as the
    computation takes.
    """
    step = max(1, max_products // max(vectors.size, 1))
    return np.concatenate([vectors[start : start + step] @ vectors.T for start in range(0, len(vectors), step)])


def _score_candidates(
    semantic: Ranked, lexical: Ranked, cosine_of: Scorer, bm25_of: Scorer
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the candidates of both legs, ascending, with their cosine and their BM25."""
    rows = np.union1d(semantic.rows, lexical.rows)
    return (
        rows,
        _leg_scores(rows, semantic, cosine_of),
        _leg_scores(rows, lexical, None if lexical.complete else bm25_of),
    )


def _sort_by_score(
    rows: NDArray[np.int64], scores: NDArray[np.float32], cosine: NDArray[np.float32], bm25: NDArray[np.float32]
) -> FusedCandidates:
    """Sorts by descending score; equal scores in row order."""
    order = np.lexsort((rows, -scores))
    return FusedCandidates(rows[order], scores[order], cosine[order], bm25[order])


def _leg_scores(rows: NDArray[np.int64], leg: Ranked, score_of: Scorer | None) -> NDArray[np.float32]:
    """Returns the score of each row (ascending) in one leg.

    Rows that the leg did not return get their score from ``score_of``, or 0 without it.
    """
    scores = np.zeros(len(rows), np.float32)
    positions = np.searchsorted(rows, leg.rows)
    scores[positions] = leg.scores
    missing = np.ones(len(rows), bool)
    missing[positions] = False
    if score_of and missing.any():
        scores[missing] = score_of(rows[missing])
    return scores
