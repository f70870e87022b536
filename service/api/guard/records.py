"""Records: what is known of one request, from its arrival to its log line."""

import ipaddress
import os
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache

from starlette.types import Scope

from service.settings import Network

_REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True)
class RequestRecord:
    """One request.

    Attributes:
        request_id: a proxy's own or made here. address: of the client, behind the proxies that are believed.
        key: the name of the API key it came with. start: of ``time.perf_counter``. queued: seconds it waited for
            its turn. status: of the answer, 0 until there is one. sent: bytes of the answer's body.
    """

    request_id: str
    address: str
    key_name: str | None = None
    started_at: float = field(default_factory=time.perf_counter)
    queue_wait_s: float = 0.0
    status: int = 0
    bytes_sent: int = 0

    @classmethod
    def from_scope(cls, scope: Scope) -> "RequestRecord":
        """The record that ``Guard`` put into a request's scope."""
        record: RequestRecord = scope["state"]["record"]
        return record


class ClientResolver:
    """Tells who asks. Forwarded headers are believed only of the proxies.

    Args:
        proxies: whose headers are believed.
    """

    def __init__(self, proxies: tuple[Network, ...]) -> None:
        self._proxies = proxies
        self._is_proxy = lru_cache(maxsize=4_096)(self._check_proxy)

    def create_record(self, scope: Scope) -> RequestRecord:
        """A new record; corrects the scope's client and scheme by what a proxy says."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not (self._proxies and self._is_proxy(peer)):
            return RequestRecord(os.urandom(12).hex(), peer)
        named, forwarded, scheme = b"", [], b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                named = value
            elif name == b"x-forwarded-for":
                forwarded += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                scheme = value.strip().lower()
        address = self._client_address(peer, forwarded)
        scope["client"] = (address, 0)
        if scheme in (b"http", b"https"):
            scope["scheme"] = scheme.decode()
        request_id = named.decode("latin-1")
        return RequestRecord(request_id if _REQUEST_ID_PATTERN.fullmatch(request_id) else os.urandom(12).hex(), address)

    def _client_address(self, peer: str, forwarded: list[str]) -> str:
        """The last address that no proxy of ours has: what stands before it may be made up."""
        for each in reversed(forwarded):
            address = _normalize_address(each.strip())
            if address is None:
                break
            peer = address
            if not self._is_proxy(address):
                break
        return peer

    def _check_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._proxies)


def _normalize_address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
