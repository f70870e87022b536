"""The page of the people who work on the topic of a query."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.query.counts import format_count
from search.query.people import MAX_RANKED_AUTHORS, People, RankedAuthor
from search.query.query import Query
from service.formats.render import display_title
from service.web.cards import PaperLine
from service.web.html import Link, SearchForm, render_template
from service.web.interpretation import build_view_chips
from service.web.urls import PageUrl, author_page_url
from service.web.viewer import Viewer
from service.web.views import view_links

LIMIT = 20
"""Authors on the page."""


@dataclass(frozen=True, slots=True)
class PersonItem:
    """An author on the page.

    Attributes:
        name: with a link to the page of the author, or of the one person of the name whose papers these are.
        namesakes: a link to the page of all people with the name; None if it is presumably that of one person.
        relevant: the number of relevant papers, with a link to them.
        years: of these papers; empty without dates.
        share: the score in per cent of the highest one.
        papers: the papers with the most weight.
    """

    name: Link
    namesakes: Link | None
    relevant: Link
    years: str
    share: int
    papers: Sequence[PaperLine]


def people_page(viewer: Viewer, url: PageUrl, text: str, query: Query, *, more: bool) -> str:
    """Renders the authors of the papers that are relevant to a query.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        text: the text of the search box.
        query: the other parameters.
        more: whether the page has more authors than usual.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.people``.
    """
    url = url.remove_param("more")
    people = viewer.session.people(text, query, limit=MAX_RANKED_AUTHORS if more else LIMIT) if url.params else None
    can_have_more = people and not more and len(people) == LIMIT
    return render_template(
        "people.html",
        viewer,
        SearchForm.from_url(url, ("q",)),
        topic=people.query if people else "",
        chips=build_view_chips(url, query.filter, people.query if people else "", viewer.session),
        views=view_links(url),
        answered=_answered_link(url, people, text),
        status=_status_text(people) if people else "Enter a topic in the search box to see who works on it.",
        people=[_build_item(url, people.query, author) for author in people] if people else (),
        more=str(url.replace_param("more", "true")) if can_have_more else "",
    )


def _status_text(people: People) -> str:
    if not people.authors:
        return "No relevant paper has an author. Remove a filter or rephrase the query."
    counted_over = people.counted_over
    count = format_count(people.papers, "relevant paper", estimated=people.estimated, counted_over=counted_over)
    return f"Authors of {count}"


def _answered_link(url: PageUrl, people: People | None, text: str) -> Link | None:
    """Returns the search for the text as typed if another query was answered."""
    if people is None or people.query == " ".join(text.split()) or url.get_first("verbatim"):
        return None
    return Link(text, str(url.replace_param("verbatim", "true")))


def _build_item(url: PageUrl, text: str, author: RankedAuthor) -> PersonItem:
    person = f"{author.name} @ {author.person}" if author.person else author.name
    relevant = url.with_path("/").replace_param("q", text).include_param("author", person)
    others = "one of several people of this name" if author.person else "may be several people"
    return PersonItem(
        Link(author.name, author_page_url(author.name, author.person or "")),
        Link(others, author_page_url(author.name)) if author.person or author.may_be_several else None,
        Link(format_count(author.papers, "relevant paper"), str(relevant)),
        author.years,
        max(1, round(100 * author.score)),
        [PaperLine(paper.id, display_title(paper)) for paper in author.top_papers],
    )
