"""Themes of an answer: as the first filter of the results page, and as a page of their own."""

from dataclasses import dataclass, replace

from search.errors import InvalidValue
from search.query.counts import format_count
from search.query.page import Page
from search.query.query import Query
from search.session import Session
from search.themes.clusters import CLUSTER_TUNING
from search.themes.themes import OTHERS, Themes
from service.formats.themes import themes_heading
from service.web.cards import PaperLine
from service.web.facets import FacetGroup, FacetValue
from service.web.follow import build_follow
from service.web.html import FORM_FIELDS, SearchForm, render_template
from service.web.interpretation import build_view_chips
from service.web.searches import search_of_url
from service.web.urls import PageUrl
from service.web.viewer import Viewer
from service.web.views import view_links

THEMES_PATH = "/themes"
HEADING = "Themes"


def ask_within_theme(session: Session, text: str, query: Query) -> tuple[Page, str]:
    """Answers a query; if its theme is none of the answer's, all papers of the answer are shown, with a note.

    Returns:
        The page, and the note; empty unless the theme is missing.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.ask``.
    """
    try:
        return session.ask(text, query), ""
    except InvalidValue as error:
        if error.field != "theme":
            raise
    labels = ", ".join(f"“{theme.label}”" for theme in session.themes(text, query))
    present = f" Its themes are {labels}." if labels else ""
    note = f"“{query.theme}” is not a theme of this answer, so papers of all themes are shown.{present}"
    return session.ask(text, replace(query, theme="", cursor="", offset=0)), note


@dataclass(frozen=True, slots=True)
class ThemeGroup:
    """The themes among the filters of the results page.

    Attributes:
        facet: the themes; None if the page loads them later, since finding them takes longer than the page may.
        href: the page that lists them.
        note: how many papers the themes cover; empty if the page loads them later.
    """

    facet: FacetGroup | None
    href: str
    note: str = ""


def build_theme_group(url: PageUrl, session: Session, text: str, query: Query, relevant: int) -> ThemeGroup | None:
    """Returns the themes of an answer; None if it has too few papers for themes, or no theme describes them.

    Args:
        url: the URL of the results page, which the links start from.
        session: the index that answers.
        text: the text of the search box.
        query: the other parameters.
        relevant: number of papers that the facets count.
    """
    if relevant < CLUSTER_TUNING.min_papers and not query.theme:
        return None
    known = session.theme_cache.find((session.generation, text, query.unpaged))
    href = str(_whole(url).with_path(THEMES_PATH))
    if known is None:
        return ThemeGroup(None, href)
    facet = _filter_group(url, known)
    return ThemeGroup(facet, href, _note(known)) if facet.values else None


def _filter_group(url: PageUrl, themes: Themes) -> FacetGroup:
    """Returns the themes as a filter: without values if none narrows the answer, since its only one is the others."""
    facet = facet_group(url, themes)
    is_divided = any(theme.label != OTHERS for theme in themes) or any(value.is_selected for value in facet.values)
    return facet if is_divided else FacetGroup(HEADING, ())


def _note(themes: Themes) -> str:
    """Returns how many papers the themes cover, since the other filters count more."""
    return f"Themes of the nearest {format_count(themes.grouped)}."


def facet_group(url: PageUrl, themes: Themes) -> FacetGroup:
    """Returns the themes as the values of a facet, each with the link that narrows the answer to it."""
    chosen = " ".join(url.get_first("theme").casefold().split())
    results, values = url.with_path("/"), []
    for theme in themes:
        is_selected = theme.label.casefold() == chosen
        href = results.remove_param("theme") if is_selected else results.replace_param("theme", theme.label)
        values.append(FacetValue(theme.label, theme.papers, str(href), is_selected))
    return FacetGroup(HEADING, tuple(values))


def themes_page(viewer: Viewer, url: PageUrl, text: str, query: Query) -> str:
    """Renders the themes of an answer, each with its typical papers.

    Args:
        viewer: whoever looks at the page.
        url: the URL of this page.
        text: the text of the search box.
        query: the other parameters.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.ask``.
    """
    themes = viewer.session.themes(text, query)
    return render_template(
        "themes.html",
        viewer,
        SearchForm.from_url(url, (*FORM_FIELDS, "theme")),
        text=themes.answered_query or "all papers",
        chips=build_view_chips(url, query.filter, themes.answered_query, viewer.session),
        views=view_links(url),
        here=str(url),
        follow=build_follow(viewer, search_of_url(url.remove_param("theme")), themes.answered_query or "All papers"),
        heading=_capitalize(themes_heading(themes)),
        group=_filter_group(url, themes),
        note=_note(themes),
        themes=tuple(zip(facet_group(url, themes).values, themes, strict=True)),
        typical=[[PaperLine(paper.id, paper.title or paper.id) for paper in theme.typical] for theme in themes],
    )


def _whole(url: PageUrl) -> PageUrl:
    """Returns a URL without the parameters that do not change the themes."""
    return url.remove_param("sort").remove_param("limit")


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
