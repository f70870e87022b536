"""Responses of the page: HTML, redirects, and problems as HTML pages."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from search.errors import PapersError
from service.api.negotiation import prefers_html
from service.api.problems import problem_from_error
from service.api.schemas import Problem
from service.api.strict import StrictRoute
from service.web.problem import problem_page
from service.web.urls import PageUrl

_NON_PAGE_PREFIXES = ("/v1", "/mcp", "/metrics", "/openapi.json", "/healthz", "/readyz")
"""Path prefixes whose errors are never HTML."""
NOTICE_COOKIE = "papers_notice"
"""Name of the cookie that takes the notice of a form to the next page, which deletes it."""
_NOTICE_SECONDS = 60
"""Seconds until a notice is out of date that no page has shown."""
_MAX_NOTICE_LENGTH = 300
"""Most characters of a notice; in UTF-8 and percent-encoded, each may take 12 bytes of the 4,096 of a cookie."""
_RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(StrictRoute):
    """A route whose errors are HTML pages, with the status that the API returns."""

    def get_route_handler(self) -> _RouteHandler:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except (PapersError, RequestValidationError, HTTPException) as error:
                problem = problem_from_error(request, error)
                return html_response(problem_page(PageUrl.from_request(request), problem), problem.status)

        return handle


def problem_as_page(request: Request, problem: Problem) -> Response | None:
    """Renders a problem as HTML; returns None for clients that prefer other formats and for paths of the API."""
    prefix = "/" + request.scope["path"].removeprefix("/").partition("/")[0]
    if prefix in _NON_PAGE_PREFIXES or not prefers_html(request.headers.get("accept", "")):
        return None
    return html_response(problem_page(PageUrl.from_request(request), problem), problem.status)


def html_response(page: str, status: int = 200) -> Response:
    """Returns a page."""
    return HTMLResponse(page.encode("utf-8", "replace"), status)


def see_other(url: str, notice: str = "") -> Response:
    """Returns the redirect that follows a form: reloading the page does not submit the form again.

    Args:
        url: the next page.
        notice: what that page says of the form.
    """
    response = RedirectResponse(url, 303)
    if notice:
        text = quote(notice[:_MAX_NOTICE_LENGTH])
        response.set_cookie(NOTICE_COOKIE, text, max_age=_NOTICE_SECONDS, httponly=True, samesite="strict")
    return response
