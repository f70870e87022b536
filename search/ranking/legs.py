"""Legs: the input of the semantic and the lexical search over an index, and the ranking that they produce."""

from contextvars import copy_context
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search.ranking.filtered_index import FilteredIndex
from search.ranking.fusion import (
    FusedCandidates,
    QueryTerms,
    fuse,
    rescore_with_feedback,
    rocchio_query,
    score_by_model,
    smooth_over_neighbours,
)
from search.rows import Ranked

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


@dataclass(frozen=True, slots=True, eq=False)
class LegInput:
    """The input of the legs; at least one of ``vector`` and ``text`` is not None.

    Attributes:
        vector: (dim,) float32, unit; None skips the semantic leg.
        text: None skips the lexical leg.
        lexical: result of the lexical leg for the first segment, if it has run already.
        example_rows: rows of the papers that hits should be similar to.
        word_count: number of words of the query itself, without the examples.
    """

    vector: NDArray[np.float32] | None
    text: str | None
    lexical: Ranked | None = None
    example_rows: tuple[int, ...] = ()
    word_count: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The first segment of a ranking: the top ``leg_depth`` papers of each leg.

    Attributes:
        fused: rows, scores and the scores of both legs, best first.
        semantic: result of the semantic leg.
        lexical: result of the lexical leg.
    """

    fused: FusedCandidates
    semantic: Ranked
    lexical: Ranked

    @classmethod
    def compute(cls, index: FilteredIndex, leg_input: LegInput) -> Self:
        """Computes the first segment."""
        return cls._compute_at_depth(index, leg_input, index.tuning.leg_depth)

    @classmethod
    def empty(cls) -> Self:
        """Returns the ranking of no papers."""
        return cls(FusedCandidates.empty(), Ranked.empty(), Ranked.empty())

    def extend(self, index: FilteredIndex, leg_input: LegInput, end: int) -> FusedCandidates:
        """Returns at least the top ``end`` papers, or all if there are fewer.

        The segments that follow the first one are the papers that the legs add at five times its depth, and so on. So
        no page depends on how far another page reached, and no paper occurs twice.
        """
        fused, depth = self.fused, index.tuning.leg_depth
        while len(fused.rows) < end and depth < len(index.rows):
            depth *= index.tuning.depth_factor
            fused = fused.followed_by(self._compute_at_depth(index, leg_input, depth).fused)
        return fused

    @classmethod
    def _compute_at_depth(cls, index: FilteredIndex, leg_input: LegInput, depth: int) -> Self:
        lexical = Ranked.empty()
        if leg_input.lexical and depth == index.tuning.leg_depth:
            lexical = leg_input.lexical
        elif leg_input.text is not None:
            lexical = index.search_lexical(leg_input.text, depth)
        semantic = Ranked.empty() if leg_input.vector is None else index.search_semantic(leg_input.vector, depth)
        with index.time_stage("fusion"):
            fused = _fuse_legs(index, leg_input, semantic, lexical)
        fused = _refine(index, leg_input, fused, semantic)
        return cls(fused, semantic, lexical)


def _fuse_legs(index: FilteredIndex, leg_input: LegInput, semantic: Ranked, lexical: Ranked) -> FusedCandidates:
    """Returns the fused ranking of both legs, or the ranking of the only leg that ran."""
    if leg_input.vector is None:
        return FusedCandidates(lexical.rows, lexical.scores, np.zeros_like(lexical.scores), lexical.scores)
    if leg_input.text is None:
        return FusedCandidates(semantic.rows, semantic.scores, semantic.scores, np.zeros_like(semantic.scores))
    cosine_of = partial(index.cosines, leg_input.vector)
    bm25_of = partial(index.bm25, leg_input.text)
    return fuse(semantic, lexical, cosine_of, bm25_of, index.tuning.fusion)


def _refine(index: FilteredIndex, leg_input: LegInput, fused: FusedCandidates, semantic: Ranked) -> FusedCandidates:
    """Applies feedback, smoothing and the fusion model to the ranking of a query that both legs answered.

    A query with example papers is not refined: the effect was not measured there, and feedback could move the vector
    towards negative examples. The moved vector is compared only with papers that the query was compared with: another
    scan of all codes takes a fifth of the whole query and changes four in a thousand of the top ten
    (``docs/design/search.md``).
    """
    if leg_input.vector is None or leg_input.text is None or leg_input.example_rows:
        return fused
    tuning = index.tuning.fusion
    vector = rocchio_query(leg_input.vector, fused, index.vectors, tuning)
    if vector is not None:
        rescored = index.rescore(vector, semantic)
        with index.time_stage("fusion"):
            fused = rescore_with_feedback(
                fused,
                rescored,
                feedback_cosine_of=partial(index.cosines, vector),
                cosine_of=partial(index.cosines, leg_input.vector),
                bm25_of=partial(index.bm25, leg_input.text),
                tuning=tuning,
            )
    with index.time_stage("smoothing"):
        fused = smooth_over_neighbours(fused, index.vectors, tuning)
    lexicon, text = index.snapshot.lexicon, leg_input.text
    with index.time_stage("model"):
        terms = QueryTerms(partial(lexicon.coverage, text), lexicon.max_score(text), len(lexicon.terms(text)))
        return score_by_model(fused, terms, tuning)


def submit_lexical(index: FilteredIndex, text: str) -> "Future[Ranked]":
    """Runs the lexical leg in another thread, within the budget of the current request."""
    return _lexical_pool().submit(copy_context().run, index.search_lexical, text)


@cache
def _lexical_pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(thread_name_prefix="lexical")
