"""Counts of unread papers, kept while neither the index nor the saved search changes: every page shows their sum."""

import time
from collections.abc import Hashable, Iterable
from weakref import WeakKeyDictionary

from search.errors import NameNotFound
from search.index.backend import Backend
from search.session import Session
from service.state.lists import Lists
from service.state.watches import Watch, Watches

_MAX_COUNTS = 10_000
"""Counts kept for one generation of an index."""
_counts: WeakKeyDictionary[Backend, dict[Hashable, int | None]] = WeakKeyDictionary()


_SUM_SECONDS = 0.25
"""Time for the sum of a page, so that many saved searches do not delay the first page of a new generation."""


def sum_unread(watches: Watches, lists: Lists, saved: Iterable[Watch], session: Session) -> int:
    """Returns the number of unread papers of saved searches; a paper of two of them counts twice.

    Counts that are not known when the time is over are left to the next page.
    """
    total, deadline = 0, time.monotonic() + _SUM_SECONDS
    for watch in saved:
        if time.monotonic() > deadline:
            break
        total += count_unread(watches, lists, watch, session) or 0
    return total


def count_unread(watches: Watches, lists: Lists, watch: Watch, session: Session) -> int | None:
    """Returns the number of unread papers of a saved search; None if the index cannot answer it at present.

    Args:
        watches: the saved searches of a profile.
        lists: its lists; a search may be based on one, and changes with it.
        watch: the saved search.
        session: the index.
    """
    try:
        listed = lists.ids(watch.search.list) if watch.search.list else None
    except NameNotFound:
        return None
    counts = _counts.setdefault(session.snapshot.shared, {})
    key = watch.search, watch.read, listed
    if key not in counts:
        if len(counts) >= _MAX_COUNTS:
            counts.clear()
        counts[key] = watches.try_count_unread(watch.name, session)
    return counts[key]
