"""Scope: what may answer one question, the legs that are asked, and the order they give."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.index.snapshot import Snapshot
from search.query.condition import AllOf
from search.query.page import Stage
from search.ranking.fusion import (
    LEG_DEPTH,
    FusedCandidates,
    fuse,
    rescore_with_feedback,
    rocchio_query,
    smooth_over_neighbours,
)
from search.rows import Ranked, Rows

_RESCORED_PAPERS = 3_000
"""Papers that a moved question is compared with where not all were."""
_DEPTH_FACTOR = 5
"""By which the legs are asked for more where a page lies beyond what they gave."""


@dataclass(frozen=True, slots=True)
class FilteredIndex:
    """A snapshot, a condition and the rows that meet it; and what the work took so far.

    Attributes:
        without: rows left out of both legs: papers that others are compared with.
    """

    snapshot: Snapshot
    condition: AllOf
    excluded: tuple[int, ...]
    rows: Rows
    stages: list[Stage] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot, condition: AllOf, excluded: tuple[int, ...] = ()) -> Self:
        """
        Raises:
            InvalidValue: see ``Snapshot.rows``.
        """
        start = time.perf_counter()
        rows = snapshot.rows_matching(condition)
        for row in excluded:
            rows = rows.without(row)
        return cls(snapshot, condition, excluded, rows, [_stage_since("filter", start)])

    @contextmanager
    def time_stage(self, name: str) -> Iterator[None]:
        """Notes how long the work within took."""
        start = time.perf_counter()
        yield
        self.stages.append(_stage_since(name, start))

    def search_lexical(self, text: str, k: int = LEG_DEPTH) -> Ranked:
        """The lexical leg: the k papers of highest BM25."""
        with self.time_stage("lexical"):
            return self.snapshot.lexicon.search(text, k + len(self.excluded), self.condition).without(self.excluded)

    def search_semantic(self, vector: NDArray[np.float32], k: int = LEG_DEPTH) -> Ranked:
        """The vector leg: the k papers of highest cosine."""
        with self.time_stage("semantic"):
            return self.snapshot.vectors.nearest(vector[None], k, self.rows)[0]

    def rescore(self, vector: NDArray[np.float32], before: Ranked) -> Ranked:
        """As many papers, the nearest to another vector among those that were scored before."""
        with self.time_stage("feedback"):
            most = len(before.scored_rows) if before.complete else max(_RESCORED_PAPERS, len(before.rows))
            among = before.scored_rows[:most]  # those of the best codes come first
            looked = Rows.from_ids(np.sort(among), len(self.snapshot.vectors))
            return self.snapshot.vectors.nearest(vector[None], len(before.rows), looked)[0]


@dataclass(frozen=True, slots=True, eq=False)
class LegInput:
    """What the legs are asked; at least one of them is.

    Attributes:
        vector: (dim,) float32, None to leave the vector leg out. text: None to leave the lexical leg out.
        words: the lexical leg's first answer, where it is known already. like: the rows that answers are to be near.
        length: words of the question itself.
    """

    vector: NDArray[np.float32] | None
    text: str | None
    lexical: Ranked | None = None
    example_rows: tuple[int, ...] = ()
    word_count: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Papers best first, with what each leg says of them: the beginning of the whole order.

    Attributes:
        fused: rows, scores and both legs' scores. first: the stretch that it begins with.
        semantic, lexical: what the legs themselves gave first.
    """

    fused: FusedCandidates
    initial: FusedCandidates
    semantic: Ranked
    lexical: Ranked

    @classmethod
    def compute(cls, index: FilteredIndex, leg_input: LegInput, end: int = 0) -> Self:
        """The order as far as ``end`` at least, or as it goes.

        It is made of stretches: each leg's first DEPTH papers, then what comes into it when the legs are asked for
        more, and so on. So no page depends on how far another one reached, and none repeats a paper.
        """
        first = cls._compute_at_depth(index, leg_input, LEG_DEPTH)
        fused, depth = first.fused, LEG_DEPTH
        while len(fused.rows) < end and depth < len(index.rows):
            depth *= _DEPTH_FACTOR
            fused = fused.followed_by(cls._compute_at_depth(index, leg_input, depth).fused)
        return replace(first, fused=fused)

    def preceded_by(self, first: FusedCandidates) -> Self:
        """With some papers before all others."""
        return replace(self, fused=first.followed_by(self.fused))

    @classmethod
    def _compute_at_depth(cls, index: FilteredIndex, leg_input: LegInput, depth: int) -> Self:
        lexical = Ranked.empty()
        if leg_input.text is not None:
            lexical = (
                leg_input.lexical
                if leg_input.lexical and depth == LEG_DEPTH
                else index.search_lexical(leg_input.text, depth)
            )
        semantic = Ranked.empty() if leg_input.vector is None else index.search_semantic(leg_input.vector, depth)
        with index.time_stage("fusion"):
            fused = _fuse_legs(index, leg_input, semantic, lexical)
        fused = _refine(index, leg_input, fused, semantic)
        return cls(fused, fused, semantic, lexical)


def _fuse_legs(index: FilteredIndex, leg_input: LegInput, semantic: Ranked, lexical: Ranked) -> FusedCandidates:
    """The legs' order; one leg's own where only it was asked."""
    if leg_input.vector is None or leg_input.text is None:
        only = lexical if leg_input.vector is None else semantic
        none = np.zeros(len(only.rows), np.float32)
        cosine, bm25 = (none, only.scores) if leg_input.vector is None else (only.scores, none)
        return FusedCandidates(only.rows, only.scores, cosine, bm25)
    vectors, lexicon = index.snapshot.vectors, index.snapshot.lexicon
    return fuse(semantic, lexical, partial(vectors.scores, leg_input.vector), partial(lexicon.scores, leg_input.text))


def _refine(index: FilteredIndex, leg_input: LegInput, fused: FusedCandidates, semantic: Ranked) -> FusedCandidates:
    """The order of a question by both legs after what its best papers say of the others. Where papers are named the
    question is what it is: it was not measured there, and feedback could lead to what they are to stay away from.

    The moved question is asked only of papers that the question was compared with: another scan of all costs a fifth of
    the whole answer and changes four in a thousand of the first ten (``docs/design/search.md``)."""
    if leg_input.vector is None or leg_input.text is None or leg_input.example_rows:
        return fused
    vectors, lexicon = index.snapshot.vectors, index.snapshot.lexicon
    vector = rocchio_query(leg_input.vector, fused, vectors.get_vectors)
    if vector is not None:
        found = index.rescore(vector, semantic)
        with index.time_stage("fusion"):
            near_of, cosine_of = partial(vectors.scores, vector), partial(vectors.scores, leg_input.vector)
            fused = rescore_with_feedback(fused, found, near_of, cosine_of, partial(lexicon.scores, leg_input.text))
    with index.time_stage("smoothing"):
        return smooth_over_neighbours(fused, vectors.get_vectors)


def _stage_since(name: str, start: float) -> Stage:
    return Stage(name, (time.perf_counter() - start) * 1e3)
