"""Negotiation: which format an answer is to have, by the parameter or by the Accept header (RFC 9110, 12.5.1)."""

from functools import lru_cache

from starlette.exceptions import HTTPException

from service.formats import FORMATS, MEDIA, Format

_Range = tuple[str, str, float]


def negotiated(asked: Format | None, accept: str) -> Format:
    """The format that was asked for by name, else the one that is liked best, json among equals.

    Args:
        accept: the header; empty where there is none.

    Raises:
        HTTPException: 406, nothing we have is acceptable.
    """
    found = asked or _liked(accept)
    if found is None:
        types = ", ".join(_type(media.type) for media in MEDIA.values())
        raise HTTPException(406, f"Accept: {accept[:100]!r} allows none of {types}; name one, or give format=")
    return found


@lru_cache(maxsize=256)
def reads_pages(accept: str) -> bool:
    """Whether whoever sends this Accept header would rather have HTML than JSON, as browsers would."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    return _quality(["text/html"], ranges) > _quality(_types("json"), ranges)


@lru_cache(maxsize=256)
def _liked(accept: str) -> Format | None:
    if not accept.strip():
        return "json"
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    liked = {name: _quality(_types(name), ranges) for name in FORMATS}
    best = max(FORMATS, key=lambda name: liked[name])  # the first of equals, which is json
    return best if liked[best] > 0 else None


def _types(name: Format) -> list[str]:
    """The format's type, and those it is also called by."""
    return [_type(MEDIA[name].type), *MEDIA[name].also]


def _quality(types: list[str], ranges: list[_Range]) -> float:
    """By the most specific range that one of the types falls under."""
    found = [(_specificity(kind, ranged), ranged[2]) for kind in types for ranged in ranges]
    return max(found, default=(0, 0.0))[1] if any(specificity for specificity, _ in found) else 0.0


def _specificity(kind: str, ranged: _Range) -> int:
    main, sub, _ = ranged
    if f"{main}/{sub}" == kind:
        return 3
    if sub == "*" and main == kind.partition("/")[0]:
        return 2
    return 1 if main == sub == "*" else 0


def _range(text: str) -> _Range:
    """A media range without its parameters, and how much it is liked, 0 to 1."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    main, _, sub = kind.partition("/")
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return main, sub, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return main, sub, 0.0


def _type(media: str) -> str:
    return media.partition(";")[0]
