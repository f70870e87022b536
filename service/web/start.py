"""The page one starts from, which teaches by examples of this very index, and the one that tells all there is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search.papers.paper import Paper
from search.query.query import Query
from search.session import Session
from service.formats.render import shortened
from service.web.address import Address
from service.web.cards import category_name
from service.web.html import Box, html

_AMONG = 10
"""Newest papers that examples are looked for in."""
_PASTED = 90
"""Words of an abstract that are pasted; more than a question has."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to ask, an example of it, and what it leads to."""

    what: str
    said: str
    href: str
    leads: str


def start_page(session: Session) -> str:
    """How many papers there are, and how to ask for them."""
    page = session.search(Query(limit=_AMONG))
    newest = page.hits[0].paper.published if page.hits else None
    ways = tuple(_ways([hit.paper for hit in page.hits]))
    return html("start.html", Box(), papers=page.total, newest=newest, ways=ways)


def help_page(session: Session) -> str:
    """What the box reads, what an answer says, and the keys."""
    newest = session.search(Query(limit=1)).hits
    return html("help.html", Box(), ask=_asking, example=newest[0].paper.id if newest else "")


def _asking(text: str) -> str:
    return str(Address("/", (("q", text),)))


def _ways(papers: Iterable[Paper]) -> Iterator[Way]:
    """Examples from the first paper that has all it takes."""
    for paper in papers:
        question = _question(paper.title or "")
        if question and paper.abstract and paper.published and paper.categories and paper.authors:
            yield Way("Plain words", question, _asking(question), "ranked by meaning and by words")
            code, since = paper.categories[0], paper.published.year
            said = f'au:"{_bare(paper.authors[0])}" cat:{code} date:>={since}'
            holds = f"papers of this author in {category_name(code)} since {since}, and no others"
            yield Way("Conditions", said, _asking(said), holds)
            pasted = shortened(_bare(paper.abstract), words=_PASTED)
            yield Way("A pasted abstract", shortened(pasted, words=14), _asking(pasted), "papers that are like it")
            yield Way("An id, DOI or address", paper.id, _asking(paper.id), "that paper, and what is similar")
            return


def _question(title: str) -> str:
    """What follows the name of a system, without anything that the box could take for a condition."""
    words = " ".join(re.findall(r"\w+(?:-\w+)*", title.split(": ")[-1])).lower()
    return words if len(words.split()) > 3 else ""


def _bare(text: str) -> str:
    return " ".join(text.replace('"', " ").replace(":", " ").split())
