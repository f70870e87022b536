"""The load that the benchmark makes: questions that differ, and latencies that count from the schedule."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise

import pytest

from benchmarks.questions import LONGEST, SHORTEST, questions
from benchmarks.traffic import Answer, Traffic
from search.papers.paper import Paper
from search.searcher import Searcher

_SLOW = 0.02
_PAGE = json.dumps({"reading": "q", "generation": "gen-000001", "hits": [{"id": "h:1", "score": 0.5}]}).encode()
_REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


def test_questions_differ_and_are_repeatable(library: Searcher, held: list[Paper]) -> None:
    drawn = list(islice(questions(library.snapshot, 1), 500))
    assert len({question.casefold() for question in drawn}) == 500
    assert drawn == list(islice(questions(library.snapshot, 1), 500))
    assert set(drawn) != set(islice(questions(library.snapshot, 2), 500))
    texts = [f" {paper.title} {paper.abstract} " for paper in held]
    for question in drawn:
        assert SHORTEST <= len(question.split()) <= LONGEST
        assert any(f" {question} " in text for text in texts)


def test_a_question_that_waits_for_a_connection_is_charged_for_it() -> None:
    with _server([_ok(_PAGE)] * 10) as port, Traffic(port, 1) as traffic:
        answers = traffic.open_loop(iter("q" * 10), 500, 0.02)
    dues = [answer.due for answer in answers]
    assert [later - due for due, later in pairwise(dues)] == pytest.approx([1 / 500] * 9)
    assert all(later.sent >= answer.done for answer, later in pairwise(answers))
    assert answers[-1].done - dues[-1] >= 10 * _SLOW - 9 / 500
    assert {(answer.status, answer.generation, answer.failure) for answer in answers} == {(200, "gen-000001", "")}


def _ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("reply", "status", "failure"),
    [
        (_ok(_PAGE[:-1]), 200, "not a whole object"),
        (_ok(_PAGE[:-2] + b"}"), 200, "not JSON"),
        (_ok(_PAGE.replace(b'{"id": "h:1", "score": 0.5}', b"")), 200, "no hits"),
        (_ok(_PAGE.replace(b'"q"', b'"other"')), 200, "the answer to another question"),
        (b"", 0, "closed before a whole answer"),
        (_ok(_PAGE)[:-4], 0, "closed before a whole answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 0, "an answer without its length"),
        (_REFUSED, 503, ""),
    ],
)
def test_what_is_wrong_is_counted_and_the_next_question_asked(reply: bytes, status: int, failure: str) -> None:
    with _server([reply, _ok(_PAGE)]) as port, Traffic(port, 1) as traffic:
        bad, good = traffic.open_loop(iter("qq"), 500, 0.004)
    assert _told(bad) == (status, failure, reply == _REFUSED)
    assert _told(good) == (200, "", False)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Traffic(port, 1) as traffic:
        (answer,) = traffic.open_loop(iter("q"), 500, 0.002)
    assert _told(answer) == (0, "ConnectionRefusedError", False)


def _told(answer: Answer) -> tuple[int, str, bool]:
    return answer.status, answer.failure, answer.retry_after


@contextmanager
def _server(replies: list[bytes]) -> Iterator[int]:
    """The port of a slow server that gives one reply a question, and hangs up after one that is not whole."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=_reply, args=(listening, replies))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def _reply(listening: socket.socket, replies: list[bytes]) -> None:
    connection: socket.socket | None = None
    for reply in replies:
        if connection is None:
            connection, _ = listening.accept()
            connection.settimeout(10)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(4096)
        time.sleep(_SLOW)
        connection.sendall(reply)
        head, _, body = reply.partition(b"\r\n\r\n")
        if b"Connection: close" in head or b"ength: %d" % len(body) not in head:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
