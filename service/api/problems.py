"""Problems: every refusal and failure over HTTP in one shape (RFC 9457), naming the field where one is to blame."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from search.errors import IndexUnavailable, InvalidValue, ModelUnavailable, PaperNotFound, PapersError
from service.api.schemas import Problem, SearchRequest

_TITLES = {
    400: "Bad request",
    401: "Key needed",
    403: "Not this origin",
    404: "Not found",
    405: "Method not allowed",
    406: "Not to be had so",
    408: "Too slow",
    413: "Too large",
    414: "Too long",
    415: "Not JSON",
    421: "Not this host",
    422: "Not allowed",
    429: "Too many",
    431: "Too long",
    500: "Internal error",
    503: "Not available",
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": _TITLES[status], "content": {"application/problem+json": {}}}
    for status in (400, 401, 404, 406, 408, 413, 414, 415, 421, 422, 429, 431, 503)
}
"""How the problems of a route are described in the OpenAPI."""
HandledError = PapersError | RequestValidationError | HTTPException
"""What is answered with a problem that says what to do."""
_NOT_FOUND_PHRASE = HTTPStatus.NOT_FOUND.phrase
"""What is said of a path that no route has."""
_log = logging.getLogger("papers")


ProblemRenderer = Callable[[Request, Problem], Response | None]
"""A problem as a page for those who read pages; None for those who do not."""


def add_problem_handlers(app: FastAPI, render_html: ProblemRenderer) -> None:
    """Answers every error as a problem, or as ``shown`` does."""

    @app.exception_handler(PapersError)
    @app.exception_handler(RequestValidationError)
    @app.exception_handler(HTTPException)
    def say(request: Request, error: HandledError) -> Response:
        told, headers = problem_from_error(request, error), getattr(error, "headers", None) or {}
        answer = render_html(request, told) or problem_response(told)
        answer.headers.update(headers)
        return answer

    @app.exception_handler(Exception)
    def unexpected(request: Request, _error: Exception) -> Response:
        told = _build_problem(request.scope, 500, "this is our fault, and the server's log says what happened")
        return render_html(request, told) or problem_response(told)


def problem_from_error(request: Request, error: HandledError) -> Problem:
    """What an error says of a request."""
    if isinstance(error, RequestValidationError):
        error = _to_invalid_value(request, error)
    if isinstance(error, InvalidValue):
        return _build_problem(
            request.scope,
            422,
            str(error),
            field=error.field,
            value=error.value,
            allowed=error.allowed,
            position=error.position,
        )
    if isinstance(error, HTTPException):
        nowhere = error.status_code == 404 and error.detail == _NOT_FOUND_PHRASE
        detail = f"there is nothing at {request.scope['path']!r}" if nowhere else str(error.detail)
        return _build_problem(request.scope, error.status_code, detail)
    if isinstance(error, IndexUnavailable | ModelUnavailable):
        _log.error("%s", error)
    return _build_problem(request.scope, 404 if isinstance(error, PaperNotFound) else 503, str(error))


def error_response(
    scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """One problem as an answer; ``more`` are its field, value and what is allowed."""
    return problem_response(_build_problem(scope, status, detail, **more), headers)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as an answer."""
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def _to_invalid_value(request: Request, error: RequestValidationError) -> InvalidValue:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "body"
    shown = first.get("input")
    unknown = first["type"] == "extra_forbidden"
    allowed = f"the parameters are {', '.join(_parameter_names(request))}" if unknown else first["msg"]
    return InvalidValue(name, "" if shown is None else str(shown), allowed)


def _parameter_names(request: Request) -> list[str]:
    """What the route that was asked takes, by the names it is asked by."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    asked = [*dependant.query_params, *dependant.body_params] if dependant else []
    models = [each.field_info.annotation for each in asked]
    found = [model for model in models if isinstance(model, type) and issubclass(model, BaseModel)]
    return [field.alias or name for model in found or [SearchRequest] for name, field in model.model_fields.items()]


def _build_problem(scope: Scope, status: int, detail: str, **more: Any) -> Problem:
    return Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail, instance=scope["path"], **more)
