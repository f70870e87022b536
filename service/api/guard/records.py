"""Request records: what the guard knows of one request, from its arrival to its log line."""

import os
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from starlette.types import Scope

_REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True)
class RequestRecord:
    """One request.

    Attributes:
        request_id: from the header X-Request-Id of a trusted proxy, else generated.
        peer: address of the other end of the connection; empty for a Unix socket.
        key_name: name of the API key that the request was sent with.
        started_at: ``time.perf_counter`` when the request arrived.
        queue_wait_s: seconds spent in the request queue.
        status: status of the response; 0 until it starts.
        bytes_sent: bytes of the response body.
        body_bytes: bytes of the request body.
        yield_slot: lets other requests go first; called between the searches of a batch.
        take_tokens: counts further requests towards the rate limit of the client.
    """

    request_id: str
    peer: str
    key_name: str | None = None
    started_at: float = field(default_factory=time.perf_counter)
    queue_wait_s: float = 0.0
    status: int = 0
    bytes_sent: int = 0
    body_bytes: int = 0
    yield_slot: Callable[[], Coroutine[Any, Any, None]] | None = None
    take_tokens: Callable[[int], None] | None = None

    @classmethod
    def from_scope(cls, scope: Scope) -> "RequestRecord":
        """Returns the record that ``RequestRecorder`` stored in the scope of a request."""
        record: RequestRecord = scope["state"]["record"]
        return record

    def client_address(self, scope: Scope) -> str:
        """Returns the client's address as a trusted proxy forwarded it, or the peer's if that is not an IP address."""
        address = peer_address(scope)
        return address if _parse_address(address) else self.peer


class RequestIdSource:
    """Chooses request IDs: that of a trusted proxy if it is well formed, else 24 random hexadecimal digits.

    Args:
        proxies: networks of the trusted proxies.
    """

    def __init__(self, proxies: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self._proxies = proxies
        self._is_proxy = lru_cache(maxsize=4_096)(self._check_proxy)

    def request_id(self, scope: Scope) -> str:
        """Returns the ID of a request."""
        if self._proxies and self._is_proxy(peer_address(scope)):
            for name, value in scope["headers"]:
                if name == b"x-request-id" and _REQUEST_ID_PATTERN.fullmatch(forwarded := value.decode("latin-1")):
                    return str(forwarded)
        return os.urandom(12).hex()

    def _check_proxy(self, address: str) -> bool:
        parsed = _parse_address(address)
        return parsed is not None and any(parsed in network for network in self._proxies)


def peer_address(scope: Scope) -> str:
    """Returns the client address of a scope; empty for a Unix socket."""
    return scope["client"][0] if scope.get("client") else ""


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
