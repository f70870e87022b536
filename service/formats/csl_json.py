"""CSL-JSON (schema 1.0.2), the input of citation processors.

Fields for which CSL has no variable are in ``custom``, where the schema allows any; ``indexer.sources.csl_json`` reads
them back.
"""

from collections.abc import Sequence

import orjson

from search.papers.date import Date
from search.papers.json import Json, clean_object
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.citation import citation_keys
from service.formats.extra_fields import Extra
from service.formats.person import Person


def render_page(page: Page, _options: RenderOptions) -> bytes:
    """One item per hit."""
    return serialize([hit.paper for hit in page.hits])


def render_paper(paper: Paper, _options: RenderOptions) -> bytes:
    """A list with one item."""
    return serialize([paper])


def serialize(papers: Sequence[Paper]) -> bytes:
    """Serializes papers as a list of items, in this order."""
    items = [clean_object(_item(paper, key)) for paper, key in zip(papers, citation_keys(papers), strict=True)]
    return orjson.dumps(items, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _item(paper: Paper, key: str) -> dict[str, Json]:
    extra = Extra.of(paper)
    by_scheme = {scheme: rest for scheme, _, rest in (each.partition(":") for each in reversed(paper.ids))}
    fields: dict[str, Json] = {
        "id": key,
        "type": _item_type(paper, by_scheme),
        "title": paper.title,
        "author": [person for name in paper.authors if (person := _csl_name(Person.parse(name)))],
        "issued": _date_parts(paper.published) if paper.published else None,
        "container-title": extra.texts["journal"],
        "page": extra.texts["pages"],
        "number": f"arXiv:{by_scheme['arxiv']}" if "arxiv" in by_scheme else None,
        "publisher": "arXiv" if "arxiv" in by_scheme and not extra.texts["journal"] else None,
        "DOI": by_scheme.get("doi"),
        "PMID": by_scheme.get("pmid"),
        "PMCID": f"PMC{by_scheme['pmc']}" if "pmc" in by_scheme else None,
        "URL": paper.link,
        "abstract": paper.abstract,
        "keyword": ", ".join(extra.keywords),
        "note": extra.texts["comment"],
        "version": str(paper.version) if paper.version else None,
        "status": paper.retraction,
        "custom": _drop_empty(_custom_fields(paper, extra)),
    }
    return _drop_empty(fields)


def _custom_fields(paper: Paper, extra: Extra) -> dict[str, Json]:
    return {
        "ids": list(paper.ids),
        "authors_partial": paper.authors_partial,
        "updated": str(paper.updated or ""),
        "categories": list(paper.categories),
        "references": list(paper.references),
        "extra": dict(extra.rest),
    }


def _drop_empty(fields: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, False)}


def _item_type(paper: Paper, by_scheme: dict[str, str]) -> str:
    if "acl" in by_scheme:
        return "paper-conference"
    return "article-journal" if paper.extra.get("journal") else "article"


def _csl_name(person: Person) -> dict[str, Json]:
    if not person.family:
        return {"literal": person.name} if person.name else {}
    return _drop_empty({"family": person.family, "given": person.given, "suffix": person.suffix})


def _date_parts(date: Date) -> Json:
    parts: list[Json] = [date.year, date.month, date.day]
    return {"date-parts": [parts[: date.precision]]}
