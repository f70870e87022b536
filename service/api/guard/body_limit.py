"""Bodies: read whole before a question takes its turn, within a size and a time."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.concurrency import AdmissionQueue
from service.api.problems import error_response

_CLOSE_HEADERS = {"connection": "close"}
_MAX_BUFFERED_BODIES = 64
"""Bodies of the greatest size that may be held at once; smaller ones may be as many as have room."""


class BodyTooLarge(Exception):
    """A body is longer than is allowed."""


class BodyLimit:
    """Reads a request's body, so that a slow client keeps nobody else waiting.

    Args:
        app: asked with the whole body. slots: where nothing is free, nothing is read. most: bytes of a body.
        seconds: for a body to arrive.
    """

    def __init__(self, app: ASGIApp, queue: AdmissionQueue, max_bytes: int, timeout_s: float) -> None:
        self._app, self._queue, self._max_bytes, self._timeout_s = app, queue, max_bytes, timeout_s
        self._buffered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, chunked = _declared_body(scope)
        if not (length or chunked):
            return await self._app(scope, receive, send)
        if length > self._max_bytes:
            return await self._error_response(413)(scope, receive, send)
        if self._queue.is_full or self._buffered_bytes >= _MAX_BUFFERED_BODIES * self._max_bytes:
            return await self._queue.reject(scope, receive, send, _CLOSE_HEADERS)
        return await self._handle_body(scope, receive, send)

    async def _handle_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                if not await self._read_body(receive, body):
                    return None
        except TimeoutError:
            return await self._error_response(408)(scope, receive, send)
        except BodyTooLarge:
            return await self._error_response(413)(scope, receive, send)
        finally:
            self._buffered_bytes -= len(body)
        return await self._app(scope, _replay_body(bytes(body), receive), send)

    async def _read_body(self, receive: Receive, body: bytearray) -> bool:
        """Whether the client stayed to the body's end.

        Raises:
            TooLarge: see there.
        """
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            part = message.get("body", b"")
            body += part
            self._buffered_bytes += len(part)
            if len(body) > self._max_bytes:
                raise BodyTooLarge
            if not message.get("more_body", False):
                return True

    def _error_response(self, status: int) -> ASGIApp:
        said = {
            408: f"the body did not arrive within {self._timeout_s:g} seconds; send it faster, or less of it",
            413: f"the body may have {self._max_bytes:,} bytes; shorten it",
        }[status]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await error_response(scope, status, said, _CLOSE_HEADERS)(scope, receive, send)

        return answer


def _declared_body(scope: Scope) -> tuple[int, bool]:
    """The length that is announced, 0 without one, and whether the body comes in chunks."""
    length, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value[:20])
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """Gives the body first, then what the connection says."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
