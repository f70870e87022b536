"""Direct routes: requests whose path has no parameters reach their function without the search for a route.

For each request, FastAPI compares the path with those of all routes, twice for routers that are included, and prepares
two stacks for dependencies that end after the response, in a tenth of a millisecond. The functions of most routes need
neither (``service.api.strict``).
"""

from collections.abc import Iterable

from fastapi import Request
from fastapi.routing import APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.strict import StrictRoute


class DirectRoutes:
    """Calls the functions of routes without parameters in their path; all other requests go to the router.

    Exceptions are those of the function, which the application around turns into problems.

    Args:
        router: the router of the application.
        routers: the routers that it includes, without a prefix.
    """

    def __init__(self, router: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self._router = router
        plain = [each for each in routers if not each.dependencies]
        routes = [route for each in plain for route in each.routes if isinstance(route, StrictRoute)]
        self._routes = {route.path: route for route in reversed(routes) if route.is_direct}
        self._handlers = {path: route.get_route_handler() for path, route in self._routes.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" and scope["method"] == "GET" else ""
        # a span of FastAPI's telemetry is named after the route that it selects
        if path not in self._routes or scope.get("root_path") or scope.get("fastapi.telemetry") is not None:
            return await self._router(scope, receive, send)
        scope["route"], scope["path_params"] = self._routes[path], {}
        response = await self._handlers[path](Request(scope, receive, send))
        await response(scope, receive, send)
        return None
