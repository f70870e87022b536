"""Load generator: keep-alive connections to a server, driven by one thread that uses little CPU time.

An open loop sends requests by a schedule, whether or not earlier ones were answered, and measures latency from the
scheduled time, so that a server that stalls is charged for every request that had to wait (Tene, How NOT to Measure
Latency, 2015). Of HTTP/1.1, only what the server sends is parsed: a status, a length and a body.
"""

import json
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

TIMEOUT_S = 30.0
"""Seconds after which a request counts as failed."""

_PARSE_EVERY = 20
"""One response in this number per connection is parsed as JSON; the others are only scanned."""
_CHUNK_BYTES = 1 << 18
_GENERATION_PATTERN = re.compile(rb'"generation":\s?"([^"]*)"')
_HITS_PATTERN = re.compile(rb'"hits":\s?\[\s?\{')


@dataclass(frozen=True, slots=True)
class Response:
    """The outcome of one request. Times are those of ``time.perf_counter``.

    Attributes:
        due: when the request was scheduled.
        sent: when it was sent; later than ``due`` if no connection was free.
        completed: when its response was complete, or when it failed.
        connection: number of the connection; -1 if none was free in time.
        status: status of the response; 0 if there was none.
        generation: index generation of the response; empty if it names none.
        retry_after: whether the response has the header Retry-After.
        failure: what is wrong other than the status; empty if nothing is.
    """

    due: float
    sent: float
    completed: float
    connection: int
    status: int
    generation: str = ""
    retry_after: bool = False
    failure: str = ""


class ProtocolError(Exception):
    """A connection cannot be used further; the message is the reason."""


class Connection:
    """One connection, reopened after the server closes it, with at most one request in flight.

    Args:
        number: number of the connection.
        port: port of the server on 127.0.0.1.
        selector: the connection registers itself with it.

    Attributes:
        is_waiting: whether a request is in flight.
    """

    def __init__(self, number: int, port: int, selector: selectors.BaseSelector) -> None:
        self._number, self._port, self._selector = number, port, selector
        self._socket: socket.socket | None = None
        self._query, self._due, self._sent = "", 0.0, 0.0
        self._request, self._received, self._response_count = b"", bytearray(), 0
        self.is_waiting = False

    def send_query(self, query: str, due: float) -> Response | None:
        """Sends a query; returns a response only if that fails immediately."""
        self._query, self._due, self._sent, self.is_waiting = query, due, time.perf_counter(), True
        self._request = f"GET /v1/search?{urlencode({'q': query})} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._received.clear()
        try:
            if self._socket is None:
                self._open()  # the request is sent once the socket is writable
            else:
                self._send()
        except OSError as error:
            return self._fail(type(error).__name__)
        return None

    def handle_events(self, events: int) -> Response | None:
        """Reads or writes what is possible; returns the response once it is complete or has failed."""
        try:
            if events & selectors.EVENT_READ:
                return self._receive()
            self._send()
            return None
        except (OSError, ProtocolError) as error:
            return self._fail(str(error) if isinstance(error, ProtocolError) else type(error).__name__)

    def check_timeout(self, now: float) -> Response | None:
        """Returns a failed response if the request in flight has exceeded ``TIMEOUT_S``."""
        return self._fail("timeout") if self.is_waiting and now - self._sent > TIMEOUT_S else None

    def close(self) -> None:
        """Closes the connection; the next query reopens it."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
        self.is_waiting = False

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_WRITE, self)
        with suppress(BlockingIOError):
            self._socket.connect(("127.0.0.1", self._port))

    def _send(self) -> None:
        assert self._socket is not None
        if self._socket.send(self._request) != len(self._request):
            raise ProtocolError("request was sent in part")
        self._selector.modify(self._socket, selectors.EVENT_READ, self)

    def _receive(self) -> Response | None:
        assert self._socket is not None
        chunk = self._socket.recv(_CHUNK_BYTES)
        if not self.is_waiting and not chunk:
            self.close()  # the server closes idle connections
            return None
        if not chunk or not self.is_waiting:
            raise ProtocolError("closed before the response was complete" if not chunk else "unexpected data")
        self._received += chunk
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._received[:end].lower()
        length = re.search(rb"\r\ncontent-length: *(\d+)", head)
        if length is None:
            raise ProtocolError("response without Content-Length")
        missing = end + 4 + int(length[1]) - len(self._received)
        if missing < 0:
            raise ProtocolError("more than one response")
        return None if missing else self._finish(head, bytes(self._received[end + 4 :]))

    def _finish(self, head: bytearray, body: bytes) -> Response:
        completed, status = time.perf_counter(), int(head[9:12])
        self._response_count += 1
        generation = _GENERATION_PATTERN.search(body, 0) if status == 200 else None
        response = Response(
            self._due,
            self._sent,
            completed,
            self._number,
            status,
            generation[1].decode() if generation else "",
            b"\r\nretry-after:" in head,
            _find_problem(body, self._query, parse=self._response_count % _PARSE_EVERY == 1) if status == 200 else "",
        )
        self.is_waiting = False
        if b"\r\nconnection: close" in head:
            self.close()
        return response

    def _fail(self, failure: str) -> Response | None:
        """Closes the connection; returns the failed response of the request in flight if there is one."""
        was_waiting = self.is_waiting
        self.close()
        if not was_waiting:
            return None
        return Response(self._due, self._sent, time.perf_counter(), self._number, 0, failure=failure)


def _find_problem(body: bytes, query: str, *, parse: bool) -> str:
    """Returns what is wrong with a page of results; an empty text if nothing is.

    Args:
        body: the page in JSON.
        query: the query.
        parse: parse the JSON; otherwise only scan it.
    """
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return "incomplete object"
    if not _HITS_PATTERN.search(body):
        return "no hits"
    if not parse:
        return ""
    try:
        page = json.loads(body)
    except ValueError:
        return "invalid JSON"
    if not all(hit["id"] and isinstance(hit["score"], float) for hit in page["hits"]):
        return "hit without ID or score"
    return "" if query in page["interpretation"] else "response to another query"


class LoadGenerator:
    """Connections to a server on 127.0.0.1, closed when the context is left.

    Args:
        port: port of the server.
        connections: number of connections; each is opened with its first request.
    """

    def __init__(self, port: int, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = [Connection(number, port, self._selector) for number in range(connections)]
        self._responses: list[Response] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()
        self._selector.close()

    def open_loop(self, queries: Iterator[str], rate: float, seconds: float) -> list[Response]:
        """Sends queries at a fixed rate and waits for the last responses.

        A query for which no connection is free waits for the first one; its latency includes that time.

        Args:
            queries: at least ``rate * seconds`` queries.
            rate: queries per second.
            seconds: duration of the schedule.
        """
        self._responses, free = [], deque(self._connections)
        start, count, position = time.perf_counter(), round(rate * seconds), 0
        while len(self._responses) < count:
            now = time.perf_counter()
            while free and position < count and (due := start + position / rate) <= now:
                position += 1
                if now - due > TIMEOUT_S:
                    self._responses.append(Response(due, now, now, -1, 0, failure="no connection free in time"))
                    continue
                connection = free.popleft()
                self._record(connection.send_query(next(queries), due), connection, free.append)
            next_due = start + position / rate if position < count and free else now + 1
            self._poll(max(0.0, next_due - time.perf_counter()), free.append)
        return self._responses

    def closed_loop(self, queries: Iterator[str], seconds: float) -> list[Response]:
        """Sends a query on every connection as soon as the last one is answered.

        Args:
            queries: as many queries as can be answered.
            seconds: duration; requests in flight at the end are dropped.
        """
        self._responses, free = [], deque(self._connections)
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            for _ in range(len(free)):
                connection = free.popleft()
                self._record(connection.send_query(next(queries), now), connection, free.append)
            self._poll(0.01 if free else min(1.0, end - now), free.append)
        return self._responses

    def _poll(self, timeout_s: float, release: Callable[[Connection], None]) -> None:
        """Waits for events and handles them; checks for timeouts if there are none."""
        events = self._selector.select(timeout_s)
        for key, mask in events:
            connection: Connection = key.data
            self._record(connection.handle_events(mask), connection, release)
        if not events:
            now = time.perf_counter()
            for connection in self._connections:
                self._record(connection.check_timeout(now), connection, release)

    def _record(self, response: Response | None, connection: Connection, release: Callable[[Connection], None]) -> None:
        if response is not None:
            self._responses.append(response)
            release(connection)
