"""Headers: what every answer says to browsers, and which names a request may call this server by."""

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response

Header = tuple[bytes, bytes]

_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # a question stands in the URL, and papers' links lead elsewhere
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def add_missing_headers(headers: list[Header], defaults: Iterable[Header]) -> list[Header]:
    """The headers and those of ``more`` that they do not name."""
    named = {name.lower() for name, _ in headers}
    return headers + [header for header in defaults if header[0] not in named]


class HeaderLimit:
    """Refuses heads that are too long and hosts that are not ours.

    A page elsewhere can have its own name resolve to 127.0.0.1 and then read what is answered there (DNS rebinding).
    It has to call this server by that name, so a name must be known; an address is nobody's name and always passes.

    Args:
        app: asked where nothing is wrong. most: bytes of URL and headers. hosts: names besides the machine's own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, hosts: tuple[str, ...]) -> None:
        self._app, self._max_bytes = app, max_bytes
        self._allow_any_host = "*" in hosts
        machine = socket.gethostname().casefold()
        self._allowed_hosts = {
            "localhost",
            machine,
            f"{machine}.local",
            *(host.casefold().rstrip(".") for host in hosts),
        }
        self._is_allowed_host = lru_cache(maxsize=1_024)(self._check_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if line > self._max_bytes:
            said = f"the URL may have {self._max_bytes:,} bytes; ask with POST, or for less"
            return await error_response(scope, 414, said)(scope, receive, send)
        length, hosts = line, []
        for name, value in scope["headers"]:
            length += len(name) + len(value) + 4
            if name == b"host":
                hosts.append(value)
        if length > self._max_bytes:
            said = f"URL and headers may have {self._max_bytes:,} bytes together; send less"
            return await error_response(scope, 431, said)(scope, receive, send)
        if len(hosts) != 1 or not (self._allow_any_host or self._is_allowed_host(hosts[0])):
            said = "this server is not known by that Host; where it should be, name it in PAPERS_HOSTS"
            return await error_response(scope, 421, said)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _check_host(self, host: bytes) -> bool:
        name = host.decode("latin-1").casefold()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name.rstrip(".") in self._allowed_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
