"""Worker: a process that answers requests. It takes connections from the start, and serves the application once the
index is loaded and verified."""

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
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import Message, Receive, Scope, Send

from search.cores import CORES_VARIABLE, available_cores
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import PapersError
from service.api.guard import logs
from service.api.guard.headers import SECURITY_HEADERS
from service.api.guard.rate_limit import TokenBuckets
from service.api.negotiation import prefers_html
from service.api.problems import error_response
from service.serving.connection import Connection, ConnectionLimits
from service.serving.health import HEARTBEAT_INTERVAL_S
from service.serving.shared_state import SharedState
from service.settings import Settings

if TYPE_CHECKING:
    from service.app import Application

READY = b"r"
"""Message to the supervisor: the worker answers requests."""
FAILED = b"f"
"""Message to the supervisor, followed by the reason: the worker cannot load the index."""

_VERIFICATION_POLL_S = 0.02
"""Interval at which a worker that has loaded the index checks whether it is verified."""
_GC_THRESHOLDS = (10_000, 20, 20)
"""Thresholds of the three generations of Python's garbage collection. A question leaves about 230 objects, half of them
in cycles: the youngest are scanned every 40 questions, and all, which takes 50 ms, every 17,000. With Python's defaults
it is every 3 and every 200, in 0.4 ms per question."""
_THREAD_COUNT_VARIABLES = (CORES_VARIABLE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LOADING_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="1">
<meta name="color-scheme" content="light dark"><title>papers is starting</title></head>
<body><h1>papers is starting</h1><p>The index is being loaded. This page reloads until it is ready.</p></body>
</html>
"""
"""What a browser shows while the index is being loaded; style sheets are not served before."""
_GATE_HEADERS = {name.decode(): value.decode() for name, value in SECURITY_HEADERS} | {"retry-after": "1"}


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of all workers.

    Attributes:
        directory: folder of the index, or the address of a collection of Milvus.
        settings: the settings.
        load: returns the embedder of a model.
        shared_state: state shared with the supervisor.
        buckets: token buckets shared by all workers; None without a rate limit.
        command_token: see ``Announcement.token``.
    """

    directory: Path | str
    settings: Settings
    load: Callable[[ModelIdentity], Embedder]
    shared_state: SharedState
    buckets: TokenBuckets | None
    command_token: str = ""


def run_worker(worker_config: WorkerConfig, number: int, channel: socket.socket) -> None:
    """Serves until the supervisor closes its end of the channel, or until SIGTERM.

    Args:
        worker_config: the configuration.
        number: number of this worker.
        channel: receives connections as file descriptors, one with each byte.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the supervisor too, which closes the channel
    settings = worker_config.settings
    cores = max(1, available_cores() // settings.workers)
    os.environ |= dict.fromkeys(_THREAD_COUNT_VARIABLES, str(cores))
    logs.configure(log_requests=settings.log, log_queries=settings.log_queries)
    gate = ReadinessGate(worker_config.shared_state, number)
    config = uvicorn.Config(
        gate,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # a float works too
        timeout_graceful_shutdown=settings.stop_seconds,  # type: ignore[arg-type]
    )
    WorkerServer(config, worker_config, number, channel, gate).run()


class ReadinessGate:
    """Passes requests to the application once it is set; until then, and for /readyz while the server stops, responds
    with 503.

    Args:
        shared_state: tells whether the server stops.
        number: number of the worker.

    Attributes:
        app: the application; None while the index is being loaded.
    """

    def __init__(self, shared_state: SharedState, number: int) -> None:
        self._shared_state, self._worker_state = shared_state, shared_state.workers[number]
        self.app: Application | None = None

    def _find_problem(self) -> str:
        """Returns why an application that is loaded is not ready; empty if it is."""
        if self._shared_state.server.is_stopping:
            return "the server is stopping"
        return (
            "a request cannot be stopped; this worker process is being replaced" if self._worker_state.is_stuck else ""
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._find_problem() if scope["path"] == "/readyz" else ""
        if self.app is not None and not problem:
            await self.app(scope, receive, _ignore_disconnect(send))
        elif scope["path"] == "/healthz":
            await JSONResponse({"status": "ok"}, headers=_GATE_HEADERS)(scope, receive, send)
        elif self.app is None and prefers_html(Headers(scope=scope).get("accept", "")):
            await HTMLResponse(_LOADING_PAGE, 503, _GATE_HEADERS)(scope, receive, send)
        else:
            detail = problem or "the index is being loaded; retry in 1 s"
            await error_response(scope, 503, detail, _GATE_HEADERS)(scope, receive, send)


def _ignore_disconnect(send: Send) -> Send:
    """Returns a ``send`` that ignores clients that have just disconnected. If uvloop has closed the connection and
    uvicorn has not noticed yet, uvloop raises; a moment later, uvicorn would ignore the message."""

    async def send_if_connected(message: Message) -> None:
        try:
            await send(message)
        except RuntimeError as error:
            if "handler is closed" not in str(error):
                raise

    return send_if_connected


class WorkerServer(uvicorn.Server):
    """A uvicorn server that receives its connections from the supervisor.

    Args:
        config: configuration of uvicorn.
        worker_config: see ``run_worker``.
        number: see ``run_worker``.
        channel: see ``run_worker``.
        gate: receives the application once it is loaded.
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
        self._worker_config, self._channel, self._gate = worker_config, channel, gate
        self._server_state = worker_config.shared_state.server
        self._worker_state = worker_config.shared_state.workers[number]
        self._limits = ConnectionLimits.from_settings(worker_config.settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # there are none
        """Takes connections, and loads the application at the same time."""
        self.servers = []
        self._channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._channel, self._receive_connections)
        self._spawn(self._run_application())
        self._beat()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finishes the requests in flight, for at most ``stop_seconds``."""
        asyncio.get_running_loop().remove_reader(self._channel)
        await super().shutdown(sockets)
        self._stopped.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles SIGTERM only: this worker shuts down, and the supervisor starts another."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def _beat(self) -> None:
        """Counts a heartbeat, and notes requests that cannot be stopped, until the event loop ends."""
        self._worker_state.heartbeats += 1
        app = self._gate.app
        if app is not None and app.guard_state.queue.has_stuck_request():
            self._worker_state.is_stuck = True
        asyncio.get_running_loop().call_later(HEARTBEAT_INTERVAL_S, self._beat)

    def _receive_connections(self) -> None:
        """Takes all connections in the channel; shuts down once the supervisor has closed it."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                asyncio.get_running_loop().remove_reader(self._channel)
                self.should_exit = True
                return
            for descriptor in descriptors:
                self._spawn(self._attach_connection(socket.socket(fileno=descriptor)))

    async def _attach_connection(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            client.setblocking(False)
            await loop.connect_accepted_socket(
                lambda: Connection(self.config, self.server_state, self._limits, self._count_closed), client
            )
        except OSError:  # the client has disconnected
            client.close()
            self._count_closed()

    def _count_closed(self) -> None:
        self._worker_state.connections_closed += 1

    async def _run_application(self) -> None:
        """Serves the application from when the index is loaded and verified until the server shuts down."""
        try:
            app = await asyncio.to_thread(self._load_application)
        except PapersError as error:
            self._report_failure(str(error))
            return
        while not (self._server_state.is_verified or self.should_exit):
            await asyncio.sleep(_VERIFICATION_POLL_S)
        async with app.router.lifespan_context(app):
            self._gate.app = app
            self._worker_state.is_ready = True
            self._channel.send(READY)
            await self._stopped.wait()

    def _load_application(self) -> "Application":
        """Opens the index and returns the application.

        Raises:
            PapersError: the index or its model cannot be opened.
        """
        from search.searcher import Searcher
        from service.app import create_app

        searcher = Searcher(self._worker_config.directory, self._worker_config.load)
        searcher.warm()
        config = self._worker_config
        app = create_app(searcher, config.settings, config.buckets, config.command_token)
        gc.collect()
        gc.freeze()  # objects that live as long as the process need no further scans: 0.5 ms less per query
        gc.set_threshold(*_GC_THRESHOLDS)
        return app

    def _report_failure(self, reason: str) -> None:
        self._channel.setblocking(True)
        self._channel.sendall(FAILED + reason.encode("utf-8", "replace"))
        self.should_exit = True

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
