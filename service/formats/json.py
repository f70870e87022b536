"""JSON: the page and the paper as the API has them."""

import orjson

from search.papers.paper import Json, Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.render import page_json, paper_document_json


def render_page(answer: Page, wanted: RenderOptions) -> bytes:
    """``render.page_json``; of its hits the fields that are wanted."""
    fields = page_json(answer)
    hits = fields["hits"]
    if wanted.fields and isinstance(hits, list):
        fields["hits"] = [select_fields(hit, wanted.fields) for hit in hits if isinstance(hit, dict)]
    return orjson.dumps(fields)


def render_paper(answer: Paper, wanted: RenderOptions) -> bytes:
    """``render.shown_paper_json``; of its fields those that are wanted."""
    fields = paper_document_json(answer)
    return orjson.dumps(select_fields(fields, ("schema_version", *wanted.fields)) if wanted.fields else fields)


def select_fields(fields: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    """The fields of these names, in their order."""
    return {name: fields[name] for name in names}
