"""The results page."""

from collections.abc import Sequence
from dataclasses import replace

from search.query.counts import format_count
from search.query.facets import SCOPE_NOUNS, Facets
from search.query.page import Page
from search.query.query import Query
from search.ranking.notices import ONLY_CLOSEST
from service.formats.counts import round_facets
from service.web.cards import build_cards
from service.web.detail import Detail, detail_links
from service.web.facets import build_groups
from service.web.follow import Follow, build_follow
from service.web.html import EXPORT_FORMATS, FORM_FIELDS, MODE_LABELS, Link, SearchForm, render_template
from service.web.interpretation import Chip, build_author_notes, build_chips
from service.web.pagination import is_ranked, paginate, status_text
from service.web.refinements import answered_instead, answered_url, build_refinements
from service.web.searches import search_of_url
from service.web.themes import ask_within_theme, build_theme_group
from service.web.urls import PageUrl
from service.web.viewer import Viewer
from service.web.views import view_links

EXPORT_LIMIT = 100
"""Maximum number of papers in an export."""
_SORT_LABELS = {
    "relevance": "relevance",
    "newest": "newest",
    "oldest": "oldest",
    "added": "latest added",
    "citations": "most cited",
}
"""What the page calls the orders of the papers."""
_FILTER_PARAMS = (
    "author",
    "not_author",
    "category",
    "theme",
    "kind",
    "from",
    "to",
    "updated_from",
    "updated_to",
    "added_from",
    "added_to",
)


def results_page(viewer: Viewer, url: PageUrl, text: str, query: Query, detail: Detail = "sentences") -> str:
    """Renders the hits of a query with its facets and the links that refine it.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        text: the text of the search box.
        query: the other parameters.
        detail: how much of each paper to show.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.ask``.
    """
    session = viewer.session
    page, theme_note = ask_within_theme(session, text, replace(query, facets=True))
    url = url.remove_param("theme") if theme_note else url
    query = replace(query, theme="") if theme_note else query
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
        theme_note=theme_note,
        theme_group=build_theme_group(typed_url, session, text, query, facets.papers) if facets else None,
        notices=[notice for notice in page.notices if notice != ONLY_CLOSEST],
        only_closest=_only_closest(url, page),
        here=str(typed_url),
        chips=chips,
        views=view_links(url),
        follow=_build_follow(viewer, url, chips),
        answered_instead=answered_instead(typed_url, page),
        correction=Link(page.correction, str(url.replace_param("q", page.correction))) if page.correction else None,
        refinements=tuple(build_refinements(url, page)),
        author_notes=build_author_notes(url, query.filter, page, session),
        facet_note=_facet_note(page, query, facets) if facets else "",
        groups=groups,
        status=status_text(page, query),
        sorts=_sort_labels(viewer, query),
        pagination=paginate(url, page, query),
        other_modes=_other_modes(url, page, text, query),
        detail=detail,
        details=detail_links(typed_url),
        cards=build_cards(page.hits, url, viewer),
        exports=_export_links(url) if page.hits else (),
        export_note=f"The first {EXPORT_LIMIT} papers" if page.total > EXPORT_LIMIT else "All results of this search",
        next_steps=_next_steps(url, page, query),
        explanation=_explanation_text(page),
    )


def _build_follow(viewer: Viewer, url: PageUrl, chips: Sequence[Chip]) -> Follow | None:
    """Returns the Follow menu: of a search within a theme, which no later answer needs to have, that of others."""
    if theme := url.get_first("theme"):
        others = url.remove_param("theme")
        reason = "A theme groups the papers of this answer; later answers may have other themes. Follow instead:"
        as_search = Link(f"“{theme}” as a search", str(others.replace_param("q", theme)))
        return Follow(reason=reason, links=[as_search, Link("The search with all its themes", str(others))])
    words = ", ".join(chip.label for chip in chips).replace("“", "").replace("”", "")
    return build_follow(viewer, search_of_url(url), words)


def _sort_labels(viewer: Viewer, query: Query) -> dict[str, str]:
    """Returns the orders to choose from: by citations only if a paper of the index has a count."""
    labels = dict(_SORT_LABELS)
    if not viewer.has_citations and query.sort != "citations":
        del labels["citations"]
    return labels


def _advice_text(page: Page) -> str:
    """Returns what to do if there are no hits, or no close ones."""
    if not page.total:
        return "Remove a filter or rephrase the query."
    return "" if page.has_close_match else "These are the nearest papers. Rephrasing the query may find better ones."


def _next_steps(url: PageUrl, page: Page, query: Query) -> list[Link]:
    """Returns links for a search without close hits."""
    if page.total and page.has_close_match and (page.hits or not query.offset):
        return []
    links = []
    if not page.total and query.sort != "relevance" and is_ranked(page, query):
        links.append(Link("Sort by relevance", str(url.remove_param("sort"))))
    if any(url.get_all(name) for name in _FILTER_PARAMS):
        unfiltered = url
        for name in _FILTER_PARAMS:
            unfiltered = unfiltered.remove_param(name)
        links.append(Link("Search without filters", str(unfiltered)))
    if url.get_first("mode"):
        links.append(Link("Search by meaning and keywords", str(url.remove_param("mode"))))
    if url.get_all("page"):
        links.append(Link("First page", str(url.with_page(1))))
    return [*links, Link("Search syntax", "/help"), Link("Home", "/")]


def _other_modes(url: PageUrl, page: Page, text: str, query: Query) -> list[Link]:
    """Returns links to the rankings of either leg, for a paper that the other leg ranks low.

    Of the known items that a first page misses, 13% are on the first page of one of them (``docs/relevance.md``).
    """
    is_hybrid = is_ranked(page, query) and query.mode == "hybrid" and query.sort == "relevance"
    if not text or not is_hybrid or page.cursor is None or any(hit.exact_match for hit in page):
        return []
    return [Link(label, str(url.with_page(1).replace_param("mode", mode))) for mode, label in MODE_LABELS.items()]


def _only_closest(url: PageUrl, page: Page) -> tuple[str, Link] | None:
    """Returns what an order leaves out, and the link to all relevant papers; None if it leaves nothing out."""
    if ONLY_CLOSEST not in page.notices or not page.hits:
        return None
    return ONLY_CLOSEST, Link("All relevant papers", str(url.with_page(1).remove_param("sort")))


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


def _facet_note(page: Page, query: Query, facets: Facets) -> str:
    """Returns which papers the facets count."""
    covered = facets.counted_over and f" Counted over {facets.counted_over}."
    if is_ranked(page, query):
        counted = format_count(facets.papers, SCOPE_NOUNS[facets.scope], estimated=facets.estimated)
        bands = ", marked strong or related" if facets.scope == "relevant" and facets.strong is not None else ""
        return f"Counts cover {counted if facets.estimated else f'the {counted}'}{bands}.{covered}"
    return covered.lstrip() or f"Counts cover all {facets.papers:,} matching papers."
