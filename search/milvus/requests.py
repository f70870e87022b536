"""Requests: the calls of Milvus that read, with a time limit and a circuit breaker.

After several failures in a row, requests fail at once for a while: a server that does not answer is not asked by every
question for the whole time limit (Nygard, "Release It!", 2007).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from search.errors import IndexUnavailable

if TYPE_CHECKING:
    from pymilvus import MilvusClient


@dataclass(frozen=True, slots=True)
class RequestTuning:
    """Constants of requests; not measured on a server."""

    timeout_s: float = 10.0
    """Seconds for one request (``Dialect.timeout_s``), in which pymilvus repeats it if the connection fails."""
    max_failures: int = 3
    """Failures in a row after which requests fail at once."""
    pause_s: float = 5.0
    """Seconds for which they do; then one request is tried again."""


REQUEST_TUNING = RequestTuning()


class Requests:
    """Sends the requests of one collection; safe to use from several threads.

    Every method raises ``IndexUnavailable`` if Milvus reports an error or does not answer in time.

    Args:
        client: the connection.
        name: name of the collection, for messages.
        tuning: see ``RequestTuning``.

    Attributes:
        count: number of requests so far.
    """

    def __init__(self, client: "MilvusClient", name: str, tuning: RequestTuning = REQUEST_TUNING) -> None:
        self._client, self._name, self._tuning = client, name, tuning
        self._lock = Lock()
        self._failures, self._paused_until = 0, 0.0
        self.count = 0

    def get(self, *arguments: Any, **options: Any) -> Any:
        """Calls ``MilvusClient.get``."""
        return self._send(self._client.get, *arguments, **options)

    def query(self, *arguments: Any, **options: Any) -> Any:
        """Calls ``MilvusClient.query``."""
        return self._send(self._client.query, *arguments, **options)

    def search(self, *arguments: Any, **options: Any) -> Any:
        """Calls ``MilvusClient.search``."""
        return self._send(self._client.search, *arguments, **options)

    def _send(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        from pymilvus.exceptions import MilvusException

        self._begin()
        try:
            found = call(*arguments, timeout=self._tuning.timeout_s, **options)
        except MilvusException as error:
            self._note_failure()
            problem = f"Milvus reports: {error.message}; try again, or look at its log"
            raise IndexUnavailable(self._name, problem) from None
        with self._lock:
            self._failures = 0
        return found

    def _begin(self) -> None:
        """Counts a request, unless requests are paused."""
        with self._lock:
            remaining = self._paused_until - time.monotonic()
            if remaining > 0:
                problem = f"Milvus has failed {self._failures} times in a row; it is tried again in {remaining:.0f} s"
                raise IndexUnavailable(self._name, problem)
            self.count += 1

    def _note_failure(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._tuning.max_failures:
                self._paused_until = time.monotonic() + self._tuning.pause_s
