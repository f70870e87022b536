"""The start page, with examples from the papers of this index, and the page on the search syntax."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from search.errors import NameNotFound, StateUnavailable
from search.papers.kinds import KIND_MEANINGS
from search.papers.paper import Paper
from search.papers.words import truncate_words
from search.query.condition import format_moment
from search.query.counts import format_count
from search.query.filter import Filter
from search.query.hit import Hit
from search.query.query import Query
from service.state.lists import STARRED
from service.web.cards import Card, build_cards, category_name, category_names
from service.web.html import Link, SearchForm, render_template
from service.web.topics import find_topics
from service.web.urls import PageUrl
from service.web.viewer import Viewer

_CANDIDATE_PAPERS = 10
"""Newest papers to take examples from, if no paper on a topic has all that they need."""
_NEW_PAPERS = 5
"""Newest papers that the page lists."""
_STARS = 50
"""Papers starred last that say in which categories a viewer is interested."""
_FIELDS = 2
"""Most such categories."""
_ABSTRACT_WORDS = 90
"""Words of the example abstract: more than a query may have, so that it is recognised as an abstract."""
_SHOWN_WORDS = 14
"""Words of the example abstract that the page shows."""


@dataclass(frozen=True, slots=True)
class QueryExample:
    """An example of a kind of query.

    Attributes:
        label: the kind.
        query: the text of the link.
        href: the search.
        outcome: what the search finds.
    """

    label: str
    query: str
    href: str
    outcome: str


@dataclass(frozen=True, slots=True)
class NewestPapers:
    """The newest papers, under a heading that says which, with a link to more."""

    heading: str
    cards: list[Card]
    href: str


def start_page(viewer: Viewer) -> str:
    """Renders the number of papers, topics and examples to search for, and the newest papers."""
    session = viewer.session
    newest = session.search(Query(limit=_CANDIDATE_PAPERS))
    topics = find_topics(session)
    candidates = (*(topic.paper for topic in topics), *(hit.paper for hit in newest.hits))
    return render_template(
        "start.html",
        viewer,
        SearchForm(),
        papers=newest.total,
        newest=newest.hits[0].paper.published if newest.hits else None,
        topics=[Link(topic.label, _search_url(topic.label)) for topic in topics],
        examples=tuple(_query_examples(candidates)),
        news=_find_news(viewer),
        fields=_newest_in_fields(viewer, newest.hits),
    )


def _newest_in_fields(viewer: Viewer, newest: Sequence[Hit]) -> NewestPapers:
    """Returns the newest papers in the categories of the viewer's stars; without stars, the newest of all."""
    codes = _starred_categories(viewer)
    params = tuple(("category", code) for code in codes)
    hits = viewer.session.search(Query(filter=Filter.parse(categories=codes), limit=_NEW_PAPERS)).hits if codes else ()
    heading = f"Newest in {' and '.join(category_names(codes))}" if hits else "Newest papers"
    url = PageUrl("/", (*(params if hits else ()), ("sort", "newest")))
    return NewestPapers(heading, build_cards((hits or newest)[:_NEW_PAPERS], PageUrl("/"), viewer), str(url))


def _starred_categories(viewer: Viewer) -> list[str]:
    """Returns the most frequent primary categories of the papers that were starred last."""
    try:
        entries = viewer.lists.entries(STARRED, viewer.session)[-_STARS:]
    except (NameNotFound, StateUnavailable):
        return []
    counts = Counter(entry.paper.categories[0] for entry in entries if entry.paper.categories)
    return [code for code, _ in counts.most_common(_FIELDS)]


def help_page(viewer: Viewer) -> str:
    """Renders the search syntax, the meaning of the results page, and the keyboard shortcuts."""
    newest = viewer.session.search(Query(limit=1)).hits
    paper_id = newest[0].paper.id if newest else ""
    kinds = [(f"a paper that {meaning}", f"kind:{kind}") for kind, meaning in KIND_MEANINGS.items()]
    return render_template("help.html", viewer, SearchForm(), search_url=_search_url, example_id=paper_id, kinds=kinds)


def _find_news(viewer: Viewer) -> Link | None:
    """Returns the papers that were added since the last visit; None if there are none."""
    if viewer.last_visit is None:
        return None
    since = datetime.fromtimestamp(viewer.last_visit + 1, UTC)
    total = viewer.session.search(Query(filter=Filter(added_from=since), limit=0)).total
    url = PageUrl("/", (("added_from", format_moment(since)), ("sort", "added")))
    return Link(format_count(total, "new paper"), str(url)) if total else None


def _search_url(text: str) -> str:
    return str(PageUrl("/", (("q", text),)))


def _query_examples(papers: Iterable[Paper]) -> Iterator[QueryExample]:
    """Yields examples from the first paper that has all the fields they need."""
    for paper in papers:
        topic = _title_query(paper.title or "")
        if topic and paper.abstract and paper.published and paper.categories and paper.authors:
            yield QueryExample("A question in plain words", topic, _search_url(topic), "found by meaning and keywords")
            code, year = paper.categories[0], paper.published.year
            filters = f'au:"{_strip_operators(paper.authors[0])}" cat:{code} date:>={year}'
            outcome = f"only papers by this author in {category_name(code)}, since {year}"
            yield QueryExample("Filters", filters, _search_url(filters), outcome)
            abstract = truncate_words(_strip_operators(paper.abstract), max_words=_ABSTRACT_WORDS)
            shown = truncate_words(abstract, max_words=_SHOWN_WORDS)
            yield QueryExample("A pasted abstract", shown, _search_url(abstract), "similar papers")
            yield QueryExample("An ID, DOI or URL", paper.id, _search_url(paper.id), "that paper and similar ones")
            return


def _title_query(title: str) -> str:
    """Returns the words after the name of a system, without characters that have a meaning in queries."""
    words = " ".join(re.findall(r"\w+(?:-\w+)*", title.split(": ")[-1])).lower()
    return words if len(words.split()) > 3 else ""


def _strip_operators(text: str) -> str:
    return " ".join(text.replace('"', " ").replace(":", " ").split())
