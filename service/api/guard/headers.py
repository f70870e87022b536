"""Headers: what every answer says to browsers, and which names a request may call this server by."""

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import refused

Header = tuple[bytes, bytes]

_CONTENT = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS: tuple[Header, ...] = (
    (b"content-security-policy", _CONTENT),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # a question stands in the URL, and papers' links lead elsewhere
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def completed(headers: list[Header], more: Iterable[Header]) -> list[Header]:
    """The headers and those of ``more`` that they do not name."""
    named = {name.lower() for name, _ in headers}
    return headers + [header for header in more if header[0] not in named]


class Heads:
    """Refuses heads that are too long and hosts that are not ours.

    A page elsewhere can have its own name resolve to 127.0.0.1 and then read what is answered there (DNS rebinding).
    It has to call this server by that name, so a name must be known; an address is nobody's name and always passes.

    Args:
        app: asked where nothing is wrong. most: bytes of URL and headers. hosts: names besides the machine's own.
    """

    def __init__(self, app: ASGIApp, most: int, hosts: tuple[str, ...]) -> None:
        self._app, self._most = app, most
        self._any = "*" in hosts
        machine = socket.gethostname().casefold()
        self._hosts = {"localhost", machine, f"{machine}.local", *(host.casefold().rstrip(".") for host in hosts)}
        self._known = lru_cache(maxsize=1_024)(self._ours)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if line > self._most:
            said = f"the URL may have {self._most:,} bytes; ask with POST, or for less"
            return await refused(scope, 414, said)(scope, receive, send)
        length, hosts = line, []
        for name, value in scope["headers"]:
            length += len(name) + len(value) + 4
            if name == b"host":
                hosts.append(value)
        if length > self._most:
            said = f"URL and headers may have {self._most:,} bytes together; send less"
            return await refused(scope, 431, said)(scope, receive, send)
        if len(hosts) != 1 or not (self._any or self._known(hosts[0])):
            said = "this server is not known by that Host; where it should be, name it in PAPERS_HOSTS"
            return await refused(scope, 421, said)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _ours(self, host: bytes) -> bool:
        name = host.decode("latin-1").casefold()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name.rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
