"""Concurrency: how many requests a worker handles at once, how many wait, and for how long."""

import asyncio
import time
from collections import deque

from anyio import CapacityLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.records import RequestRecord
from service.api.problems import error_response

RETRY_HEADERS = {"retry-after": "1"}
_UNLIMITED_PATHS = ("/healthz", "/readyz", "/metrics", "/static/", "/openapi.json", "/docs")
"""Paths that skip the queue."""
_MAX_DELAY_REJECTIONS = 500
"""Rejections in flight at which each is delayed by ``_MAX_REJECTION_DELAY_S``; fewer are delayed in proportion."""
_MAX_REJECTION_DELAY_S = 1.0
_BUSY_DETAIL = "server busy: request queue is full; retry in 1 s"
_DISCONNECT_CHECK_AFTER_S = 0.05
"""Seconds in the queue after which the server checks that the client is still connected."""


class AdmissionQueue:
    """Slots for requests, and a bounded queue for those that wait for one, first come, first served.

    Args:
        max_active: most requests that have a slot.
        max_waiting: most requests that wait for one.

    Attributes:
        rejected: number of requests rejected because the queue was full.
    """

    def __init__(self, max_active: int, max_waiting: int) -> None:
        self._limiter = CapacityLimiter(max_active)
        self._max_waiting = max_waiting
        self.rejected = self._rejecting = 0

    @property
    def active(self) -> int:
        """Number of requests that have a slot."""
        return self._limiter.borrowed_tokens

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return self._limiter.statistics().tasks_waiting

    @property
    def is_full(self) -> bool:
        """Whether there is neither a free slot nor a place in the queue."""
        return self._limiter.available_tokens <= 0 and self.waiting >= self._max_waiting

    async def acquire(self, request: object) -> None:
        """Waits for a slot for a request; callers check ``is_full`` first."""
        await self._limiter.acquire_on_behalf_of(request)

    def release(self, request: object) -> None:
        """Frees the slot of a request for the one that has waited longest."""
        self._limiter.release_on_behalf_of(request)

    async def reject(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None) -> None:
        """Responds with 503. The delay grows with the number of rejections in flight: a thousand clients that retry at
        once would otherwise take the time of the requests that wait."""
        self.rejected += 1
        self._rejecting += 1
        try:
            await asyncio.sleep(min(_MAX_REJECTION_DELAY_S, (self._rejecting - 1) / _MAX_DELAY_REJECTIONS))
        finally:
            self._rejecting -= 1
        await error_response(scope, 503, _BUSY_DETAIL, RETRY_HEADERS | (headers or {}))(scope, receive, send)


class ConcurrencyLimit:
    """Gives each request a slot, rejects those that find the queue full, and responds with 503 in place of those that
    take too long. A thread cannot be stopped, so a request that timed out keeps its slot until it ends.

    Args:
        app: called when a request has its slot.
        queue: the slots.
        timeout_s: seconds until a response must start, waiting included.
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
        request = _QueuedRequest(self._queue, scope, receive, send)
        timer = asyncio.get_running_loop().call_later(self._timeout_s, request.time_out, self._timeout_s)
        try:
            if await request.acquire():
                await self._app(scope, request.receive, request.send)
        finally:
            timer.cancel()
            request.release()


class _QueuedRequest:
    """A request from its arrival in the queue to the last byte of its response."""

    def __init__(self, queue: AdmissionQueue, scope: Scope, receive: Receive, send: Send) -> None:
        self._queue, self._scope, self._receive, self._send = queue, scope, receive, send
        self._has_slot = self._response_started = self._timed_out = False
        self._timeout_task: asyncio.Task[None] | None = None
        self._buffered: deque[Message] = deque()

    async def acquire(self) -> bool:
        """Waits for a slot and returns whether the client still waits for a response."""
        record, queued_at = RequestRecord.from_scope(self._scope), time.perf_counter()
        await self._queue.acquire(self)
        self._has_slot = True
        record.queue_wait_s = time.perf_counter() - queued_at
        return not self._timed_out and (
            record.queue_wait_s < _DISCONNECT_CHECK_AFTER_S or not await self._client_disconnected()
        )

    async def _client_disconnected(self) -> bool:
        """Returns whether the client has disconnected; buffers the messages that it sent before."""
        try:
            async with asyncio.timeout(0):
                while (message := await self._receive())["type"] != "http.disconnect":
                    self._buffered.append(message)
                return True
        except TimeoutError:
            return False

    async def receive(self) -> Message:
        """Returns the next message of the client."""
        return self._buffered.popleft() if self._buffered else await self._receive()

    async def send(self, message: Message) -> None:
        """Passes a response on unless the request timed out; frees the slot with the last part of the response,
        however slowly the client reads it."""
        if self._timed_out:
            return
        self._response_started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.release()
        await self._send(message)

    def release(self) -> None:
        """Frees the slot; further calls do nothing."""
        if self._has_slot:
            self._has_slot = False
            self._queue.release(self)

    def time_out(self, seconds: float) -> None:
        """Responds with 503 unless the response has started."""
        if not self._response_started:
            self._timed_out = True
            self._timeout_task = asyncio.get_running_loop().create_task(self._send_timeout_response(seconds))

    async def _send_timeout_response(self, seconds: float) -> None:
        detail = f"the response took longer than {seconds:g} s; retry later, or request less"
        response = error_response(self._scope, 503, detail, RETRY_HEADERS)
        await response(self._scope, self._receive, self._send)
