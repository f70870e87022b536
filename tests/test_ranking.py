"""Ranking: what feedback and neighbours do to an order, held to loops and to what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from search.ranking.fusion import Fused, fed_back, fuse, moved, raised
from search.rows import Ranked

Vectors = NDArray[np.float32]


def drawn(seed: int, papers: int, kinds: int) -> tuple[Vectors, Vectors, NDArray[np.float32]]:
    """Vectors, a question and BM25; papers of fewer kinds than there are papers repeat each other."""
    random = np.random.default_rng(seed)
    vectors = oracle.unit(random.normal(size=(kinds, 8)).astype(np.float32))[np.arange(papers) % kinds]
    question = oracle.unit(random.normal(size=(1, 8)).astype(np.float32))[0]
    bm25 = np.where(random.random(papers) < 0.6, random.integers(1, 9, papers), 0).astype(np.float32)
    return vectors, question, bm25


def ordered(question: Vectors, vectors: Vectors, bm25: NDArray[np.float32], depth: int) -> Fused:
    """The whole order of a question as the search makes it, over papers that are all known."""
    rows = np.arange(len(vectors))
    legs = [Ranked.best(rows, scores, depth, complete=False) for scores in (vectors @ question, bm25)]
    held = legs[1].scores > 0
    lexical = Ranked(legs[1].rows[held], legs[1].scores[held], complete=False, looked=legs[1].rows[held])
    fused = fuse(legs[0], lexical, lambda ids: vectors[ids] @ question, lambda ids: bm25[ids])
    towards = moved(question, fused, lambda ids: vectors[ids])
    if towards is not None:
        found = Ranked.best(rows, vectors @ towards, depth, complete=False)
        of = (lambda ids: vectors[ids] @ towards, lambda ids: vectors[ids] @ question, lambda ids: bm25[ids])
        fused = fed_back(fused, found, *of)
    return raised(fused, lambda ids: vectors[ids])


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 150), depth=st.integers(1, 160))
@settings(max_examples=60, deadline=None)
def test_the_order_is_that_of_plain_loops(seed: int, papers: int, depth: int) -> None:
    vectors, question, bm25 = drawn(seed, papers, papers)
    order = ordered(question, vectors, bm25, depth)
    expected = oracle.relevance(question, vectors, bm25, depth)
    assert set(order.rows.tolist()) == set(expected)
    assert order.scores.tolist() == pytest.approx([expected[row] for row in order.rows.tolist()], abs=1e-4)
    assert order.cosine == pytest.approx(vectors[order.rows] @ question, abs=1e-5)
    assert order.bm25.tolist() == bm25[order.rows].tolist()


@given(seed=st.integers(0, 10_000), papers=st.integers(1, 150), kinds=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_scores_only_rise_and_stay_in_order_under_ties(seed: int, papers: int, kinds: int) -> None:
    vectors, question, bm25 = drawn(seed, papers, kinds)
    rows = np.arange(papers)
    fused = fuse(
        Ranked.best(rows, vectors @ question, papers, complete=True),
        Ranked.best(rows, bm25, papers, complete=True),
        lambda ids: vectors[ids] @ question,
        lambda ids: bm25[ids],
    )
    after = raised(fused, lambda ids: vectors[ids])
    before = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    assert all(score >= before[row] for row, score in zip(after.rows.tolist(), after.scores.tolist(), strict=True))
    assert after.scores[0] == fused.scores[0]
    keys = list(zip((-after.scores).tolist(), after.rows.tolist(), strict=True))
    assert keys == sorted(keys)


def test_a_question_whose_words_no_paper_holds_is_not_moved() -> None:
    vectors, question, bm25 = drawn(3, 20, 20)
    semantic = Ranked.best(np.arange(20), vectors @ question, 20, complete=True)
    fused = fuse(semantic, Ranked.none(), lambda ids: vectors[ids] @ question, lambda ids: 0 * bm25[ids])
    assert moved(question, fused, lambda ids: vectors[ids]) is None
    assert fused.rows.tolist() == semantic.rows.tolist()


def test_a_paper_near_the_best_ones_passes_one_that_is_near_nothing() -> None:
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 2]]
    scores = np.array([0.9, 0.9, 0.5, 0.6, 0.4], np.float32)
    after = raised(Fused(np.arange(5)[[0, 1, 3, 2, 4]], scores[[0, 1, 3, 2, 4]], scores, scores), lambda i: vectors[i])
    assert after.rows.tolist() == [0, 1, 2, 3, 4]
    assert after.scores.tolist() == pytest.approx([0.9, 0.9, 0.7, 0.6, 0.4])
