"""Routes of the HTTP API: the same searches and JSON as the command line, and the export formats."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

import orjson
from anyio import from_thread
from fastapi import APIRouter, Body, Depends, Path, Request
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from indexer.library import parse_library
from search.errors import IndexUnavailable, InvalidValue, PapersError, QueryStopped
from search.milvus import COLLECTION_SCHEME
from search.query.query import MAX_LIMIT, Query
from search.session import Session
from service import formats
from service.api.bodies import require_json
from service.api.dependencies import SearcherDependency
from service.api.guard.records import RequestRecord
from service.api.maps import MAP_DOCS, map_response
from service.api.negotiation import format_docs, negotiate_format
from service.api.overview_schemas import PeopleOut, ThemesOut, TrendsOut
from service.api.parameters import (
    AuthorsRequest,
    BatchRequest,
    MapRequest,
    PaperRequest,
    PeopleRequest,
    RecommendBody,
    ResultsRequest,
    SearchBody,
    SearchRequest,
    SimilarBody,
    SuggestRequest,
    ThemesRequest,
    TrendsRequest,
)
from service.api.problems import PROBLEM_RESPONSES, parameter_name, problem_from_error
from service.api.responses import ResponseBuilder
from service.api.schemas import (
    AuthorsOut,
    BatchOut,
    CitationsOut,
    PageOut,
    PaperOut,
    PartialPage,
    PartialPaper,
    SuggestionsOut,
)
from service.api.strict import StrictRoute
from service.formats import PAPER_FIELDS, Format, RenderOptions
from service.formats.opensearch import SUGGESTIONS_TYPE, suggestions_to_opensearch
from service.formats.render import SCHEMA_VERSION, authors_json, citations_json, people_json, suggestions_json
from service.formats.themes import themes_json
from service.formats.trends import trends_csv, trends_json

router = APIRouter(route_class=StrictRoute)
_ResponseDocs = dict[int | str, dict[str, Any]]


def _response_docs(model: Any, *without: int, cached: bool = False) -> _ResponseDocs:
    """Returns the OpenAPI responses of a route: all formats, and the problems other than ``without``."""
    responses: _ResponseDocs = {200: {"model": model, "description": "The result", "content": format_docs()}}
    if cached:
        responses[304] = {"description": "Not modified: If-None-Match contains the ETag"}
    return {**responses, **_problem_docs(*without)}


def _problem_docs(*without: int) -> _ResponseDocs:
    return {status: response for status, response in PROBLEM_RESPONSES.items() if status not in without}


_TRENDS_DOCS: dict[str, Any] = {
    "model": TrendsOut,
    "description": "The result",
    "content": {"text/csv": {"schema": {"type": "string"}}, "image/svg+xml": {"schema": {"type": "string"}}},
}
_PaperId = Annotated[str, Path(description="Any current or former ID", examples=["arxiv:2604.24432"])]
_SearchBody = Annotated[
    SearchBody,
    Body(
        openapi_examples={
            "plain text": {"value": {"q": "KV cache compression", "limit": 3}},
            "query syntax": {"value": {"q": 'au:zhou cat:cs.IR date:>=2026-01 "kv cache"'}},
            "filters": {"value": {"q": "recommendation", "author": ["Guorui Zhou"], "from": "2026-01", "facets": True}},
            "for a bibliography": {"value": {"category": ["cs.CL"], "sort": "newest", "format": "bibtex"}},
            "like and unlike": {"value": {"q": "cache", "like": ["arxiv:2604.24432"], "unlike": ["2412.14838"]}},
        }
    ),
]
_JSON_ONLY = [Depends(require_json)]
_BODY_STATUSES = (400, 413, 415)
"""Statuses of problems with a body."""


@router.get("/v1/search", responses=_response_docs(PageOut | PartialPage, *_BODY_STATUSES, cached=True))
def search(request: Request, searcher: SearcherDependency, params: Annotated[SearchRequest, Parameter()]) -> Response:
    """Papers relevant to a query; without ``q``, the papers that match the filters, newest first."""
    session, query = searcher.session(), _build_query(params, request)
    return _response_builder(request, session, params, query).page_response(lambda: session.ask(params.q, query))


@router.post("/v1/search", responses=_response_docs(PageOut | PartialPage), dependencies=_JSON_ONLY)
def search_body(request: Request, searcher: SearcherDependency, body: _SearchBody) -> Response:
    """The same search, with the parameters in a JSON object."""
    session, query = searcher.session(), _build_query(body, request)
    return _response_builder(request, session, body, query).page_response(lambda: session.ask(body.q, query))


@router.get(
    "/v1/papers/{paper_id:path}/similar", responses=_response_docs(PageOut | PartialPage, *_BODY_STATUSES, cached=True)
)
def similar(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, params: Annotated[ResultsRequest, Parameter()]
) -> Response:
    """Papers similar to a paper of the index, which is left out."""
    session, query = searcher.session(), _build_query(params, request)
    query = replace(query, like=(paper_id, *query.like))
    return _response_builder(request, session, params, query).page_response(lambda: session.search(query))


@router.get(
    "/v1/papers/{paper_id:path}/citations",
    responses={200: {"model": CitationsOut}, **_problem_docs(406, *_BODY_STATUSES)},
)
def citations(searcher: SearcherDependency, paper_id: _PaperId) -> Response:
    """The papers of the index that a paper cites, and those that cite it; of each the most cited first."""
    return Response(orjson.dumps(citations_json(searcher.citations(paper_id))), media_type="application/json")


@router.get(
    "/v1/papers/{paper_id:path}", responses=_response_docs(PaperOut | PartialPaper, *_BODY_STATUSES, cached=True)
)
def paper(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, params: Annotated[PaperRequest, Parameter()]
) -> Response:
    """One paper, by any current or former ID; an ID may contain slashes."""
    name = negotiate_format(params.format, request.headers.get("accept", ""))
    fields = formats.parse_fields(params.fields, name, PAPER_FIELDS)
    session = searcher.session()
    return ResponseBuilder(request, "", session.generation, name, fields, "").paper_response(
        lambda: session.paper(paper_id)
    )


@router.post("/v1/similar", responses=_response_docs(PageOut | PartialPage), dependencies=_JSON_ONLY)
def similar_text(request: Request, searcher: SearcherDependency, body: SimilarBody) -> Response:
    """Papers similar to a text; a paper whose abstract it is comes first, with ``exact_match``."""
    session = searcher.session()
    query = replace(_build_query(body, request), text=body.text, is_abstract=True)
    return _response_builder(request, session, body, query).page_response(lambda: session.search(query))


@router.post("/v1/recommend", responses=_response_docs(PageOut | PartialPage), dependencies=_JSON_ONLY)
def recommend(request: Request, searcher: SearcherDependency, body: RecommendBody) -> Response:
    """Papers near those of a library and not in it, each with the paper of the library that it is nearest to."""
    session = searcher.session()
    name = negotiate_format(body.format, request.headers.get("accept", ""))
    feed_key = body.model_dump_json(exclude={"limit", "format", "fields"}) if name == "atom" else ""
    fields = formats.parse_fields(body.fields, name)
    library = parse_library(session.snapshot, body.library)
    return ResponseBuilder(request, "", session.generation, name, fields, feed_key).page_response(
        lambda: session.recommend(library, filter=body.to_filter(), limit=body.limit)
    )


@router.post("/v1/batch", responses={200: {"model": BatchOut}, **_problem_docs(404, 406)}, dependencies=_JSON_ONLY)
def batch(request: Request, searcher: SearcherDependency, body: BatchRequest) -> Response:
    """Several searches of the same index generation; an invalid search has its problem in place of a page. A rate limit
    counts each search."""
    searches = [_validate_search(each) for each in body.searches]
    hits = sum(max(each.limit, 0) for each in searches if isinstance(each, SearchBody))
    if hits > MAX_LIMIT:
        raise InvalidValue("searches", f"{hits:,} hits", f"request at most {MAX_LIMIT:,} hits in total")
    record = RequestRecord.from_scope(request.scope)
    if record.take_tokens and len(searches) > 1:
        record.take_tokens(len(searches) - 1)
    session = searcher.session()
    results: list[orjson.Fragment] = []
    for each in searches:
        if results and record.yield_slot:
            from_thread.run(record.yield_slot)
        results.append(orjson.Fragment(_batch_result(request, session, each)))
    content = {"schema_version": SCHEMA_VERSION, "generation": session.generation, "results": results}
    return Response(orjson.dumps(content), media_type="application/json")


@router.get("/v1/trends", responses={200: _TRENDS_DOCS, **_problem_docs(406, *_BODY_STATUSES)})
def trends(searcher: SearcherDependency, params: Annotated[TrendsRequest, Parameter()]) -> Response:
    """The papers on each `q` by month or year, as numbers or as a chart: those that `sort=newest` lists."""
    found = searcher.session().trends(params.q, params.to_query(), per=params.per)
    if params.format == "svg":
        return Response(found.to_svg(params.measure), media_type="image/svg+xml")
    if params.format == "csv":
        headers = {"Content-Disposition": 'attachment; filename="trends.csv"'}
        return Response(trends_csv(found), media_type=formats.MEDIA_TYPES["csv"].content_type, headers=headers)
    return Response(orjson.dumps(trends_json(found)), media_type="application/json")


@router.get("/v1/authors", responses={200: {"model": AuthorsOut}, **_problem_docs(404, 406, *_BODY_STATUSES)})
def authors(searcher: SearcherDependency, params: Annotated[AuthorsRequest, Parameter()]) -> Response:
    """The variants of an author's name in the index, with the number of papers for each, and the people behind it."""
    session = searcher.session()
    with parameter_name("name"):
        match, persons = session.authors(params.name), session.persons(params.name)
    return Response(orjson.dumps(authors_json(match, persons)), media_type="application/json")


@router.get("/v1/map", responses={200: MAP_DOCS, **_problem_docs(406, *_BODY_STATUSES)})
def paper_map(searcher: SearcherDependency, params: Annotated[MapRequest, Parameter()]) -> Response:
    """The papers relevant to a query in two dimensions, as numbers or as a drawing; similar ones are close."""
    return map_response(searcher.map(params.q, params.to_query()), params.format)


@router.get("/v1/themes", responses={200: {"model": ThemesOut}, **_problem_docs(406, *_BODY_STATUSES)})
def themes(searcher: SearcherDependency, params: Annotated[ThemesRequest, Parameter()]) -> Response:
    """The papers relevant to a query in 5 to 12 themes, each labelled with words of its papers; the largest first."""
    found = searcher.themes(params.q, params.to_query())
    return Response(orjson.dumps(themes_json(found)), media_type="application/json")


@router.get("/v1/people", responses={200: {"model": PeopleOut}, **_problem_docs(406, *_BODY_STATUSES)})
def people(searcher: SearcherDependency, params: Annotated[PeopleRequest, Parameter()]) -> Response:
    """Who works on it: authors ranked by their papers relevant to ``q``, nearer and recent papers weighing more."""
    found = searcher.people(params.q, params.to_query(), limit=params.limit)
    return Response(orjson.dumps(people_json(found)), media_type="application/json")


_OPENSEARCH_DOCS = {SUGGESTIONS_TYPE: {"schema": {"type": "array", "items": {}}}}


@router.get(
    "/v1/suggest",
    responses={
        200: {"model": SuggestionsOut, "content": _OPENSEARCH_DOCS},
        **_problem_docs(404, 406, *_BODY_STATUSES),
    },
)
def suggest(searcher: SearcherDependency, params: Annotated[SuggestRequest, Parameter()]) -> Response:
    """Authors and categories that complete ``q``: each of its words begins a different word of the name."""
    found = searcher.suggest(params.q, params.limit)
    if params.format == "opensearch":
        return Response(orjson.dumps(suggestions_to_opensearch(params.q, found)), media_type=SUGGESTIONS_TYPE)
    return Response(orjson.dumps(suggestions_json(found)), media_type="application/json")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is running."""
    return {"status": "ok"}


@router.get("/readyz", responses=_problem_docs(404, 406, 422, *_BODY_STATUSES))
def readyz(searcher: SearcherDependency) -> dict[str, str]:
    """Searches are answered, from this index generation. If the published one cannot be opened, `problem` says why.

    An index in a folder answers from the generation that is open; a collection that cannot be read does not answer.
    """
    generation = searcher.session().generation
    if searcher.problem and str(searcher.directory).startswith(COLLECTION_SCHEME):
        raise IndexUnavailable(searcher.directory, searcher.problem.removeprefix(f"{searcher.directory}: "))
    if searcher.problem:
        return {"status": "degraded", "generation": generation, "problem": searcher.problem}
    return {"status": "ok", "generation": generation}


def _build_query(params: ResultsRequest, request: Request) -> Query:
    """Returns the query of a request; a feed is sorted by date unless ``sort`` is set."""
    is_feed = "sort" not in params.model_fields_set and _response_format(params, request) == "atom"
    return replace(params.to_query(), sort="newest") if is_feed else params.to_query()


def _response_format(params: ResultsRequest, request: Request) -> Format:
    return negotiate_format(params.format, request.headers.get("accept", ""))


def _response_builder(request: Request, session: Session, params: ResultsRequest, query: Query) -> ResponseBuilder:
    name = _response_format(params, request)
    text = params.q if isinstance(params, SearchRequest) else ""
    feed_key = ""
    if name == "atom":
        without_theme = set() if params.theme else {"theme"}  # the key of a feed is older than themes
        feed_key = params.model_dump_json(exclude={"cursor", "limit", "format", "fields", "facets"} | without_theme)
    today = date.today(), datetime.now(UTC).date()  # the text may contain dates relative to them
    query_key = f"{today}\n{text}\n{query!r}"
    fields = formats.parse_fields(params.fields, name)
    return ResponseBuilder(request, query_key, session.generation, name, fields, feed_key, query.sort == "added")


def _validate_search(fields: object) -> SearchBody | RequestValidationError:
    try:
        return SearchBody.model_validate(fields)
    except ValidationError as error:
        return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _batch_result(request: Request, session: Session, params: SearchBody | RequestValidationError) -> bytes:
    """Returns the page of one search of a batch, or its problem."""
    try:
        if isinstance(params, RequestValidationError):
            raise params
        if params.format not in (None, "json"):
            raise InvalidValue("format", params.format, "a batch returns json; omit it")
        fields = formats.parse_fields(params.fields, "json")
        return formats.render_page("json", session.ask(params.q, _build_query(params, request)), RenderOptions(fields))
    except QueryStopped:
        raise  # so are the searches that follow
    except (PapersError, RequestValidationError) as error:
        return orjson.dumps(problem_from_error(request, error).model_dump(exclude_none=True))
