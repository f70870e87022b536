"""Responses in JSON: what a harvest needs to know of one, and the texts of errors."""

import json
from typing import Any

from indexer.harvest.errors import PassingError, StatusError
from search.papers.folding import normalize_whitespace

JSON_TYPES = ("application/json",)
_MAX_MESSAGE = 300
"""Characters that are shown of a message of a service."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Parses a response that is an object.

    Control characters and lone surrogates in texts are accepted here, since they concern one record, not the page.

    Raises:
        PassingError: It is cut, or no JSON.
    """
    value = _parse(body)
    if not isinstance(value, dict):
        raise PassingError("the page is not an object of JSON")
    return value


def parse_list(body: bytes) -> list[Any]:
    """Parses a response that is a list; see ``parse_object``."""
    value = _parse(body)
    if not isinstance(value, list):
        raise PassingError("the page is not a list of JSON")
    return value


def describe_error(error: StatusError) -> str:
    """Returns the status with the message that the service gives in JSON or as plain text."""
    text = _find_message(error.body)
    return f'it answered {error.status}: "{text}"' if text else f"it answered {error.status}"


def _find_message(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return "" if "<" in text else _shorten(text)
    for name in ("message", "error"):
        while isinstance(value, dict) and value.get(name):
            value = value[name]
        if isinstance(value, list):  # of Crossref: one or more objects with a message
            value = next(iter(value), "")
    return _shorten(value) if isinstance(value, str) else ""


def _shorten(text: str) -> str:
    return normalize_whitespace(text)[:_MAX_MESSAGE]


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise PassingError(f"the page is incomplete, or no JSON: {error}") from None
