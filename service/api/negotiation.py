"""Negotiation: which format an answer is to have, by the parameter or by the Accept header (RFC 9110, 12.5.1)."""

from functools import lru_cache

from starlette.exceptions import HTTPException

from service.formats import FORMATS, MEDIA_TYPES, Format

_MediaRange = tuple[str, str, float]


def negotiate_format(requested: Format | None, accept: str) -> Format:
    """The format that was asked for by name, else the one that is liked best, json among equals.

    Args:
        accept: the header; empty where there is none.

    Raises:
        HTTPException: 406, nothing we have is acceptable.
    """
    found = requested or _preferred_format(accept)
    if found is None:
        types = ", ".join(_strip_parameters(media.content_type) for media in MEDIA_TYPES.values())
        raise HTTPException(406, f"Accept: {accept[:100]!r} allows none of {types}; name one, or give format=")
    return found


@lru_cache(maxsize=256)
def prefers_html(accept: str) -> bool:
    """Whether whoever sends this Accept header would rather have HTML than JSON, as browsers would."""
    ranges = [_parse_media_range(part) for part in accept.split(",") if part.strip()]
    return _quality(["text/html"], ranges) > _quality(_media_types("json"), ranges)


@lru_cache(maxsize=256)
def _preferred_format(accept: str) -> Format | None:
    if not accept.strip():
        return "json"
    ranges = [_parse_media_range(part) for part in accept.split(",") if part.strip()]
    liked = {name: _quality(_media_types(name), ranges) for name in FORMATS}
    best = max(FORMATS, key=lambda name: liked[name])  # the first of equals, which is json
    return best if liked[best] > 0 else None


def _media_types(name: Format) -> list[str]:
    """The format's type, and those it is also called by."""
    return [_strip_parameters(MEDIA_TYPES[name].content_type), *MEDIA_TYPES[name].aliases]


def _quality(media_types: list[str], ranges: list[_MediaRange]) -> float:
    """By the most specific range that one of the types falls under."""
    found = [(_specificity(kind, ranged), ranged[2]) for kind in media_types for ranged in ranges]
    return max(found, default=(0, 0.0))[1] if any(specificity for specificity, _ in found) else 0.0


def _specificity(media_type: str, media_range: _MediaRange) -> int:
    main, sub, _ = media_range
    if f"{main}/{sub}" == media_type:
        return 3
    if sub == "*" and main == media_type.partition("/")[0]:
        return 2
    return 1 if main == sub == "*" else 0


def _parse_media_range(text: str) -> _MediaRange:
    """A media range without its parameters, and how much it is liked, 0 to 1."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    main, _, sub = kind.partition("/")
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return main, sub, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return main, sub, 0.0


def _strip_parameters(media_type: str) -> str:
    return media_type.partition(";")[0]
