"""The fields of a paper as JSON, derived from the annotations of the ``Paper`` class.

A field is declared once, in ``Paper``: its Python type determines its JSON type, and the text in its ``Annotated``
type describes it. Storage, JSON, CSV, the schema of the API and the importers follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from search.papers.date import Date
from search.papers.json import Json, clean_json, replace_surrogates

INDEX_FIELDS = ("added",)
"""The fields of a paper that say something of the index and not of the paper: no record has them."""
HIT_ONLY_FIELDS = ("score", "band", "legs", "highlights", "exact_match", "near", "kinds")
"""The fields that a search result has besides those of its paper."""


class _JsonType(NamedTuple):
    """How attributes of one Python type are written as JSON; see ``PaperField``."""

    annotation: Any
    encode: Callable[[Any], Json]
    decode: Callable[[Json], Any]


@dataclass(frozen=True, slots=True)
class PaperField:
    """One field of a paper.

    Attributes:
        name: name of the attribute of ``Paper`` and of the JSON key.
        description: one phrase for the schema of the API.
        annotation: type of the JSON value, as pydantic reads it.
        encode: converts the attribute to JSON; null or empty if absent.
        decode: converts JSON to the attribute; a value of another type counts as absent.
        examples: JSON values for the schema of the API.
    """

    name: str
    description: str
    annotation: Any
    encode: Callable[[Any], Json]
    decode: Callable[[Json], Any]
    examples: tuple[Json, ...] = ()


def json_fields(paper_type: type) -> tuple[PaperField, ...]:
    """Reads the fields of a dataclass whose attributes are all annotated ``Annotated[type, description]``."""
    return tuple(_json_field(each.name, each.type) for each in fields(paper_type))


def encode_text(value: str | None) -> Json:
    """Encodes a text, without lone surrogates."""
    return replace_surrogates(value) if value else value


def encode_texts(value: tuple[str, ...]) -> Json:
    """Encodes texts, without lone surrogates."""
    return list(value) if "".join(value).isascii() else [replace_surrogates(each) for each in value]


def _json_field(name: str, annotated: Any) -> PaperField:
    (description,) = annotated.__metadata__
    return PaperField(name, description, *_JSON_TYPES[annotated.__origin__])


def _decode_text(value: Json) -> str | None:
    return str(value) if value else None


def _decode_texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _encode_date(value: Date | None) -> Json:
    return str(value) if value else None


def _decode_date(value: Json) -> Date | None:
    return _parse_date(str(value)) if value else None


@lru_cache(65_536)
def _parse_date(text: str) -> Date:
    """Parses a date; many papers share one."""
    return Date.parse(text)


@lru_cache(1_024)
def _encode_time(value: datetime | None) -> Json:
    """Encodes a time; the papers of one import share one."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if value else None


def _decode_time(value: Json) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def _encode_as_is(value: Json) -> Json:
    return value


def _decode_integer(value: Json) -> int | None:
    return int(value) if isinstance(value, int) else None


def _encode_object(value: Mapping[str, Json]) -> Json:
    return clean_json(dict(value))


def _decode_object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


_JSON_TYPES: dict[Any, _JsonType] = {
    str | None: _JsonType(str | None, encode_text, _decode_text),
    tuple[str, ...]: _JsonType(list[str], encode_texts, _decode_texts),
    bool: _JsonType(bool, _encode_as_is, bool),
    Date | None: _JsonType(str | None, _encode_date, _decode_date),
    datetime | None: _JsonType(str | None, _encode_time, _decode_time),
    int | None: _JsonType(int | None, _encode_as_is, _decode_integer),
    Mapping[str, Json]: _JsonType(dict[str, Any], _encode_object, _decode_object),
}
"""By the type of the attribute."""
