"""NDJSON: a paper a line, as in JSON. ``indexer.sources.jsonl`` reads it back."""

from collections.abc import Iterable

import orjson

from search.papers.paper import Json, Paper
from search.query.page import Page
from service.formats import Wanted
from service.formats.json import projected
from service.formats.render import hit_json, paper_json


def page(answer: Page, wanted: Wanted) -> bytes:
    """A line a hit."""
    return _lines((hit_json(hit) for hit in answer.hits), wanted)


def paper(answer: Paper, wanted: Wanted) -> bytes:
    """One line."""
    return _lines([paper_json(answer)], wanted)


def _lines(objects: Iterable[dict[str, Json]], wanted: Wanted) -> bytes:
    return b"".join(
        orjson.dumps(projected(each, wanted.fields) if wanted.fields else each, option=orjson.OPT_APPEND_NEWLINE)
        for each in objects
    )
