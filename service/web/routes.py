"""The routes of the page."""

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
from service.api.problems import problem_from_error
from service.api.schemas import PageParams, Problem
from service.api.strict import StrictRoute
from service.web.assets import load_assets
from service.web.author import author_page
from service.web.paper import paper_page
from service.web.results import problem_page, results_page
from service.web.start import help_page, start_page
from service.web.urls import PageUrl

_IMMUTABLE = "public, max-age=31536000, immutable"
_NON_PAGE_PREFIXES = ("/v1", "/mcp", "/metrics", "/openapi.json", "/healthz", "/readyz")
_RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class _PageRoute(StrictRoute):
    """A route whose refusals are pages, with the status that the API would give."""

    def get_route_handler(self) -> _RouteHandler:
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except (PapersError, RequestValidationError, HTTPException) as error:
                problem = problem_from_error(request, error)
                return _html_response(problem_page(PageUrl.from_request(request), problem), problem.status)

        return answered


def problem_as_page(request: Request, problem: Problem) -> Response | None:
    """A problem as a page; None for those who do not read pages, and at doors that have none."""
    door = "/" + request.scope["path"].split("/")[1]
    if door in _NON_PAGE_PREFIXES or not prefers_html(request.headers.get("accept", "")):
        return None
    return _html_response(problem_page(PageUrl.from_request(request), problem), problem.status)


class SearchPageRequest(PageParams):
    """What the page is asked."""

    q: str = ""


class AuthorPageRequest(BaseModel):
    """Whose papers, without which variants of the name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    not_author: list[str] = Field([])
    cursor: str = ""


router = APIRouter(route_class=_PageRoute, include_in_schema=False)


@router.get("/")
def results(
    request: Request, searcher: SearcherDependency, asked: Annotated[SearchPageRequest, Parameter()]
) -> Response:
    """The papers that answer; where nothing is asked, how to ask."""
    address = PageUrl.from_request(request)
    if not address.params:
        return _html_response(start_page(searcher.session()))
    return _html_response(results_page(searcher.session(), address, asked.q, asked.to_query()))


@router.get("/paper/{paper_id:path}")
def paper(searcher: SearcherDependency, paper_id: str) -> Response:
    """One paper, by any id it has or ever had."""
    return _html_response(paper_page(searcher.session(), paper_id))


@router.get("/author")
def author(
    request: Request, searcher: SearcherDependency, asked: Annotated[AuthorPageRequest, Parameter()]
) -> Response:
    """An author's papers."""
    query = Query(filter=Filter.parse([asked.name], asked.not_author), cursor=asked.cursor)
    return _html_response(author_page(searcher.session(), PageUrl.from_request(request), query))


@router.get("/help")
def help_(searcher: SearcherDependency) -> Response:
    """What the box reads."""
    return _html_response(help_page(searcher.session()))


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A style sheet, script or picture; one that is asked for by the hash of its content never changes."""
    asset = load_assets().get(name)
    if asset is None:
        raise HTTPException(404, f"there is no file {name!r}")
    kept = _IMMUTABLE if request.query_params.get("v") == asset.version else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})


def _html_response(page: str, status: int = 200) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status)
