"""Connection: uvicorn's HTTP protocol with limits for slow clients and large headers.

uvicorn waits without limit for the head of a request (its request line and headers), buffers a head of any size, and
waits without limit for a client that does not read its response.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.settings import Settings

_REQUEST_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_HEADERS_TOO_LARGE_RESPONSE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_HEAD_ALLOWANCE_BYTES = 1_024
"""Bytes beyond ``max_head`` that are read, so that a head just above it gets the 414 or 431 of ``HeaderLimit``, which
has an explanation."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one connection.

    Attributes:
        head_seconds: seconds within which the head of a request must arrive.
        answer_seconds: seconds within which the client must read a part of the response.
        max_head_bytes: maximum size of the head of a request.
    """

    head_seconds: float
    answer_seconds: float
    max_head_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> "ConnectionLimits":
        """Returns the limits of the settings."""
        return cls(settings.head_seconds, settings.answer_seconds, settings.max_head + _HEAD_ALLOWANCE_BYTES)


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with ``ConnectionLimits``.

    Args:
        config: configuration of uvicorn.
        state: state of the uvicorn server.
        limits: the limits.
        on_close: called once, when the connection is closed.
    """

    def __init__(
        self, config: Config, state: ServerState, limits: ConnectionLimits, on_close: Callable[[], None]
    ) -> None:
        super().__init__(config, state, {})
        self._limits, self._on_close = limits, on_close
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_head_timer()
        self.resume_writing()
        super().connection_lost(exc)
        self._on_close()

    def data_received(self, data: bytes) -> None:
        if self._head_timer is None and not self._is_responding:
            self._start_head_timer()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.max_head_bytes:
                self._reject(_HEADERS_TOO_LARGE_RESPONSE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        self._cancel_head_timer()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    @property
    def _is_responding(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_head_timer(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._on_head_timeout)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _on_head_timeout(self) -> None:
        """Rejects the request; if a pipelined request is late, lets the response to the one before it finish."""
        self._head_timer = None
        if self._is_responding:
            self._start_head_timer()
        else:
            self._reject(_REQUEST_TIMEOUT_RESPONSE)

    def _reject(self, response: bytes) -> None:
        self._cancel_head_timer()
        if not self.transport.is_closing():
            if not self._is_responding:
                self.transport.write(response)
            self.transport.close()
