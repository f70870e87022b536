"""Searcher: follows the published generation of an index and opens sessions on it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.embedding.cache import EmbedderCache
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.index.snapshot import Snapshot
from search.papers.paper import Paper
from search.query.page import AuthorMatch, Page, Suggestions
from search.query.query import Query
from search.session import Session

_WARM_UP_WORDS = (1, 10, 40)
"""Query lengths in words; short and long queries run networks of different lengths."""


class Searcher:
    """Answers queries from the newest published generation; safe to use from several threads.

    ``ask``, ``search``, ``paper``, ``authors`` and ``suggest`` each use a session of their own. Callers that need
    several answers from the same generation open one with ``session``.

    Args:
        directory: the index.
        load: returns the embedder of a model identity; called at the first query that needs one.
        verify_checksums: compare every file with its SHA-256 before a generation is used.
        on_page: called with every page of hits.

    Raises:
        IndexMissing: there is no index; raised by the constructor and, after a new generation, by any method.
        IndexDamaged: the index is incomplete; raised likewise.
    """

    def __init__(
        self,
        directory: Path,
        load: Callable[[ModelIdentity], Embedder],
        *,
        verify_checksums: bool = False,
        on_page: Callable[[Page], None] | None = None,
    ) -> None:
        self._directory = directory
        self._verify_checksums = verify_checksums
        self._lock = threading.Lock()
        self._snapshot = Snapshot.open(directory, verify_checksums=verify_checksums)
        self.embedders = EmbedderCache(directory, load)
        self.on_page = on_page

    @property
    def snapshot(self) -> Snapshot:
        """The newest published generation. A replaced one closes when the last session on it ends."""
        if self._is_replaced():
            with self._lock:
                if self._is_replaced():
                    self._snapshot = Snapshot.open(self._directory, verify_checksums=self._verify_checksums)
        return self._snapshot

    def session(self) -> Session:
        """Opens a session on the newest published generation."""
        return Session(self.snapshot, self.embedders, self.on_page)

    def ask(self, box: str, query: Query | None = None, **options: Any) -> Page:
        """Answers the text of the search box; see ``Session.ask``."""
        return self.session().ask(box, query, **options)

    def search(self, query: Query) -> Page:
        """Answers a query; see ``Session.search``."""
        return self.session().search(query)

    def paper(self, paper_id: str) -> Paper:
        """Returns one paper; see ``Session.paper``."""
        return self.session().paper(paper_id)

    def authors(self, name: str) -> AuthorMatch:
        """Lists the variants of a name; see ``Session.authors``."""
        return self.session().authors(name)

    def suggest(self, text: str, limit: int = 8) -> Suggestions:
        """Suggests authors and categories; see ``Session.suggest``."""
        return self.session().suggest(text, limit)

    def warm(self) -> None:
        """Loads everything that queries and suggestions need, so that the first request does not wait for it."""
        session = self.session()
        for words in _WARM_UP_WORDS:
            session.search(Query("warm " * words))
        session.search(Query("warm", facets=True))
        session.ask("warm")
        session.suggest("warm")

    def _is_replaced(self) -> bool:
        return self._snapshot.layout.published_generation() != self._snapshot.manifest.generation
