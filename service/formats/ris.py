"""RIS, written by rispy. What it has no tag for stands in notes that people can read and ``indexer.sources.ris`` reads
back: ``N1  - categories: cs.CL cs.IR``."""

import re
from collections.abc import Iterator, Sequence

from search.papers.paper import Date, Paper
from search.query.page import Page
from service.formats import Wanted
from service.formats.citation import keys
from service.formats.extra import Extra
from service.formats.person import Person
from service.formats.render import url_of

_Value = str | list[str]


def page(answer: Page, _wanted: Wanted) -> bytes:
    """The papers of a page, a reference each."""
    return written([hit.paper for hit in answer.hits])


def paper(answer: Paper, _wanted: Wanted) -> bytes:
    """One reference."""
    return written([answer])


def written(papers: Sequence[Paper]) -> bytes:
    """References in the order given."""
    from rispy.writer import RisWriter

    class Writer(RisWriter):  # type: ignore[misc]  # rispy has no types
        def set_header(self, _count: int) -> str:
            return ""  # rispy numbers references, which is no part of RIS

    references = [
        {name: value for name, value in _fields(paper, key) if value}
        for paper, key in zip(papers, keys(papers), strict=True)
    ]
    return str(Writer().formats(references)).encode() if references else b""


def _fields(paper: Paper, key: str) -> Iterator[tuple[str, _Value]]:
    """rispy's names and values; some are empty."""
    extra = Extra.of(paper.extra)
    yield "type_of_reference", _kind(paper)
    yield "id", key
    yield "title", paper.title or ""
    yield "authors", [name for author in paper.authors if (name := Person.of(author).inverted)]
    yield "year", f"{paper.published.year:04}" if paper.published else ""
    yield "date", _date(paper.published) if paper.published else ""
    yield "secondary_title", extra.texts["journal"]
    yield from zip(("start_page", "end_page"), _pages(extra.texts["pages"]), strict=True)
    yield "doi", _of_scheme(paper, "doi")
    yield "accession_number", _of_scheme(paper, "pmid") or _arxiv(paper)
    yield "urls", [url] if (url := url_of(paper)) else []
    yield "abstract", paper.abstract or ""
    yield "keywords", list(extra.keywords)
    yield "notes", [f"{name}: {value}" for name, value in _notes(paper, extra) if value]


def _kind(paper: Paper) -> str:
    if any(each.startswith("acl:") for each in paper.ids):
        return "CPAPER"
    return "JOUR" if paper.extra.get("journal") else "GEN"


def _date(date: Date) -> str:
    """YYYY/MM/DD/, parts that are not known empty."""
    return "/".join((f"{date.year:04}", f"{date.month:02}" * bool(date.month), f"{date.day:02}" * bool(date.day), ""))


def _pages(pages: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\s-]+)-([^\s-]+)", pages)
    return (match[1], match[2]) if match else (pages, "")


def _of_scheme(paper: Paper, scheme: str) -> str:
    return next((each.partition(":")[2] for each in paper.ids if each.startswith(f"{scheme}:")), "")


def _arxiv(paper: Paper) -> str:
    number = _of_scheme(paper, "arxiv")
    return f"arXiv:{number}" if number else ""


def _notes(paper: Paper, extra: Extra) -> Iterator[tuple[str, str]]:
    yield "ids", " ".join(paper.ids)
    yield "authors", "et al." if paper.authors_partial else ""
    yield "updated", str(paper.updated or "")
    yield "categories", " ".join(paper.categories)
    yield "version", str(paper.version or "")
    yield "comment", extra.texts["comment"]
    yield "extra", extra.written
