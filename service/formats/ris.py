"""RIS, written by rispy.

Fields for which RIS has no tag are in notes, which people and ``indexer.sources.ris`` can read:
``N1  - categories: cs.CL cs.IR``.
"""

import re
from collections.abc import Iterator, Sequence

from search.papers.date import Date
from search.papers.json import replace_surrogates
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.citation import citation_keys
from service.formats.extra_fields import Extra
from service.formats.person import Person

_FieldValue = str | list[str]


def render_page(page: Page, _options: RenderOptions) -> bytes:
    """One reference per hit."""
    return serialize([hit.paper for hit in page.hits])


def render_paper(paper: Paper, _options: RenderOptions) -> bytes:
    """One reference."""
    return serialize([paper])


def serialize(papers: Sequence[Paper]) -> bytes:
    """Serializes papers as references, in this order."""
    from rispy.writer import RisWriter

    class Writer(RisWriter):  # type: ignore[misc]  # rispy has no types
        def set_header(self, _count: int) -> str:
            return ""  # rispy would number the references, which is not part of RIS

    references = [
        {name: value for name, value in _fields(paper, key) if value}
        for paper, key in zip(papers, citation_keys(papers), strict=True)
    ]
    return replace_surrogates(str(Writer().formats(references))).encode() if references else b""


def _fields(paper: Paper, key: str) -> Iterator[tuple[str, _FieldValue]]:
    """Yields rispy's field names and values; empty values are to be dropped."""
    extra = Extra.of(paper)
    yield "type_of_reference", _reference_type(paper)
    yield "id", key
    yield "title", paper.title or ""
    yield "authors", [name for author in paper.authors if (name := Person.parse(author).suffix_last)]
    yield "year", f"{paper.published.year:04}" if paper.published else ""
    yield "date", _format_date(paper.published) if paper.published else ""
    yield "secondary_title", extra.texts["journal"]
    yield from zip(("start_page", "end_page"), _split_pages(extra.texts["pages"]), strict=True)
    yield "doi", _id_in_scheme(paper, "doi")
    yield "accession_number", _id_in_scheme(paper, "pmid") or _arxiv_number(paper)
    yield "urls", [url] if (url := paper.link) else []
    yield "abstract", paper.abstract or ""
    yield "keywords", list(extra.keywords)
    yield "notes", [f"{name}: {value}" for name, value in _notes(paper, extra) if value]


def _reference_type(paper: Paper) -> str:
    if any(each.startswith("acl:") for each in paper.ids):
        return "CPAPER"
    return "JOUR" if paper.extra.get("journal") else "GEN"


def _format_date(date: Date) -> str:
    """YYYY/MM/DD/, with unknown parts empty."""
    return "/".join((f"{date.year:04}", f"{date.month:02}" * bool(date.month), f"{date.day:02}" * bool(date.day), ""))


def _split_pages(pages: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\s-]+)-([^\s-]+)", pages)
    return (match[1], match[2]) if match else (pages, "")


def _id_in_scheme(paper: Paper, scheme: str) -> str:
    return next((each.partition(":")[2] for each in paper.ids if each.startswith(f"{scheme}:")), "")


def _arxiv_number(paper: Paper) -> str:
    number = _id_in_scheme(paper, "arxiv")
    return f"arXiv:{number}" if number else ""


def _notes(paper: Paper, extra: Extra) -> Iterator[tuple[str, str]]:
    yield "ids", " ".join(paper.ids)
    yield "authors", "et al." if paper.authors_partial else ""
    yield "updated", str(paper.updated or "")
    yield "categories", " ".join(paper.categories)
    yield "version", str(paper.version or "")
    yield "retraction", paper.retraction or ""
    yield "comment", extra.texts["comment"]
    yield "extra", extra.rest_json
