"""Routes of the web page."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from search.errors import PapersError
from search.query.filter import Filter
from search.query.query import Query
from service.api.dependencies import SearcherDependency
from service.api.negotiation import prefers_html
from service.api.parameters import PageParams
from service.api.problems import problem_from_error
from service.api.schemas import Problem
from service.api.strict import StrictRoute
from service.web.assets import load_assets
from service.web.author import author_page
from service.web.paper import paper_page
from service.web.problem import problem_page
from service.web.results import results_page
from service.web.start import help_page, start_page
from service.web.urls import PageUrl

_IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of assets under a URL that contains the hash of their content."""
_NON_PAGE_PREFIXES = ("/v1", "/mcp", "/metrics", "/openapi.json", "/healthz", "/readyz")
"""Path prefixes whose errors are never HTML."""
_RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class _PageRoute(StrictRoute):
    """A route whose errors are HTML pages, with the status that the API returns."""

    def get_route_handler(self) -> _RouteHandler:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except (PapersError, RequestValidationError, HTTPException) as error:
                problem = problem_from_error(request, error)
                return _html_response(problem_page(PageUrl.from_request(request), problem), problem.status)

        return handle


def problem_as_page(request: Request, problem: Problem) -> Response | None:
    """Renders a problem as HTML; returns None for clients that prefer other formats and for paths of the API."""
    prefix = "/" + request.scope["path"].removeprefix("/").partition("/")[0]
    if prefix in _NON_PAGE_PREFIXES or not prefers_html(request.headers.get("accept", "")):
        return None
    return _html_response(problem_page(PageUrl.from_request(request), problem), problem.status)


class SearchPageRequest(PageParams):
    """Parameters of the results page."""

    q: str = ""


class AuthorPageRequest(BaseModel):
    """Parameters of the author page.

    Attributes:
        name: the author; a missing name is as invalid as an empty one.
        not_author: spellings to exclude.
        cursor: the cursor of a later page.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    not_author: list[str] = Field([])
    cursor: str = ""


router = APIRouter(route_class=_PageRoute, include_in_schema=False)


@router.get("/")
def results(
    request: Request, searcher: SearcherDependency, params: Annotated[SearchPageRequest, Parameter()]
) -> Response:
    """The results page, or the start page without parameters."""
    url = PageUrl.from_request(request)
    if not url.params:
        return _html_response(start_page(searcher.session()))
    return _html_response(results_page(searcher.session(), url, params.q, params.to_query()))


@router.get("/paper/{paper_id:path}")
def paper(searcher: SearcherDependency, paper_id: str) -> Response:
    """The page of the paper that has, or ever had, this ID."""
    return _html_response(paper_page(searcher.session(), paper_id))


@router.get("/author")
def author(
    request: Request, searcher: SearcherDependency, params: Annotated[AuthorPageRequest, Parameter()]
) -> Response:
    """The page of an author."""
    query = Query(filter=Filter.parse([params.name], params.not_author), cursor=params.cursor)
    return _html_response(author_page(searcher.session(), PageUrl.from_request(request), query))


@router.get("/help")
def help_(searcher: SearcherDependency) -> Response:
    """The page on the search syntax."""
    return _html_response(help_page(searcher.session()))


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A style sheet, script or image; immutable if the URL contains the hash of its content."""
    asset = load_assets().get(name)
    if asset is None:
        raise HTTPException(404, f"there is no file {name!r}")
    cache_control = _IMMUTABLE if request.query_params.get("v") == asset.version else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": cache_control})


def _html_response(page: str, status: int = 200) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status)
