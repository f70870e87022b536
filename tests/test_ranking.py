"""Ranking: what feedback and neighbours do to an order, held to loops and to what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from search.ranking.fusion import FusedCandidates, fuse, rescore_with_feedback, rocchio_query, smooth_over_neighbours
from search.rows import Ranked

Vectors = NDArray[np.float32]


def draw_case(seed: int, papers: int, kinds: int) -> tuple[Vectors, Vectors, NDArray[np.float32]]:
    """Vectors, a question and BM25; papers of fewer kinds than there are papers repeat each other."""
    random = np.random.default_rng(seed)
    vectors = oracle.normalize_rows(random.normal(size=(kinds, 8)).astype(np.float32))[np.arange(papers) % kinds]
    question = oracle.normalize_rows(random.normal(size=(1, 8)).astype(np.float32))[0]
    bm25 = np.where(random.random(papers) < 0.6, random.integers(1, 9, papers), 0).astype(np.float32)
    return vectors, question, bm25


def rank(question: Vectors, vectors: Vectors, bm25: NDArray[np.float32], depth: int) -> FusedCandidates:
    """The whole order of a question as the search makes it, over papers that are all known."""
    rows = np.arange(len(vectors))
    legs = [Ranked.top_k(rows, scores, depth, complete=False) for scores in (vectors @ question, bm25)]
    held = legs[1].scores > 0
    lexical = Ranked(legs[1].rows[held], legs[1].scores[held], complete=False, scored_rows=legs[1].rows[held])
    fused = fuse(legs[0], lexical, lambda ids: vectors[ids] @ question, lambda ids: bm25[ids])
    towards = rocchio_query(question, fused, lambda ids: vectors[ids])
    if towards is not None:
        found = Ranked.top_k(rows, vectors @ towards, depth, complete=False)
        of = (lambda ids: vectors[ids] @ towards, lambda ids: vectors[ids] @ question, lambda ids: bm25[ids])
        fused = rescore_with_feedback(fused, found, *of)
    return smooth_over_neighbours(fused, lambda ids: vectors[ids])


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 150), depth=st.integers(1, 160))
@settings(max_examples=60, deadline=None)
def test_ranking_equals_plain_loops(seed: int, papers: int, depth: int) -> None:
    vectors, question, bm25 = draw_case(seed, papers, papers)
    order = rank(question, vectors, bm25, depth)
    expected = oracle.hybrid_scores(question, vectors, bm25, depth)
    assert set(order.rows.tolist()) == set(expected)
    assert order.scores.tolist() == pytest.approx([expected[row] for row in order.rows.tolist()], abs=1e-4)
    assert order.cosine == pytest.approx(vectors[order.rows] @ question, abs=1e-5)
    assert order.bm25.tolist() == bm25[order.rows].tolist()


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 150), kinds=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_scores_only_rise_and_stay_in_order_under_ties(seed: int, papers: int, kinds: int) -> None:
    vectors, question, bm25 = draw_case(seed, papers, kinds)
    rows = np.arange(papers)
    fused = fuse(
        Ranked.top_k(rows, vectors @ question, papers, complete=True),
        Ranked.top_k(rows, bm25, papers, complete=True),
        lambda ids: vectors[ids] @ question,
        lambda ids: bm25[ids],
    )
    after = smooth_over_neighbours(fused, lambda ids: vectors[ids])
    before = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    assert all(score >= before[row] for row, score in zip(after.rows.tolist(), after.scores.tolist(), strict=True))
    assert after.scores[0] == fused.scores[0]
    keys = list(zip((-after.scores).tolist(), after.rows.tolist(), strict=True))
    assert keys == sorted(keys)


def test_no_feedback_without_a_lexical_match() -> None:
    vectors, question, bm25 = draw_case(3, 20, 20)
    semantic = Ranked.top_k(np.arange(20), vectors @ question, 20, complete=True)
    fused = fuse(semantic, Ranked.empty(), lambda ids: vectors[ids] @ question, lambda ids: 0 * bm25[ids])
    assert rocchio_query(question, fused, lambda ids: vectors[ids]) is None
    assert fused.rows.tolist() == semantic.rows.tolist()


def test_smoothing_promotes_a_paper_similar_to_the_best() -> None:
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 2]]
    scores = np.array([0.9, 0.9, 0.5, 0.6, 0.4], np.float32)
    after = smooth_over_neighbours(
        FusedCandidates(np.arange(5)[[0, 1, 3, 2, 4]], scores[[0, 1, 3, 2, 4]], scores, scores), lambda i: vectors[i]
    )
    assert after.rows.tolist() == [0, 1, 2, 3, 4]
    assert after.scores.tolist() == pytest.approx([0.9, 0.9, 0.7, 0.6, 0.4])
