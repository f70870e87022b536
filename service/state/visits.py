"""Visits: what was in the index when a user was here last, so that a page can say how much is new since then."""

import time

from indexer.state import StateDatabase
from service.state.profiles import NOBODY, Profile

_VISIT_GAP_S = 1_800
"""Seconds without a page after which a new visit begins, as usual in web analytics."""
_WRITE_INTERVAL_S = 60
"""Seconds within which further pages are not recorded."""


def record_visit(state: StateDatabase, profile: Profile, added: int, now: int | None = None) -> int | None:
    """Records that a page is shown; returns the last time in the index at the end of the visit before.

    Papers that were added later are new since then.

    Args:
        state: where visits are stored.
        profile: who looks; of ``NOBODY`` nothing is recorded.
        added: the last time in the index (``Position.added``).
        now: the present time in seconds since 1970 (UTC); None for the clock.

    Returns:
        The time; None during the first visit.
    """
    if profile == NOBODY:
        return None
    now = int(time.time()) if now is None else now
    sql = "SELECT seen, added, before FROM visits WHERE profile = ?"
    with state.read() as database:
        row = database.execute(sql, [profile.find(database)]).fetchone()
    seen, last_added, before = row or (None, None, None)
    if seen is not None and now - seen < _WRITE_INTERVAL_S and added == last_added:
        return None if before is None else int(before)
    if seen is not None and now - seen > _VISIT_GAP_S:
        before = last_added
    with state.write() as database:
        owner = profile.find_or_create(database)
        database.execute("INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?)", [owner, now, added, before])
    return None if before is None else int(before)
