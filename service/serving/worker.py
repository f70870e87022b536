"""Worker: a process that answers. It takes connections from the parent at once, and questions once it has loaded."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.cores import CORES, cores
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import PapersError
from service.api.guard import logs
from service.api.guard.headers import ALWAYS, completed
from service.api.guard.rates import Buckets
from service.serving.board import Board
from service.serving.connection import Bounds, Connection
from service.settings import Settings

if TYPE_CHECKING:
    from service.app import Application

READY, FAILED = b"r", b"f"
"""What a worker tells the parent: it answers; or, followed by the reason, it cannot."""

_LOOKS = 0.02
"""Seconds between looks at whether the index was verified."""


@dataclass(frozen=True, slots=True)
class Work:
    """What all workers have in common.

    Attributes:
        directory: the index. settings: the server's. load: gives the embedder of a model.
        board: shared with the parent. buckets: of the rates, shared by all; None without rates.
    """

    directory: Path
    settings: Settings
    load: Callable[[ModelIdentity], Embedder]
    board: Board
    buckets: Buckets | None


def work(work: Work, number: int, channel: socket.socket) -> None:
    """Answers until the parent closes its end of the channel, or until SIGTERM.

    Args:
        work: see there. number: which worker this is. channel: brings connections, a byte with each.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the channel
    own = max(1, cores() // work.settings.workers)
    for name in (CORES, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(own)
    logs.start(each=work.settings.log, questions=work.settings.log_questions)
    door = Door(work.board)
    config = uvicorn.Config(
        door,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=work.settings.idle_seconds,  # type: ignore[arg-type]  # a part of a second serves as well
        timeout_graceful_shutdown=work.settings.stop_seconds,  # type: ignore[arg-type]
    )
    Server(config, work, number, channel, door).run()


class Door:
    """Says that the server is not ready until it is, and then is the application.

    Args:
        board: tells when the server stops.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stopping = self._board.stopping and scope["path"] == "/readyz"
        if self.app is not None and not stopping:
            await self.app(scope, receive, _forgiving(send))
        elif scope["path"] == "/healthz":
            await _say(send, 200, b'{"status":"ok"}')
        else:
            await _say(send, 503, b"stopping" if stopping else b"loading the index; ask again in a second")


def _forgiving(send: Send) -> Send:
    """Says nothing to a client that has just left. uvloop fails where it closed the connection itself and uvicorn does
    not know yet; a moment later uvicorn would say nothing either."""

    async def told(message: Message) -> None:
        try:
            await send(message)
        except RuntimeError as error:
            if "handler is closed" not in str(error):
                raise

    return told


async def _say(send: Send, status: int, text: bytes) -> None:
    """A problem in few words: what makes longer ones is being loaded."""
    body, kind = text, b"application/json"
    if status != 200:
        body = b'{"type":"about:blank","title":"Not available","status":503,"detail":"%s"}' % text
        kind = b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": completed(headers, ALWAYS)})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """uvicorn's, with connections that come from the parent.

    Args:
        config: uvicorn's. work, number, channel: see ``work``. door: is given the application.
    """

    def __init__(self, config: uvicorn.Config, work: Work, number: int, channel: socket.socket, door: Door) -> None:
        super().__init__(config)
        self._work, self._number, self._channel, self._door = work, number, channel, door
        self._bounds = Bounds.of(work.settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # it has none
        """Takes connections; loads meanwhile."""
        self.servers = []
        self._channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._channel, self._take)
        self._keep(self._open())
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers what is in flight, within the time the settings give."""
        asyncio.get_running_loop().remove_reader(self._channel)
        await super().shutdown(sockets)
        self._ended.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM alone, which ends this worker in order; the parent starts another in its place."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def _take(self) -> None:
        """All connections that the parent has handed over."""
        while True:
            try:
                told, handed, _, _ = socket.recv_fds(self._channel, 1, 1)
            except BlockingIOError:
                return
            except OSError:
                told, handed = b"", []
            if not told:
                asyncio.get_running_loop().remove_reader(self._channel)
                self.should_exit = True
                return
            for each in handed:
                self._keep(self._connect(socket.socket(fileno=each)))

    async def _connect(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()

        def gone() -> None:
            self._work.board.close(self._number)

        try:
            client.setblocking(False)
            await loop.connect_accepted_socket(
                lambda: Connection(self.config, self.server_state, self._bounds, gone), client
            )
        except OSError:  # it left before it was taken
            client.close()
            gone()

    async def _open(self) -> None:
        """Opens the door once the index is loaded and verified; closes the application when the server ends."""
        try:
            app = await asyncio.to_thread(self._loaded)
        except PapersError as error:
            self._fail(str(error))
            return
        while not (self._work.board.verified or self.should_exit):
            await asyncio.sleep(_LOOKS)
        async with app.router.lifespan_context(app):
            self._door.app = app
            self._work.board.ready(self._number)
            self._channel.send(READY)
            await self._ended.wait()

    def _loaded(self) -> "Application":
        """
        Raises:
            PapersError: the index or its model cannot be opened.
        """
        from search.searcher import Searcher
        from service.app import create_app

        searcher = Searcher(self._work.directory, self._work.load)
        searcher.warm()
        app = create_app(searcher, self._work.settings, self._work.buckets)
        gc.collect()
        gc.freeze()  # what is here stays, and need not be looked at again: a question takes a twentieth less
        return app

    def _fail(self, reason: str) -> None:
        self._channel.setblocking(True)
        self._channel.sendall(FAILED + reason.encode("utf-8", "replace"))
        self.should_exit = True

    def _keep(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
