"""HTTP: the same questions as the command line's, answered with the same JSON, and in the formats of other programs."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Depends, Path, Request
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from search.errors import InvalidValue, PapersError
from search.query.query import MAX_LIMIT, Query
from search.session import Session
from service import formats
from service.api.dependencies import SearcherDependency
from service.api.negotiation import negotiate_format
from service.api.problems import PROBLEM_RESPONSES, problem_from_error
from service.api.responses import ResponseBuilder
from service.api.schemas import (
    AuthorsOut,
    AuthorsRequest,
    BatchOut,
    BatchRequest,
    PageOut,
    PaperOut,
    PaperRequest,
    PartialPage,
    PartialPaper,
    ResultsRequest,
    SearchRequest,
    SimilarRequest,
    SuggestionsOut,
    SuggestRequest,
)
from service.api.strict import StrictRoute
from service.formats import MEDIA_TYPES, PAPER_FIELDS, Format, RenderOptions
from service.formats.render import SCHEMA_VERSION, authors_json, suggestions_json

router = APIRouter(route_class=StrictRoute)
_ResponseDocs = dict[int | str, dict[str, Any]]


async def _require_json(request: Request) -> None:
    """
    Raises:
        HTTPException: 415, the body is something else than JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(415, f"a body of {kind[:60]!r}; send JSON, and say so: Content-Type: application/json")


def _response_docs(model: Any, *without: int, cached: bool = False) -> _ResponseDocs:
    """The answers of a route for the OpenAPI: in all formats, and what can go wrong."""
    text = {
        _media_type(name): {"schema": {"type": "string"}}
        for name in formats.FORMATS
        if name not in ("json", "csl-json")
    }
    listed = {_media_type("csl-json"): {"schema": {"type": "array", "items": {"type": "object"}}}}
    answers: _ResponseDocs = {200: {"model": model, "description": "The answer", "content": {**text, **listed}}}
    if cached:
        answers[304] = {"description": "The client holds this answer: its If-None-Match has the ETag"}
    return {**answers, **_problem_docs(*without)}


def _problem_docs(*without: int) -> _ResponseDocs:
    return {status: described for status, described in PROBLEM_RESPONSES.items() if status not in without}


def _media_type(name: Format) -> str:
    return MEDIA_TYPES[name].content_type.partition(";")[0]


_PaperId = Annotated[str, Path(description="Any id it has or ever had", examples=["arxiv:2604.24432"])]
_SearchBody = Annotated[
    SearchRequest,
    Body(
        openapi_examples={
            "words": {"value": {"q": "KV cache compression", "limit": 3}},
            "one box": {"value": {"q": 'au:zhou cat:cs.IR date:>=2026-01 "kv cache"'}},
            "narrowed": {
                "value": {"q": "recommendation", "author": ["Guorui Zhou"], "from": "2026-01", "facets": True}
            },
            "for a bibliography": {"value": {"category": ["cs.CL"], "sort": "newest", "format": "bibtex"}},
            "near and far": {"value": {"q": "cache", "like": ["arxiv:2604.24432"], "unlike": ["2412.14838"]}},
        }
    ),
]
_JSON_ONLY = [Depends(_require_json)]
_BODY_STATUSES = (400, 413, 415)
"""What only a body can do wrong."""


@router.get("/v1/search", responses=_response_docs(PageOut | PartialPage, *_BODY_STATUSES, cached=True))
def search(request: Request, searcher: SearcherDependency, params: Annotated[SearchRequest, Parameter()]) -> Response:
    """Papers that answer a question in plain words; without one, what passes the filters, newest first."""
    session, query = searcher.session(), _build_query(params, request)
    return _response_builder(request, session, params, query).page_response(lambda: session.ask(params.q, query))


@router.post("/v1/search", responses=_response_docs(PageOut | PartialPage), dependencies=_JSON_ONLY)
def search_body(request: Request, searcher: SearcherDependency, body: _SearchBody) -> Response:
    """The same with the names in a JSON object."""
    session, query = searcher.session(), _build_query(body, request)
    return _response_builder(request, session, body, query).page_response(lambda: session.ask(body.q, query))


@router.get(
    "/v1/papers/{paper_id:path}/similar", responses=_response_docs(PageOut | PartialPage, *_BODY_STATUSES, cached=True)
)
def similar(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, params: Annotated[ResultsRequest, Parameter()]
) -> Response:
    """Papers near one that the index holds, which is left out."""
    session, query = searcher.session(), _build_query(params, request)
    query = replace(query, like=(paper_id, *query.like))
    return _response_builder(request, session, params, query).page_response(lambda: session.search(query))


@router.get(
    "/v1/papers/{paper_id:path}", responses=_response_docs(PaperOut | PartialPaper, *_BODY_STATUSES, cached=True)
)
def paper(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, params: Annotated[PaperRequest, Parameter()]
) -> Response:
    """One paper, by any id it has or ever had; an id may hold slashes."""
    name = negotiate_format(params.format, request.headers.get("accept", ""))
    fields = formats.parse_fields(params.fields, name, PAPER_FIELDS)
    session = searcher.session()
    return ResponseBuilder(request, "", session.generation, name, fields, "").paper_response(
        lambda: session.paper(paper_id)
    )


@router.post("/v1/similar", responses=_response_docs(PageOut | PartialPage), dependencies=_JSON_ONLY)
def similar_text(request: Request, searcher: SearcherDependency, body: SimilarRequest) -> Response:
    """Papers near a pasted abstract; one that the index holds comes first, marked ``same``."""
    session = searcher.session()
    query = replace(_build_query(body, request), text=body.text, is_abstract=True)
    return _response_builder(request, session, body, query).page_response(lambda: session.search(query))


@router.post("/v1/batch", responses={200: {"model": BatchOut}, **_problem_docs(404, 406)}, dependencies=_JSON_ONLY)
def batch(request: Request, searcher: SearcherDependency, body: BatchRequest) -> Response:
    """Several questions, all answered from one generation; one that is refused has its problem in its place."""
    asked = [_validate_search(each) for each in body.searches]
    hits = sum(max(each.limit, 0) for each in asked if isinstance(each, SearchRequest))
    if hits > MAX_LIMIT:
        raise InvalidValue("searches", f"{hits:,} hits", f"at most {MAX_LIMIT:,} together; ask for fewer, or for less")
    session = searcher.session()
    answers = [orjson.Fragment(_batch_result(request, session, each)) for each in asked]
    content = {"schema_version": SCHEMA_VERSION, "generation": session.generation, "results": answers}
    return Response(orjson.dumps(content), media_type="application/json")


@router.get("/v1/authors", responses={200: {"model": AuthorsOut}, **_problem_docs(404, 406, *_BODY_STATUSES)})
def authors(searcher: SearcherDependency, params: Annotated[AuthorsRequest, Parameter()]) -> Response:
    """The variants of a name that papers have, with how many papers each."""
    return Response(orjson.dumps(authors_json(searcher.authors(params.name))), media_type="application/json")


@router.get("/v1/suggest", responses={200: {"model": SuggestionsOut}, **_problem_docs(404, 406, *_BODY_STATUSES)})
def suggest(searcher: SearcherDependency, params: Annotated[SuggestRequest, Parameter()]) -> Response:
    """Authors and categories of whose names each word of ``q`` begins another word, while someone types."""
    suggestions = suggestions_json(searcher.suggest(params.q, params.limit))
    return Response(orjson.dumps(suggestions), media_type="application/json")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=_problem_docs(404, 406, 422, *_BODY_STATUSES))
def readyz(searcher: SearcherDependency) -> dict[str, str]:
    """Questions are answered."""
    return {"status": "ok", "generation": searcher.session().generation}


def _build_query(params: ResultsRequest, request: Request) -> Query:
    """A feed is the newest first."""
    feed = "sort" not in params.model_fields_set and _response_format(params, request) == "atom"
    return replace(params.to_query(), sort="newest") if feed else params.to_query()


def _response_format(params: ResultsRequest, request: Request) -> Format:
    return negotiate_format(params.format, request.headers.get("accept", ""))


def _response_builder(request: Request, session: Session, params: ResultsRequest, query: Query) -> ResponseBuilder:
    name = _response_format(params, request)
    words = params.q if isinstance(params, SearchRequest) else ""
    said = params.model_dump_json(exclude={"cursor", "limit", "format", "fields", "facets"}) if name == "atom" else ""
    meant = f"{date.today()}\n{words}\n{query!r}"  # what the words say of days counts from today
    return ResponseBuilder(request, meant, session.generation, name, formats.parse_fields(params.fields, name), said)


def _validate_search(fields: object) -> SearchRequest | RequestValidationError:
    try:
        return SearchRequest.model_validate(fields)
    except ValidationError as error:
        return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _batch_result(request: Request, session: Session, params: SearchRequest | RequestValidationError) -> bytes:
    """One answer of a batch, or the problem in its place."""
    try:
        if isinstance(params, RequestValidationError):
            raise params
        if params.format not in (None, "json"):
            raise InvalidValue("format", params.format, "a batch is answered in json; leave it out")
        fields = formats.parse_fields(params.fields, "json")
        return formats.render_page("json", session.ask(params.q, _build_query(params, request)), RenderOptions(fields))
    except (PapersError, RequestValidationError) as error:
        return orjson.dumps(problem_from_error(request, error).model_dump(exclude_none=True))
