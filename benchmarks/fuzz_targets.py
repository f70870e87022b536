"""The targets of ``benchmarks.fuzz``: what reads the inputs, seeds, and the errors that invalid inputs raise."""

import asyncio
import json
import logging
import socket
import tempfile
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import uvicorn
from numpy.typing import NDArray
from uvicorn.server import ServerState

from search.embedding.model import ModelIdentity
from search.errors import InvalidValue
from search.language.describe import describe_condition
from search.language.parser import parse_query
from search.language.removable_parts import split_query
from search.query.query import Query
from search.ranking import cursor

Read = Callable[[bytes], None]
"""Handles one input."""
_TODAY = date(2026, 11, 25)
_GENERATION = "gen-000001"
_PAPERS = 155_274


@dataclass(frozen=True, slots=True)
class Target:
    """Code that reads what strangers write.

    Attributes:
        open: returns a context with the function that handles one input.
        seeds: pieces of inputs.
        errors: what an invalid input may raise.
    """

    open: Callable[[], AbstractContextManager[Read]]
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()


def _without_setup(read: Read) -> Callable[[], AbstractContextManager[Read]]:
    @contextmanager
    def open_target() -> Iterator[Read]:
        yield read

    return open_target


def _read_query(data: bytes) -> None:
    parsed = parse_query(data.decode("utf-8", "replace"), today=_TODAY)
    describe_condition(parsed.condition, parsed.text)
    split_query(parsed)


def _read_cursor(data: bytes) -> None:
    """Reads a cursor, or what is encoded in one if the input begins with a bracket."""
    text = urlsafe_b64encode(data).rstrip(b"=") if data.startswith(b"[") else data
    start = cursor.decode(Query("x", cursor=text.decode("latin-1")), _GENERATION, _PAPERS)
    if type(start) is not int or not 0 <= start <= _PAPERS:
        raise AssertionError(f"start {start!r}")


def _cursor_seeds() -> Iterator[bytes]:
    valid = cursor.encode(Query("x"), _GENERATION, 10)
    digest = json.loads(urlsafe_b64decode(valid + "=" * (-len(valid) % 4)))[2]
    for start in (10, 10.0, True, "10", None, -1, 2**70, _PAPERS, _PAPERS + 1, [10], {"a": 1}):
        yield json.dumps([_GENERATION, start, digest]).encode()
    yield from (
        valid.encode(),
        b"",
        b"W10",
        b"bnVsbA",
        b"[",
        b"]",
        b"1e400",
        b"NaN",
        b'"\\ud800"',
        b", ",
        b'["\\u0000", 1, ""]',
    )


class _Embedder:
    """Returns the same vector for every text."""

    model = ModelIdentity("fuzz", "0" * 64, 8, 256)

    def encode(self, texts: object) -> NDArray[np.float32]:
        return np.tile(np.eye(1, 8, dtype=np.float32), (len(texts), 1))  # type: ignore[arg-type]


@contextmanager
def _open_http_server() -> Iterator[Read]:
    """Runs the application on a real socket, in a thread, on an index of one paper."""
    from indexer.build import index
    from search.searcher import Searcher
    from service.app import create_app
    from service.serving.connection import Connection, ConnectionLimits
    from service.serving.shared_state import SharedState
    from service.serving.worker import ReadinessGate
    from service.settings import Settings

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it logs each invalid request
    settings = Settings(log=False, head_seconds=1)

    class Protocol(Connection):
        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: object,  # noqa: ARG002
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, ConnectionLimits.from_settings(settings), lambda: None)

    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        papers = Path(folder) / "papers.jsonl"
        papers.write_text('{"id": "arxiv:2401.00001", "title": "A cache", "abstract": "A graph."}\n', "utf-8")
        index([papers], Path(folder) / "index", _Embedder())
        app = create_app(Searcher(Path(folder) / "index", lambda _model: _Embedder()), settings)
        gate = ReadinessGate(SharedState(1), 0)
        gate.app = app
        config = uvicorn.Config(gate, http=Protocol, log_config=None, server_header=False, proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield lambda data: _send_head(listener.getsockname()[1], data)
        finally:
            server.should_exit = True
            thread.join()


def _send_head(port: int, data: bytes) -> None:
    """Sends bytes as the head of a request, and checks that the server refuses or answers it."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(data + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        try:
            response = client.recv(200)
        except ConnectionError:
            return
    if response and not (response.startswith(b"HTTP/1.1 ") and response[9:12].isdigit()):
        raise AssertionError(f"no HTTP response: {response!r}")
    if response[9:10] == b"5" and response[9:12] != b"503":
        raise AssertionError(response[:100].decode("latin-1"))


_HEAD_SEEDS = (
    b"GET /readyz HTTP/1.0", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n",
    b"GET /v1/search?q=cache&limit=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n", b"HEAD /paper/x HTTP/1.1\r\nHost: [::1]\r\n",
    b"Host: localhost:80@evil.example\r\n", b"Host: [::1].evil.example\r\n", b"Content-Length: 5\r\n", b"\r\n", b"\0",
    b"Transfer-Encoding: chunked\r\n", b"Accept: text/html\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\n", b"%00", b"?q=%ff", b"&cursor=W10", b"http://a/", b"PRI * HTTP/2.0\r\n", b"//", b"../",
    b"GET /static/x HTTP/1.1\r\nHost: localhost\r\n", b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\n",
)  # fmt: skip
_QUERY_SEEDS = tuple(
    part.encode()
    for part in (
        "au:zhou", "au:", "ti:", "cat:cs.IR", "cat:", "year:2020", "date:[", "]", "TO", "(", ")", "-", '"', "“", "”",
        "OR", "AND", "NOT", "ANDNOT", "kv", "cache", "x:y", "^", "=", "$", "*", ",", ".", ":", "'", "\\", "1706.03762",
        "\0", "é", "au:(", "ti:(", '"kv cache"', "-(", "=author:", "id:1", "all:(", "date:30d", "2020..", "primary:",
        "''", "``", "[1 TO 2]", "doi:10.1/x", "İ", "ǆ", "\u2028", "\ud7ff", "𝒜", "٣",
    )
)  # fmt: skip
TARGETS: dict[str, Target] = {
    "query": Target(_without_setup(_read_query), _QUERY_SEEDS, (InvalidValue,)),
    "cursor": Target(_without_setup(_read_cursor), tuple(_cursor_seeds()), (InvalidValue,)),
    "http-head": Target(_open_http_server, _HEAD_SEEDS),
}
"""All targets by name."""
