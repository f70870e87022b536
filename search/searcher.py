"""Searcher: Query -> Page. Every door enters here, so they cannot disagree."""

import threading
import unicodedata
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search import cursor, identifiers
from search.answer import answered, listed
from search.condition import AllOf
from search.embedder import Embedder
from search.errors import ForeignModel, InvalidValue, PaperNotFound
from search.fields import author
from search.machine import cores
from search.model import ModelIdentity
from search.paper import Paper
from search.query import AuthorMatch, Mode, Page, Query, Suggestions
from search.ranking import towards
from search.said import asked
from search.scope import Asked, Scope
from search.snapshot import Snapshot
from search.variants import variants

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_NOTHING_ELSE = Query()


class Searcher:
    """Answers questions from the published generation of an index; safe to use from several threads.

    Args:
        directory: the index.
        load: gives the embedder of a model identity; called when a question first needs one.
        checksums: compare every file with its sha256 before a generation answers.

    Attributes:
        watch: told of every page.

    Raises:
        IndexMissing, IndexDamaged: from the constructor and, after a new generation, from any method.
    """

    def __init__(self, directory: Path, load: Callable[[ModelIdentity], Embedder], *, checksums: bool = False) -> None:
        self._directory, self._load, self._checksums = directory, load, checksums
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self.watch: Callable[[Page], None] | None = None
        self._snapshot = Snapshot.open(directory, checksums=checksums)
        self._follows = True

    @property
    def snapshot(self) -> Snapshot:
        """The newest published generation; one that is replaced closes when the last question on it is answered."""
        if self._follows and self._snapshot.layout.published() != self._snapshot.manifest.generation:
            with self._lock:
                if self._snapshot.layout.published() != self._snapshot.manifest.generation:
                    self._snapshot = Snapshot.open(self._directory, checksums=self._checksums)
        return self._snapshot

    def pinned(self) -> "Searcher":
        """The same, answering from the generation that is published now whatever is published meanwhile."""
        pinned = copy(self)
        pinned._snapshot, pinned._follows = self.snapshot, False
        return pinned

    def ask(self, box: str, query: Query = _NOTHING_ELSE) -> Page:
        """Reads one box (``search.syntax``) and answers; what the query says besides holds as well.

        Raises:
            InvalidValue: what cannot be read, with its position. See ``search``.
        """
        box, snapshot = clean(box), self.snapshot
        if not box:
            return self.search(query)
        from search import spelling, syntax  # not for filters alone, which answer in a fifth of a second
        from search.parts import parts

        understood = partial(syntax.read, today=date.today(), categories=snapshot.columns.categories)
        reading = understood(box)
        where = tuple(part for part in (query.filter.where, reading.condition) if part)
        paper = (reading.paper_id,) if reading.paper_id else ()
        read = replace(
            query,
            text=reading.text,
            filter=replace(query.filter, where=AllOf(where) if where else None),
            like=(*paper, *query.like),
            shown=query.shown or bool(paper),
            pasted=query.pasted or reading.kind == "abstract",
        )
        page = replace(self.search(read), parts=parts(box, reading, understood))
        if reading.kind != "question":
            return page
        lexicon = snapshot.lexicon
        mended = spelling.mended(reading.text, lexicon.frequency, lexicon.inflected, snapshot.manifest.live)
        return replace(page, correction=spelling.replaced(box, mended) if mended else None)

    def search(self, query: Query) -> Page:
        """The papers that answer a question, near some papers where it names some; without either, those that pass the
        filter, newest first.

        Raises:
            InvalidValue: an unknown category; words too common to look up, in lexical mode or where they must be held;
                papers to stay away from and nothing to be near; a cursor that is not this question's.
            PaperNotFound: no paper has, or ever had, an id.
            ForeignModel, ModelUnavailable: the question cannot be embedded as the papers were.
        """
        snapshot, text = self.snapshot, clean(query.text)
        start = cursor.read(query, snapshot.manifest.generation)
        like, unlike = (tuple(_row(snapshot, paper) for paper in papers) for papers in (query.like, query.unlike))
        if not (text or like) and (unlike or query.pasted):
            raise InvalidValue(*_nothing_to_be_near(query))
        scope = Scope.of(snapshot, query.filter.condition, tuple(dict.fromkeys((*like, *unlike))))
        if text or like:
            page = answered(scope, query, self._asked(scope, query.mode, text, (like, unlike)), start)
        else:
            page = listed(scope, query, start)
        if self.watch:
            self.watch(page)
        return replace(page, reading=asked(query))

    def paper(self, paper_id: str) -> Paper:
        """The paper that has, or ever had, this id, written in any usual way.

        Raises:
            PaperNotFound: there is none.
        """
        snapshot = self.snapshot
        return snapshot.store.get([_row(snapshot, paper_id)])[0]

    def authors(self, name: str) -> AuthorMatch:
        """The variants of a name that papers have, and in how many papers each.

        Raises:
            InvalidValue: the name is blank or too long.
        """
        return variants(self.snapshot, author(name), self.snapshot.live, most=None)

    def suggest(self, text: str, limit: int = 8) -> Suggestions:
        """Authors and categories that someone can mean who has typed so much, most papers first.

        Every word typed must begin another word of the name; ``guo zh`` suggests Guorui Zhou, ``comp lang`` cs.CL.

        Raises:
            InvalidValue: see ``Vocabulary.suggest``.
        """
        return self.snapshot.vocabulary.suggest(text, limit)

    def warm(self) -> None:
        """Loads everything a question needs, and what suggests, so that the first one does not wait."""
        for words in (1, 10, 40):  # a short question, a longer one and a text have networks of their own
            self.search(Query("warm " * words))
        self.search(Query("warm", facets=True))
        self.suggest("warm")

    def _asked(self, scope: Scope, mode: Mode, text: str, papers: tuple[tuple[int, ...], tuple[int, ...]]) -> Asked:
        """The words are looked up on one core while the text is embedded on the others, where there are others."""
        like, unlike = papers
        texts = [text] if text else []
        words = "\n".join([*texts, *(paper.text for paper in scope.snapshot.store.get(like))])
        if mode == "lexical":
            return Asked(None, words, like=like, length=len(text.split()))
        beside = mode == "hybrid" and text and cores() > 1
        found = self._beside.submit(scope.words, words) if beside else None
        near = [self._encoded(scope, text)] if text else []
        near += [scope.snapshot.vectors.vector(row) for row in like]
        vector = towards(near, [scope.snapshot.vectors.vector(row) for row in unlike])
        first = found.result() if found else None
        return Asked(vector, words if mode == "hybrid" else None, first, like, len(text.split()))

    def _encoded(self, scope: Scope, text: str) -> NDArray[np.float32]:
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


def _nothing_to_be_near(query: Query) -> tuple[str, str, str]:
    if query.unlike:
        return "unlike", ", ".join(query.unlike), "say as well what answers are to be near: words, or --like a paper"
    return "text", query.text, "paste an abstract: at least one word"


def _row(snapshot: Snapshot, paper_id: str) -> int:
    """The live row of the paper that has or had this id."""
    parsed = identifiers.parse(paper_id)
    if parsed is None:
        raise PaperNotFound(paper_id, "ids look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
    live = [row for row in snapshot.store.find(parsed.id) if row in snapshot.live]
    if not live:
        raise PaperNotFound(paper_id, "search for its title instead")
    return live[-1]
