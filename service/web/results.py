"""The results page."""

import re
from collections.abc import Sequence
from dataclasses import replace

from search.errors import StateUnavailable
from search.language.describe import ORDER_NAMES
from search.query.counts import format_count
from search.query.page import Facets, Page
from search.query.query import Query
from service.formats.counts import round_facets
from service.web.cards import build_cards
from service.web.facets import build_groups, build_histogram
from service.web.html import EXPORT_FORMATS, FORM_FIELDS, Link, SearchForm, render_template
from service.web.interpretation import Chip, build_author_notes, build_chips
from service.web.refinements import answered_instead, answered_url, build_refinements
from service.web.searches import Proposal, propose, search_of_url
from service.web.urls import PageUrl, watch_url
from service.web.viewer import Viewer
from service.web.views import view_links

EXPORT_LIMIT = 100
"""Maximum number of papers in an export."""
_ABOUT = re.compile(r"^about '(.*)'$", re.DOTALL)
"""Matches the label of the chip of the text that papers are ranked by."""
_FILTER_PARAMS = (
    "author",
    "not_author",
    "category",
    "from",
    "to",
    "updated_from",
    "updated_to",
    "added_from",
    "added_to",
)


def results_page(viewer: Viewer, url: PageUrl, text: str, query: Query) -> str:
    """Renders the hits of a query with its facets and the links that refine it.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        text: the text of the search box.
        query: the other parameters.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.ask``.
    """
    session = viewer.session
    page = session.ask(text, replace(query, facets=True))
    typed_url, url = url, answered_url(url, page)
    facets = round_facets(page.facets) if page.facets else None
    chips = build_chips(url, query.filter, page, session)
    groups = build_groups(facets, url) if facets else ()
    return render_template(
        "results.html",
        viewer,
        SearchForm.from_url(typed_url, FORM_FIELDS if groups else ("q", "sort", "mode")),
        problem=None,
        advice=_advice_text(page),
        interpretation=page.interpretation,
        notices=page.notices,
        here=str(typed_url),
        chips=chips,
        views=view_links(url),
        following=_following(viewer, url, chips),
        answered_instead=answered_instead(typed_url, page),
        correction=Link(page.correction, str(url.replace_param("q", page.correction))) if page.correction else None,
        refinements=tuple(build_refinements(url, page)),
        author_notes=build_author_notes(url, query.filter, page, session),
        facet_note=_facet_note(page, facets) if facets else "",
        groups=groups,
        histogram=build_histogram(facets.years) if facets else None,
        status=_status_text(page, query),
        cards=build_cards(page.hits, url, viewer),
        exports=_export_links(url) if page.hits else (),
        export_note=f"The first {EXPORT_LIMIT} papers" if page.total > EXPORT_LIMIT else "All results of this search",
        next_steps=_next_steps(url, page),
        explanation=_explanation_text(page),
        **pagination_links(url, page),
    )


def _following(viewer: Viewer, url: PageUrl, chips: Sequence[Chip]) -> Link | Proposal | None:
    """Returns the saved search that is this one, or the form that saves it; None if the state cannot be read."""
    search = search_of_url(url)
    try:
        watches = viewer.saved_searches
    except StateUnavailable:
        return None
    for watch in watches:
        if watch.search == search:
            return Link(watch.name, watch_url(watch.name))
    words = (_ABOUT.sub(r"\1", chip.label) for chip in chips)
    return propose(search, ", ".join(words), [watch.name for watch in watches])


def pagination_links(url: PageUrl, page: Page) -> dict[str, str]:
    """Returns the links to the first and the next page; a link is empty if there is no such page."""
    next_page = str(url.remove_param("cursor").include_param("cursor", page.cursor)) if page.cursor else ""
    return {"first_page": str(url.remove_param("cursor")) if url.get_all("cursor") else "", "next_page": next_page}


def _status_text(page: Page, query: Query) -> str:
    if not page.total:
        return "No papers match"
    if not page.has_close_match:
        return "No close match"
    if not _is_ranked_semantically(page):
        return format_count(page.total)
    if query.sort != "relevance":
        relevant = format_count(page.total, "relevant paper", estimated=page.total_estimated)
        return f"{relevant[0].upper()}{relevant[1:]}, {ORDER_NAMES.get(query.sort, query.sort)} first"
    if query.cursor:
        return f"{format_count(page.total)}, closest first"
    if len(page.hits) in (0, page.total):
        return format_count(page.total)
    return f"Showing the {len(page.hits):,} closest of {format_count(page.total)}"


def _is_ranked_semantically(page: Page) -> bool:
    """Whether every paper that matches the filters is a hit, so that only the closest ones are relevant."""
    return page.explanation.strategy != "none"


def _advice_text(page: Page) -> str:
    """Returns what to do if there are no hits, or no close ones."""
    if not page.total:
        return "Remove a filter or rephrase the query."
    return "" if page.has_close_match else "These are the nearest papers. Rephrasing the query may find better ones."


def _next_steps(url: PageUrl, page: Page) -> list[Link]:
    """Returns links for a search without close hits."""
    if page.total and page.has_close_match:
        return []
    links = []
    if any(url.get_all(name) for name in _FILTER_PARAMS):
        unfiltered = url
        for name in _FILTER_PARAMS:
            unfiltered = unfiltered.remove_param(name)
        links.append(Link("Search without filters", str(unfiltered)))
    if url.get_first("mode"):
        links.append(Link("Use hybrid search", str(url.remove_param("mode"))))
    if url.get_all("cursor"):
        links.append(Link("First page", str(url.remove_param("cursor"))))
    return [*links, Link("Search syntax", "/help"), Link("Home", "/")]


def _export_links(url: PageUrl) -> tuple[Link, ...]:
    api_url = url.with_path("/v1/search")
    return tuple(
        Link(label, str(_with_export_limit(api_url, name).include_param("format", name)))
        for label, name in EXPORT_FORMATS
    )


def _with_export_limit(api_url: PageUrl, name: str) -> PageUrl:
    """Sets the number of papers; a feed keeps the default, because its readers fetch the newest papers repeatedly."""
    return api_url.remove_param("limit") if name == "atom" else api_url.replace_param("limit", str(EXPORT_LIMIT))


def _explanation_text(page: Page) -> str:
    """Returns how the hits were found."""
    searches = {
        "exact": f"Exact semantic search over {format_count(page.explanation.papers_scored)}. ",
        "approximate": f"Approximate semantic search over {format_count(page.explanation.codes_scanned)}; "
        f"expected recall {page.expected_recall:.1%}. ",
        "none": "",
    }
    return f"{searches[page.explanation.strategy]}Index version {page.generation}."


def _facet_note(page: Page, facets: Facets) -> str:
    """Returns which papers the facets count."""
    if _is_ranked_semantically(page):
        relevant = format_count(facets.papers, "relevant paper", estimated=facets.estimated)
        return f"Counts cover {relevant if facets.estimated else f'the {relevant}'}."
    return f"Counts cover all {facets.papers:,} matching papers."
