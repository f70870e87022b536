"""Content negotiation: the format of a response, from the parameter or the Accept header (RFC 9110, section 12.5.1)."""

from functools import lru_cache
from typing import Any

from starlette.exceptions import HTTPException

from service.formats import FORMATS, MEDIA_TYPES, Format

_MediaRange = tuple[str, str, float]
"""Type, subtype and quality."""


def negotiate_format(requested: Format | None, accept: str) -> Format:
    """Returns the requested format, else the one with the highest quality in the Accept header; json wins ties.

    Args:
        requested: the format that the parameter names.
        accept: the Accept header; empty if the request has none.

    Raises:
        HTTPException: 406, no format is acceptable.
    """
    found = requested or _preferred_format(accept)
    if found is None:
        types = ", ".join(_strip_parameters(media.content_type) for media in MEDIA_TYPES.values())
        raise HTTPException(406, f"no available media type matches Accept: {accept[:100]!r}; use {types}, or format=")
    return found


def format_docs() -> dict[str, Any]:
    """Returns the media types of the formats other than json in the OpenAPI description."""
    media_types = {name: _strip_parameters(MEDIA_TYPES[name].content_type) for name in FORMATS if name != "json"}
    items = {"type": "array", "items": {"type": "object"}}
    return {
        media_type: {"schema": items if name == "csl-json" else {"type": "string"}}
        for name, media_type in media_types.items()
    }


@lru_cache(maxsize=256)
def prefers_html(accept: str) -> bool:
    """Returns whether an Accept header prefers HTML to JSON, as those of browsers do."""
    ranges = _parse_accept(accept)
    return _quality(["text/html"], ranges) > _quality(_media_types("json"), ranges)


@lru_cache(maxsize=256)
def _preferred_format(accept: str) -> Format | None:
    if not accept.strip():
        return "json"
    ranges = _parse_accept(accept)
    qualities = {name: _quality(_media_types(name), ranges) for name in FORMATS}
    best = max(FORMATS, key=lambda name: qualities[name])  # the first of equals, which is json
    return best if qualities[best] > 0 else None


def _media_types(name: Format) -> list[str]:
    """Returns the media type of a format and its aliases."""
    return [_strip_parameters(MEDIA_TYPES[name].content_type), *MEDIA_TYPES[name].aliases]


def _quality(media_types: list[str], ranges: list[_MediaRange]) -> float:
    """Returns the quality of the most specific range that matches one of the media types; 0 if none does."""
    matches = [(_specificity(media_type, ranged), ranged[2]) for media_type in media_types for ranged in ranges]
    specificity, quality = max(matches, default=(0, 0.0))
    return quality if specificity else 0.0


def _specificity(media_type: str, media_range: _MediaRange) -> int:
    """Returns how closely a range matches a media type, from 3 (the same type) to 0 (no match)."""
    main, sub, _ = media_range
    if f"{main}/{sub}" == media_type:
        return 3
    if sub == "*" and main == media_type.partition("/")[0]:
        return 2
    return 1 if main == sub == "*" else 0


def _parse_accept(accept: str) -> list[_MediaRange]:
    return [_parse_media_range(part) for part in accept.split(",") if part.strip()]


def _parse_media_range(text: str) -> _MediaRange:
    """Parses a media range without its parameters; an invalid quality counts as 0."""
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    main, _, sub = media_type.partition("/")
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return main, sub, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return main, sub, 0.0


def _strip_parameters(media_type: str) -> str:
    return media_type.partition(";")[0]
