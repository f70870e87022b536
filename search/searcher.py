"""Searcher: follows the published generation of an index and opens sessions on it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.embedding.cache import EmbedderCache
from search.embedding.embedder import EMBEDDER_TUNING, Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexUnavailable
from search.index.backend import Backend, BackendSource
from search.index.source import FolderSource
from search.milvus import COLLECTION_SCHEME
from search.papers.paper import Paper
from search.query.author_match import AuthorMatch
from search.query.filter import Filter
from search.query.page import Page
from search.query.page_cache import PageCache
from search.query.query import Query
from search.query.suggestions import Suggestions
from search.session import Session
from search.themes.cache import ThemeCache

if TYPE_CHECKING:
    from search.index.citations import Citations
    from search.maps.paper_map import PaperMap
    from search.people.persons import Persons
    from search.query.people import People
    from search.themes.themes import Themes
    from search.trends.trends import Trends

_WARM_UP_TOKENS = (*EMBEDDER_TUNING.question_lengths, 2 * max(EMBEDDER_TUNING.question_lengths))
"""Query lengths, one for each network for questions and one for longer texts: a network that is compiled during a
request delays it, and all that wait for it, by 0.1 s or more."""
_TEXT_TOKENS = 2
"""Tokens that mark the start and the end of a text."""
_WARM_UP_TYPO = "warrm"
"""A misspelt word, which loads the dictionary."""
_WARM_UP_AUTHOR = "W. Warm"
"""A name with an initial, which builds the table of first names."""
_RETRY_S = 1.0
"""Seconds until a published generation that could not be opened is tried again."""
_log = logging.getLogger("papers")


class Searcher:
    """Answers queries from the newest published generation; safe to use from several threads.

    ``ask``, ``search``, ``themes``, ``trends``, ``people``, ``paper``, ``authors`` and ``suggest`` each use a session
    of their own. Callers that need several answers from the same generation open one with ``session``.

    While the published generation cannot be opened, the one that is open answers, and ``problem`` gives the reason.

    Args:
        directory: the index: a folder, or the address of a collection of Milvus (``search.milvus.address``).
        load: returns the embedder of a model identity; called at the first query that needs one.
        verify_checksums: compare every file with its SHA-256 before a generation is used.
        on_page: called with every page of hits.

    Attributes:
        directory: the argument.
        embedders: the embedders of the models.
        on_page: the argument.
        on_problem: called whenever ``problem`` has changed, with its value.
        page_cache: keeps the pages of recent questions; None, as in programs and commands, to search for each.
        problem: why the published generation cannot be opened; empty while it can.

    Raises:
        IndexMissing: there is no index.
        IndexDamaged: the index is incomplete.
    """

    def __init__(
        self,
        directory: Path | str,
        load: Callable[[ModelIdentity], Embedder],
        *,
        verify_checksums: bool = False,
        on_page: Callable[[Page], None] | None = None,
    ) -> None:
        self.directory = directory
        self._source = _open_source(directory, verify_checksums)
        self._lock = threading.Lock()
        self._snapshot: Backend = self._source.open()
        self.embedders = EmbedderCache(directory, load)
        self.on_page = on_page
        self._theme_cache = ThemeCache()
        self.page_cache: PageCache | None = None
        self.on_problem: Callable[[str], None] = lambda problem: None  # noqa: ARG005
        self.problem = ""
        self._retry_at = 0.0

    @property
    def snapshot(self) -> Backend:
        """The newest published generation that can be opened. A replaced one closes when the last session on it ends.

        One thread opens a new generation, while the others use the one before.
        """
        if self._is_outdated() and self._lock.acquire(blocking=False):
            try:
                self._follow()
            finally:
                self._lock.release()
        return self._snapshot

    def session(self) -> Session:
        """Opens a session on the newest published generation."""
        return Session(
            self.snapshot.for_session(), self.embedders, self.on_page, self._theme_cache, page_cache=self.page_cache
        )

    def ask(self, box: str, query: Query | None = None, **options: Any) -> Page:
        """Answers the text of the search box; see ``Session.ask``."""
        return self.session().ask(box, query, **options)

    def search(self, query: Query) -> Page:
        """Answers a query; see ``Session.search``."""
        return self.session().search(query)

    def themes(self, box: str, query: Query | None = None, **options: Any) -> "Themes":
        """Groups the relevant papers of an answer; see ``Session.themes``."""
        return self.session().themes(box, query, **options)

    def trends(
        self, questions: str | Sequence[str], query: Query | None = None, *, per: str | None = None, **options: Any
    ) -> "Trends":
        """Counts the papers on questions by month or year; see ``Session.trends``."""
        return self.session().trends(questions, query, per=per, **options)

    def map(self, box: str, query: Query | None = None, **options: Any) -> "PaperMap":
        """Returns a map of the relevant papers; see ``Session.map``."""
        return self.session().map(box, query, **options)

    def map_papers(self, ids: Sequence[str]) -> "PaperMap":
        """Returns a map of some papers; see ``Session.map_papers``."""
        return self.session().map_papers(ids)

    def paper(self, paper_id: str) -> Paper:
        """Returns one paper; see ``Session.paper``."""
        return self.session().paper(paper_id)

    def citations(self, paper_id: str) -> "Citations":
        """Returns what a paper cites and what cites it; see ``Session.citations``."""
        return self.session().citations(paper_id)

    def authors(self, name: str) -> AuthorMatch:
        """Lists the variants of a name; see ``Session.authors``."""
        return self.session().authors(name)

    def persons(self, name: str) -> "Persons":
        """Tells the people behind a name apart; see ``Session.persons``."""
        return self.session().persons(name)

    def people(self, box: str, query: Query | None = None, **options: Any) -> "People":
        """Ranks the authors of the relevant papers; see ``Session.people``."""
        return self.session().people(box, query, **options)

    def suggest(self, text: str, limit: int = 8) -> Suggestions:
        """Suggests authors and categories; see ``Session.suggest``."""
        return self.session().suggest(text, limit)

    def warm(self) -> None:
        """Loads everything that queries and suggestions need, so that the first request does not wait for it."""
        session = self.session()
        for tokens in _WARM_UP_TOKENS:
            session.search(Query("warm " * (tokens - _TEXT_TOKENS)))
        session.search(Query("warm", facets=True))
        session.search(Query("warm", Filter(authors=(_WARM_UP_AUTHOR,))))
        session.ask(_WARM_UP_TYPO)
        session.suggest("warm")
        session.themes("warm")

    def _is_outdated(self) -> bool:
        """Whether CURRENT names another generation or nothing, or did so when it was last read."""
        try:
            published = self._source.published_generation()
        except (IndexUnavailable, OSError):
            return time.monotonic() >= self._retry_at
        is_replaced = published != self._snapshot.generation
        return (is_replaced and time.monotonic() >= self._retry_at) or (bool(self.problem) and not is_replaced)

    def _follow(self) -> None:
        """Opens the published generation completely, so that no damage is found after the last one is given up."""
        problem = ""
        try:
            if self._source.published_generation() != self._snapshot.generation:
                snapshot = self._source.open()
                snapshot.load()
                self._snapshot = snapshot
        except (IndexUnavailable, OSError) as error:
            problem = str(error)
            self._retry_at = time.monotonic() + _RETRY_S
        if problem == self.problem:
            return
        self.problem = problem
        generation = self._snapshot.generation
        if problem:
            _log.error("%s; %s answers until this is repaired", problem, generation)
        else:
            _log.warning("the published generation can be opened again; %s answers", generation)
        self.on_problem(problem)


def _open_source(directory: Path | str, verify_checksums: bool) -> BackendSource:
    if str(directory).startswith(COLLECTION_SCHEME):
        from search.milvus.address import Address
        from search.milvus.source import MilvusSource

        return MilvusSource(Address.parse(str(directory)))
    return FolderSource(Path(directory), verify_checksums)
