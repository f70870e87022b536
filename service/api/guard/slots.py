"""Slots: how many questions a worker answers at once, how many wait, and for how long."""

import asyncio
import time
from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.records import Record
from service.api.problems import refused

RETRY = {"retry-after": "1"}
_UNHURRIED = ("/healthz", "/readyz", "/metrics", "/static/", "/openapi.json", "/docs")
"""Answered at once, however many questions wait."""
_REFUSED_AT_ONCE, _LONGEST_PAUSE = 500, 1.0
"""Refusals that are held before each takes a second; a few are given at once."""
_BUSY = "too many questions wait; ask again in a second"
_LOOKED_AT = 0.05
"""Seconds in the queue after which a client may have given up: it is looked whether it is still there."""


class Slots:
    """Turns, first come, first served.

    Args:
        threads: most that have a turn at once. queue: most that wait for one.

    Attributes:
        busy: those that have a turn. shed: how many found no place in the queue.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._threads, self._queue = threads, queue
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.busy = self.shed = self._refusing = 0

    async def refuse(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None) -> None:
        """Sends one away for whom there is no place. The more are sent away, the later each hears of it: a thousand who
        ask again at once would otherwise take the time of those who wait."""
        self.shed += 1
        self._refusing += 1
        try:
            await asyncio.sleep(min(_LONGEST_PAUSE, (self._refusing - 1) / _REFUSED_AT_ONCE))
        finally:
            self._refusing -= 1
        await refused(scope, 503, _BUSY, RETRY | (headers or {}))(scope, receive, send)

    @property
    def waiting(self) -> int:
        """Those that wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """No turn and no place in the queue is free."""
        return self.busy >= self._threads and len(self._waiting) >= self._queue

    async def take(self) -> None:
        """Waits for a turn; there must be a place."""
        if self.busy < self._threads:
            self.busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            else:
                self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """Hands a turn to the next that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.busy -= 1


class Turns:
    """Gives each question its turn, refuses those beyond the queue before anything of them is read, and answers for
    those that take too long. A thread cannot be stopped: it keeps its turn until it is done.

    Args:
        app: asked in turn. slots: the turns. seconds: to begin an answer, waiting included.
    """

    def __init__(self, app: ASGIApp, slots: Slots, seconds: float) -> None:
        self._app, self._slots, self._seconds = app, slots, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(_UNHURRIED) or (path.startswith("/mcp") and scope["method"] == "GET"):
            return await self._app(scope, receive, send)
        if self._slots.full:
            return await self._slots.refuse(scope, receive, send)
        return await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = _Turn(self._slots, scope, receive, send)
        late = asyncio.get_running_loop().call_later(self._seconds, turn.give_up)
        try:
            if await turn.begin():
                await self._app(scope, turn.receive, turn.send)
        finally:
            late.cancel()
            turn.end()


class _Turn:
    """One question's turn, from its place in the queue to its last byte."""

    def __init__(self, slots: Slots, scope: Scope, receive: Receive, send: Send) -> None:
        self._slots, self._scope, self._receive, self._send = slots, scope, receive, send
        self._held = self._started = self._over = False
        self._apology: asyncio.Task[None] | None = None
        self._kept: deque[Message] = deque()

    async def begin(self) -> bool:
        """Waits; whether somebody still waits for the answer."""
        record, asked = Record.of(self._scope), time.perf_counter()
        await self._slots.take()
        self._held = True
        record.queued = time.perf_counter() - asked
        return not self._over and (record.queued < _LOOKED_AT or not await self._gone())

    async def _gone(self) -> bool:
        """Whether the client has closed; what it sent before that is kept."""
        try:
            async with asyncio.timeout(0):
                while (message := await self._receive())["type"] != "http.disconnect":
                    self._kept.append(message)
                return True
        except TimeoutError:
            return False

    async def receive(self) -> Message:
        """What the client sends."""
        return self._kept.popleft() if self._kept else await self._receive()

    async def send(self, message: Message) -> None:
        """Passes an answer on, unless another was given; the turn ends with its last part, whoever reads how slowly."""
        if self._over:
            return
        self._started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.end()
        await self._send(message)

    def end(self) -> None:
        """Gives the turn back, once."""
        if self._held:
            self._held = False
            self._slots.give()

    def give_up(self) -> None:
        """Answers in the question's place where no answer has begun."""
        if not self._started:
            self._over = True
            self._apology = asyncio.get_running_loop().create_task(self._apologize())

    async def _apologize(self) -> None:
        answer = refused(self._scope, 503, "this took too long; ask for less, or again later", RETRY)
        await answer(self._scope, self._receive, self._send)
