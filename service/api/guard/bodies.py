"""Bodies: read whole before a question takes its turn, within a size and a time."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.slots import Slots
from service.api.problems import refused

_CLOSE = {"connection": "close"}
_AT_ONCE = 64
"""Bodies of the greatest size that may be held at once; smaller ones may be as many as have room."""


class TooLarge(Exception):
    """A body is longer than is allowed."""


class Bodies:
    """Reads a request's body, so that a slow client keeps nobody else waiting.

    Args:
        app: asked with the whole body. slots: where nothing is free, nothing is read. most: bytes of a body.
        seconds: for a body to arrive.
    """

    def __init__(self, app: ASGIApp, slots: Slots, most: int, seconds: float) -> None:
        self._app, self._slots, self._most, self._seconds = app, slots, most, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, chunked = _announced(scope)
        if not (length or chunked):
            return await self._app(scope, receive, send)
        if length > self._most:
            return await self._refuse(413)(scope, receive, send)
        if self._slots.full or self._held >= _AT_ONCE * self._most:
            return await self._slots.refuse(scope, receive, send, _CLOSE)
        return await self._read(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                if not await self._whole(receive, body):
                    return None
        except TimeoutError:
            return await self._refuse(408)(scope, receive, send)
        except TooLarge:
            return await self._refuse(413)(scope, receive, send)
        finally:
            self._held -= len(body)
        return await self._app(scope, _replayed(bytes(body), receive), send)

    async def _whole(self, receive: Receive, body: bytearray) -> bool:
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
            self._held += len(part)
            if len(body) > self._most:
                raise TooLarge
            if not message.get("more_body", False):
                return True

    def _refuse(self, status: int) -> ASGIApp:
        said = {
            408: f"the body did not arrive within {self._seconds:g} seconds; send it faster, or less of it",
            413: f"the body may have {self._most:,} bytes; shorten it",
        }[status]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await refused(scope, status, said, _CLOSE)(scope, receive, send)

        return answer


def _announced(scope: Scope) -> tuple[int, bool]:
    """The length that is announced, 0 without one, and whether the body comes in chunks."""
    length, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value[:20])
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body first, then what the connection says."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
