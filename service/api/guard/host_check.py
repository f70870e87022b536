"""Host check: rejects requests for names that this server does not have."""

import ipaddress
import socket
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response


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
        if len(hosts) == 1 and (self._allow_any or self._is_allowed(hosts[0])):
            return await self._app(scope, receive, send)
        detail = "Host header not allowed; add it to PAPERS_HOSTS"
        return await error_response(scope, 421, detail)(scope, receive, send)

    def _check(self, host: bytes) -> bool:
        name = host.decode("latin-1").casefold()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name.rstrip(".") in self._allowed:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
