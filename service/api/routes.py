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
from service.api.negotiation import negotiated
from service.api.problems import PROBLEMS, problem_of
from service.api.responses import Asking
from service.api.schemas import (
    AuthorsOut,
    AuthorsRequest,
    BatchOut,
    BatchRequest,
    FilterRequest,
    PageOut,
    PaperOut,
    PaperRequest,
    SearchRequest,
    SimilarRequest,
    SomeOfPageOut,
    SomeOfPaperOut,
    SuggestionsOut,
    SuggestRequest,
)
from service.api.strict import StrictRoute
from service.formats import MEDIA, PAPER_FIELDS, Format, Wanted
from service.formats.render import SCHEMA_VERSION, authors_json, suggestions_json

router = APIRouter(route_class=StrictRoute)
_Described = dict[int | str, dict[str, Any]]


async def _json_alone(request: Request) -> None:
    """
    Raises:
        HTTPException: 415, the body is something else than JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(415, f"a body of {kind[:60]!r}; send JSON, and say so: Content-Type: application/json")


def _described(model: Any, *without: int, cached: bool = False) -> _Described:
    """The answers of a route for the OpenAPI: in all formats, and what can go wrong."""
    text = {_kind(name): {"schema": {"type": "string"}} for name in formats.FORMATS if name not in ("json", "csl-json")}
    listed = {_kind("csl-json"): {"schema": {"type": "array", "items": {"type": "object"}}}}
    answers: _Described = {200: {"model": model, "description": "The answer", "content": {**text, **listed}}}
    if cached:
        answers[304] = {"description": "The client holds this answer: its If-None-Match has the ETag"}
    return {**answers, **_refusals(*without)}


def _refusals(*without: int) -> _Described:
    return {status: described for status, described in PROBLEMS.items() if status not in without}


def _kind(name: Format) -> str:
    return MEDIA[name].type.partition(";")[0]


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
_JSON = [Depends(_json_alone)]
_BODY = (400, 413, 415)
"""What only a body can do wrong."""


@router.get("/v1/search", responses=_described(PageOut | SomeOfPageOut, *_BODY, cached=True))
def search(request: Request, searcher: SearcherDependency, asked: Annotated[SearchRequest, Parameter()]) -> Response:
    """Papers that answer a question in plain words; without one, what passes the filters, newest first."""
    session, query = searcher.session(), _query(asked, request)
    return _asking(request, session, asked, query).answered(lambda: session.ask(asked.q, query))


@router.post("/v1/search", responses=_described(PageOut | SomeOfPageOut), dependencies=_JSON)
def search_body(request: Request, searcher: SearcherDependency, body: _SearchBody) -> Response:
    """The same with the names in a JSON object."""
    session, query = searcher.session(), _query(body, request)
    return _asking(request, session, body, query).answered(lambda: session.ask(body.q, query))


@router.get("/v1/papers/{paper_id:path}/similar", responses=_described(PageOut | SomeOfPageOut, *_BODY, cached=True))
def similar(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, asked: Annotated[FilterRequest, Parameter()]
) -> Response:
    """Papers near one that the index holds, which is left out."""
    session, query = searcher.session(), _query(asked, request)
    query = replace(query, like=(paper_id, *query.like))
    return _asking(request, session, asked, query).answered(lambda: session.search(query))


@router.get("/v1/papers/{paper_id:path}", responses=_described(PaperOut | SomeOfPaperOut, *_BODY, cached=True))
def paper(
    request: Request, searcher: SearcherDependency, paper_id: _PaperId, asked: Annotated[PaperRequest, Parameter()]
) -> Response:
    """One paper, by any id it has or ever had; an id may hold slashes."""
    name = negotiated(asked.format, request.headers.get("accept", ""))
    fields = formats.fields_of(asked.fields, name, PAPER_FIELDS)
    session = searcher.session()
    return Asking(request, "", session.generation, name, fields, "").shown(lambda: session.paper(paper_id))


@router.post("/v1/similar", responses=_described(PageOut | SomeOfPageOut), dependencies=_JSON)
def similar_text(request: Request, searcher: SearcherDependency, body: SimilarRequest) -> Response:
    """Papers near a pasted abstract; one that the index holds comes first, marked ``same``."""
    session = searcher.session()
    query = replace(_query(body, request), text=body.text, pasted=True)
    return _asking(request, session, body, query).answered(lambda: session.search(query))


@router.post("/v1/batch", responses={200: {"model": BatchOut}, **_refusals(404, 406)}, dependencies=_JSON)
def batch(request: Request, searcher: SearcherDependency, body: BatchRequest) -> Response:
    """Several questions, all answered from one generation; one that is refused has its problem in its place."""
    asked = [_validated(each) for each in body.searches]
    hits = sum(max(each.limit, 0) for each in asked if isinstance(each, SearchRequest))
    if hits > MAX_LIMIT:
        raise InvalidValue("searches", f"{hits:,} hits", f"at most {MAX_LIMIT:,} together; ask for fewer, or for less")
    session = searcher.session()
    answers = [orjson.Fragment(_answer(request, session, each)) for each in asked]
    content = {"schema_version": SCHEMA_VERSION, "generation": session.generation, "answers": answers}
    return Response(orjson.dumps(content), media_type="application/json")


@router.get("/v1/authors", responses={200: {"model": AuthorsOut}, **_refusals(404, 406, *_BODY)})
def authors(searcher: SearcherDependency, asked: Annotated[AuthorsRequest, Parameter()]) -> Response:
    """The variants of a name that papers have, with how many papers each."""
    return Response(orjson.dumps(authors_json(searcher.authors(asked.name))), media_type="application/json")


@router.get("/v1/suggest", responses={200: {"model": SuggestionsOut}, **_refusals(404, 406, *_BODY)})
def suggest(searcher: SearcherDependency, asked: Annotated[SuggestRequest, Parameter()]) -> Response:
    """Authors and categories of whose names each word of ``q`` begins another word, while someone types."""
    suggestions = suggestions_json(searcher.suggest(asked.q, asked.limit))
    return Response(orjson.dumps(suggestions), media_type="application/json")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=_refusals(404, 406, 422, *_BODY))
def readyz(searcher: SearcherDependency) -> dict[str, str]:
    """Questions are answered."""
    return {"status": "ok", "generation": searcher.session().generation}


def _query(asked: FilterRequest, request: Request) -> Query:
    """A feed is the newest first."""
    feed = "sort" not in asked.model_fields_set and _format(asked, request) == "atom"
    return replace(asked.query(), sort="newest") if feed else asked.query()


def _format(asked: FilterRequest, request: Request) -> Format:
    return negotiated(asked.format, request.headers.get("accept", ""))


def _asking(request: Request, session: Session, asked: FilterRequest, query: Query) -> Asking:
    name = _format(asked, request)
    words = asked.q if isinstance(asked, SearchRequest) else ""
    said = asked.model_dump_json(exclude={"cursor", "limit", "format", "fields", "facets"}) if name == "atom" else ""
    meant = f"{date.today()}\n{words}\n{query!r}"  # what the words say of days counts from today
    return Asking(request, meant, session.generation, name, formats.fields_of(asked.fields, name), said)


def _validated(fields: object) -> SearchRequest | RequestValidationError:
    try:
        return SearchRequest.model_validate(fields)
    except ValidationError as error:
        return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _answer(request: Request, session: Session, asked: SearchRequest | RequestValidationError) -> bytes:
    """One answer of a batch, or the problem in its place."""
    try:
        if isinstance(asked, RequestValidationError):
            raise asked
        if asked.format not in (None, "json"):
            raise InvalidValue("format", asked.format, "a batch is answered in json; leave it out")
        fields = formats.fields_of(asked.fields, "json")
        return formats.page("json", session.ask(asked.q, _query(asked, request)), Wanted(fields))
    except (PapersError, RequestValidationError) as error:
        return orjson.dumps(problem_of(request, error).model_dump(exclude_none=True))
