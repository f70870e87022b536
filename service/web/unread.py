"""Counts of unread papers, kept while neither the index nor the saved search changes: every page shows their sum."""

from collections.abc import Hashable
from weakref import WeakKeyDictionary

from search.index.snapshot import Snapshot
from search.session import Session
from service.state.watches import Watch, Watches

_MAX_COUNTS = 10_000
"""Counts kept for one generation of an index."""
_counts: WeakKeyDictionary[Snapshot, dict[Hashable, int | None]] = WeakKeyDictionary()


def count_unread(watches: Watches, watch: Watch, session: Session) -> int | None:
    """Returns the number of unread papers of a saved search; None if the index cannot answer it at present."""
    if watch.search.list:  # the answer changes with the list
        return watches.try_count_unread(watch.name, session)
    counts = _counts.setdefault(session.snapshot, {})
    key = watch.search, watch.read
    if key not in counts:
        if len(counts) >= _MAX_COUNTS:
            counts.clear()
        counts[key] = watches.try_count_unread(watch.name, session)
    return counts[key]
