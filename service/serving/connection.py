"""Connection: one client's connection, closed where its requests do not arrive or its answers are not taken.

uvicorn waits for the head of a request for ever, keeps as much of it as comes, and waits for ever for a client that
does not read.
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


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of a connection: seconds for a head to arrive, for a part of an answer to be taken, and bytes of a head."""

    head_seconds: float
    answer_seconds: float
    max_head_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> "ConnectionLimits":
        """A little longer than what is refused with an explanation."""
        return cls(settings.head_seconds, settings.answer_seconds, settings.max_head + 1_024)


class Connection(HttpToolsProtocol):
    """uvicorn's, within bounds.

    Args:
        config, state: uvicorn's. bounds: see there. gone: called once when it has ended.
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
        """A second request's head may be late while the first is answered; that one's answer is not cut off."""
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
