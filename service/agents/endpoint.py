"""Endpoint: MCP over HTTP at /mcp. The first request loads the MCP library, which takes a third of the time in which a
server starts, and most servers never need it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup, TaskStatus
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from search.searcher import Searcher
from service.api.problems import error_response

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


def mount(app: Starlette, *, origins: Sequence[str] = (), max_body: int = 1_000_000) -> None:
    """Adds POST /mcp to an application that has a ``state.searcher`` and whose guard checks Host.

    The endpoint is stateless and every response is one JSON object, so any worker can handle any request.

    Args:
        app: the application.
        origins: other origins whose web pages may send requests.
        max_body: most bytes of a request body.
    """
    inner_lifespan = app.router.lifespan_context
    endpoint = _Endpoint(frozenset(origins), max_body, lambda: app.state.searcher)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with inner_lifespan(app) as state, endpoint.run():
            yield state or {}

    app.router.lifespan_context = lifespan
    app.router.routes.append(Route(endpoint.path, endpoint, methods=["POST"]))


class _Endpoint:
    """The ASGI endpoint of /mcp; the session manager runs from the first request until the application ends.

    Args:
        origins: other origins whose web pages may send requests.
        max_body: most bytes of a request body.
        get_searcher: called with each tool call.

    Attributes:
        path: the path of the endpoint.
    """

    path = "/mcp"

    def __init__(self, origins: frozenset[str], max_body: int, get_searcher: Callable[[], Searcher]) -> None:
        self._origins, self._max_body, self._get_searcher = origins, max_body, get_searcher
        self._tasks: TaskGroup
        self._loading = anyio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # its path is the route in logs and metrics, as FastAPI sets it for its routes
        headers = Headers(scope=scope)
        if not self._is_origin_allowed(headers.get("origin"), headers.get("host", "")):
            detail = "cross-origin request refused; add the origin to PAPERS_ORIGINS"
            return await error_response(scope, 403, detail)(scope, receive, send)
        manager = self._manager or await self._start_manager()
        return await manager.handle_request(scope, receive, send)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Handles requests while the context is open; they may not come at another time."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            yield
            tasks.cancel_scope.cancel()
        self._manager = None

    async def _start_manager(self) -> "StreamableHTTPSessionManager":
        async with self._loading:
            if self._manager is None:
                module = await to_thread.run_sync(import_module, "service.agents.mcp")
                manager = module.create_manager(self._get_searcher, self._max_body)
                self._manager = await self._tasks.start(_run_manager, manager)
        return self._manager

    def _is_origin_allowed(self, origin: str | None, host: str) -> bool:
        """Returns whether a request comes from no web page, from our own, or from one of an allowed origin."""
        is_same_origin = origin is None or origin.partition("://")[2].casefold() == host.casefold()
        return is_same_origin or origin in self._origins or "*" in self._origins


async def _run_manager(
    manager: "StreamableHTTPSessionManager", *, task_status: "TaskStatus[StreamableHTTPSessionManager]"
) -> None:
    async with manager.run():
        task_status.started(manager)
        await anyio.sleep_forever()
