"""Cards: a paper as a page shows it, with all its links."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from search.papers.categories import find_category_name
from search.papers.paper import Paper
from search.query.page import Band, Hit, Span
from service.formats.render import display_title, match_reason
from service.web.html import Link
from service.web.typeset import typeset
from service.web.urls import PageUrl, author_page_url, is_http_url, paper_page_url

_MAX_SHOWN_AUTHORS = 6
"""Authors before the rest is folded."""
_SNIPPET_CHARS = 340
"""Characters of an abstract shown where no sentence of it answers best."""


@dataclass(frozen=True, slots=True)
class Card:
    """One paper.

    Attributes:
        title, snippet, abstract: as HTML; the sentence that answers best is the snippet. href: its page.
        authors, folded: the first ones and the rest, each with the author's page.
        categories: full names, each a link that narrows to it. url: where the paper is read, if the web can go there.
        band, why: how near it is, and the ranks that say so. same: it is the paper that was asked for.
        similar, more, less, bibtex: where its links lead; ``more`` and ``less`` refine the question at hand;
            there is no ``less`` of a mere list, where nothing says what to be near instead.
    """

    paper: Paper
    title: Markup
    page_url: str
    authors: tuple[Link, ...]
    more_authors: tuple[Link, ...]
    categories: tuple[Link, ...]
    snippet: Markup | None
    abstract: Markup | None
    external_url: str | None
    band: Band | None
    match_reason: str
    exact_match: bool
    similar_url: str
    more_like_url: str
    less_like_url: str
    bibtex_url: str


def build_cards(hits: Iterable[Hit], asked: PageUrl) -> list[Card]:
    """A card a hit.

    Args:
        asked: the address of the question, from which the links that refine it are made.
    """
    return [build_card(hit, asked) for hit in hits]


def build_card(hit: Hit, asked: PageUrl) -> Card:
    """See ``cards``."""
    paper, why = hit.paper, hit.highlights
    names = tuple(Link(name, author_page_url(name)) for name in paper.authors)
    first = (
        len(names) if len(names) <= _MAX_SHOWN_AUTHORS + 1 else _MAX_SHOWN_AUTHORS
    )  # one alone takes no more room than its fold
    scored = hit.semantic or hit.lexical or hit.exact_match
    return Card(
        paper,
        typeset(display_title(paper), why.title if paper.title else ()),
        paper_page_url(paper.id),
        names[:first],
        names[first:],
        _category_links(paper, asked),
        _snippet(hit),
        typeset(paper.abstract, why.abstract) if paper.abstract else None,
        external_url(paper),
        hit.band,
        match_reason(replace(hit, band=None)) if scored else "",
        hit.exact_match,
        str(PageUrl("/", (("like", paper.id),))),
        str(asked.remove_param("unlike", paper.id).include_param("like", paper.id)),
        str(asked.remove_param("like", paper.id).include_param("unlike", paper.id)) if scored else "",
        bibtex_url(paper),
    )


def category_name(code: str) -> str:
    """The full name, or the code where arXiv has no such category."""
    return find_category_name(code) or code


def category_names(codes: Sequence[str]) -> tuple[str, ...]:
    """The full names; the code too where another of these has the same, as cs.LG and stat.ML have."""
    names = [category_name(code) for code in codes]
    each = zip(names, codes, strict=True)
    return tuple(name if names.count(name) == 1 else f"{name} ({code})" for name, code in each)


def bibtex_url(paper: Paper) -> str:
    """Where the paper is had as BibTeX."""
    return str(PageUrl(f"/v1/papers/{paper.id}", (("format", "bibtex"),)))


def external_url(paper: Paper) -> str | None:
    """Where the paper is read, unless a source gave what is no address of the web."""
    url = paper.link
    return url if url and is_http_url(url) else None


def _category_links(paper: Paper, asked: PageUrl) -> tuple[Link, ...]:
    named = zip(category_names(paper.categories), paper.categories, strict=True)
    return tuple(Link(name, str(asked.include_param("category", code))) for name, code in named)


def _snippet(hit: Hit) -> Markup | None:
    """The sentence that answers best, else how the abstract begins."""
    abstract, why = hit.paper.abstract, hit.highlights
    if not abstract or not hit.paper.title:  # a paper without a title is headed by its abstract
        return None
    if why.sentence or len(abstract) <= _SNIPPET_CHARS:
        return typeset(abstract, why.abstract, why.sentence)
    end = abstract.rfind(" ", 0, _SNIPPET_CHARS)
    return typeset(abstract, why.abstract, Span(0, end if end > 0 else _SNIPPET_CHARS)) + " …"
