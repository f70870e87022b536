"""Methods: those that a path supports (RFC 9110, section 10.2.1)."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

SERVER_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "POST")
_ROUTE_METHODS = ("DELETE", "GET", "POST")
"""Methods that routes are registered with."""


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> tuple[str, ...]:
    """Returns the methods of a path in alphabetical order; empty if no route has the path."""
    found = [method for method in _ROUTE_METHODS if any(_matches(route, method, path) for route in routes)]
    if not found:
        return ()
    return tuple(sorted([*found, "OPTIONS", *(["HEAD"] if "GET" in found else [])]))


def _matches(route: BaseRoute, method: str, path: str) -> bool:
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return route.matches(scope)[0] is Match.FULL
