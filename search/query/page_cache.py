"""PageCache: the pages of recent questions, so that a repeated one takes no search."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from search.query.page import Page

_PAGE_COST = 2
"""What a page takes besides its hits, in hits: 10 KB for facets, refinements and parts of the query."""
_MAX_PAGE_HITS = 100
"""Hits of the largest page that is kept: exports are rarely repeated and would displace all others."""


class PageCache:
    """Keeps the pages that were used last; safe to use from several threads.

    Two threads that need the same page at the same time may both compute it.

    Args:
        max_hits: the number of hits that are kept, of all pages together; one takes about 5 KB.
        on_lookup: called with every lookup: whether the page was there.
    """

    def __init__(self, max_hits: int, on_lookup: Callable[[bool], None]) -> None:
        self._max_hits, self._on_lookup = max_hits, on_lookup
        self._lock = threading.Lock()
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._hits = 0

    def get(self, key: Hashable, find: Callable[[], Page], is_whole: Callable[[], bool] = lambda: True) -> Page:
        """Returns the page of a question.

        Args:
            key: everything that the page depends on.
            find: computes it.
            is_whole: whether the page that it has computed is to be kept: nothing was missing that may be there later.
        """
        with self._lock:
            if page := self._pages.get(key):
                self._pages.move_to_end(key)
        self._on_lookup(page is not None)
        if page is None:
            page = find()
            if len(page) <= _MAX_PAGE_HITS and is_whole():
                self._keep(key, page)
        return page

    def _keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            if key not in self._pages:
                self._hits += _cost(page)
            self._pages[key] = page
            while self._hits > self._max_hits:
                self._hits -= _cost(self._pages.popitem(last=False)[1])


def _cost(page: Page) -> int:
    return _PAGE_COST + len(page)
