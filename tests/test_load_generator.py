"""The load that the benchmark makes: questions that differ, and latencies that count from the schedule."""

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
    drawn = list(islice(generate_queries(random_searcher.snapshot, 1), 500))
    assert len({question.casefold() for question in drawn}) == 500
    assert drawn == list(islice(generate_queries(random_searcher.snapshot, 1), 500))
    assert set(drawn) != set(islice(generate_queries(random_searcher.snapshot, 2), 500))
    texts = [f" {paper.title} {paper.abstract} " for paper in random_papers]
    for question in drawn:
        assert MIN_WORDS <= len(question.split()) <= MAX_WORDS
        assert any(f" {question} " in text for text in texts)


def test_waiting_for_a_connection_counts_as_latency() -> None:
    with _run_slow_server([_ok_response(_PAGE_BODY)] * 10) as port, LoadGenerator(port, 1) as traffic:
        answers = traffic.open_loop(iter("q" * 10), 500, 0.02)
    dues = [answer.due for answer in answers]
    assert [later - due for due, later in pairwise(dues)] == pytest.approx([1 / 500] * 9)
    assert all(later.sent >= answer.completed for answer, later in pairwise(answers))
    assert answers[-1].completed - dues[-1] >= 10 * _RESPONSE_DELAY_S - 9 / 500
    assert {(answer.status, answer.generation, answer.failure) for answer in answers} == {(200, "gen-000001", "")}


def _ok_response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("reply", "status", "failure"),
    [
        (_ok_response(_PAGE_BODY[:-1]), 200, "not a whole object"),
        (_ok_response(_PAGE_BODY[:-2] + b"}"), 200, "not JSON"),
        (_ok_response(_PAGE_BODY.replace(b'{"id": "h:1", "score": 0.5}', b"")), 200, "no hits"),
        (_ok_response(_PAGE_BODY.replace(b'"q"', b'"other"')), 200, "the answer to another question"),
        (b"", 0, "closed before a whole answer"),
        (_ok_response(_PAGE_BODY)[:-4], 0, "closed before a whole answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 0, "an answer without its length"),
        (_REJECTION, 503, ""),
    ],
)
def test_failures_are_counted_and_the_next_query_is_sent(reply: bytes, status: int, failure: str) -> None:
    with _run_slow_server([reply, _ok_response(_PAGE_BODY)]) as port, LoadGenerator(port, 1) as traffic:
        bad, good = traffic.open_loop(iter("qq"), 500, 0.004)
    assert _outcome(bad) == (status, failure, reply == _REJECTION)
    assert _outcome(good) == (200, "", False)


def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with LoadGenerator(port, 1) as traffic:
        (answer,) = traffic.open_loop(iter("q"), 500, 0.002)
    assert _outcome(answer) == (0, "ConnectionRefusedError", False)


def _outcome(answer: Response) -> tuple[int, str, bool]:
    return answer.status, answer.failure, answer.retry_after


@contextmanager
def _run_slow_server(replies: list[bytes]) -> Iterator[int]:
    """The port of a slow server that gives one reply a question, and hangs up after one that is not whole."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=_serve_replies, args=(listening, replies))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def _serve_replies(listening: socket.socket, replies: list[bytes]) -> None:
    connection: socket.socket | None = None
    for reply in replies:
        if connection is None:
            connection, _ = listening.accept()
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
