"""Budget: until when one request may run, and when it pauses for others, checked by the code that runs it.

A thread cannot be stopped or paused from outside. So a server sets a budget for each request, and every stage of a
query, and every loop over its conditions, calls ``check`` or ``pause_for_others``. Without a budget, as on the command
line, nothing is limited.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from search.errors import QueryStopped

_PAUSE_SHARE = 1 / 3
"""Share of its time that a request pauses for others; the rest suffices for what it would take alone."""
_MAX_PAUSE_S = 0.25
"""Seconds of one pause, in case the others wait for something that the paused thread keeps."""


class Budget:
    """The time of one request, shared by all threads that work for it.

    Args:
        seconds: seconds from now until the work has to end.
        others_idle: set while no request runs that this one pauses for; None for a request that never pauses.
    """

    def __init__(self, seconds: float, others_idle: threading.Event | None = None) -> None:
        self._others_idle, self._pause_left_s = others_idle, seconds * _PAUSE_SHARE
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._is_cancelled = False

    def cancel(self) -> None:
        """Ends the work at its next check."""
        self._is_cancelled = True

    def check(self) -> None:
        """Does nothing while time is left.

        Raises:
            QueryStopped: the time is over, or the work was cancelled.
        """
        if self._is_cancelled:
            raise QueryStopped("the request was cancelled")
        if time.monotonic() > self._deadline:
            raise QueryStopped(f"the response took longer than {self._seconds:g} s; retry later, or request less")

    def pause_for_others(self) -> None:
        """Pauses while other requests run, within limits.

        Raises:
            QueryStopped: see ``check``.
        """
        self.check()
        if self._others_idle is not None and not self._others_idle.is_set() and self._pause_left_s > 0:
            start = time.monotonic()
            self._others_idle.wait(min(_MAX_PAUSE_S, self._pause_left_s))
            self._pause_left_s -= time.monotonic() - start
            self.check()


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def use_budget(budget: Budget) -> Iterator[None]:
    """Limits the work inside the context, and in the threads that are started with a copy of its context variables."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


def check() -> None:
    """Checks the budget of the current request, if there is one.

    Raises:
        QueryStopped: see ``Budget.check``.
    """
    budget = _current.get()
    if budget is not None:
        budget.check()


def pause_for_others() -> None:
    """Checks the budget of the current request, and pauses a large request while others run.

    Call it only where the thread holds no lock; ``functools.cached_property`` of Python 3.11 holds one.

    Raises:
        QueryStopped: see ``Budget.check``.
    """
    budget = _current.get()
    if budget is not None:
        budget.pause_for_others()
