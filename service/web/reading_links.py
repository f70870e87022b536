"""Where a paper can be read: addresses of its PDF, its HTML and its page at each site, derived from its IDs and URL.

An address is derived, not looked up: a paper may lack the file, and the site then says so. The rules:

- arXiv: ``/pdf/ID`` and ``/html/ID`` with the version (https://info.arxiv.org/help/arxiv_identifier_for_services.html);
  HTML is made of the papers submitted in LaTeX since December 2023 (https://info.arxiv.org/about/accessible_HTML.html).
- ACL Anthology: ``/ID.pdf``; the DOIs that it assigns are ``10.18653/v1/ID`` (https://aclanthology.org/info/ids/).
- PubMed Central: the page of an article is its HTML, and ``pdf/`` below it leads to the PDF, as the page links it.
- OpenReview: ``/pdf?id=ID`` for ``/forum?id=ID``, as the forum links it.
- PMLR: ``/v1/NAME/NAME.pdf`` for ``/v1/NAME.html`` (https://proceedings.mlr.press/spec.html).
- Computer Vision Foundation: ``/papers/NAME.pdf`` for ``/html/NAME.html``, as the page links it.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from search.papers import identifiers
from search.papers.paper import Paper
from service.web.html import Link
from service.web.urls import is_http_url

_FILES = {"PDF": 0, "HTML": 1}
"""Labels of the links that lead to the text itself; they come first."""
_FIRST_ARXIV_HTML = "2312"
"""Year and month of the first arXiv IDs whose papers have HTML."""
_NEW_ARXIV_ID = re.compile(r"\d{4}\.\d{4,5}")
_ACL_DOI = re.compile(r"10\.18653/v1/(.+)")
_PDF_OF_PAGE = (
    (re.compile(r"(https?://openreview\.net)/forum\?id=([\w-]+)"), r"\1/pdf?id=\2"),
    (re.compile(r"(https?://proceedings\.mlr\.press/v\d+)/([\w-]+)\.html"), r"\1/\2/\2.pdf"),
    (re.compile(r"(https?://openaccess\.thecvf\.com/.+)/html/([^/]+)\.html"), r"\1/papers/\2.pdf"),
)
"""Addresses of pages, and those of their PDF."""


def reading_links(paper: Paper) -> list[Link]:
    """Returns links to a PDF, an HTML version and the pages of a paper; a page is named after its host."""
    found: dict[str, str] = {}
    for label, url in _urls(paper):
        found.setdefault(label or _host(url), url)
    return [Link(label, found[label]) for label in sorted(found, key=lambda label: _FILES.get(label, len(_FILES)))]


def _urls(paper: Paper) -> Iterator[tuple[str, str]]:
    """Yields the addresses of a paper, each with ``PDF``, ``HTML`` or, for its page at a site, an empty label."""
    if paper.url and is_http_url(paper.url):
        yield from _urls_of_page(paper.url)
    for paper_id in paper.ids:
        if url := identifiers.id_url(paper_id):
            yield "", url
            yield from _urls_of_id(paper_id, url, paper.version)


def _urls_of_page(url: str) -> Iterator[tuple[str, str]]:
    if urlsplit(url).path.lower().endswith(".pdf"):
        yield "PDF", url
        return
    yield "", url
    for pattern, pdf in _PDF_OF_PAGE:
        if pattern.fullmatch(url):
            yield "PDF", pattern.sub(pdf, url)


def _urls_of_id(paper_id: str, url: str, version: int | None) -> Iterator[tuple[str, str]]:
    scheme, _, rest = paper_id.partition(":")
    if scheme == "arxiv":
        versioned = url + (f"v{version}" if version else "")
        yield "PDF", versioned.replace("/abs/", "/pdf/")
        if _NEW_ARXIV_ID.fullmatch(rest) and rest >= _FIRST_ARXIV_HTML:
            yield "HTML", versioned.replace("/abs/", "/html/")
    elif scheme == "acl":
        yield "PDF", f"{url.rstrip('/')}.pdf"
    elif scheme == "doi" and (found := _ACL_DOI.fullmatch(rest)):
        yield from _urls_of_id(f"acl:{found[1]}", identifiers.id_url(f"acl:{found[1]}") or "", version)
    elif scheme == "pmc":
        yield "HTML", url
        yield "PDF", f"{url}pdf/"


def _host(url: str) -> str:
    return (urlsplit(url).hostname or url).removeprefix("www.")
