"""Ranking: fusion, feedback, smoothing and the fusion model against plain loops, and their guarantees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from search.ranking.fusion import (
    FUSION_TUNING,
    FusedCandidates,
    QueryTerms,
    fuse,
    rescore_with_feedback,
    rocchio_query,
    score_by_model,
    smooth_over_neighbours,
)
from search.rows import Ranked

Vectors = NDArray[np.float32]


def draw_case(seed: int, papers: int, kinds: int) -> tuple[Vectors, Vectors, NDArray[np.float32]]:
    """Returns vectors, a query vector and BM25; with fewer kinds than papers, vectors repeat."""
    random = np.random.default_rng(seed)
    vectors = oracle.normalize_rows(random.normal(size=(kinds, 8)).astype(np.float32))[np.arange(papers) % kinds]
    query = oracle.normalize_rows(random.normal(size=(1, 8)).astype(np.float32))[0]
    bm25 = np.where(random.random(papers) < 0.6, random.integers(1, 9, papers), 0).astype(np.float32)
    return vectors, query, bm25


def rank(query: Vectors, vectors: Vectors, bm25: NDArray[np.float32], depth: int) -> FusedCandidates:
    """Ranks all papers as a hybrid query does."""
    rows = np.arange(len(vectors))
    legs = [Ranked.top_k(rows, scores, depth, complete=False) for scores in (vectors @ query, bm25)]
    positive = legs[1].scores > 0
    rows_with_word = legs[1].rows[positive]
    lexical = Ranked(rows_with_word, legs[1].scores[positive], complete=False, scored_rows=rows_with_word)
    fused = fuse(legs[0], lexical, lambda ids: vectors[ids] @ query, lambda ids: bm25[ids])
    feedback = rocchio_query(query, fused, lambda ids: vectors[ids])
    if feedback is not None:
        rescored = Ranked.top_k(rows, vectors @ feedback, depth, complete=False)
        scorers = (lambda ids: vectors[ids] @ feedback, lambda ids: vectors[ids] @ query, lambda ids: bm25[ids])
        fused = rescore_with_feedback(fused, rescored, *scorers)
    fused = smooth_over_neighbours(fused, lambda ids: vectors[ids])
    return score_by_model(fused, QueryTerms(lambda ids: bm25[ids] / 10, 20.0, 5))


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 220), depth=st.integers(1, 160))
@settings(max_examples=60, deadline=None)
def test_ranking_equals_plain_loops(seed: int, papers: int, depth: int) -> None:
    vectors, query, bm25 = draw_case(seed, papers, papers)
    ranking = rank(query, vectors, bm25, depth)
    expected = oracle.hybrid_scores(query, vectors, oracle.Words(bm25, bm25 / 10, 20.0, 5), depth)
    assert set(ranking.rows.tolist()) == set(expected)
    assert ranking.scores.tolist() == pytest.approx([expected[row] for row in ranking.rows.tolist()], abs=1e-4)
    assert ranking.cosine == pytest.approx(vectors[ranking.rows] @ query, abs=1e-5)
    assert ranking.bm25.tolist() == bm25[ranking.rows].tolist()


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 150), kinds=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_smoothing_only_increases_scores_and_keeps_ties_in_row_order(seed: int, papers: int, kinds: int) -> None:
    vectors, query, bm25 = draw_case(seed, papers, kinds)
    rows = np.arange(papers)
    fused = fuse(
        Ranked.top_k(rows, vectors @ query, papers, complete=True),
        Ranked.top_k(rows, bm25, papers, complete=True),
        lambda ids: vectors[ids] @ query,
        lambda ids: bm25[ids],
    )
    after = smooth_over_neighbours(fused, lambda ids: vectors[ids])
    before = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    assert all(score >= before[row] for row, score in zip(after.rows.tolist(), after.scores.tolist(), strict=True))
    assert after.scores[0] == fused.scores[0]
    keys = list(zip((-after.scores).tolist(), after.rows.tolist(), strict=True))
    assert keys == sorted(keys)


def test_no_feedback_without_a_lexical_match() -> None:
    vectors, query, bm25 = draw_case(3, 20, 20)
    semantic = Ranked.top_k(np.arange(20), vectors @ query, 20, complete=True)
    fused = fuse(semantic, Ranked.empty(), lambda ids: vectors[ids] @ query, lambda ids: 0 * bm25[ids])
    assert rocchio_query(query, fused, lambda ids: vectors[ids]) is None
    assert fused.rows.tolist() == semantic.rows.tolist()


def test_smoothing_promotes_a_paper_similar_to_the_best() -> None:
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 2]]
    scores = np.array([0.9, 0.9, 0.5, 0.6, 0.4], np.float32)
    after = smooth_over_neighbours(
        FusedCandidates(np.arange(5)[[0, 1, 3, 2, 4]], scores[[0, 1, 3, 2, 4]], scores, scores), lambda i: vectors[i]
    )
    assert after.rows.tolist() == [0, 1, 2, 3, 4]
    assert after.scores.tolist() == pytest.approx([0.9, 0.9, 0.7, 0.6, 0.4])


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 220))
@settings(max_examples=40, deadline=None)
def test_scores_descend_between_0_and_1_and_every_candidate_is_ranked(seed: int, papers: int) -> None:
    vectors, query, bm25 = draw_case(seed, papers, papers)
    fused = rank(query, vectors, bm25, papers)
    assert ((fused.scores >= 0) & (fused.scores <= 1)).all()
    assert (np.diff(fused.scores) <= 0).all()
    assert sorted(fused.rows.tolist()) == list(range(papers))


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_zero_papers_disable_feedback_smoothing_and_model(seed: int, papers: int) -> None:
    vectors, query, bm25 = draw_case(seed, papers, papers)
    rows, tuning = np.arange(papers), replace(FUSION_TUNING, feedback_papers=0, smoothed_papers=0, modelled_papers=0)
    semantic = Ranked.top_k(rows, vectors @ query, papers, complete=True)
    lexical = Ranked.top_k(rows, bm25, papers, complete=True)
    fused = fuse(semantic, lexical, lambda ids: vectors[ids] @ query, lambda ids: bm25[ids])
    assert rocchio_query(query, fused, lambda ids: vectors[ids], tuning) is None
    assert smooth_over_neighbours(fused, lambda ids: vectors[ids], tuning) is fused
    assert score_by_model(fused, QueryTerms(lambda ids: bm25[ids] / 10, 20.0, 5), tuning) is fused


def test_a_cosine_weight_of_one_ranks_by_the_cosine_alone() -> None:
    vectors, query, bm25 = draw_case(5, 40, 40)
    semantic = Ranked.top_k(np.arange(40), vectors @ query, 40, complete=True)
    lexical = Ranked.top_k(np.arange(40), bm25, 40, complete=True)
    tuning = replace(FUSION_TUNING, cosine_weight=1.0)
    fused = fuse(semantic, lexical, lambda ids: vectors[ids] @ query, lambda ids: bm25[ids], tuning)
    assert fused.rows.tolist() == semantic.rows.tolist()
