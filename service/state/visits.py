"""Visits: since when papers are new to a user of the page.

A visit is all pages that a profile views without a longer pause between two of them. What was added to the index after
the last page of the visit before is new.
"""

import sqlite3
import time

from indexer.state import StateDatabase
from service.state.profiles import NOBODY, Profile

PAUSE_S = 1_800
"""Seconds without a page that end a visit, as in web analytics."""
_GRANULARITY_S = 60
"""Seconds within which a further page of a visit is not recorded, so that few pages wait for the disk."""


class Visits:
    """The visits of one profile.

    Args:
        state: where they are stored.
        profile: whose visits they are.
    """

    def __init__(self, state: StateDatabase, profile: Profile) -> None:
        self._state, self._profile = state, profile

    def record(self, added: int, now: int | None = None) -> int:
        """Records that a page is viewed.

        Args:
            added: the time at which the last paper of the index was added, in seconds since 1970 (UTC).
            now: the present time, in seconds since 1970; None for that of the clock.

        Returns:
            The last such time that the visit before saw; that of the first page in the first visit. Papers added later
            are new.
        """
        now = int(time.time()) if now is None else now
        if self._profile == NOBODY:
            return added
        with self._state.read() as database:
            row = self._find(database)
        if row and 0 <= now - row[0] < _GRANULARITY_S and added <= row[1]:
            return row[2]
        with self._state.write() as database:
            owner = self._profile.find_or_create(database)
            seen, seen_added, previous = self._find(database) or (now, added, added)
            if now - seen > PAUSE_S:
                previous = seen_added
            values = [owner, now, max(added, seen_added), previous]
            database.execute("INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?)", values)
        return previous

    def _find(self, database: sqlite3.Connection) -> tuple[int, int, int] | None:
        sql = "SELECT seen, seen_added, previous_added FROM visits WHERE profile = ?"
        row = database.execute(sql, [self._profile.find(database)]).fetchone()
        return (row[0], row[1], row[2]) if row else None
