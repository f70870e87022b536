"""JSON: the page and the paper as the API has them."""

import orjson

from search.papers.paper import Json, Paper
from search.query.page import Page
from service.formats import Wanted
from service.formats.render import page_json, shown_paper_json


def page(answer: Page, wanted: Wanted) -> bytes:
    """``render.page_json``; of its hits the fields that are wanted."""
    fields = page_json(answer)
    hits = fields["hits"]
    if wanted.fields and isinstance(hits, list):
        fields["hits"] = [projected(hit, wanted.fields) for hit in hits if isinstance(hit, dict)]
    return orjson.dumps(fields)


def paper(answer: Paper, wanted: Wanted) -> bytes:
    """``render.shown_paper_json``; of its fields those that are wanted."""
    fields = shown_paper_json(answer)
    return orjson.dumps(projected(fields, ("schema_version", *wanted.fields)) if wanted.fields else fields)


def projected(fields: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    """The fields of these names, in their order."""
    return {name: fields[name] for name in names}
