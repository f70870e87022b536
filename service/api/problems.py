"""Problems: every HTTP error in one format (RFC 9457) that names the invalid parameter if there is one."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from search.errors import (
    IndexUnavailable,
    InvalidValue,
    ModelUnavailable,
    NameNotFound,
    PaperNotFound,
    PapersError,
    StateUnavailable,
)
from service.api.guard.records import RequestRecord
from service.api.methods import allowed_methods
from service.api.parameters import SearchRequest
from service.api.schemas import Problem

_RFC_9110_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""Status phrases that ``http.HTTPStatus`` has had in this form only since Python 3.13."""
HandledError = PapersError | RequestValidationError | HTTPException
"""Errors whose message is for the client."""
ProblemRenderer = Callable[[Request, Problem], Response | None]
"""Renders a problem as an HTML page; returns None for clients that do not prefer HTML."""
_log = logging.getLogger("papers")


def status_phrase(status: int) -> str:
    """Returns the phrase of a status code in RFC 9110."""
    return _RFC_9110_PHRASES.get(status) or HTTPStatus(status).phrase


def problem_docs(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns the problems with some statuses in the OpenAPI description."""
    content: dict[str, Any] = {"application/problem+json": {}}
    return {status: {"model": Problem, "description": status_phrase(status), "content": content} for status in statuses}


GUARD_STATUSES = (401, 408, 414, 421, 429, 431)
"""Statuses of problems that depend on the server's settings, of every route."""
PROBLEM_RESPONSES = problem_docs(400, 404, 406, 413, 415, 422, 503, *GUARD_STATUSES)
"""The problems of a route that searches in the OpenAPI description."""


class MalformedBody(HTTPException):
    """A request body that cannot be read as JSON; the response has status 400.

    Args:
        detail: the reason.
        position: the first invalid character, from 1; None if unknown.
    """

    def __init__(self, detail: str, position: int | None = None) -> None:
        super().__init__(400, detail)
        self.position = position


@contextmanager
def parameter_name(name: str) -> Iterator[None]:
    """Reports invalid values under the name of the parameter that they were passed as."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(name, error.value, error.allowed, position=error.position) from None


def add_problem_handlers(app: FastAPI, render_html: ProblemRenderer) -> None:
    """Responds to every error with a problem.

    Args:
        app: the application.
        render_html: renders problems for browsers.
    """

    @app.exception_handler(PapersError)
    @app.exception_handler(RequestValidationError)
    @app.exception_handler(HTTPException)
    def handle_error(request: Request, error: HandledError) -> Response:
        problem = problem_from_error(request, error)
        response = render_html(request, problem) or problem_response(problem)
        response.headers.update(getattr(error, "headers", None) or {})
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = _allowed_methods(request)
        return response

    @app.exception_handler(Exception)
    def handle_unexpected_error(request: Request, _error: Exception) -> Response:
        detail = internal_error_detail(RequestRecord.from_scope(request.scope).request_id)
        problem = _build_problem(request.scope, 500, detail)
        return render_html(request, problem) or problem_response(problem)


def problem_from_error(request: Request, error: HandledError) -> Problem:
    """Returns the problem that describes an error."""
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
    if isinstance(error, MalformedBody):
        return _build_problem(request.scope, 400, str(error.detail), field="body", position=error.position)
    if isinstance(error, HTTPException):
        return _build_problem(request.scope, error.status_code, _http_detail(request, error))
    if isinstance(error, IndexUnavailable | ModelUnavailable | StateUnavailable):
        _log.error("%s", error)
    status = 404 if isinstance(error, PaperNotFound | NameNotFound) else 503
    return _build_problem(request.scope, status, str(error))


def error_response(
    scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Returns the response for one problem.

    Args:
        scope: the request.
        status: status code.
        detail: what went wrong and what to do.
        headers: further headers.
        members: further members of the problem, such as ``field``.
    """
    return problem_response(_build_problem(scope, status, detail, **members), headers)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a problem as JSON."""
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def internal_error_detail(request_id: str) -> str:
    """Returns the detail of a problem that is a bug of the server."""
    return f"internal error; see the server log for request ID {request_id}"


def not_found_detail(path: str) -> str:
    """Returns the detail of a problem about a path that no route has."""
    return f"no such path: {path!r}; /docs lists the paths of the API"


def _http_detail(request: Request, error: HTTPException) -> str:
    """Returns the detail of an HTTP error, with a better text for the two that Starlette raises."""
    if error.detail == HTTPStatus.NOT_FOUND.phrase:
        return not_found_detail(request.scope["path"])
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"method {request.method[:20]} not allowed; use {_allowed_methods(request)}"
    return str(error.detail)


def _allowed_methods(request: Request) -> str:
    return ", ".join(allowed_methods(request.app.routes, request.scope["path"]))


def _to_invalid_value(request: Request, error: RequestValidationError) -> InvalidValue:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "body"
    value = first.get("input")
    unknown = first["type"] == "extra_forbidden"
    allowed = "use a list of strings" if first["type"] == "list_type" else first["msg"]
    if unknown:
        allowed = f"unknown parameter; the parameters are {', '.join(_parameter_names(request))}"
    return InvalidValue(name, "" if value is None else value, allowed)


def _parameter_names(request: Request) -> list[str]:
    """Returns the parameters of the requested route by the names that clients use."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    parameters = [*dependant.query_params, *dependant.body_params] if dependant else []
    types = [parameter.field_info.annotation for parameter in parameters]
    models = [each for each in types if isinstance(each, type) and issubclass(each, BaseModel)]
    return [field.alias or name for model in models or [SearchRequest] for name, field in model.model_fields.items()]


def _build_problem(scope: Scope, status: int, detail: str, **members: Any) -> Problem:
    return Problem(title=status_phrase(status), status=status, detail=detail, instance=scope["path"], **members)
