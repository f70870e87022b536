"""Fusion: combines the two legs into one ranking and refines it with its own top papers.

    fuse                    scores the candidates of both legs by a weighted sum of cosine and BM25
    rocchio_query           moves the vector of the query towards its top papers
    rescore_with_feedback   scores the candidates by the moved vector
    smooth_over_neighbours  increases the score of a paper that scores less than its nearest neighbours
    score_by_model          scores the best candidates with the fusion model, whose weights follow the query

``docs/relevance.md`` has the effect of each part, measured on queries that were not used for tuning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.ranking.fusion_model import TOP, FusionModel, ModelInput
from search.rows import Ranked, are_among


@dataclass(frozen=True, slots=True)
class FusionTuning:
    """Constants of fusion, feedback, smoothing and the fusion model.

    They were chosen on SciFact's train split and Cranfield's even queries. ``docs/relevance.md`` and
    ``benchmarks/results/ablation.json`` have the effect of each part on other queries.
    """

    cosine_weight: float = 0.7
    """Weight of the cosine in the score, 0 to 1; the rest is the weight of BM25 over its maximum. 0.6 to 0.7 is a
    plateau on SciFact, Cranfield, CACM and CISI."""
    feedback_papers: int = 2
    """Top papers that the query is moved towards; 0 disables feedback. 1 and 3 were worse on SciFact train."""
    feedback_weight: float = 0.4
    """Weight of the mean of their vectors, relative to the vector of the query; 0.3 to 0.6 is a plateau."""
    smoothed_papers: int = 100
    """Top papers whose scores are smoothed; 0 disables smoothing. 50 to 100 is a plateau."""
    smoothing_neighbours: int = 4
    """Neighbours of each of these papers; 3 to 8 is a plateau."""
    smoothing_weight: float = 0.5
    """Weight of the neighbours' mean score, 0 to 1; 0.4 to 0.7 is a plateau."""
    modelled_papers: int = 40
    """Top papers by score, and as many by cosine, that the fusion model scores; 0 disables it. With 100, nDCG@10 of 693
    queries for known items is the same."""
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

    @classmethod
    def empty(cls) -> Self:
        """Returns no candidates."""
        return cls(np.empty(0, np.int64), *(np.empty(0, np.float32) for _ in range(3)))

    def followed_by(self, other: "FusedCandidates") -> "FusedCandidates":
        """Returns these candidates, then those of another ranking that are not among them."""
        if not len(self.rows):
            return other
        new = ~are_among(other.rows, self.rows)
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


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """The terms of a query.

    Attributes:
        coverage: returns the share of the terms that each paper has, weighted by inverse document frequency.
        max_bm25: upper bound of the BM25 of the query.
        term_count: number of distinct terms.
    """

    coverage: Scorer
    max_bm25: float
    term_count: int


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


def fuse(
    semantic: Ranked, lexical: Ranked, cosine_of: Scorer, bm25_of: Scorer, tuning: FusionTuning = FUSION_TUNING
) -> FusedCandidates:
    """Ranks the candidates of both legs by 0.7 cosine + 0.3 BM25 / (maximum BM25).

    This is a convex combination of scores, the lexical one normalised by its maximum (Bruch, Gai, Ingber, "An Analysis
    of Fusion Functions for Hybrid Retrieval", TOIS 2023). A candidate that only one leg found gets its exact score in
    the other leg rather than a zero.

    Args:
        semantic: candidates of the semantic leg.
        lexical: candidates of the lexical leg.
        cosine_of: returns the cosines of rows that the semantic leg did not return.
        bm25_of: returns the BM25 of rows that the lexical leg did not return.
        tuning: the weights.
    """
    only_semantic = semantic.rows[~are_among(semantic.rows, lexical.rows)]
    rows = np.sort(np.concatenate((lexical.rows, only_semantic)))
    cosine = _leg_scores(rows, semantic, cosine_of)
    bm25 = _leg_scores(rows, lexical, None if lexical.complete else bm25_of)
    return _sort_by_score(rows, combine_scores(cosine, bm25, tuning), cosine, bm25)


def rocchio_query(
    query_vector: NDArray[np.float32],
    fused: FusedCandidates,
    load_vectors: VectorLoader,
    tuning: FusionTuning = FUSION_TUNING,
) -> NDArray[np.float32] | None:
    """Moves the vector of a query towards its top papers: query + 0.4 mean of the top two that contain a query word.

    This is Rocchio's relevance feedback ("Relevance feedback in information retrieval", 1971) with the top papers taken
    as relevant. Papers without a query word are skipped, since only one leg supports them.

    Args:
        query_vector: (dim,) float32, unit.
        fused: the ranking of the query.
        load_vectors: returns the stored vectors of rows.
        tuning: number of papers and their weight.

    Returns:
        (dim,) float32, unit; None if no candidate contains a query word.
    """
    best = fused.rows[fused.bm25 > 0][: tuning.feedback_papers]
    if not len(best):
        return None
    vector = query_vector + np.float32(tuning.feedback_weight) * load_vectors(best).mean(axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def rescore_with_feedback(
    fused: FusedCandidates,
    rescored: Ranked,
    feedback_cosine_of: Scorer,
    cosine_of: Scorer,
    bm25_of: Scorer,
    tuning: FusionTuning = FUSION_TUNING,
) -> FusedCandidates:
    """Ranks the candidates, and those nearest to the moved query, by fusion with the cosine of the moved query.

    Args:
        fused: the candidates of the query.
        rescored: the papers nearest to the moved query.
        feedback_cosine_of: returns cosines of the moved query.
        cosine_of: returns cosines of the query, for papers that only the moved query found.
        bm25_of: returns the BM25 of the query, for the same papers.
        tuning: the weights of fusion.
    """
    new = np.sort(rescored.rows[~are_among(rescored.rows, fused.rows)])
    rows = np.concatenate((fused.rows, new))
    cosine = np.concatenate((fused.cosine, cosine_of(new)))
    bm25 = np.concatenate((fused.bm25, bm25_of(new)))
    return _sort_by_score(rows, combine_scores(feedback_cosine_of(rows), bm25, tuning), cosine, bm25)


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
    similarity = _similarities(load_vectors(rows), tuning.max_single_core_products)
    np.fill_diagonal(similarity, 0)
    kth = len(rows) - min(tuning.smoothing_neighbours, len(rows))
    similarity[similarity < np.sort(similarity, axis=1)[:, kth, None]] = 0
    total = similarity.sum(axis=1)
    mean = np.divide(np.einsum("ij,j->i", similarity, own), total, out=own.copy(), where=total > 0)
    scores = fused.scores.copy()
    scores[best] = np.maximum(own, (1 - tuning.smoothing_weight) * own + tuning.smoothing_weight * mean)
    return _sort_by_score(fused.rows, scores, fused.cosine, fused.bm25)


def score_by_model(fused: FusedCandidates, query: QueryTerms, tuning: FusionTuning = FUSION_TUNING) -> FusedCandidates:
    """Ranks the top candidates, by score or by cosine, with the fusion model. The others follow in their order.

    Args:
        fused: the ranking.
        query: the terms of the query.
        tuning: number of papers.
    """
    if not tuning.modelled_papers or not len(fused.rows):
        return fused
    coverage = np.zeros(len(fused.rows), np.float32)
    model_input = ModelInput(fused.scores, fused.cosine, fused.bm25, coverage, query.max_bm25, query.term_count)
    is_best = np.zeros(len(fused.rows), bool)
    is_best[: tuning.modelled_papers] = True
    is_best[model_input.semantic_order[: tuning.modelled_papers]] = True
    needed = is_best.copy()
    needed[model_input.lexical_order[:TOP]] = True
    needed &= fused.bm25 > 0  # a paper without any term covers nothing
    coverage[needed] = query.coverage(fused.rows[needed])
    best, rest = np.flatnonzero(is_best), np.flatnonzero(~is_best)
    scores = np.empty(len(fused.rows), np.float32)
    scores[best] = FusionModel.load().score(model_input, best)
    scores[rest] = scores[best].min() / (1 + fused.scores[0] - fused.scores[rest])
    order = np.concatenate((best[np.lexsort((fused.rows[best], -scores[best]))], rest))
    return FusedCandidates(fused.rows[order], scores[order], fused.cosine[order], fused.bm25[order])


def _similarities(vectors: NDArray[np.float32], max_products: int) -> NDArray[np.float32]:
    """Returns the (n, n) float32 inner products of vectors, 0 for those that are negative.

    Only those of each vector and the following ones are computed, in blocks that OpenBLAS does not split over cores.
    For the whole product it would use all cores, and on a busy machine wait for them ten times as long as the
    computation takes.
    """
    count, start = len(vectors), 0
    products = np.zeros((count, count), np.float32)
    while start < count:
        end = start + max(1, max_products // max(vectors[start:].size, 1))
        products[start:end, start:] = vectors[start:end] @ vectors[start:].T
        start = end
    return np.maximum(np.maximum(products, products.T), 0)


def combine_scores(cosine: NDArray[np.float32], bm25: NDArray[np.float32], tuning: FusionTuning) -> NDArray[np.float32]:
    """Returns the weighted sums of (n,) cosines and of (n,) BM25 over their maximum, (n,) float32."""
    max_bm25, weight = float(bm25.max(initial=0.0)) or 1.0, tuning.cosine_weight
    return np.float32(weight) * cosine + np.float32((1 - weight) / max_bm25) * bm25


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
