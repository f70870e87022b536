"""Cursors: where the next page starts, as an opaque token."""

import base64
import hashlib
import json
from dataclasses import replace

from search.errors import InvalidValue
from search.query.query import Query

_MAX_LENGTH = 200
"""Characters; ``encode`` returns about 60."""


def encode(query: Query, generation: str, start: int) -> str:
    """Returns the cursor of a page.

    Args:
        query: the query of the page; its own cursor and limit do not matter.
        generation: the generation that answered.
        start: index of the first hit, from 0.
    """
    return base64.urlsafe_b64encode(json.dumps([generation, start, _query_digest(query)]).encode()).decode().rstrip("=")


def decode(query: Query, generation: str, papers: int) -> int:
    """Returns the index of the first hit of the page: without a cursor, the offset.

    Args:
        query: the query with its cursor.
        generation: the current generation.
        papers: the number of papers in it.

    Raises:
        InvalidValue: the cursor is malformed, belongs to another query, or its generation is not the current one.
    """
    if not query.cursor:
        return query.offset
    try:
        published, start, digest = _unpack(query.cursor)
    except ValueError:
        raise _malformed(query) from None
    if digest != _query_digest(query):
        raise InvalidValue("cursor", query.cursor, "it belongs to another query; omit it to start this one")
    if published != generation:
        gone = f"its generation {published} was replaced by {generation}; omit the cursor to start again"
        raise InvalidValue("cursor", query.cursor, gone)
    if start > papers:
        raise _malformed(query)
    return start


def belongs_to(query: Query) -> bool:
    """Returns whether the cursor of a query may be one of its own; ``decode`` rejects a malformed cursor."""
    try:
        return _unpack(query.cursor)[2] == _query_digest(query)
    except ValueError:
        return True


def _unpack(cursor: str) -> tuple[str, int, str]:
    """Returns the generation, the start and the digest in a cursor.

    Raises:
        ValueError: the cursor is malformed.
    """
    if len(cursor) > _MAX_LENGTH:  # which also bounds the depth of the JSON
        raise ValueError("too long")
    fields = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    if not isinstance(fields, list) or [type(field) for field in fields] != [str, int, str]:
        raise ValueError("not a generation, a start and a digest")
    generation, start, digest = fields
    if start < 0 or not generation.isprintable():
        raise ValueError("negative start, or a generation that cannot be printed")
    return generation, start, digest


def _malformed(query: Query) -> InvalidValue:
    return InvalidValue("cursor", query.cursor, "pass the cursor exactly as returned, or omit it")


def _query_digest(query: Query) -> str:
    """Identifies a query; the limit may change from page to page."""
    text = repr(replace(query, cursor="", offset=0, limit=1, facets=False, verbatim=False))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
