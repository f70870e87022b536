"""Routes of the web page."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from search.query.filter import Filter
from search.query.query import Query
from search.trends.periods import Per
from search.trends.trends import Measure
from service.api.parameters import PageParams
from service.formats.opensearch import DESCRIPTION_TYPE, render_description
from service.web.api_docs import api_docs_page
from service.web.assets import asset_url, load_assets
from service.web.author import AUTHOR_PAGE_SIZE, author_page
from service.web.detail import Detail, read_detail, remember_detail
from service.web.maps import answer_map_page, list_map_page
from service.web.pagination import with_offset
from service.web.paper import paper_page
from service.web.people import people_page
from service.web.place import place_fragment
from service.web.responses import PageRoute, html_response
from service.web.results import results_page
from service.web.start import help_page, start_page
from service.web.themes import themes_page
from service.web.trends import trends_page
from service.web.urls import PageUrl
from service.web.viewer import ViewerDependency

_IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of assets under a URL that contains the hash of their content."""


class SearchPageRequest(PageParams):
    """Parameters of the results page.

    Attributes:
        q: the text of the search box.
        page: the page of the answer, from 1.
        show: how much of each paper to show, here and until another choice; None for the last choice.
    """

    q: str = ""
    page: int = Field(1, ge=1)
    show: Detail | None = None

    def to_query(self) -> Query:
        """Returns the query of the page without its text.

        Raises:
            InvalidValue: see ``PageParams.to_query``; the page begins after MAX_OFFSET hits.
        """
        query = super().to_query()
        return query if query.cursor else with_offset(query, self.page)


class MapPageRequest(SearchPageRequest):
    """Parameters of the map page: those of the results page, of which the order does not matter here.

    Attributes:
        list: the list whose papers are on the map; empty for those of an answer.
    """

    list: str = ""


class TrendsPageRequest(PageParams):
    """Parameters of the trends page: those of the results page with several questions, and what the chart shows."""

    q: list[str] = Field([])
    per: Per | None = None
    measure: Measure | None = None


class PeoplePageRequest(SearchPageRequest):
    """Parameters of the page of people: those of the results page, of which the order does not matter here.

    Attributes:
        more: whether to show more authors.
    """

    more: bool = False


class AuthorPageRequest(BaseModel):
    """Parameters of the author page.

    Attributes:
        name: the author; a missing name is as invalid as an empty one.
        person: a paper of one of several people with the name, to see only the papers of this person.
        not_author: spellings to exclude.
        page: the page of the papers, from 1.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    person: str = ""
    not_author: list[str] = Field([])
    page: int = Field(1, ge=1)

    def to_query(self) -> Query:
        """Returns the query of the page.

        Raises:
            InvalidValue: see ``Filter.parse``; the page begins after MAX_OFFSET papers.
        """
        author = f"{self.name} @ {self.person}" if self.person else self.name
        return with_offset(Query(filter=Filter.parse([author], self.not_author), limit=AUTHOR_PAGE_SIZE), self.page)


router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def results(request: Request, viewer: ViewerDependency, params: Annotated[SearchPageRequest, Parameter()]) -> Response:
    """The results page, or the start page without parameters."""
    url = PageUrl.from_request(request)
    if not url.params:
        with viewer.access.state.shared_read():
            return viewer.respond(start_page(viewer))
    detail = params.show or read_detail(request)
    with viewer.access.state.shared_read():
        response = viewer.respond(results_page(viewer, url, params.q, params.to_query(), detail))
    if params.show:
        remember_detail(response, params.show)
    return response


@router.get("/themes")
def themes(request: Request, viewer: ViewerDependency, params: Annotated[SearchPageRequest, Parameter()]) -> Response:
    """The themes of an answer."""
    return viewer.respond(themes_page(viewer, PageUrl.from_request(request), params.q, params.to_query()))


@router.get("/trends")
def trends(request: Request, viewer: ViewerDependency, params: Annotated[TrendsPageRequest, Parameter()]) -> Response:
    """The trends of one or several questions."""
    url = PageUrl.from_request(request)
    return viewer.respond(trends_page(viewer, url, params.to_query(), params.per, params.measure))


@router.get("/map")
def paper_map(request: Request, viewer: ViewerDependency, params: Annotated[MapPageRequest, Parameter()]) -> Response:
    """The map of an answer or of a list."""
    if params.list:
        return viewer.respond(list_map_page(viewer, params.list))
    return viewer.respond(answer_map_page(viewer, PageUrl.from_request(request), params.q, params.to_query()))


@router.get("/paper/{paper_id:path}")
def paper(viewer: ViewerDependency, paper_id: str) -> Response:
    """The page of the paper that has, or ever had, this ID."""
    return viewer.respond(paper_page(viewer, paper_id))


@router.get("/paper-theme")
def paper_theme(viewer: ViewerDependency, paper_id: Annotated[str, Parameter(alias="id")]) -> Response:
    """The part of a paper's page that shows its theme."""
    return viewer.respond(place_fragment(viewer, paper_id))


@router.get("/author")
def author(request: Request, viewer: ViewerDependency, params: Annotated[AuthorPageRequest, Parameter()]) -> Response:
    """The page of an author."""
    viewer.apply_corrections()
    return viewer.respond(author_page(viewer, PageUrl.from_request(request), params.name, params.to_query()))


@router.get("/people")
def people(request: Request, viewer: ViewerDependency, params: Annotated[PeoplePageRequest, Parameter()]) -> Response:
    """The people who work on the topic of a query."""
    url = PageUrl.from_request(request)
    return viewer.respond(people_page(viewer, url, params.q, params.to_query(), more=params.more))


@router.get("/help")
def help_(viewer: ViewerDependency) -> Response:
    """The page on the search syntax."""
    return viewer.respond(help_page(viewer))


@router.get("/docs")
def docs(request: Request) -> Response:
    """The description of the HTTP API."""
    return html_response(api_docs_page(request.app.openapi(), str(request.base_url)))


@router.get("/opensearch.xml")
def opensearch(request: Request, viewer: ViewerDependency) -> Response:
    """The description with which browsers add this server as a search engine."""
    papers = viewer.session.search(Query(limit=0)).total
    description = render_description(str(request.base_url), asset_url("icon.svg"), papers)
    return Response(description, media_type=DESCRIPTION_TYPE, headers={"Cache-Control": "no-cache"})


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A style sheet, script or image; immutable if the URL contains the hash of its content."""
    asset = load_assets().get(name)
    if asset is None:
        raise HTTPException(404, f"there is no file {name!r}")
    cache_control = _IMMUTABLE if request.query_params.get("v") == asset.version else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": cache_control})
