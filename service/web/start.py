"""The page one starts from, which teaches by examples of this very index, and the one that tells all there is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search import names
from search.paper import Paper
from search.query import Query
from search.searcher import Searcher
from service.render import shortened
from service.web.address import Address
from service.web.cards import category_name
from service.web.html import Box, html

_AMONG = 10
"""Newest papers that examples are looked for in."""
_PASTED = 90
"""Words of an abstract that are pasted; more than a question has."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to ask, and an example of it."""

    what: str
    said: str
    href: str


def start_page(searcher: Searcher) -> str:
    """How many papers there are, and how to ask for them."""
    page = searcher.search(Query(limit=_AMONG))
    newest = page.hits[0].paper.published if page.hits else None
    ways = tuple(_ways([hit.paper for hit in page.hits]))
    return html("start.html", Box(), papers=page.total, newest=newest, ways=ways)


def help_page() -> str:
    """What the box reads, what an answer says, and the keys."""
    return html("help.html", Box(), ask=_asking)


def _asking(text: str) -> str:
    return str(Address("/", (("q", text),)))


def _ways(papers: Iterable[Paper]) -> Iterator[Way]:
    """Examples from the first paper that has all it takes."""
    for paper in papers:
        family = names.parse(paper.authors[0]).family if paper.authors else ""
        if paper.title and paper.abstract and paper.published and paper.categories and family:
            yield Way("A question, in plain words", paper.title, _asking(paper.title))
            code, year = paper.categories[0], paper.published.year
            said = f"au:{family} cat:{code} date:>={year - 1}" if " " not in family else f"cat:{code} date:>={year - 1}"
            yield Way(f"Conditions: an author, {category_name(code)}, since {year - 1}", said, _asking(said))
            words = shortened(paper.abstract, words=_PASTED)
            yield Way("A pasted abstract: what is like it", shortened(words, words=14), _asking(words))
            yield Way("An id, DOI or address: that paper and what is similar", paper.id, _asking(paper.id))
            return
