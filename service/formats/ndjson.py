"""NDJSON: one JSON object per line and paper. ``indexer.sources.jsonl`` reads it back."""

from collections.abc import Iterable

import orjson

from search.papers.json import Json
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.json import select_fields


def render_page(page: Page, options: RenderOptions) -> bytes:
    """One line per hit."""
    return _serialize_lines((hit.to_json() for hit in page.hits), options)


def render_paper(paper: Paper, options: RenderOptions) -> bytes:
    """One line."""
    return _serialize_lines([paper.to_dict()], options)


def _serialize_lines(objects: Iterable[dict[str, Json]], options: RenderOptions) -> bytes:
    return b"".join(
        orjson.dumps(select_fields(each, options.fields) if options.fields else each, option=orjson.OPT_APPEND_NEWLINE)
        for each in objects
    )
