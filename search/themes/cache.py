"""ThemeCache: the themes of recent queries."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.themes.themes import Themes

MAX_ENTRIES = 128
"""Entries of the cache; one takes about 50 KB."""


class ThemeCache:
    """Keeps the themes of the queries that were used last; safe to use from several threads.

    Two threads that need the same themes at the same time may both compute them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, Themes] = OrderedDict()

    def find(self, key: Hashable) -> "Themes | None":
        """Returns the themes of a query if they are in the cache, else None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def get(self, key: Hashable, find: "Callable[[], Themes]", is_whole: Callable[[], bool] = lambda: True) -> "Themes":
        """Returns the themes of a query.

        Args:
            key: the generation and the query.
            find: computes them.
            is_whole: see ``PageCache.get``.
        """
        if themes := self.find(key):
            return themes
        themes = find()
        if not is_whole():
            return themes
        with self._lock:
            self._entries[key] = themes
            self._entries.move_to_end(key)
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
        return themes
