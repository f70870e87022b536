"""Pages as JSON that has every field, from which a command makes the same page again."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import orjson

from search.query.page import Page


def dump_page(page: Page) -> bytes:
    """Returns a page as JSON; a server writes what ``load_page`` reads."""
    return orjson.dumps(page, default=_dump_value)


def _dump_value(value: Mapping[str, Any] | tuple[Any, ...]) -> Any:
    """Returns what orjson writes for ``Paper.extra``, which may be any mapping, or for a named tuple."""
    return list(value) if isinstance(value, tuple) else dict(value)


def load_page(content: bytes) -> Page:
    """Returns the page of ``dump_page``.

    Raises:
        ValueError: the content is not the JSON of a page with the fields of this version.
    """
    try:
        return cast("Page", _load(Page, orjson.loads(content)))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a page: {error!r}") from None


def _load(kind: Any, value: Any) -> Any:
    """Makes a value of a type from its JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (each for each in arguments if each is not NoneType)
        return _load(kind, value)
    if origin is tuple:
        item = arguments[0]
        return tuple(_load(item, each) for each in value)
    if isinstance(kind, type) and issubclass(kind, tuple):  # a named tuple
        return kind(*value)
    if is_dataclass(kind):
        kinds = _field_types(cast("type", kind))
        if kinds.keys() != value.keys():
            raise ValueError(f"a {kind} of another version")
        return cast("type", kind)(**{name: _load(each, value[name]) for name, each in kinds.items()})
    return datetime.fromisoformat(value) if kind is datetime else value


@cache
def _field_types(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}
