"""Traffic: many connections to a server that stay open, driven by one thread with as little work as it takes.

An open loop asks when the schedule says so, whether or not answers came, and counts from that moment: a server that
stalls is charged for every question that had to wait (Tene, How NOT to Measure Latency, 2015). HTTP/1.1 is read by
hand: a status, a length, and the bytes.
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
from urllib.parse import urlencode

TIMEOUT_S = 30.0
"""Seconds after which a question counts as not answered."""

_PARSE_EVERY = 20
_CHUNK_BYTES = 1 << 18
_GENERATION_PATTERN = re.compile(rb'"generation":\s?"([^"]*)"')
_HITS_PATTERN = re.compile(rb'"hits":\s?\[\s?\{')


@dataclass(frozen=True, slots=True)
class Response:
    """What became of one question; times are seconds of ``time.perf_counter``.

    Attributes:
        due: when it was to be asked. sent: when it was, later than due where no connection was free. done: its end.
        connection: its number, -1 where none was free in time. status: 0 where no answer came.
        generation: that answered, empty where none is named. retry_after: the answer says when to come back.
        failure: what is wrong besides the status, in words; empty where nothing is.
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
    """A connection cannot go on; its text says why."""


class Connection:
    """One connection, opened again where the server closed it; at most one question at a time.

    Args:
        number: of this connection. port: on 127.0.0.1. selector: told what is waited for.
    """

    def __init__(self, number: int, port: int, selector: selectors.BaseSelector) -> None:
        self._number, self._port, self._selector = number, port, selector
        self._socket: socket.socket | None = None
        self._query, self._due, self._sent = "", 0.0, 0.0
        self._request, self._received, self._response_count = b"", bytearray(), 0
        self.is_waiting = False

    def send_query(self, question: str, due: float) -> Response | None:
        """Sends a question; an answer only where that failed at once."""
        self._query, self._due, self._sent, self.is_waiting = question, due, time.perf_counter(), True
        self._request = f"GET /v1/search?{urlencode({'q': question})} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._received.clear()
        try:
            if self._socket is None:
                self._open()  # and send once it is writable
            else:
                self._send()
        except OSError as error:
            return self._fail(type(error).__name__)
        return None

    def handle_events(self, events: int) -> Response | None:
        """Reads or writes what can be; an answer once it is whole, or failed."""
        try:
            if events & selectors.EVENT_WRITE:
                return self._send()
            return self._receive()
        except (OSError, ProtocolError) as error:
            return self._fail(str(error) if isinstance(error, ProtocolError) else type(error).__name__)

    def check_timeout(self, now: float) -> Response | None:
        """Gives up on a question that waits too long."""
        return self._fail("no answer in time") if self.is_waiting and now - self._sent > TIMEOUT_S else None

    def close(self) -> None:
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
            raise OSError("not sent whole")
        self._selector.modify(self._socket, selectors.EVENT_READ, self)

    def _receive(self) -> Response | None:
        assert self._socket is not None
        chunk = self._socket.recv(_CHUNK_BYTES)
        if not self.is_waiting and not chunk:
            self.close()  # idle for too long: the server may
            return None
        if not chunk or not self.is_waiting:
            raise ProtocolError("closed before a whole answer" if not chunk else "an answer nobody waits for")
        self._received += chunk
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._received[:end].lower()
        length = re.search(rb"\r\ncontent-length: *(\d+)", head)
        if length is None:
            raise ProtocolError("an answer without its length")
        missing = end + 4 + int(length[1]) - len(self._received)
        if missing < 0:
            raise ProtocolError("more than one answer")
        return None if missing else self._finish(head, bytes(self._received[end + 4 :]))

    def _finish(self, head: bytearray, body: bytes) -> Response:
        done, status = time.perf_counter(), int(head[9:12])
        self._response_count += 1
        generation = _GENERATION_PATTERN.search(body, 0) if status == 200 else None
        answer = Response(
            self._due,
            self._sent,
            done,
            self._number,
            status,
            generation[1].decode() if generation else "",
            b"\r\nretry-after:" in head,
            _find_problem(body, self._query, parse=self._response_count % _PARSE_EVERY == 1) if status == 200 else "",
        )
        self.is_waiting = False
        if b"\r\nconnection: close" in head:
            self.close()
        return answer

    def _fail(self, why: str) -> Response | None:
        asked = self.is_waiting
        self.close()
        if not asked:
            return None
        return Response(self._due, self._sent, time.perf_counter(), self._number, 0, failure=why)


def _find_problem(body: bytes, question: str, *, parse: bool) -> str:
    """What is wrong with a page, in words; all of it is read only on request, the generator has to stay light."""
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return "not a whole object"
    if not _HITS_PATTERN.search(body):
        return "no hits"
    if not parse:
        return ""
    try:
        page = json.loads(body)
    except ValueError:
        return "not JSON"
    if not all(hit["id"] and isinstance(hit["score"], float) for hit in page["hits"]):
        return "a hit without id or score"
    return "" if question in page["interpretation"] else "the answer to another question"


class LoadGenerator:
    """Connections to a server on 127.0.0.1; use as a context.

    Args:
        port: of the server. connections: how many; each is opened when it first asks.
    """

    def __init__(self, port: int, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = [Connection(number, port, self._selector) for number in range(connections)]
        self._responses: list[Response] = []

    def __enter__(self) -> "LoadGenerator":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()
        self._selector.close()

    def open_loop(self, queries: Iterator[str], rate: float, seconds: float) -> list[Response]:
        """Asks ``rate`` questions a second at even distances, and waits for the last answers.

        A question that finds all connections busy waits for the first that is free, and its time runs.
        """
        self._responses, free = [], deque(self._connections)
        start, count, place = time.perf_counter(), round(rate * seconds), 0
        while len(self._responses) < count:
            now = time.perf_counter()
            while free and place < count and (due := start + place / rate) <= now:
                place += 1
                if now - due > TIMEOUT_S:
                    self._responses.append(Response(due, now, now, -1, 0, failure="no connection free in time"))
                    continue
                connection = free.popleft()
                self._record(connection.send_query(next(queries), due), connection, free.append)
            next_due = start + place / rate if place < count and free else now + 1
            self._poll(max(0.0, next_due - time.perf_counter()), free.append)
        return self._responses

    def closed_loop(self, queries: Iterator[str], seconds: float) -> list[Response]:
        """Every connection asks as soon as it is answered; what is not answered at the end is dropped."""
        self._responses, free = [], deque(self._connections)
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            for _ in range(len(free)):
                connection = free.popleft()
                self._record(connection.send_query(next(queries), now), connection, free.append)
            self._poll(0.01 if free else min(1.0, end - now), free.append)
        return self._responses

    def _poll(self, timeout: float, freed: Callable[[Connection], None]) -> None:
        """Waits for the first events and handles them."""
        events = self._selector.select(timeout)
        for key, mask in events:
            self._record(key.data.handle_events(mask), key.data, freed)
        if not events:
            now = time.perf_counter()
            for connection in self._connections:
                self._record(connection.check_timeout(now), connection, freed)

    def _record(self, answer: Response | None, connection: Connection, freed: Callable[[Connection], None]) -> None:
        if answer is not None:
            self._responses.append(answer)
            freed(connection)
