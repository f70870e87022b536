"""Further queries that the results page offers, and the way back from a query that was answered instead."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.language.framing import find_people_topic
from search.query.page import Page
from search.query.refinement import Refinement, RefinementKind
from service.web.html import Link
from service.web.urls import PageUrl

_HEADINGS: dict[RefinementKind, str] = {
    "author": "Author",
    "filter": "Add a filter",
    "sense": "Meanings",
    "related": "Related searches",
}
"""In the order of the page."""


@dataclass(frozen=True, slots=True)
class RefinementGroup:
    """The refinements of one kind.

    Attributes:
        heading: what they are.
        links: to the search that accepts each, with its number of papers if that is known.
    """

    heading: str
    links: tuple[tuple[Link, int | None], ...]


@dataclass(frozen=True, slots=True)
class AnsweredInstead:
    """The note that another query was answered than the one typed.

    Attributes:
        answered: the search for the other query.
        as_typed: the search for the text as typed.
    """

    answered: Link
    as_typed: Link


def build_refinements(url: PageUrl, page: Page) -> Iterator[RefinementGroup]:
    """Yields the refinements of a page by kind, after the people of the topic if the question asks for people."""
    topic = find_people_topic(url.get_first("q"))
    if topic and not url.get_first("page"):
        people = url.with_path("/people").replace_param("q", topic).remove_param("theme").remove_param("verbatim")
        yield RefinementGroup("People", ((Link(f"People who work on {topic}", str(people)), None),))
    for kind, heading in _HEADINGS.items():
        found = [each for each in page.refinements if each.kind == kind]
        if found:
            yield RefinementGroup(heading, tuple((_refinement_link(url, each), each.papers) for each in found))


def answered_instead(url: PageUrl, page: Page) -> AnsweredInstead | None:
    """Returns the note of a page that answers another query than that of its URL, else None."""
    if page.answered_query is None:
        return None
    typed = Link(url.get_first("q"), str(url.replace_param("verbatim", "true")))
    return AnsweredInstead(Link(page.answered_query, str(answered_url(url, page))), typed)


def answered_url(url: PageUrl, page: Page) -> PageUrl:
    """Returns the URL of the query that was answered, which all links to refine it start from."""
    return url if page.answered_query is None else url.replace_param("q", page.answered_query)


def _refinement_link(url: PageUrl, refinement: Refinement) -> Link:
    refined = url.remove_param("verbatim").replace_param("q", refinement.query)
    return Link(refinement.label, str(refined.replace_param("sort", refinement.sort) if refinement.sort else refined))
