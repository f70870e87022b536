"""Concurrency: how many requests a worker handles at once, how many wait, and for how long."""

import asyncio
import math
import threading
import time

from anyio import CapacityLimiter, WouldBlock
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.budget import Budget, use_budget
from search.cores import available_cores
from service.api.guard.records import RequestRecord
from service.api.problems import error_response

RETRY_HEADERS = {"retry-after": "1"}
_UNLIMITED_PATHS = ("/healthz", "/readyz", "/metrics", "/static/", "/openapi.json", "/docs")
"""Paths that skip the queue."""
_MAX_DELAY_REJECTIONS = 500
"""Rejections in flight at which each is delayed by ``_MAX_REJECTION_DELAY_S``; fewer are delayed in proportion."""
_MAX_REJECTION_DELAY_S = 1.0
_BUSY_DETAIL = "server busy: request queue is full; retry in 1 s"
_STUCK_S = 60.0
"""Seconds for which a request may keep its slot after its work was cancelled, before it counts as stuck. Between two
checks of the budget, no query takes more than a few seconds."""
_TURN_S = 0.1
"""Seconds for which a request keeps its turn; nearly all questions take less."""
_LARGE_REQUEST_BYTES = 4_096
"""Bytes of query and body above which a request is large; nearly all questions and abstracts are smaller."""


class AdmissionQueue:
    """Slots for requests, and a bounded queue for those that wait for one, first come, first served.

    Large requests can take seconds. They get at most half of the slots, and their work pauses while others run
    (``search.budget``), so that the others need not wait for them.

    Other requests that have a slot also wait for a turn, of which there is one per core: two threads that compute on
    one core take a tenth more CPU time than one after the other. A turn ends after ``_TURN_S``, so that a request that
    takes long keeps only its slot, and the next one runs beside it.

    Args:
        max_active: most requests that have a slot.
        max_waiting: most requests that wait for one.

    Attributes:
        rejected: number of requests rejected because the queue was full.
        small_idle: set while no request has a slot that is not large.
    """

    def __init__(self, max_active: int, max_waiting: int) -> None:
        self._turns = asyncio.Semaphore(available_cores())
        self._turn_timers: dict[_QueuedRequest, asyncio.TimerHandle] = {}
        self._limiter = CapacityLimiter(max_active)
        self._large_limiter = CapacityLimiter(max(1, max_active // 2))
        self._max_waiting = max_waiting
        self.rejected = self._rejecting = 0
        self._active: set[_QueuedRequest] = set()
        self._small_active = 0
        self.small_idle = threading.Event()
        self.small_idle.set()

    def has_stuck_request(self) -> bool:
        """Returns whether the work for a request does not end although it was cancelled."""
        longest = time.monotonic() - _STUCK_S
        return any(each.cancelled_at < longest for each in self._active)

    @property
    def active(self) -> int:
        """Number of requests that have a slot."""
        return self._limiter.borrowed_tokens

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return self._limiter.statistics().tasks_waiting + self._large_limiter.statistics().tasks_waiting

    @property
    def is_full(self) -> bool:
        """Whether there is neither a free slot nor a place in the queue."""
        return self._limiter.available_tokens <= 0 and self.waiting >= self._max_waiting

    async def acquire(self, request: "_QueuedRequest", *, is_large: bool) -> None:
        """Waits for a slot for a request; callers check ``is_full`` first."""
        if is_large:
            await self._large_limiter.acquire_on_behalf_of(request)
        try:
            try:
                self._limiter.acquire_on_behalf_of_nowait(request)  # without a round of the event loop
            except WouldBlock:
                await self._limiter.acquire_on_behalf_of(request)
        except BaseException:  # cancelled
            if is_large:
                self._large_limiter.release_on_behalf_of(request)
            raise
        self._active.add(request)
        if not is_large:
            self._small_active += 1
            self.small_idle.clear()
            await self._take_turn(request)

    async def _take_turn(self, request: "_QueuedRequest") -> None:
        """Waits for a turn, which ends with ``release`` or after ``_TURN_S``."""
        try:
            await self._turns.acquire()
        except BaseException:  # cancelled
            self.release(request, is_large=False)
            raise
        self._turn_timers[request] = asyncio.get_running_loop().call_later(_TURN_S, self._end_turn, request)

    def _end_turn(self, request: "_QueuedRequest") -> None:
        if timer := self._turn_timers.pop(request, None):
            timer.cancel()
            self._turns.release()

    def release(self, request: "_QueuedRequest", *, is_large: bool) -> None:
        """Frees the slot of a request for the one that has waited longest."""
        self._active.discard(request)
        self._end_turn(request)
        self._limiter.release_on_behalf_of(request)
        if is_large:
            self._large_limiter.release_on_behalf_of(request)
            return
        self._small_active -= 1
        if not self._small_active:
            self.small_idle.set()

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
    take too long. The work for a request ends at its next check (``search.budget``) once the request has timed out, its
    client has disconnected or the server stops; until then it keeps its slot.

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
        request = _QueuedRequest(self._queue, scope, receive, send, self._timeout_s)
        RequestRecord.from_scope(scope).yield_slot = request.yield_slot
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._timeout_s, request.time_out, self._timeout_s)
        reader = loop.create_task(request.read_messages())
        try:
            with use_budget(request.budget):
                if await request.acquire():
                    await self._app(scope, request.receive, request.send)
        finally:
            timer.cancel()
            reader.cancel()
            request.cancel()
            request.release()


class _QueuedRequest:
    """A request from its arrival in the queue to the last byte of its response."""

    def __init__(self, queue: AdmissionQueue, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        self._queue, self._scope, self._receive, self._send = queue, scope, receive, send
        self._is_large = _request_bytes(scope) > _LARGE_REQUEST_BYTES
        self._has_slot = self._response_started = self._timed_out = False
        self._timeout_task: asyncio.Task[None] | None = None
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._disconnected = False
        self.cancelled_at = math.inf
        self.budget = Budget(seconds, queue.small_idle if self._is_large else None)

    async def acquire(self) -> bool:
        """Waits for a slot and returns whether the client still waits for a response."""
        record, queued_at = RequestRecord.from_scope(self._scope), time.perf_counter()
        await self._queue.acquire(self, is_large=self._is_large)
        self._has_slot = True
        record.queue_wait_s = time.perf_counter() - queued_at
        return not (self._timed_out or self._disconnected)

    async def yield_slot(self) -> None:
        """Lets the requests that wait for a slot go first: for requests that consist of several searches."""
        if self._has_slot:
            self.release()
            await self._queue.acquire(self, is_large=self._is_large)
            self._has_slot = True
            self.budget.check()

    async def read_messages(self) -> None:
        """Reads what the client sends, for ``receive``; cancels the work for the request if the client disconnects."""
        while not self._disconnected:
            message = await self._receive()
            self._disconnected = message["type"] == "http.disconnect"
            self._messages.put_nowait(message)
        self.cancel()

    def cancel(self) -> None:
        """Ends the work for the request at its next check."""
        self.cancelled_at = min(self.cancelled_at, time.monotonic())
        self.budget.cancel()

    async def receive(self) -> Message:
        """Returns the next message of the client."""
        if self._disconnected and self._messages.empty():
            return {"type": "http.disconnect"}
        return await self._messages.get()

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
            self._queue.release(self, is_large=self._is_large)

    def time_out(self, seconds: float) -> None:
        """Responds with 503 unless the response has started, and cancels the work for it."""
        if not self._response_started:
            self._timed_out = True
            self.cancel()
            self._timeout_task = asyncio.get_running_loop().create_task(self._send_timeout_response(seconds))

    async def _send_timeout_response(self, seconds: float) -> None:
        detail = f"the response took longer than {seconds:g} s; retry later, or request less"
        response = error_response(self._scope, 503, detail, RETRY_HEADERS)
        await response(self._scope, self._receive_nothing, self._send)

    async def _receive_nothing(self) -> Message:
        return {"type": "http.disconnect"}


def _request_bytes(scope: Scope) -> int:
    """Returns the size of the query of the URL and of the body of a request."""
    return len(scope["query_string"]) + RequestRecord.from_scope(scope).body_bytes
