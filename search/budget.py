"""Budget: until when one request may run, checked by the code that runs it.

A thread cannot be stopped from outside. So a server sets a budget for each request, and every stage of a query, and
every loop over its conditions, calls ``check``. Without a budget, as on the command line, nothing is limited.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from search.errors import QueryStopped


class Budget:
    """The time of one request, shared by all threads that work for it.

    Args:
        seconds: seconds from now until the work has to end.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._is_cancelled = False

    def cancel(self) -> None:
        """Ends the work at its next check: nobody waits for the answer."""
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
