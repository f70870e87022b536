"""The map page: the papers of an answer or of a list in two dimensions, with their themes."""

from dataclasses import dataclass

from markupsafe import Markup

from search.maps.drawing import draw_element, theme_sample
from search.maps.paper_map import MapPoint, PaperMap
from search.query.query import Query
from service.web.cards import PaperLine
from service.web.html import FORM_FIELDS, Link, SearchForm, render_template
from service.web.interpretation import build_view_chips
from service.web.urls import PageUrl, list_url, paper_page_url
from service.web.viewer import Viewer
from service.web.views import view_links

_LISTED_PAPERS = 10
"""Papers of a theme of an answer that are listed beside the map, before a link to all; those of a list all are."""


@dataclass(frozen=True, slots=True)
class ThemeItem:
    """A theme in the list beside the map.

    Attributes:
        label: its label; empty for the papers of a map without themes.
        sample: the marker of its papers.
        papers: their number.
        listed: the first of them.
        href: the search for all; empty if there is none.
        is_selected: whether the URL has the theme.
    """

    label: str
    sample: Markup
    papers: int
    listed: tuple[PaperLine, ...]
    href: str
    is_selected: bool


def answer_map_page(viewer: Viewer, url: PageUrl, text: str, query: Query) -> str:
    """Renders the map of an answer.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        text: the text of the search box.
        query: the other parameters.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.map``.
    """
    found = viewer.session.map(text, query) if url.params else None
    results = url.with_path("/").remove_param("theme")
    return render_template(
        "map.html",
        viewer,
        SearchForm.from_url(url, (*FORM_FIELDS, "theme")),
        heading=(found.answered_query or "all papers") if found else "",
        chips=build_view_chips(url, query.filter, found.answered_query, viewer.session) if found else (),
        views=view_links(url) if found else (),
        status=_status_text(found, "relevant")
        if found
        else "Enter a topic in the search box to see its papers on a map.",
        drawing=_drawing(found),
        themes=_theme_items(found, url.get_first("theme"), results) if found else (),
        back=None,
        downloads=_downloads(url) if found and found.points else (),
    )


def list_map_page(viewer: Viewer, name: str) -> str:
    """Renders the map of the papers of a list that are in the index.

    Raises:
        NameNotFound: there is no such list.
    """
    found = viewer.session.map_papers([entry.paper.id for entry in viewer.lists.entries(name)])
    return render_template(
        "map.html",
        viewer,
        SearchForm(),
        heading=name,
        chips=(),
        views=(),
        status=_status_text(found, "listed"),
        drawing=_drawing(found),
        themes=_theme_items(found, "", None),
        back=Link(name, list_url(name)),
        downloads=_formats(PageUrl(f"/v1/lists/{name}/map")) if found.points else (),
    )


def _status_text(found: PaperMap, kind: str) -> str:
    if not found.points:
        return f"There are no {kind} papers." if kind == "relevant" else "No paper of the list is in the index."
    text = found.description
    return f"{text[:1].upper()}{text[1:]}; similar ones are near each other"


def _drawing(found: PaperMap | None) -> Markup:
    return Markup(draw_element(found, _paper_url)) if found and found.points else Markup()  # noqa: S704


def _theme_items(found: PaperMap, chosen: str, results: PageUrl | None) -> list[ThemeItem]:
    """Returns the themes of a map with their papers; without themes, all its papers."""
    if not found.themes:
        return [_theme_item("", 0, found.points, chosen, None)] if found.points else []
    return [
        _theme_item(theme.label, number, tuple(found.papers_of(number)), chosen, results)
        for number, theme in enumerate(found.themes)
    ]


def _theme_item(
    label: str, number: int, points: tuple[MapPoint, ...], chosen: str, results: PageUrl | None
) -> ThemeItem:
    listed = tuple(
        PaperLine(point.id, point.title or point.id) for point in points[: _LISTED_PAPERS if results else None]
    )
    href = str(results.replace_param("theme", label)) if results else ""
    is_selected = bool(label) and label.casefold() == chosen.casefold()
    return ThemeItem(label, Markup(theme_sample(number, label)), len(points), listed, href, is_selected)  # noqa: S704


def _paper_url(point: MapPoint) -> str:
    return paper_page_url(point.id)


def _downloads(url: PageUrl) -> list[Link]:
    api_url = url.with_path("/v1/map")
    for name in ("theme", "sort", "limit", "facets", "show"):
        api_url = api_url.remove_param(name)
    return _formats(api_url)


def _formats(api_url: PageUrl) -> list[Link]:
    return [
        Link(label, str(api_url.replace_param("format", value))) for label, value in (("SVG", "svg"), ("JSON", "json"))
    ]
