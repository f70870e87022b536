"""Lists with a cursor: each page names the cursor of the next one."""

from collections.abc import Callable, Iterator

from indexer.harvest.errors import StatusError
from indexer.harvest.service import HarvestPage, State
from search.errors import HarvestFailed

_EXPIRED_STATUSES = frozenset({400, 404, 410, 422})
"""Statuses with which services refuse a cursor that is no longer valid."""
_MAX_RESTARTS = 3
"""Times that an invalid cursor is replaced by a new list, in one run."""


def list_pages(url: str, state: State, request: Callable[[State], HarvestPage]) -> Iterator[HarvestPage]:
    """Yields the pages of a list, which starts again if its cursor has expired.

    Args:
        url: The address of the service, for messages.
        state: The state whose member ``cursor`` is that of the next page; empty for the first one.
        request: Fetches the page of a state; raises StatusError if the service refuses it.

    Raises:
        HarvestFailed: See ``request``; or the cursors lead nowhere.
    """
    restarts = 0
    while True:
        cursor = state["cursor"]
        try:
            page = request(state)
        except StatusError as error:
            if not cursor or error.status not in _EXPIRED_STATUSES or restarts == _MAX_RESTARTS:
                raise
            restarts += 1
            state = {**state, "cursor": ""}
            continue
        if not page.is_last and page.state["cursor"] == cursor:
            raise HarvestFailed(url, f"it repeats the cursor {str(cursor)[:60]!r} without end")
        yield page
        if page.is_last:
            return
        state = page.state
