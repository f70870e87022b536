"""CSL-JSON (schema 1.0.2), what citation processors read. What it has no variable for stands under ``custom``, the
schema's place for it, and ``indexer.sources.csl_json`` reads it back."""

from collections.abc import Sequence

import orjson

from search.papers.paper import Date, Json, Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.citation import citation_keys
from service.formats.extra import Extra
from service.formats.person import Person
from service.formats.render import paper_url


def render_page(answer: Page, _wanted: RenderOptions) -> bytes:
    """The papers of a page, an item each."""
    return serialize([hit.paper for hit in answer.hits])


def render_paper(answer: Paper, _wanted: RenderOptions) -> bytes:
    """A list of one item."""
    return serialize([answer])


def serialize(papers: Sequence[Paper]) -> bytes:
    """A list of items in the order given."""
    items = [_item(paper, key) for paper, key in zip(papers, citation_keys(papers), strict=True)]
    return orjson.dumps(items, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _item(paper: Paper, key: str) -> dict[str, Json]:
    extra = Extra.from_mapping(paper.extra)
    held = {scheme: rest for scheme, _, rest in (each.partition(":") for each in reversed(paper.ids))}
    fields: dict[str, Json] = {
        "id": key,
        "type": _item_type(paper, held),
        "title": paper.title,
        "author": [person for name in paper.authors if (person := _csl_name(Person.parse(name)))],
        "issued": _date_parts(paper.published) if paper.published else None,
        "container-title": extra.texts["journal"],
        "page": extra.texts["pages"],
        "number": f"arXiv:{held['arxiv']}" if "arxiv" in held else None,
        "publisher": "arXiv" if "arxiv" in held and not extra.texts["journal"] else None,
        "DOI": held.get("doi"),
        "PMID": held.get("pmid"),
        "URL": paper_url(paper),
        "abstract": paper.abstract,
        "keyword": ", ".join(extra.keywords),
        "note": extra.texts["comment"],
        "version": str(paper.version) if paper.version else None,
        "custom": _drop_empty(_custom_fields(paper, extra)),
    }
    return _drop_empty(fields)


def _custom_fields(paper: Paper, extra: Extra) -> dict[str, Json]:
    return {
        "ids": list(paper.ids),
        "authors_partial": paper.authors_partial,
        "updated": str(paper.updated or ""),
        "categories": list(paper.categories),
        "extra": dict(extra.rest),
    }


def _drop_empty(fields: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, False)}


def _item_type(paper: Paper, held: dict[str, str]) -> str:
    if "acl" in held:
        return "paper-conference"
    return "article-journal" if paper.extra.get("journal") else "article"


def _csl_name(person: Person) -> dict[str, Json]:
    if not person.family:
        return {"literal": person.name} if person.name else {}
    return _drop_empty({"family": person.family, "given": person.given, "suffix": person.suffix})


def _date_parts(date: Date) -> Json:
    parts: list[Json] = [date.year, date.month, date.day]
    return {"date-parts": [parts[: date.precision]]}
