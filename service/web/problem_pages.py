"""Problems of the guard as pages: a browser that is refused gets HTML, with the status and headers of the API."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.schemas import Problem
from service.web.responses import problem_as_page


class ProblemPages:
    """Replaces the problems that an application sends to browsers by pages.

    Args:
        app: the application inside the guard, which refuses requests before they have a route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD":
            return await self._app(scope, receive, send)
        start: Message | None = None
        body = b""

        async def replacing_send(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await _send_page(scope, start, body, send)

        return await self._app(scope, receive, replacing_send)


def _is_problem(start: Message) -> bool:
    return (b"content-type", b"application/problem+json") in start.get("headers", ())


async def _send_page(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    """Sends a problem, as a page if the client prefers that."""
    try:
        page = problem_as_page(Request(scope), Problem.model_validate_json(body))
    except ValueError:  # the Host header was refused, so that the request has no URL
        page = None
    if page:
        body = bytes(page.body)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-type"], headers["content-length"] = page.headers["content-type"], str(len(body))
        start = {**start, "headers": headers.raw}
    await send(start)
    await send({"type": "http.response.body", "body": body})
