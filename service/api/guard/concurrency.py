"""Slots: how many questions a worker answers at once, how many wait, and for how long."""

import asyncio
import time
from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.records import RequestRecord
from service.api.problems import error_response

RETRY_HEADERS = {"retry-after": "1"}
_UNLIMITED_PATHS = ("/healthz", "/readyz", "/metrics", "/static/", "/openapi.json", "/docs")
"""Answered at once, however many questions wait."""
_MAX_DELAY_REJECTIONS, _MAX_REJECTION_DELAY_S = 500, 1.0
"""Refusals that are held before each takes a second; a few are given at once."""
_BUSY_DETAIL = "too many questions wait; ask again in a second"
_DISCONNECT_CHECK_AFTER_S = 0.05
"""Seconds in the queue after which a client may have given up: it is looked whether it is still there."""


class AdmissionQueue:
    """Turns, first come, first served.

    Args:
        threads: most that have a turn at once. queue: most that wait for one.

    Attributes:
        busy: those that have a turn. shed: how many found no place in the queue.
    """

    def __init__(self, max_active: int, max_waiting: int) -> None:
        self._max_active, self._max_waiting = max_active, max_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.active = self.rejected = self._rejecting = 0

    async def reject(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None) -> None:
        """Sends one away for whom there is no place. The more are sent away, the later each hears of it: a thousand who
        ask again at once would otherwise take the time of those who wait."""
        self.rejected += 1
        self._rejecting += 1
        try:
            await asyncio.sleep(min(_MAX_REJECTION_DELAY_S, (self._rejecting - 1) / _MAX_DELAY_REJECTIONS))
        finally:
            self._rejecting -= 1
        await error_response(scope, 503, _BUSY_DETAIL, RETRY_HEADERS | (headers or {}))(scope, receive, send)

    @property
    def waiting(self) -> int:
        """Those that wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """No turn and no place in the queue is free."""
        return self.active >= self._max_active and len(self._waiting) >= self._max_waiting

    async def acquire(self) -> None:
        """Waits for a turn; there must be a place."""
        if self.active < self._max_active:
            self.active += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            else:
                self._waiting.remove(turn)
            raise

    def release(self) -> None:
        """Hands a turn to the next that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.active -= 1


class ConcurrencyLimit:
    """Gives each question its turn, refuses those beyond the queue before anything of them is read, and answers for
    those that take too long. A thread cannot be stopped: it keeps its turn until it is done.

    Args:
        app: asked in turn. slots: the turns. seconds: to begin an answer, waiting included.
    """

    def __init__(self, app: ASGIApp, queue: AdmissionQueue, timeout_s: float) -> None:
        self._app, self._queue, self._timeout_s = app, queue, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(_UNLIMITED_PATHS) or (path.startswith("/mcp") and scope["method"] == "GET"):
            return await self._app(scope, receive, send)
        if self._queue.is_full:
            return await self._queue.reject(scope, receive, send)
        return await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = _QueuedRequest(self._queue, scope, receive, send)
        late = asyncio.get_running_loop().call_later(self._timeout_s, turn.time_out)
        try:
            if await turn.acquire():
                await self._app(scope, turn.receive, turn.send)
        finally:
            late.cancel()
            turn.release()


class _QueuedRequest:
    """One question's turn, from its place in the queue to its last byte."""

    def __init__(self, queue: AdmissionQueue, scope: Scope, receive: Receive, send: Send) -> None:
        self._queue, self._scope, self._receive, self._send = queue, scope, receive, send
        self._has_slot = self._response_started = self._timed_out = False
        self._timeout_task: asyncio.Task[None] | None = None
        self._buffered: deque[Message] = deque()

    async def acquire(self) -> bool:
        """Waits; whether somebody still waits for the answer."""
        record, asked = RequestRecord.from_scope(self._scope), time.perf_counter()
        await self._queue.acquire()
        self._has_slot = True
        record.queue_wait_s = time.perf_counter() - asked
        return not self._timed_out and (
            record.queue_wait_s < _DISCONNECT_CHECK_AFTER_S or not await self._client_disconnected()
        )

    async def _client_disconnected(self) -> bool:
        """Whether the client has closed; what it sent before that is kept."""
        try:
            async with asyncio.timeout(0):
                while (message := await self._receive())["type"] != "http.disconnect":
                    self._buffered.append(message)
                return True
        except TimeoutError:
            return False

    async def receive(self) -> Message:
        """What the client sends."""
        return self._buffered.popleft() if self._buffered else await self._receive()

    async def send(self, message: Message) -> None:
        """Passes an answer on, unless another was given; the turn ends with its last part, whoever reads how slowly."""
        if self._timed_out:
            return
        self._response_started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.release()
        await self._send(message)

    def release(self) -> None:
        """Gives the turn back, once."""
        if self._has_slot:
            self._has_slot = False
            self._queue.release()

    def time_out(self) -> None:
        """Answers in the question's place where no answer has begun."""
        if not self._response_started:
            self._timed_out = True
            self._timeout_task = asyncio.get_running_loop().create_task(self._send_timeout_response())

    async def _send_timeout_response(self) -> None:
        answer = error_response(self._scope, 503, "this took too long; ask for less, or again later", RETRY_HEADERS)
        await answer(self._scope, self._receive, self._send)
