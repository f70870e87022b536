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
from search.ranking.fusion import DEPTH, Fused, fed_back, fuse, moved, raised
from search.rows import Ranked, Rows

_AGAIN = 3_000
"""Papers that a moved question is compared with where not all were."""
_DEEPER = 5
"""By which the legs are asked for more where a page lies beyond what they gave."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A snapshot, a condition and the rows that meet it; and what the work took so far.

    Attributes:
        without: rows left out of both legs: papers that others are compared with.
    """

    snapshot: Snapshot
    condition: AllOf
    without: tuple[int, ...]
    rows: Rows
    stages: list[Stage] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot, condition: AllOf, without: tuple[int, ...] = ()) -> Self:
        """
        Raises:
            InvalidValue: see ``Snapshot.rows``.
        """
        start = time.perf_counter()
        rows = snapshot.rows(condition)
        for row in without:
            rows = rows.without(row)
        return cls(snapshot, condition, without, rows, [_stage("filter", start)])

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long the work within took."""
        start = time.perf_counter()
        yield
        self.stages.append(_stage(name, start))

    def words(self, text: str, k: int = DEPTH) -> Ranked:
        """The lexical leg: the k papers of highest BM25."""
        with self.timed("words"):
            return self.snapshot.lexicon.match(text, k + len(self.without), self.condition).without(self.without)

    def nearest(self, vector: NDArray[np.float32], k: int = DEPTH) -> Ranked:
        """The vector leg: the k papers of highest cosine."""
        with self.timed("vectors"):
            return self.snapshot.vectors.nearest(vector[None], k, self.rows)[0]

    def again(self, vector: NDArray[np.float32], before: Ranked) -> Ranked:
        """As many papers, the nearest to another vector among those that were scored before."""
        with self.timed("feedback"):
            most = len(before.looked) if before.complete else max(_AGAIN, len(before.rows))
            among = before.looked[:most]  # those of the best codes come first
            looked = Rows.of_ids(np.sort(among), len(self.snapshot.vectors))
            return self.snapshot.vectors.nearest(vector[None], len(before.rows), looked)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the legs are asked; at least one of them is.

    Attributes:
        vector: (dim,) float32, None to leave the vector leg out. text: None to leave the lexical leg out.
        words: the lexical leg's first answer, where it is known already. like: the rows that answers are to be near.
        length: words of the question itself.
    """

    vector: NDArray[np.float32] | None
    text: str | None
    words: Ranked | None = None
    like: tuple[int, ...] = ()
    length: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Papers best first, with what each leg says of them: the beginning of the whole order.

    Attributes:
        fused: rows, scores and both legs' scores. first: the stretch that it begins with.
        semantic, lexical: what the legs themselves gave first.
    """

    fused: Fused
    first: Fused
    semantic: Ranked
    lexical: Ranked

    @classmethod
    def of(cls, scope: Scope, asked: Asked, end: int = 0) -> Self:
        """The order as far as ``end`` at least, or as it goes.

        It is made of stretches: each leg's first DEPTH papers, then what comes into it when the legs are asked for
        more, and so on. So no page depends on how far another one reached, and none repeats a paper.
        """
        first = cls._at(scope, asked, DEPTH)
        fused, depth = first.fused, DEPTH
        while len(fused.rows) < end and depth < len(scope.rows):
            depth *= _DEEPER
            fused = fused.followed_by(cls._at(scope, asked, depth).fused)
        return replace(first, fused=fused)

    def led_by(self, first: Fused) -> Self:
        """With some papers before all others."""
        return replace(self, fused=first.followed_by(self.fused))

    @classmethod
    def _at(cls, scope: Scope, asked: Asked, depth: int) -> Self:
        lexical = Ranked.none()
        if asked.text is not None:
            lexical = asked.words if asked.words and depth == DEPTH else scope.words(asked.text, depth)
        semantic = Ranked.none() if asked.vector is None else scope.nearest(asked.vector, depth)
        with scope.timed("fuse"):
            fused = _fused(scope, asked, semantic, lexical)
        fused = _refined(scope, asked, fused, semantic)
        return cls(fused, fused, semantic, lexical)


def _fused(scope: Scope, asked: Asked, semantic: Ranked, lexical: Ranked) -> Fused:
    """The legs' order; one leg's own where only it was asked."""
    if asked.vector is None or asked.text is None:
        only = lexical if asked.vector is None else semantic
        none = np.zeros(len(only.rows), np.float32)
        cosine, bm25 = (none, only.scores) if asked.vector is None else (only.scores, none)
        return Fused(only.rows, only.scores, cosine, bm25)
    vectors, lexicon = scope.snapshot.vectors, scope.snapshot.lexicon
    return fuse(semantic, lexical, partial(vectors.scores, asked.vector), partial(lexicon.scores, asked.text))


def _refined(scope: Scope, asked: Asked, fused: Fused, semantic: Ranked) -> Fused:
    """The order of a question by both legs after what its best papers say of the others. Where papers are named the
    question is what it is: it was not measured there, and feedback could lead to what they are to stay away from.

    The moved question is asked only of papers that the question was compared with: another scan of all costs a fifth of
    the whole answer and changes four in a thousand of the first ten (``docs/design/search.md``)."""
    if asked.vector is None or asked.text is None or asked.like:
        return fused
    vectors, lexicon = scope.snapshot.vectors, scope.snapshot.lexicon
    vector = moved(asked.vector, fused, vectors.stored)
    if vector is not None:
        found = scope.again(vector, semantic)
        with scope.timed("fuse"):
            near_of, cosine_of = partial(vectors.scores, vector), partial(vectors.scores, asked.vector)
            fused = fed_back(fused, found, near_of, cosine_of, partial(lexicon.scores, asked.text))
    with scope.timed("raise"):
        return raised(fused, vectors.stored)


def _stage(name: str, start: float) -> Stage:
    return Stage(name, (time.perf_counter() - start) * 1e3)
