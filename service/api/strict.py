"""Strict: what HTTP gives is read in one way only. Elsewhere the last of two values wins, and bytes that are no UTF-8
become question marks: an answer then belongs to a question that nobody asked.
"""

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, get_origin
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from search.errors import InvalidValue

_MAX_PARAMETERS = 2_000
"""Parameters of a URL."""


class StrictRoute(APIRoute):
    """A route whose parameters are UTF-8 and given once, unless several can be meant, and whose JSON says nothing
    twice."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer, several = super().get_route_handler(), frozenset(_repeatable_parameters(self.dependant))

        async def handle(request: Request) -> Response:
            _check_query(request.scope["query_string"], several)
            strict = _StrictRequest(request.scope, request.receive)
            if strict.method == "POST":
                await strict.check_body()
            return await answer(strict)

        return handle


class _StrictRequest(Request):
    async def check_body(self) -> None:
        """Reads the body as JSON, so that it is not read again.

        Raises:
            InvalidValue: it is no UTF-8, says something twice, or is nested too deep.
        """
        body = await self.body()
        try:
            read = json.loads(body.decode("utf-8"), object_pairs_hook=_dict_without_duplicates)
        except UnicodeDecodeError as error:
            raise InvalidValue("body", _excerpt(body, error.start), "write JSON in UTF-8") from None
        except RecursionError:
            raise InvalidValue("body", body[:40].decode(), "objects and lists may not be nested so deep") from None
        except json.JSONDecodeError:
            return  # FastAPI says where
        except ValueError:  # an integer of thousands of digits
            raise InvalidValue("body", body[:40].decode("utf-8", "replace"), "write shorter numbers") from None
        _check_surrogates(read)
        self._json = read


def _dict_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidValue(twice, "", "say it once; several values are written as a list")
    return read


def _check_surrogates(read: object) -> None:
    r"""
    Raises:
        InvalidValue: a text with half a character: \\ud800 without what follows it.
    """
    named = read.items() if isinstance(read, dict) else [("body", read)]
    for name, value in named:
        try:
            json.dumps([name, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            said = "it has half a character, a surrogate without its other half; leave that out"
            raise InvalidValue(ascii(name)[1:-1], ascii(value), said) from None


def _check_query(query: bytes, repeatable: frozenset[str]) -> None:
    """
    Raises:
        InvalidValue: a value that is no UTF-8; a name given twice of which one value can be meant; too many.
    """
    if not query:
        return
    try:
        names = [name for name, _ in parse_qsl(query.decode(), True, errors="strict", max_num_fields=_MAX_PARAMETERS)]
    except UnicodeDecodeError:
        raise InvalidValue(*_find_invalid_utf8(query), "percent-encode it in UTF-8") from None
    except ValueError:
        raise InvalidValue("parameters", query.count(b"&") + 1, f"{_MAX_PARAMETERS:,} at most; ask with POST") from None
    once = [name for name in names if name not in repeatable]
    if len(once) > len(set(once)):
        twice = next(name for name in once if once.count(name) > 1)
        raise InvalidValue(twice, dict(parse_qsl(query.decode(), True))[twice], "give it once")


def _find_invalid_utf8(query: bytes) -> tuple[str, str]:
    """The name and the value, as far as it can be shown, of the first parameter that is no UTF-8."""
    for pair in query.split(b"&"):
        try:
            unquote_to_bytes(pair).decode("utf-8")
        except UnicodeDecodeError as error:
            name, _, value = unquote_to_bytes(pair).partition(b"=")
            return name.decode("utf-8", "replace"), _excerpt(value, error.start - len(name) - 1)
    return "parameters", ""


def _excerpt(text: bytes, offset: int) -> str:
    """The bytes around a place."""
    return text[max(0, offset - 10) : offset + 10].decode("utf-8", "backslashreplace")


def _repeatable_parameters(dependant: Dependant) -> Iterator[str]:
    """The names of parameters that hold a list."""
    for parameter in dependant.query_params:
        shape = parameter.field_info.annotation
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            yield from (field.alias or name for name, field in shape.model_fields.items() if _is_list(field))
        elif _is_list(parameter.field_info):
            yield parameter.alias
    for inner in dependant.dependencies:
        yield from _repeatable_parameters(inner)


def _is_list(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is list
