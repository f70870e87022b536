"""Searcher: Query -> Page. Every door enters here, so they cannot disagree."""

import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search import identifiers
from search.embedder import Embedder
from search.errors import ForeignModel, InvalidValue, PaperNotFound
from search.fingerprint import nearly_equal
from search.model import ModelIdentity
from search.paper import Paper
from search.query import Explanation, Filter, Hit, LegMatch, Page, Query, Road, Stage, check_length
from search.ranking import DEPTH, Fused, fuse
from search.rows import Ranked, Rows
from search.snapshot import Snapshot

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_SAME_AMONG = 20
"""Best hits among which a pasted abstract that the index holds is looked for."""


class Searcher:
    """Answers questions from the published generation of an index; safe to use from several threads.

    Args:
        directory: the index.
        load: gives the embedder of a model identity; called when a question first needs one.
        checksums: compare every file with its sha256 before a generation answers.

    Raises:
        IndexMissing, IndexDamaged: from the constructor and, after a new generation, from any method.
    """

    def __init__(self, directory: Path, load: Callable[[ModelIdentity], Embedder], *, checksums: bool = False) -> None:
        self._directory, self._load, self._checksums = directory, load, checksums
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self._snapshot = Snapshot.open(directory, checksums=checksums)

    @property
    def snapshot(self) -> Snapshot:
        """The newest published generation; one that is replaced closes when the last question on it is answered."""
        if self._snapshot.layout.published() != self._snapshot.manifest.generation:
            with self._lock:
                if self._snapshot.layout.published() != self._snapshot.manifest.generation:
                    self._snapshot = Snapshot.open(self._directory, checksums=self._checksums)
        return self._snapshot

    def search(self, query: Query) -> Page:
        """The papers that answer a question; without words, those that pass the filter, newest first.

        Raises:
            InvalidValue: an unknown category; in lexical mode, words too common to look up.
            ForeignModel, ModelUnavailable: the question cannot be embedded as the papers were.
        """
        scope, text = _Scope.of(self.snapshot, query.filter), clean(query.text)
        if not text:
            return scope.newest(query.limit)
        if query.mode == "lexical":
            return scope.lexical(text, query.limit)
        if query.mode == "semantic":
            return scope.semantic(self._encoded(scope, text), query.limit)
        return self._hybrid(scope, text, query.limit)

    def similar(self, paper_id: str, wanted: Filter | None = None, limit: int = 10) -> Page:
        """Papers near the one of this id, which is itself left out.

        Raises:
            PaperNotFound: no paper has, or ever had, this id. InvalidValue: see ``Query``.
        """
        query, snapshot = Query(filter=wanted or Filter(), limit=limit), self.snapshot
        row = _row(snapshot, paper_id)
        scope = _Scope.of(snapshot, query.filter, without=row)
        text = snapshot.store.get([row])[0].text
        return scope.hybrid(snapshot.vectors.vector(row), text, limit, scope.words(text, limit))

    def similar_to_text(self, text: str, wanted: Filter | None = None, limit: int = 10) -> Page:
        """Papers near a pasted abstract; where the index holds that very paper it comes first, marked ``same``.

        Raises:
            InvalidValue: the text is empty or too long; see ``Query``.
        """
        check_length("text", text)
        query, snapshot = Query(clean(text), wanted or Filter(), limit=limit), self.snapshot
        if not query.text:
            raise InvalidValue("text", text, "paste an abstract: at least one word")
        page = self._hybrid(_Scope.of(snapshot, query.filter), query.text, max(limit, _SAME_AMONG))
        same = [replace(hit, same=True) for hit in page.hits[:_SAME_AMONG] if _is(hit.paper, query.text)]
        held = {hit.paper.id for hit in same}
        return replace(page, hits=(*same, *(hit for hit in page.hits if hit.paper.id not in held))[:limit])

    def paper(self, paper_id: str) -> Paper:
        """The paper that has, or ever had, this id, written in any usual way.

        Raises:
            PaperNotFound: there is none.
        """
        snapshot = self.snapshot
        return snapshot.store.get([_row(snapshot, paper_id)])[0]

    def warm(self) -> None:
        """Loads everything a question needs, so that the first one does not wait."""
        self.search(Query("warm"))

    def _hybrid(self, scope: "_Scope", text: str, limit: int) -> Page:
        """The words are looked up on one core while the text is embedded on the others."""
        words = self._beside.submit(scope.words, text, limit)
        return scope.hybrid(self._encoded(scope, text), text, limit, words.result())

    def _encoded(self, scope: "_Scope", text: str) -> NDArray[np.float32]:
        """(dim,) float32."""
        with scope.timed("embed"):
            return np.asarray(self.embedder(scope.snapshot).encode([text])[0], np.float32)

    @cached_property
    def _beside(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(thread_name_prefix="words")

    def embedder(self, snapshot: Snapshot) -> Embedder:
        """The embedder of the snapshot's model.

        Raises:
            ForeignModel: the model that is installed is not the one the vectors were made with.
        """
        with self._lock:
            if self._embedder is None or self._embedder.model != snapshot.model:
                self._embedder = self._load(snapshot.model)
            if self._embedder.model != snapshot.model:
                raise ForeignModel(
                    self._directory,
                    f"its vectors were made with {snapshot.model}, the model here is {self._embedder.model}; "
                    "index the papers again into another folder, or install that model",
                )
            return self._embedder


def clean(text: str) -> str:
    """The text without control characters, white space at its ends removed."""
    return "".join(" " if unicodedata.category(character) == "Cc" else character for character in text).strip()


@dataclass(frozen=True, slots=True)
class _Scope:
    """What may answer one question: a snapshot, a filter and the rows that pass it; and what the work took so far.

    ``without`` is a row left out of both legs, the paper that others are compared with.
    """

    snapshot: Snapshot
    filter: Filter
    without: int | None
    rows: Rows
    stages: list[Stage] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot, wanted: Filter, without: int | None = None) -> Self:
        start = time.perf_counter()
        rows = snapshot.columns.rows(wanted, snapshot.live)
        if without is not None:
            rows = rows.without(without)
        return cls(snapshot, wanted, without, rows, [_stage("filter", start)])

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages.append(_stage(name, start))

    def newest(self, limit: int) -> Page:
        with self.timed("sort"):
            rows = self.snapshot.columns.newest(self.rows, limit).tolist()
        return self._page([Hit(paper, 0.0) for paper in self._papers(rows)], len(self.rows))

    def lexical(self, text: str, limit: int) -> Page:
        lexicon = self.snapshot.lexicon
        if not lexicon.terms(text):
            raise InvalidValue(
                "q", text, "lexical mode looks up words, and here is none, or none but the commonest; use mode hybrid"
            )
        with self.timed("words"):
            ranked, total = lexicon.match(text, limit, self.filter), lexicon.count(text, self.filter)
        return self._page([replace(hit, lexical=match) for hit, match in self._matched(ranked)], total)

    def semantic(self, vector: NDArray[np.float32], limit: int) -> Page:
        ranked = self._nearest(vector, limit)
        hits = [replace(hit, semantic=match) for hit, match in self._matched(ranked)]
        return self._page(hits, len(self.rows), ranked)

    def words(self, text: str, limit: int) -> Ranked:
        """The lexical leg's candidates for a hybrid page."""
        with self.timed("words"):
            return self.snapshot.lexicon.match(text, max(DEPTH, limit) + 1, self.filter).without(self.without)

    def hybrid(self, vector: NDArray[np.float32], text: str, limit: int, lexical: Ranked) -> Page:
        semantic = self._nearest(vector, max(DEPTH, limit))
        with self.timed("fuse"):
            scores_of = partial(self.snapshot.vectors.scores, vector), partial(self.snapshot.lexicon.scores, text)
            fused = fuse(semantic, lexical, *scores_of)
        return self._page(self._hits(fused, limit, semantic, lexical), len(self.rows), semantic)

    def _nearest(self, vector: NDArray[np.float32], k: int) -> Ranked:
        with self.timed("vectors"):
            return self.snapshot.vectors.nearest(vector[None], k, self.rows)[0]

    def _papers(self, rows: list[int]) -> list[Paper]:
        with self.timed("papers"):
            return self.snapshot.store.get(rows)

    def _matched(self, ranked: Ranked) -> list[tuple[Hit, LegMatch]]:
        """The hits of a page of one leg, each with its place there."""
        papers = zip(self._papers(ranked.rows.tolist()), ranked.scores.tolist(), strict=True)
        return [(Hit(paper, score), LegMatch(rank, score)) for rank, (paper, score) in enumerate(papers, 1)]

    def _hits(self, fused: Fused, limit: int, semantic: Ranked, lexical: Ranked) -> list[Hit]:
        rows = fused.rows[:limit].tolist()
        semantic_rank, lexical_rank = semantic.ranks(), lexical.ranks()
        return [
            Hit(
                paper,
                float(fused.scores[place]),
                LegMatch(semantic_rank.get(row), float(fused.cosine[place])),
                LegMatch(lexical_rank.get(row), float(fused.bm25[place])) if fused.bm25[place] > 0 else None,
            )
            for place, (row, paper) in enumerate(zip(rows, self._papers(rows), strict=True))
        ]

    def _page(self, hits: list[Hit], total: int, semantic: Ranked | None = None) -> Page:
        """``semantic`` is the vector leg's answer, where it was asked."""
        leg = semantic or Ranked.none()
        road: Road = "none" if semantic is None else "rows" if leg.complete else "codes"
        explanation = Explanation(road, leg.scanned, leg.scored, tuple(self.stages))
        generation = self.snapshot.manifest.generation
        return Page(tuple(hits), total, leg.complete, leg.expected_recall, generation, explanation)


def _stage(name: str, start: float) -> Stage:
    return Stage(name, (time.perf_counter() - start) * 1e3)


def _row(snapshot: Snapshot, paper_id: str) -> int:
    """The live row of the paper that has or had this id."""
    parsed = identifiers.parse(paper_id)
    if parsed is None:
        raise PaperNotFound(paper_id, "ids look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
    live = [row for row in snapshot.store.find(parsed.id) if row in snapshot.live]
    if not live:
        raise PaperNotFound(paper_id, "search for its title instead")
    return live[-1]


def _is(paper: Paper, text: str) -> bool:
    """Whether a pasted text is this paper's abstract, or its title and abstract."""
    return paper.abstract is not None and (nearly_equal(paper.abstract, text) or nearly_equal(paper.text, text))
