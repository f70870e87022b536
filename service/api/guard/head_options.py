"""HEAD for every route with GET, and OPTIONS (RFC 9110, sections 9.3.2 and 9.3.7)."""

from collections.abc import Sequence

from fastapi.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.methods import SERVER_METHODS, allowed_methods
from service.api.problems import error_response, not_found_detail


class HeadAndOptions:
    """Runs HEAD requests as GET without sending the body, and responds to OPTIONS.

    Args:
        app: called with all other requests.
        routes: routes of the application.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "OPTIONS":
            return await self._options_response(scope)(scope, receive, send)
        if not scope["path"].startswith("/"):
            detail = f"invalid request target {scope['path'][:60]!r}: it must be a path that starts with /"
            return await error_response(scope, 400, detail)(scope, receive, send)
        if scope["method"] == "HEAD":
            return await self._handle_head(scope, receive, send)
        return await self._app(scope, receive, send)

    def _options_response(self, scope: Scope) -> Response:
        path = scope["path"]
        methods = SERVER_METHODS if path == "*" else allowed_methods(self._routes, path)
        if not methods:
            return error_response(scope, 404, not_found_detail(path))
        return Response(status_code=204, headers={"Allow": ", ".join(methods)})

    async def _handle_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        get_scope = {**scope, "method": "GET"}  # a copy: the server must still see HEAD
        try:
            await self._app(get_scope, receive, send_without_body)
        finally:
            if "route" in get_scope:
                scope["route"] = get_scope["route"]  # for the log and the metrics
