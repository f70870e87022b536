"""Legs: the rows that match a filter, the semantic and lexical searches over them, and the ranking they produce."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.index.snapshot import Snapshot
from search.query.condition import AllOf
from search.query.explanation import Stage
from search.ranking.fusion import (
    FUSION_TUNING,
    FusedCandidates,
    FusionTuning,
    QueryTerms,
    fuse,
    rescore_with_feedback,
    rocchio_query,
    score_by_model,
    smooth_over_neighbours,
)
from search.rows import Ranked, Rows

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


@dataclass(frozen=True, slots=True)
class LegsTuning:
    """Constants of the two legs."""

    leg_depth: int = 200
    """Candidates of each leg in the first segment of a ranking."""
    depth_factor: int = 5
    """Factor by which the depth of the legs increases from one segment to the next."""
    rescored_papers: int = 3_000
    """Candidates that are scored again with the feedback vector when codes were scanned; a scan of all codes gave the
    same top ten for 348 of 360 queries (``docs/design/search.md``)."""
    fusion: FusionTuning = FUSION_TUNING
    """Constants of fusion, feedback and smoothing."""


LEGS_TUNING = LegsTuning()


@dataclass(frozen=True, slots=True)
class FilteredIndex:
    """The rows of a snapshot that match a condition, and the time that each stage of a query has taken.

    Attributes:
        snapshot: the generation that is searched.
        condition: the filter.
        excluded: rows that neither leg returns, because they are the examples of the query.
        rows: the live rows that match the condition, without the excluded ones.
        stages: timings, in the order in which the stages ended.
        tuning: constants of the legs and of their fusion.
    """

    snapshot: Snapshot
    condition: AllOf
    excluded: tuple[int, ...]
    rows: Rows
    stages: list[Stage] = field(default_factory=list)
    tuning: LegsTuning = LEGS_TUNING

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        condition: AllOf,
        excluded: tuple[int, ...] = (),
        tuning: LegsTuning = LEGS_TUNING,
    ) -> Self:
        """Evaluates a condition; see the attributes for the arguments.

        Raises:
            InvalidValue: see ``Snapshot.rows_matching``.
        """
        start = time.perf_counter()
        rows = snapshot.rows_matching(condition)
        for row in excluded:
            rows = rows.without(row)
        return cls(snapshot, condition, excluded, rows, [_stage_since("filter", start)], tuning)

    @contextmanager
    def time_stage(self, name: str) -> Iterator[None]:
        """Records the duration of a ``with`` block as a stage, unless the budget of the request is used up before it.

        Raises:
            QueryStopped: see ``search.budget``.
        """
        budget.pause_for_others()
        start = time.perf_counter()
        yield
        self.stages.append(_stage_since(name, start))

    def search_lexical(self, text: str, k: int | None = None) -> Ranked:
        """Runs the lexical leg: the k papers of highest BM25; ``leg_depth`` of them by default."""
        k = self.tuning.leg_depth if k is None else k
        with self.time_stage("lexical"):
            return self.snapshot.lexicon.search(text, k + len(self.excluded), self.condition).without(self.excluded)

    def search_semantic(self, vector: NDArray[np.float32], k: int | None = None) -> Ranked:
        """Runs the semantic leg: the k papers of highest cosine; ``leg_depth`` of them by default."""
        k = self.tuning.leg_depth if k is None else k
        with self.time_stage("semantic"):
            return self.snapshot.vectors.nearest(vector[None], k, self.rows)[0]

    def rescore(self, vector: NDArray[np.float32], before: Ranked) -> Ranked:
        """Ranks the papers that an earlier search scored by another vector, and returns the same number of them.

        Args:
            vector: (dim,) float32, unit.
            before: result of the earlier search.
        """
        with self.time_stage("feedback"):
            count = len(before.rows)
            limit = len(before.scored_rows) if before.complete else max(self.tuning.rescored_papers, count)
            candidates = before.scored_rows[:limit]  # those with the best codes come first
            rows = Rows.from_ids(np.sort(candidates), len(self.snapshot.vectors))
            return self.snapshot.vectors.nearest(vector[None], count, rows)[0]


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
    cosine_of = partial(index.snapshot.vectors.scores, leg_input.vector)
    bm25_of = partial(index.snapshot.lexicon.scores, leg_input.text)
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
    vectors, tuning = index.snapshot.vectors, index.tuning.fusion
    vector = rocchio_query(leg_input.vector, fused, vectors.get_vectors, tuning)
    if vector is not None:
        rescored = index.rescore(vector, semantic)
        with index.time_stage("fusion"):
            fused = rescore_with_feedback(
                fused,
                rescored,
                feedback_cosine_of=partial(vectors.scores, vector),
                cosine_of=partial(vectors.scores, leg_input.vector),
                bm25_of=partial(index.snapshot.lexicon.scores, leg_input.text),
                tuning=tuning,
            )
    with index.time_stage("smoothing"):
        fused = smooth_over_neighbours(fused, vectors.get_vectors, tuning)
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


def _stage_since(name: str, start: float) -> Stage:
    return Stage(name, (time.perf_counter() - start) * 1e3)
