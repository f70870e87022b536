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
from service.api.negotiation import reads_pages
from service.api.problems import problem_of
from service.api.schemas import Filters, Problem
from service.api.strict import StrictRoute
from service.web.address import Address
from service.web.answer import answer_page, refused_page
from service.web.assets import assets
from service.web.author import author_page
from service.web.paper import paper_page
from service.web.start import help_page, start_page

_FOR_GOOD = "public, max-age=31536000, immutable"
_WITHOUT_PAGES = ("/v1", "/mcp", "/metrics", "/openapi.json", "/healthz", "/readyz")
_Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class _Page(StrictRoute):
    """A route whose refusals are pages, with the status that the API would give."""

    def get_route_handler(self) -> _Answer:
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except (PapersError, RequestValidationError, HTTPException) as error:
                problem = problem_of(request, error)
                return _html(refused_page(Address.of(request), problem), problem.status)

        return answered


def refusal(request: Request, problem: Problem) -> Response | None:
    """A problem as a page; None for those who do not read pages, and at doors that have none."""
    door = "/" + request.scope["path"].split("/")[1]
    if door in _WITHOUT_PAGES or not reads_pages(request.headers.get("accept", "")):
        return None
    return _html(refused_page(Address.of(request), problem), problem.status)


class Question(Filters):
    """What the page is asked."""

    q: str = ""


class AuthorRequest(BaseModel):
    """Whose papers, without which variants of the name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    not_author: list[str] = Field([])
    cursor: str = ""


router = APIRouter(route_class=_Page, include_in_schema=False)


@router.get("/")
def answer(request: Request, searcher: SearcherDependency, asked: Annotated[Question, Parameter()]) -> Response:
    """The papers that answer; where nothing is asked, how to ask."""
    address = Address.of(request)
    if not address.pairs:
        return _html(start_page(searcher.session()))
    return _html(answer_page(searcher.session(), address, asked.q, asked.query()))


@router.get("/paper/{paper_id:path}")
def paper(searcher: SearcherDependency, paper_id: str) -> Response:
    """One paper, by any id it has or ever had."""
    return _html(paper_page(searcher.session(), paper_id))


@router.get("/author")
def author(request: Request, searcher: SearcherDependency, asked: Annotated[AuthorRequest, Parameter()]) -> Response:
    """An author's papers."""
    query = Query(filter=Filter.parse([asked.name], asked.not_author), cursor=asked.cursor)
    return _html(author_page(searcher.session(), Address.of(request), query))


@router.get("/help")
def help_(searcher: SearcherDependency) -> Response:
    """What the box reads."""
    return _html(help_page(searcher.session()))


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A style sheet, script or picture; one that is asked for by the hash of its content never changes."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, f"there is no file {name!r}")
    kept = _FOR_GOOD if request.query_params.get("v") == asset.version else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})


def _html(page: str, status: int = 200) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status)
