"""Host check: rejects requests for names that this server does not have."""

import ipaddress
import re
import socket
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response

_HOST = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*))(?::(?P<port>[0-9]*))?"
)
"""Matches a Host in lower case (RFC 9110, section 7.2): a host and a port in the syntax of RFC 3986, section 3.2.2."""
_PROBE_PATHS = ("/healthz", "/readyz")
"""Paths that load balancers request, some of them with HTTP/1.0 and without Host."""


class HostCheck:
    """Rejects requests with 421 unless their Host is an IP address, localhost, the machine's name or a listed name.

    Protects against DNS rebinding: a web page elsewhere can make its own name resolve to 127.0.0.1 and then read what
    this server answers. Such a request has the page's name as Host. IP addresses are accepted, as DNS plays no part
    in them.

    Args:
        app: called with accepted requests.
        hosts: further names; ``*`` accepts any.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._allow_any = "*" in hosts
        machine = socket.gethostname().casefold()
        listed = (host.casefold().rstrip(".") for host in hosts)
        self._allowed = {"localhost", machine, f"{machine}.local", *listed}
        self._is_allowed = lru_cache(maxsize=1_024)(self._check)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if not hosts and scope["http_version"] == "1.0" and scope["path"] in _PROBE_PATHS:
            return await self._app(scope, receive, send)
        match = _HOST.fullmatch(hosts[0].decode("latin-1").lower()) if len(hosts) == 1 else None
        if match is None:
            detail = "invalid Host header; send one, with a host name or an IP address, and a port if it is not 80"
            return await error_response(scope, 400, detail)(scope, receive, send)
        if self._allow_any or self._is_allowed(match["ipv6"], match["name"]):
            return await self._app(scope, receive, send)
        detail = "Host header not allowed; add it to PAPERS_HOSTS"
        return await error_response(scope, 421, detail)(scope, receive, send)

    def _check(self, ipv6: str | None, name: str) -> bool:
        if ipv6 is None and name.rstrip(".") in self._allowed:
            return True
        try:
            _ = ipaddress.IPv4Address(name) if ipv6 is None else ipaddress.IPv6Address(ipv6)
        except ValueError:
            return False
        return True
