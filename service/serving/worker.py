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

from search.cores import CORES_VARIABLE, available_cores
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import PapersError
from service.api.guard import logs
from service.api.guard.headers import SECURITY_HEADERS, add_missing_headers
from service.api.guard.rate_limit import TokenBuckets
from service.serving.connection import Connection, ConnectionLimits
from service.serving.shared_state import SharedState
from service.settings import Settings

if TYPE_CHECKING:
    from service.app import Application

READY, FAILED = b"r", b"f"
"""What a worker tells the parent: it answers; or, followed by the reason, it cannot."""

_VERIFICATION_POLL_S = 0.02
"""Seconds between looks at whether the index was verified."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What all workers have in common.

    Attributes:
        directory: the index. settings: the server's. load: gives the embedder of a model.
        board: shared with the parent. buckets: of the rates, shared by all; None without rates.
    """

    directory: Path
    settings: Settings
    load: Callable[[ModelIdentity], Embedder]
    shared_state: SharedState
    buckets: TokenBuckets | None


def run_worker(worker_config: WorkerConfig, number: int, channel: socket.socket) -> None:
    """Answers until the parent closes its end of the channel, or until SIGTERM.

    Args:
        work: see there. number: which worker this is. channel: brings connections, a byte with each.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the channel
    own = max(1, available_cores() // worker_config.settings.workers)
    for name in (CORES_VARIABLE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(own)
    logs.configure(log_requests=worker_config.settings.log, log_queries=worker_config.settings.log_queries)
    door = ReadinessGate(worker_config.shared_state)
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
        timeout_keep_alive=worker_config.settings.idle_seconds,  # type: ignore[arg-type]  # a part of a second serves as well
        timeout_graceful_shutdown=worker_config.settings.stop_seconds,  # type: ignore[arg-type]
    )
    WorkerServer(config, worker_config, number, channel, door).run()


class ReadinessGate:
    """Says that the server is not ready until it is, and then is the application.

    Args:
        board: tells when the server stops.
    """

    def __init__(self, shared_state: SharedState) -> None:
        self._shared_state = shared_state
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stopping = self._shared_state.stopping and scope["path"] == "/readyz"
        if self.app is not None and not stopping:
            await self.app(scope, receive, _ignore_disconnect(send))
        elif scope["path"] == "/healthz":
            await _send_json(send, 200, b'{"status":"ok"}')
        else:
            await _send_json(send, 503, b"stopping" if stopping else b"loading the index; ask again in a second")


def _ignore_disconnect(send: Send) -> Send:
    """Says nothing to a client that has just left. uvloop fails where it closed the connection itself and uvicorn does
    not know yet; a moment later uvicorn would say nothing either."""

    async def told(message: Message) -> None:
        try:
            await send(message)
        except RuntimeError as error:
            if "handler is closed" not in str(error):
                raise

    return told


async def _send_json(send: Send, status: int, text: bytes) -> None:
    """A problem in few words: what makes longer ones is being loaded."""
    body, kind = text, b"application/json"
    if status != 200:
        body = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"%s"}' % text
        kind = b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"retry-after", b"1")]
    await send(
        {"type": "http.response.start", "status": status, "headers": add_missing_headers(headers, SECURITY_HEADERS)}
    )
    await send({"type": "http.response.body", "body": body})


class WorkerServer(uvicorn.Server):
    """uvicorn's, with connections that come from the parent.

    Args:
        config: uvicorn's. work, number, channel: see ``work``. door: is given the application.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        worker_config: WorkerConfig,
        number: int,
        channel: socket.socket,
        gate: ReadinessGate,
    ) -> None:
        super().__init__(config)
        self._worker_config, self._number, self._channel, self._gate = worker_config, number, channel, gate
        self._limits = ConnectionLimits.from_settings(worker_config.settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # it has none
        """Takes connections; loads meanwhile."""
        self.servers = []
        self._channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._channel, self._receive_connections)
        self._spawn(self._run_application())
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers what is in flight, within the time the settings give."""
        asyncio.get_running_loop().remove_reader(self._channel)
        await super().shutdown(sockets)
        self._stopped.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM alone, which ends this worker in order; the parent starts another in its place."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def _receive_connections(self) -> None:
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
                self._spawn(self._attach_connection(socket.socket(fileno=each)))

    async def _attach_connection(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()

        def gone() -> None:
            self._worker_config.shared_state.count_closed(self._number)

        try:
            client.setblocking(False)
            await loop.connect_accepted_socket(
                lambda: Connection(self.config, self.server_state, self._limits, gone), client
            )
        except OSError:  # it left before it was taken
            client.close()
            gone()

    async def _run_application(self) -> None:
        """Opens the door once the index is loaded and verified; closes the application when the server ends."""
        try:
            app = await asyncio.to_thread(self._load_application)
        except PapersError as error:
            self._report_failure(str(error))
            return
        while not (self._worker_config.shared_state.verified or self.should_exit):
            await asyncio.sleep(_VERIFICATION_POLL_S)
        async with app.router.lifespan_context(app):
            self._gate.app = app
            self._worker_config.shared_state.mark_ready(self._number)
            self._channel.send(READY)
            await self._stopped.wait()

    def _load_application(self) -> "Application":
        """
        Raises:
            PapersError: the index or its model cannot be opened.
        """
        from search.searcher import Searcher
        from service.app import create_app

        searcher = Searcher(self._worker_config.directory, self._worker_config.load)
        searcher.warm()
        app = create_app(searcher, self._worker_config.settings, self._worker_config.buckets)
        gc.collect()
        gc.freeze()  # what is here stays, and need not be looked at again: a question takes a twentieth less
        return app

    def _report_failure(self, reason: str) -> None:
        self._channel.setblocking(True)
        self._channel.sendall(FAILED + reason.encode("utf-8", "replace"))
        self.should_exit = True

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
