"""Cards: a paper as a page shows it, with all its links."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from search.papers.categories import name_of
from search.papers.paper import Paper
from search.query.page import Band, Hit, Span
from service.formats.render import title_of, url_of, why_line
from service.web.address import Address, author_address, of_the_web, paper_address
from service.web.html import Link
from service.web.typeset import typeset

_SHOWN = 6
"""Authors before the rest is folded."""
_SNIPPET = 340
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
    href: str
    authors: tuple[Link, ...]
    folded: tuple[Link, ...]
    categories: tuple[Link, ...]
    snippet: Markup | None
    abstract: Markup | None
    url: str | None
    band: Band | None
    why: str
    same: bool
    similar: str
    more: str
    less: str
    bibtex: str


def cards(hits: Iterable[Hit], asked: Address) -> list[Card]:
    """A card a hit.

    Args:
        asked: the address of the question, from which the links that refine it are made.
    """
    return [card(hit, asked) for hit in hits]


def card(hit: Hit, asked: Address) -> Card:
    """See ``cards``."""
    paper, why = hit.paper, hit.why
    names = tuple(Link(name, author_address(name)) for name in paper.authors)
    first = len(names) if len(names) <= _SHOWN + 1 else _SHOWN  # one alone takes no more room than its fold
    scored = hit.semantic or hit.lexical or hit.same
    return Card(
        paper,
        typeset(title_of(paper), why.title if paper.title else ()),
        paper_address(paper.id),
        names[:first],
        names[first:],
        _categories(paper, asked),
        _snippet(hit),
        typeset(paper.abstract, why.abstract) if paper.abstract else None,
        web_url(paper),
        hit.band,
        why_line(replace(hit, band=None)) if scored else "",
        hit.same,
        str(Address("/", (("like", paper.id),))),
        str(asked.removing("unlike", paper.id).adding("like", paper.id)),
        str(asked.removing("like", paper.id).adding("unlike", paper.id)) if scored else "",
        bibtex_address(paper),
    )


def category_name(code: str) -> str:
    """The full name, or the code where arXiv has no such category."""
    return name_of(code) or code


def category_names(codes: Sequence[str]) -> tuple[str, ...]:
    """The full names; the code too where another of these has the same, as cs.LG and stat.ML have."""
    names = [category_name(code) for code in codes]
    each = zip(names, codes, strict=True)
    return tuple(name if names.count(name) == 1 else f"{name} ({code})" for name, code in each)


def bibtex_address(paper: Paper) -> str:
    """Where the paper is had as BibTeX."""
    return str(Address(f"/v1/papers/{paper.id}", (("format", "bibtex"),)))


def web_url(paper: Paper) -> str | None:
    """Where the paper is read, unless a source gave what is no address of the web."""
    url = url_of(paper)
    return url if url and of_the_web(url) else None


def _categories(paper: Paper, asked: Address) -> tuple[Link, ...]:
    named = zip(category_names(paper.categories), paper.categories, strict=True)
    return tuple(Link(name, str(asked.adding("category", code))) for name, code in named)


def _snippet(hit: Hit) -> Markup | None:
    """The sentence that answers best, else how the abstract begins."""
    abstract, why = hit.paper.abstract, hit.why
    if not abstract or not hit.paper.title:  # a paper without a title is headed by its abstract
        return None
    if why.sentence or len(abstract) <= _SNIPPET:
        return typeset(abstract, why.abstract, why.sentence)
    end = abstract.rfind(" ", 0, _SNIPPET)
    return typeset(abstract, why.abstract, Span(0, end if end > 0 else _SNIPPET)) + " …"
