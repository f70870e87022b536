"""Problems: every refusal and failure over HTTP in one shape (RFC 9457), naming the field where one is to blame."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from search.errors import IndexUnavailable, InvalidValue, ModelUnavailable, PaperNotFound, PapersError
from service.schemas import Problem, SearchRequest

_TITLES = {
    400: "Bad request",
    401: "Key needed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    414: "Too long",
    421: "Not this host",
    422: "Not allowed",
    429: "Too many",
    431: "Too long",
    500: "Internal error",
    503: "Not available",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": _TITLES[status], "content": {"application/problem+json": {}}}
    for status in (400, 401, 404, 408, 413, 414, 421, 422, 429, 431, 503)
}
"""How the problems of a route are described in the OpenAPI."""
_PARAMETERS = ", ".join(field.alias or name for name, field in SearchRequest.model_fields.items())
_log = logging.getLogger("papers")


def add_problems(app: FastAPI) -> None:
    """Answers every error as a problem."""

    @app.exception_handler(PapersError)
    def papers_error(request: Request, error: PapersError) -> Response:
        if isinstance(error, InvalidValue):
            return _invalid(request, error)
        status = 404 if isinstance(error, PaperNotFound) else 503
        if isinstance(error, IndexUnavailable | ModelUnavailable):
            _log.error("%s", error)
        return problem(request, status, str(error))

    @app.exception_handler(RequestValidationError)
    def validation_error(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "body"
        shown = first.get("input")
        allowed = f"the parameters are {_PARAMETERS}" if first["type"] == "extra_forbidden" else first["msg"]
        return _invalid(request, InvalidValue(name, "" if shown is None else str(shown), allowed))

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        return problem(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    def unexpected(request: Request, _error: Exception) -> Response:
        return problem(request, 500, "this is our fault, and the server's log says what happened")


def _invalid(request: Request, error: InvalidValue) -> Response:
    return problem(request, 422, str(error), field=error.field, value=error.value, allowed=error.allowed)


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: str
) -> Response:
    """One problem as an answer; ``more`` are its field, value and what is allowed."""
    return refused(request.scope, status, detail, headers, **more)


def refused(scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: str) -> Response:
    """The same for those who have no request but its scope."""
    said = Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail, instance=scope["path"], **more)
    content = said.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers, media_type="application/problem+json")
