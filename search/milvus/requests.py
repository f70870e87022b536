"""Requests: the calls of Milvus, each with a time limit; errors name the address of the collection.

A service sends a request once. If the server was not reached, or did not answer in time, several times in a row,
requests fail at once for a while: not every question waits for the whole time limit (Nygard, "Release It!", 2007).

A command sends a request again if the server was not reached, after longer and longer pauses and until the time limit
of one request: all that is written are upserts and deletions by primary key, which may be repeated. pymilvus repeats a
request as well, but only while it can connect again at once: the restart of a server ends it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import tenacity

from search.errors import IndexUnavailable
from search.milvus.errors import NOT_LOADED, describe_error, may_pass

if TYPE_CHECKING:
    from pymilvus import MilvusClient


@dataclass(frozen=True, slots=True)
class RequestTuning:
    """Constants of requests; not measured on a cluster."""

    timeout_s: float = 10.0
    """Seconds for one request (``Dialect.timeout_s``), in which pymilvus repeats it if the connection fails."""
    loading_s: float = 600.0
    """Seconds for the server to read a collection into memory."""
    attempts: int = 1
    """How often a request is sent at most, within ``timeout_s``."""
    wait_s: float = 1.0
    """Seconds before it is sent again; each further time, twice as many."""
    max_failures: int = 3
    """Failures in a row after which requests fail at once."""
    pause_s: float = 5.0
    """Seconds for which they do; then one request is tried again."""


REQUEST_TUNING = RequestTuning()
"""A service."""
COMMAND_TUNING = RequestTuning(timeout_s=120, attempts=6, max_failures=1)
"""A command: Milvus may write 1,000 papers to its disk, or count all, within two minutes, and restart within half a
minute. After that the command ends, and what it does at its end fails at once."""


_REPEAT = "repeat the command to continue"


class _Breaker:
    """Counts failures in a row; after ``max_failures`` of them, lets one request through every ``pause_s``."""

    def __init__(self, tuning: RequestTuning) -> None:
        self._tuning, self._lock = tuning, Lock()
        self._failures, self._problem, self._paused_until = 0, "", 0.0

    def begin(self) -> str:
        """Returns why requests fail at once; an empty text if the caller is to send one."""
        with self._lock:
            now = time.monotonic()
            if now < self._paused_until:
                remaining = f"it is tried again in {self._paused_until - now:.0f} s"
                is_service = self._tuning.attempts == 1
                return f"{self._problem}; {remaining if is_service else _REPEAT}"
            if self._failures >= self._tuning.max_failures:
                self._paused_until = now + self._tuning.pause_s  # for others, while the caller tries
            return ""

    def note(self, problem: str) -> None:
        """Counts the outcome of a request: its problem, or an empty text."""
        with self._lock:
            self._failures, self._problem = self._failures + 1 if problem else 0, problem
            is_open = self._failures >= self._tuning.max_failures
            self._paused_until = time.monotonic() + self._tuning.pause_s if is_open else 0.0


class Requests:
    """Sends the requests of one collection; safe to use from several threads. The methods are those of
    ``MilvusClient``, without ``timeout``.

    Every method raises ``IndexUnavailable`` if Milvus reports an error or does not answer in time.

    Args:
        client: the connection.
        name: address of the collection, for messages.
        tuning: see ``RequestTuning``.
        breaker: that of other requests by the same connection; None for one of their own.

    Attributes:
        name: the address.
        count: number of requests so far.
    """

    def __init__(
        self,
        client: "MilvusClient",
        name: str,
        tuning: RequestTuning = REQUEST_TUNING,
        breaker: _Breaker | None = None,
    ) -> None:
        self._client, self.name, self._tuning = client, name, tuning
        self._breaker = breaker or _Breaker(tuning)
        self._lock = Lock()
        self._repeat = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(tuning.attempts) | tenacity.stop_after_delay(tuning.timeout_s),
            wait=tenacity.wait_exponential(tuning.wait_s),
            retry=tenacity.retry_if_exception(may_pass),
            reraise=True,
        )
        self.count = 0

    def within(self, timeout_s: float) -> "Requests":
        """Returns requests with another time limit, by the same connection; they are not counted with these."""
        return Requests(self._client, self.name, replace(self._tuning, timeout_s=timeout_s), self._breaker)

    def get(self, name: str, **options: Any) -> Any:
        """Returns entities by primary key."""
        return self._send(self._client.get, name, **options)

    def query(self, name: str, **options: Any) -> Any:
        """Returns the entities that meet an expression."""
        return self._send(self._client.query, name, **options)

    def search(self, name: str, **options: Any) -> Any:
        """Returns the nearest entities."""
        return self._send(self._client.search, name, **options)

    def upsert(self, name: str, data: Any) -> None:
        """Writes entities; those with the same primary key are replaced."""
        self._send(self._client.upsert, name, data=data)

    def delete(self, name: str, **options: Any) -> None:
        """Deletes entities by primary key, or those that meet an expression."""
        self._send(self._client.delete, name, **options)

    def flush(self, name: str) -> None:
        """Returns once all that was written is on the disk."""
        self._send(self._client.flush, name)

    def has_collection(self, name: str) -> bool:
        """Whether there is a collection."""
        return bool(self._send(self._client.has_collection, name))

    def load_collection(self, name: str) -> None:
        """Returns once a collection is in the memory of the server, without which it cannot be read."""
        self._send(self._client.load_collection, name, timeout=self._tuning.loading_s)

    def create_schema(self, **options: Any) -> Any:
        """Returns an empty schema; sends nothing."""
        return self._client.create_schema(**options)

    def prepare_index_params(self) -> Any:
        """Returns an empty list of indexes; sends nothing."""
        return self._client.prepare_index_params()

    def create_collection(self, name: str, **options: Any) -> None:
        """Creates a collection, without indexes."""
        self._send(self._client.create_collection, name, timeout=self._tuning.loading_s, **options)

    def create_index(self, name: str, **options: Any) -> None:
        """Creates the indexes of a collection."""
        self._send(self._client.create_index, name, timeout=self._tuning.loading_s, **options)

    def drop_collection(self, name: str) -> None:
        """Deletes a collection with all entities."""
        self._send(self._client.drop_collection, name)

    def list_indexes(self, name: str) -> list[str]:
        """Returns the names of the indexes of a collection."""
        return list(self._send(self._client.list_indexes, name))

    def describe_collection(self, name: str) -> Any:
        """Returns the schema of a collection."""
        return self._send(self._client.describe_collection, name)

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _send(self, call: Callable[..., Any], name: str, **options: Any) -> Any:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        if problem := self._breaker.begin():
            raise IndexUnavailable(self.name, problem)
        with self._lock:
            self.count += 1
        try:
            found = self._repeat(self._send_once, call, name, {"timeout": self._tuning.timeout_s, **options})
        except (MilvusException, RpcError) as error:
            problem, passes = describe_error(error), may_pass(error)
            self._breaker.note(problem if passes else "")
            attempts = self._repeat.statistics["attempt_number"]
            times = f" ({attempts} attempts)" if attempts > 1 else ""
            hint = _REPEAT if self._tuning.attempts > 1 else "try again"
            raise IndexUnavailable(self.name, f"{problem}{times}; {hint}, or look at the log of Milvus") from None
        self._breaker.note("")
        return found

    def _send_once(self, call: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
        from pymilvus.exceptions import MilvusException

        try:
            return call(name, **options)
        except MilvusException as error:
            if error.code != NOT_LOADED:
                raise
        self._client.load_collection(name, timeout=self._tuning.timeout_s)  # Milvus Lite has restarted
        return call(name, **options)
