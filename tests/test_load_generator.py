"""The load generator of the benchmarks: queries are distinct, and latency counts from the scheduled time."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise

import pytest

from benchmarks.load_generator import LoadGenerator, Response
from benchmarks.queries import MAX_WORDS, MIN_WORDS, generate_queries
from search.papers.paper import Paper
from search.searcher import Searcher

_RESPONSE_DELAY_S = 0.02
_PAGE_BODY = json.dumps(
    {"interpretation": "q", "generation": "gen-000001", "hits": [{"id": "h:1", "score": 0.5}]}
).encode()
_REJECTION = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


def test_queries_are_distinct_and_reproducible(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    queries = list(islice(generate_queries(random_searcher.snapshot, 1), 500))
    assert len({query.casefold() for query in queries}) == 500
    assert queries == list(islice(generate_queries(random_searcher.snapshot, 1), 500))
    assert set(queries) != set(islice(generate_queries(random_searcher.snapshot, 2), 500))
    texts = [f" {paper.title} {paper.abstract} " for paper in random_papers]
    for query in queries:
        assert MIN_WORDS <= len(query.split()) <= MAX_WORDS
        assert any(f" {query} " in text for text in texts)


def test_waiting_for_a_connection_counts_as_latency() -> None:
    with _run_slow_server([_ok_response(_PAGE_BODY)] * 10) as port, LoadGenerator(port, 1) as generator:
        responses = generator.open_loop(iter("q" * 10), 500, 0.02)
    due_times = [response.due for response in responses]
    assert [later - earlier for earlier, later in pairwise(due_times)] == pytest.approx([1 / 500] * 9)
    assert all(later.sent >= earlier.completed for earlier, later in pairwise(responses))
    assert responses[-1].completed - due_times[-1] >= 10 * _RESPONSE_DELAY_S - 9 / 500
    outcomes = {(response.status, response.generation, response.failure) for response in responses}
    assert outcomes == {(200, "gen-000001", "")}


def _ok_response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("reply", "status", "failure"),
    [
        (_ok_response(_PAGE_BODY[:-1]), 200, "incomplete object"),
        (_ok_response(_PAGE_BODY[:-2] + b"}"), 200, "invalid JSON"),
        (_ok_response(_PAGE_BODY.replace(b'{"id": "h:1", "score": 0.5}', b"")), 200, "no hits"),
        (_ok_response(_PAGE_BODY.replace(b'"q"', b'"other"')), 200, "response to another query"),
        (b"", 0, "closed before the response was complete"),
        (_ok_response(_PAGE_BODY)[:-4], 0, "closed before the response was complete"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 0, "response without Content-Length"),
        (_REJECTION, 503, ""),
    ],
)
def test_failures_are_counted_and_the_next_query_is_sent(reply: bytes, status: int, failure: str) -> None:
    with _run_slow_server([reply, _ok_response(_PAGE_BODY)]) as port, LoadGenerator(port, 1) as generator:
        bad, good = generator.open_loop(iter("qq"), 500, 0.004)
    assert _outcome(bad) == (status, failure, reply == _REJECTION)
    assert _outcome(good) == (200, "", False)


def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with LoadGenerator(port, 1) as generator:
        (response,) = generator.open_loop(iter("q"), 500, 0.002)
    assert _outcome(response) == (0, "ConnectionRefusedError", False)


def _outcome(response: Response) -> tuple[int, str, bool]:
    return response.status, response.failure, response.retry_after


@contextmanager
def _run_slow_server(replies: list[bytes]) -> Iterator[int]:
    """Yields the port of a slow server that sends one reply per request, and closes after an incomplete one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=_serve_replies, args=(listener, replies))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _serve_replies(listener: socket.socket, replies: list[bytes]) -> None:
    connection: socket.socket | None = None
    for reply in replies:
        if connection is None:
            connection, _ = listener.accept()
            connection.settimeout(10)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(4096)
        time.sleep(_RESPONSE_DELAY_S)
        connection.sendall(reply)
        head, _, body = reply.partition(b"\r\n\r\n")
        if b"Connection: close" in head or b"ength: %d" % len(body) not in head:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
