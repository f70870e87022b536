"""FilteredIndex: what ranking reads of the papers of an index that match a filter.

All scores, vectors and papers that a ranking needs come from here, so it does not depend on where they are stored.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.index.backend import Backend
from search.papers.kinds import Kind
from search.papers.paper import Paper
from search.query.condition import AllOf
from search.query.explanation import Stage
from search.query.sort import FieldOrder
from search.ranking.fusion import FUSION_TUNING, FusionTuning
from search.rows import PaperSet, Ranked


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
    """The papers of a backend that match a condition, and the time that each stage of a query has taken.

    Attributes:
        snapshot: the generation that is searched.
        condition: the filter.
        excluded: rows that neither leg returns, because they are the examples of the query.
        rows: the live rows that match the condition, without the excluded ones.
        stages: timings, in the order in which the stages ended.
        loaded: the papers that were loaded so far, by row.
        tuning: constants of the legs and of their fusion.
    """

    snapshot: Backend
    condition: AllOf
    excluded: tuple[int, ...]
    rows: PaperSet
    stages: list[Stage] = field(default_factory=list)
    tuning: LegsTuning = LEGS_TUNING
    loaded: dict[int, Paper] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        snapshot: Backend,
        condition: AllOf,
        excluded: tuple[int, ...] = (),
        tuning: LegsTuning = LEGS_TUNING,
        text: str = "",
    ) -> Self:
        """Evaluates a condition; see the attributes, and for the text ``Backend.rows_matching``, for the arguments.

        Raises:
            InvalidValue: see ``Backend.rows_matching``.
        """
        start = time.perf_counter()
        rows = snapshot.rows_matching(condition, text)
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
            return self.snapshot.lexicon.search(text, k, self.rows)

    def search_semantic(self, vector: NDArray[np.float32], k: int | None = None) -> Ranked:
        """Runs the semantic leg: the k papers of highest cosine; ``leg_depth`` of them by default."""
        k = self.tuning.leg_depth if k is None else k
        with self.time_stage("semantic"):
            return self.nearest(vector, k, self.rows)

    def rescore(self, vector: NDArray[np.float32], before: Ranked) -> Ranked:
        """Ranks the papers that an earlier search scored by another vector, and returns the same number of them.

        Args:
            vector: (dim,) float32, unit.
            before: result of the earlier search.
        """
        with self.time_stage("feedback"):
            count = len(before.rows)
            limit = len(before.scored_rows) if before.complete else max(self.tuning.rescored_papers, count)
            rows = before.most_promising_rows(limit)
            return Ranked.top_k(rows, self.cosines(vector, rows), count, complete=before.complete)

    def nearest(self, vector: NDArray[np.float32], k: int, papers: PaperSet) -> Ranked:
        """Returns those k of some papers whose cosine with a vector is highest."""
        return self.snapshot.vectors.nearest(vector[None], k, papers)[0]

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the exact cosine of each paper with a vector, (n,) float32."""
        return self.snapshot.vectors.scores(vector, rows)

    def bm25(self, text: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the exact BM25 of each paper for a text, (n,) float32; 0 without a word of it."""
        return self.snapshot.lexicon.scores(text, rows)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the vectors of papers, (n, dim) float32."""
        return self.snapshot.vectors.get_vectors(rows)

    def with_any_word(self, text: str) -> PaperSet:
        """Returns all papers with a word of a text."""
        return self.snapshot.lexicon.papers_with_any_term(text, self.rows)

    def count_with_any_word(self, text: str) -> int:
        """Returns the number of papers with a word of a text."""
        return self.snapshot.lexicon.count_matches(text, self.rows)

    def sort(self, papers: PaperSet, k: int, order: FieldOrder) -> NDArray[np.int64]:
        """Returns the first k of some papers in order of a field; see ``Fields.sort``."""
        with self.time_stage("sort"):
            return self.snapshot.columns.sort(papers, k, order)

    def load_papers(self, rows: NDArray[np.int64]) -> list[Paper]:
        """Returns papers, in the order of their rows."""
        ids = rows.tolist()
        with self.time_stage("load_papers"):
            papers = self.snapshot.store.get(ids)
        self.loaded.update(zip(ids, papers, strict=True))
        return papers

    def titles_and_abstracts(self, rows: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Returns title and abstract of papers, empty where they have none; those of other papers than were loaded are
        read."""
        ids, loaded = rows.tolist(), self.loaded
        others = [row for row in ids if row not in loaded]
        read = dict(zip(others, self.snapshot.store.titles_and_abstracts(others), strict=True))
        return [read.get(row) or (loaded[row].title or "", loaded[row].abstract or "") for row in ids]

    def kinds_of(self, rows: NDArray[np.int64]) -> list[tuple[Kind, ...] | None]:
        """Returns the kinds of papers, in the order of their rows; see ``Kinds.of_rows``."""
        return self.snapshot.columns.kinds.of_rows(rows)


def _stage_since(name: str, start: float) -> Stage:
    return Stage(name, (time.perf_counter() - start) * 1e3)
