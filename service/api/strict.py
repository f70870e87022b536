"""Strict parsing of requests, so that each has one meaning. By default the last of two equal parameters wins and bytes
that are not UTF-8 become U+FFFD: the response would then belong to a query that nobody sent.

It also takes less time. FastAPI finds out what a function needs, and the names and types of the fields of a parameter
model, again with every request, in .8 ms; here that is done once per route.
"""

import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from copy import copy
from dataclasses import replace
from inspect import iscoroutinefunction, signature
from typing import Any, TypeGuard, get_origin
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from starlette.concurrency import run_in_threadpool

from search.errors import InvalidValue
from service.api.problems import MalformedBody

_MAX_PARAMETERS = 2_000
"""Most parameters of a URL."""


class StrictRoute(APIRoute):
    """A route whose parameters must be UTF-8 and unique unless they take several values, and whose JSON body must not
    repeat a key."""

    @property
    def is_direct(self) -> bool:
        """Whether it answers GET requests on one path only, and a request suffices to call its function."""
        dependant = _read_models_at_once(self.dependant, frozenset())
        return self.methods == {"GET"} and not self.param_convertors and _direct_handler(dependant) is not None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        repeatable = frozenset(_repeatable_parameters(self.dependant))
        route = copy(self)  # the description of the API needs the parameters of the original
        route.dependant = _read_models_at_once(self.dependant, repeatable)
        handler = _direct_handler(route.dependant) or super(StrictRoute, route).get_route_handler()

        async def handle(request: Request) -> Response:
            strict = _StrictRequest(request.scope, request.receive)
            strict.pairs = _parse_query(request.scope["query_string"], repeatable)
            if self.body_field is not None:
                await strict.check_body()
            return await handler(strict)

        return handle


class _StrictRequest(Request):
    """A request.

    Attributes:
        pairs: the names and values of the query of its URL, in order.
    """

    pairs: Sequence[tuple[str, str]] = ()

    async def check_body(self) -> None:
        """Parses the body as JSON and caches the result for FastAPI.

        Raises:
            MalformedBody: the body is not JSON in UTF-8, or is nested too deeply.
            InvalidValue: a key is repeated, or a string contains a lone surrogate.
        """
        value = _parse_json(await self.body())
        _check_surrogates(value)
        self._json = value


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_dict_without_duplicates)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: invalid byte at position {error.start + 1}") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply; use fewer nested objects and lists") from None
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise MalformedBody(f"invalid JSON at character {error.pos + 1}: {reason}", error.pos + 1) from None
    except ValueError:  # an integer of thousands of digits
        raise MalformedBody("the body contains a number with too many digits; send a smaller number") from None


def _dict_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise InvalidValue(repeated, "", "the key is repeated; use it once, with a list for several values")
    return fields


def _check_surrogates(value: object) -> None:
    r"""Checks that all strings of a JSON value can be encoded.

    Raises:
        InvalidValue: a string contains a lone surrogate, such as \\ud800 that no \\udc00 follows.
    """
    fields = value.items() if isinstance(value, dict) else [("body", value)]
    for name, field in fields:
        try:
            json.dumps([name, field], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            allowed = "it contains a lone surrogate, half of a character; remove it"
            raise InvalidValue(ascii(name)[1:-1], ascii(field), allowed) from None


def _read_models_at_once(dependant: Dependant, repeatable: frozenset[str]) -> Dependant:
    """Returns the same parameters, with those that are models as dependencies that read the parsed query."""
    readers, others = [], []
    for parameter in dependant.query_params:
        if _is_model(annotation := parameter.field_info.annotation):
            read = _model_reader(annotation, repeatable)
            readers.append(Dependant(call=read, name=parameter.name, request_param_name="request", use_cache=False))
        else:
            others.append(parameter)
    return replace(dependant, query_params=others, dependencies=[*dependant.dependencies, *readers])


def _direct_handler(dependant: Dependant) -> Callable[[Request], Coroutine[Any, Any, Response]] | None:
    """Returns a handler that calls a function, in a thread, with the request and what coroutines make of the request
    alone; None if the function has other parameters."""
    endpoint, dependencies = dependant.call, dependant.dependencies
    names = {dependant.request_param_name, *(each.name for each in dependencies)}
    if endpoint is None or iscoroutinefunction(endpoint) or set(signature(endpoint).parameters) != names:
        return None
    readers: dict[str, Any] = {str(each.name): each.call for each in dependencies if _reads_request(each)}
    if len(readers) < len(dependencies):
        return None

    async def handle(request: Request) -> Response:
        values = {name: await read(request) for name, read in readers.items()}
        return await run_in_threadpool(endpoint, **values, **{str(dependant.request_param_name): request})

    return handle


def _reads_request(dependency: Dependant) -> bool:
    """Returns whether a dependency is a coroutine whose only parameter is the request."""
    read = dependency.call
    return iscoroutinefunction(read) and set(signature(read).parameters) == {dependency.request_param_name}


def _model_reader(
    model: type[BaseModel], repeatable: frozenset[str]
) -> Callable[["_StrictRequest"], Coroutine[Any, Any, BaseModel]]:
    """Returns a function that validates the query of a request as a model, with the errors of FastAPI."""

    async def read(request: _StrictRequest) -> BaseModel:
        fields: dict[str, Any] = {}
        for name, value in request.pairs:
            if name in repeatable:
                fields.setdefault(name, []).append(value)
            else:
                fields[name] = value
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            errors = [{**each, "loc": ("query", *each["loc"])} for each in error.errors(include_url=False)]
            raise RequestValidationError(errors) from None

    return read


def _parse_query(query: bytes, repeatable: frozenset[str]) -> Sequence[tuple[str, str]]:
    """Returns the names and values of the query of a URL.

    Args:
        query: the query.
        repeatable: names of the parameters that take several values.

    Raises:
        InvalidValue: a value is not UTF-8, another parameter is repeated, or there are too many.
    """
    if not query:
        return ()
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidValue(*_find_invalid_utf8(query), "percent-encode it in UTF-8") from None
    except ValueError:
        allowed = f"send at most {_MAX_PARAMETERS:,}, or use POST"
        raise InvalidValue("parameters", query.count(b"&") + 1, allowed) from None
    seen: dict[str, str] = {}
    for name, value in pairs:
        if name in seen and name not in repeatable:
            raise InvalidValue(name, value, "the parameter is repeated; use it once")
        seen[name] = value
    return pairs


def _find_invalid_utf8(query: bytes) -> tuple[str, str]:
    """Returns the name and an excerpt of the value of the first parameter that is not UTF-8."""
    for pair in query.split(b"&"):
        try:
            unquote_to_bytes(pair).decode("utf-8")
        except UnicodeDecodeError as error:
            name, _, value = unquote_to_bytes(pair).partition(b"=")
            return name.decode("utf-8", "replace"), _excerpt(value, error.start - len(name) - 1)
    return "parameters", ""


def _excerpt(text: bytes, offset: int) -> str:
    """Returns the bytes around an offset."""
    return text[max(0, offset - 10) : offset + 10].decode("utf-8", "backslashreplace")


def _repeatable_parameters(dependant: Dependant) -> Iterator[str]:
    """Yields the names of parameters whose value is a list."""
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if _is_model(annotation):
            yield from (field.alias or name for name, field in annotation.model_fields.items() if _is_list(field))
        elif _is_list(parameter.field_info):
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _repeatable_parameters(dependency)


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_list(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is list
