"""Body limit: reads request bodies before their requests enter the queue, within a size and a time."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.concurrency import AdmissionQueue
from service.api.guard.records import RequestRecord
from service.api.problems import error_response

_CLOSE_HEADERS = {"connection": "close"}
_MAX_BUFFERED_BODIES = 64
"""Memory for buffered bodies, as a multiple of the largest body allowed."""


class BodyTooLarge(Exception):
    """A body exceeds the limit."""


class BodyLimit:
    """Reads the whole body of a request, so that a slow client does not occupy a slot.

    Args:
        app: called with the whole body.
        queue: bodies are not read while it is full.
        max_bytes: most bytes of a body.
        timeout_s: seconds for a body to arrive.
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
        RequestRecord.from_scope(scope).body_bytes = len(body)
        return await self._app(scope, _replay_body(bytes(body), receive), send)

    async def _read_body(self, receive: Receive, body: bytearray) -> bool:
        """Reads into ``body`` and returns whether the client stayed connected until its end.

        Raises:
            BodyTooLarge: the body exceeds the limit.
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
        detail = {
            408: f"the request body did not arrive within {self._timeout_s:g} s; send it faster or send less",
            413: f"the request body exceeds {self._max_bytes:,} bytes; send less",
        }[status]

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            await error_response(scope, status, detail, _CLOSE_HEADERS)(scope, receive, send)

        return respond


def _declared_body(scope: Scope) -> tuple[int, bool]:
    """Returns the Content-Length (0 without one) and whether the body is sent in chunks."""
    length, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value[:20])
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """Returns a ``receive`` that gives the body first and then the messages of the connection."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
