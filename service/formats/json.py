"""JSON: a page or a paper as the API returns it."""

import orjson

from search.papers.json import Json
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.render import page_json, paper_document_json


def render_page(page: Page, options: RenderOptions) -> bytes:
    """``render.page_json``, its hits restricted to the fields of the options."""
    fields = page_json(page)
    hits = fields["hits"]
    if options.fields and isinstance(hits, list):
        fields["hits"] = [select_fields(hit, options.fields) for hit in hits if isinstance(hit, dict)]
    return orjson.dumps(fields)


def render_paper(paper: Paper, options: RenderOptions) -> bytes:
    """``render.paper_document_json``, restricted to the fields of the options."""
    fields = paper_document_json(paper)
    return orjson.dumps(select_fields(fields, ("schema_version", *options.fields)) if options.fields else fields)


def select_fields(fields: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    """The fields with these names, in the order of the names."""
    return {name: fields[name] for name in names}
