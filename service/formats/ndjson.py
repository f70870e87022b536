"""NDJSON: a paper a line, as in JSON. ``indexer.sources.jsonl`` reads it back."""

from collections.abc import Iterable

import orjson

from search.papers.paper import Json, Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.json import select_fields
from service.formats.render import hit_json, paper_json


def render_page(answer: Page, wanted: RenderOptions) -> bytes:
    """A line a hit."""
    return _serialize_lines((hit_json(hit) for hit in answer.hits), wanted)


def render_paper(answer: Paper, wanted: RenderOptions) -> bytes:
    """One line."""
    return _serialize_lines([paper_json(answer)], wanted)


def _serialize_lines(objects: Iterable[dict[str, Json]], wanted: RenderOptions) -> bytes:
    return b"".join(
        orjson.dumps(select_fields(each, wanted.fields) if wanted.fields else each, option=orjson.OPT_APPEND_NEWLINE)
        for each in objects
    )
