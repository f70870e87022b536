"""Cursors: where the next page of an answer starts, as a text that only we read."""

import base64
import hashlib
import json
from dataclasses import replace

from search.errors import InvalidValue
from search.query.query import Query


def encode(query: Query, generation: str, start: int) -> str:
    """The cursor of the page that starts at a hit, counted from 0, of this question's answer by this generation."""
    return base64.urlsafe_b64encode(json.dumps([generation, start, _query_digest(query)]).encode()).decode().rstrip("=")


def decode(query: Query, generation: str) -> int:
    """Where the page of the query's own cursor starts; 0 without one.

    Raises:
        InvalidValue: it is none of ours, belongs to another question, or its generation does not answer any more.
    """
    if not query.cursor:
        return 0
    try:
        held, start, mark = json.loads(base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4)))
        start = int(start)
    except (ValueError, TypeError):
        raise InvalidValue("cursor", query.cursor, "give the cursor of a page as it was, or none") from None
    if mark != _query_digest(query) or start < 0:
        raise InvalidValue("cursor", query.cursor, "it belongs to another question; leave it out to ask this one")
    if held != generation:
        gone = f"its generation {held} is gone, {generation} answers now; leave it out to start again"
        raise InvalidValue("cursor", query.cursor, gone)
    return start


def _query_digest(query: Query) -> str:
    """Tells questions apart; how many hits a page has may change from one to the next."""
    asked = repr(replace(query, cursor="", limit=1, facets=False))
    return hashlib.blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
