"""HTTP: the same questions as the command line's, answered with the same JSON."""

import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from search.embedder import Embedder, load_embedder
from search.errors import IndexUnavailable, InvalidValue, ModelUnavailable, PaperNotFound, PapersError
from search.model import ModelIdentity
from search.query import Filter, Query
from search.searcher import Searcher
from service.render import authors_json, page_json, shown_paper_json
from service.schemas import (
    AuthorsOut,
    AuthorsRequest,
    Filters,
    PageOut,
    PaperOut,
    Problem,
    SearchRequest,
    SimilarRequest,
)
from service.settings import Settings

_TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    411: "Length required",
    413: "Too large",
    422: "Not allowed",
    500: "Internal error",
    503: "Not available",
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": _TITLES[status], "content": {"application/problem+json": {}}}
    for status in (400, 404, 411, 413, 422, 503)
}
_PARAMETERS = ", ".join(field.alias or name for name, field in SearchRequest.model_fields.items())
_log = logging.getLogger("papers")


def create_app(searcher: Searcher, settings: Settings) -> FastAPI:
    """The application over one index.

    Args:
        searcher: answers the questions. settings: limits.
    """
    app = FastAPI(title="papers", summary="Semantic search over your papers", version="1")
    app.state.searcher = searcher
    _add_limits(app, settings)
    _add_errors(app)
    _add_routes(app)
    return app


def run(directory: Path, host: str, port: int) -> None:
    """Serves until stopped.

    Raises:
        IndexUnavailable: there is no whole index; every checksum is compared before anything listens.
        InvalidValue: the port cannot be listened on.
    """
    import uvicorn

    def load(model: ModelIdentity) -> Embedder:
        return load_embedder(model.name, model.precision, serving=True)

    searcher = Searcher(directory, load, checksums=True)
    searcher.warm()
    listening = _listening(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    sys.stderr.write(f"papers: answering on {address}, described at {address}/docs; Ctrl-C stops it\n")
    app = create_app(searcher, Settings())
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidValue("port", f"{host}:{port}", f"{error.strerror}; choose another with --port") from None


def _searcher(request: Request) -> Searcher:
    searcher: Searcher = request.app.state.searcher
    return searcher


_Searcher = Annotated[Searcher, Depends(_searcher)]


def _add_routes(app: FastAPI) -> None:
    @app.get("/v1/search", response_model=PageOut, responses=_PROBLEMS)
    def search(searcher: _Searcher, asked: Annotated[SearchRequest, Parameter()]) -> dict[str, Any]:
        """Papers that answer a question in plain words; without one, what passes the filters, newest first."""
        return page_json(searcher.ask(asked.q, _query(asked)))

    @app.post("/v1/search", response_model=PageOut, responses=_PROBLEMS)
    def search_body(searcher: _Searcher, body: SearchRequest) -> dict[str, Any]:
        """The same with the names in a JSON object."""
        return page_json(searcher.ask(body.q, _query(body)))

    @app.get("/v1/papers/{paper_id:path}/similar", response_model=PageOut, responses=_PROBLEMS)
    def similar(searcher: _Searcher, paper_id: str, asked: Annotated[Filters, Parameter()]) -> dict[str, Any]:
        """Papers near one that the index holds, which is left out."""
        query = _query(asked)
        return page_json(searcher.search(replace(query, like=(paper_id, *query.like))))

    @app.get("/v1/papers/{paper_id:path}", response_model=PaperOut, responses=_PROBLEMS)
    def paper(searcher: _Searcher, paper_id: str) -> dict[str, Any]:
        """One paper, by any id it has or ever had; an id may hold slashes."""
        return shown_paper_json(searcher.paper(paper_id))

    @app.post("/v1/similar", response_model=PageOut, responses=_PROBLEMS)
    def similar_text(searcher: _Searcher, body: SimilarRequest) -> dict[str, Any]:
        """Papers near a pasted abstract; one that the index holds comes first, marked ``same``."""
        return page_json(searcher.search(replace(_query(body), text=body.text, pasted=True)))

    @app.get("/v1/authors", response_model=AuthorsOut, responses=_PROBLEMS)
    def authors(searcher: _Searcher, asked: Annotated[AuthorsRequest, Parameter()]) -> dict[str, Any]:
        """The variants of a name that papers have, with how many papers each."""
        return authors_json(searcher.authors(asked.name))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz", responses=_PROBLEMS)
    def readyz(searcher: _Searcher) -> dict[str, str]:
        """Questions are answered."""
        return {"status": "ok", "generation": searcher.snapshot.manifest.generation}


def _query(asked: Filters) -> Query:
    dates = {"from": asked.start, "to": asked.end, "updated-from": asked.updated_from, "updated-to": asked.updated_to}
    return Query(
        filter=Filter.parse(asked.author, asked.not_author, asked.category, dates),
        mode=asked.mode,
        limit=asked.limit,
        sort=asked.sort,
        cursor=asked.cursor,
        like=tuple(asked.like),
        unlike=tuple(asked.unlike),
        facets=asked.facets,
    )


def _add_limits(app: FastAPI, settings: Settings) -> None:

    @app.middleware("http")
    async def limits(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        length = request.headers.get("content-length", "")
        if request.method == "POST" and not length.isdigit():
            return _problem(request, 411, "say how long the body is, with a Content-Length header")
        if request.method == "POST" and int(length) > settings.max_body:
            return _problem(request, 413, f"the body may have {settings.max_body:,} bytes; shorten it")
        return await answer(request)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(PapersError)
    def papers_error(request: Request, error: PapersError) -> Response:
        if isinstance(error, InvalidValue):
            return _invalid(request, error)
        status = 404 if isinstance(error, PaperNotFound) else 503
        if isinstance(error, IndexUnavailable | ModelUnavailable):
            _log.error("%s", error)
        return _problem(request, status, str(error))

    @app.exception_handler(RequestValidationError)
    def validation_error(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "body"
        shown = first.get("input")
        allowed = f"the parameters are {_PARAMETERS}" if first["type"] == "extra_forbidden" else first["msg"]
        return _invalid(request, InvalidValue(name, "" if shown is None else str(shown), allowed))

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        return _problem(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        _log.exception("%s %s", request.method, request.url.path, exc_info=error)
        return _problem(request, 500, "this is our fault, and the server's log says what happened")


def _invalid(request: Request, error: InvalidValue) -> Response:
    return _problem(request, 422, str(error), field=error.field, value=error.value, allowed=error.allowed)


def _problem(request: Request, status: int, detail: str, **more: str) -> Response:
    problem = Problem(
        title=_TITLES.get(status, "Error"), status=status, detail=detail, instance=request.url.path, **more
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=status, media_type="application/problem+json"
    )
