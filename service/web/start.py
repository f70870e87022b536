"""The page one starts from, which teaches by examples of this very index, and the one that tells all there is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search.papers.paper import Paper
from search.papers.words import truncate_words
from search.query.query import Query
from search.session import Session
from service.web.cards import category_name
from service.web.html import SearchForm, render_template
from service.web.urls import PageUrl

_CANDIDATE_PAPERS = 10
"""Newest papers that examples are looked for in."""
_PASTED_WORDS = 90
"""Words of an abstract that are pasted; more than a question has."""


@dataclass(frozen=True, slots=True)
class QueryExample:
    """A way to ask, an example of it, and what it leads to."""

    label: str
    query: str
    href: str
    outcome: str


def start_page(session: Session) -> str:
    """How many papers there are, and how to ask for them."""
    page = session.search(Query(limit=_CANDIDATE_PAPERS))
    newest = page.hits[0].paper.published if page.hits else None
    ways = tuple(_query_examples([hit.paper for hit in page.hits]))
    return render_template("start.html", SearchForm(), papers=page.total, newest=newest, ways=ways)


def help_page(session: Session) -> str:
    """What the box reads, what an answer says, and the keys."""
    newest = session.search(Query(limit=1)).hits
    return render_template("help.html", SearchForm(), ask=_search_url, example=newest[0].paper.id if newest else "")


def _search_url(text: str) -> str:
    return str(PageUrl("/", (("q", text),)))


def _query_examples(papers: Iterable[Paper]) -> Iterator[QueryExample]:
    """Examples from the first paper that has all it takes."""
    for paper in papers:
        question = _title_query(paper.title or "")
        if question and paper.abstract and paper.published and paper.categories and paper.authors:
            yield QueryExample("Plain words", question, _search_url(question), "ranked by meaning and by words")
            code, since = paper.categories[0], paper.published.year
            said = f'au:"{_strip_operators(paper.authors[0])}" cat:{code} date:>={since}'
            holds = f"papers of this author in {category_name(code)} since {since}, and no others"
            yield QueryExample("Conditions", said, _search_url(said), holds)
            pasted = truncate_words(_strip_operators(paper.abstract), max_words=_PASTED_WORDS)
            yield QueryExample(
                "A pasted abstract",
                truncate_words(pasted, max_words=14),
                _search_url(pasted),
                "papers that are like it",
            )
            yield QueryExample(
                "An id, DOI or address", paper.id, _search_url(paper.id), "that paper, and what is similar"
            )
            return


def _title_query(title: str) -> str:
    """What follows the name of a system, without anything that the box could take for a condition."""
    words = " ".join(re.findall(r"\w+(?:-\w+)*", title.split(": ")[-1])).lower()
    return words if len(words.split()) > 3 else ""


def _strip_operators(text: str) -> str:
    return " ".join(text.replace('"', " ").replace(":", " ").split())
