"""Drawing of a map as SVG: a marker for each paper, and the labels of the themes.

Themes differ in the shape of their markers as well as in colour, and are named on the map. Other papers have small grey
markers below those of the themes. As in charts
(``search.trends.chart``), there are no inline styles, and text has the colour of its surroundings.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Self

from search.maps.labels import place_labels
from search.papers.identifiers import id_url
from search.papers.json import replace_surrogates
from search.themes.themes import OTHERS
from search.trends.lines import MARKERS, dark_style, line_attributes

if TYPE_CHECKING:
    from search.maps.paper_map import MapPoint, MapTheme, PaperMap

PointLink = Callable[["MapPoint"], str]
"""Returns the URL of a paper; empty if it has none."""
WIDTH, HEIGHT = 800, 640
"""Size of the drawing, in pixels."""
_MARGIN_X, _MARGIN_Y = 70, 34
"""Margins around the papers, in pixels, for labels that extend beyond them."""
_LABEL_SIZE = 13.0
"""Font size of the labels, in pixels."""
_SMALL_SCREEN_LABEL_SIZE = 26.0
"""The same for a screen on which the drawing is less than half as wide."""
_SMALL_SCREEN_LABELS = 5
"""Labels on such a screen; more would hide the papers."""
_HALO_OF_SIZE = 0.3
"""Width of the halo around a label, as a multiple of its font size."""
_HALO_OPACITY = 0.75
"""Opacity of the halo, which shows the papers behind a label."""
_OTHERS_MARKER = (
    '<path d="M-2,0a2,2 0 1,0 4,0a2,2 0 1,0 -4,0z" fill="currentColor" fill-opacity=".6" stroke="currentColor" '
    'stroke-opacity="0" stroke-width="4"/>'
)
"""Marker of the papers that no theme describes: a small disc, with an invisible border to point at."""
_OTHERS_ATTRIBUTES = 'color="#868e97"'
"""Their grey, which has a contrast of 3:1 to light and dark backgrounds."""
_STYLE = (
    "svg.paper-map{color:#1b1f23;background:#fff}.paper-map .map-labels{stroke:#fff}.paper-map a{color:inherit}"
    "@media(prefers-color-scheme:dark){svg.paper-map{color:#e2e5e8;background:#15181b}"
    f".paper-map .map-labels{{stroke:#15181b}}{dark_style()}}}"
)
"""Style of a map outside a page."""
_IN_NEW_TAB = ' target="_blank" rel="noopener noreferrer"'
"""Attributes of the links outside a page: a notebook stays open."""
_ILLEGAL = str.maketrans({"\ufffe": None, "\uffff": None, **{chr(code): " " for code in range(32)}})
"""The characters that XML does not allow, or that need not be in a title."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of a map that has papers, which fills the drawing; the scale is the same in both directions.

    Attributes:
        x: the middle of the part.
        y: the same, in the other direction.
        scale: pixels per unit of the map.
    """

    x: float
    y: float
    scale: float

    @classmethod
    def around(cls, points: "tuple[MapPoint, ...]") -> Self:
        columns, lines = [point.x for point in points] or [0.0], [point.y for point in points] or [0.0]
        width, height = max(columns) - min(columns), max(lines) - min(lines)
        scale = min((WIDTH - 2 * _MARGIN_X) / max(width, 0.01), (HEIGHT - 2 * _MARGIN_Y) / max(height, 0.01))
        return cls((max(columns) + min(columns)) / 2, (max(lines) + min(lines)) / 2, scale)

    def place(self, item: "MapPoint | MapTheme") -> tuple[float, float]:
        """Returns the place of a point or theme in the drawing."""
        x, y = self.scale * (item.x - self.x), self.scale * (item.y - self.y)
        return round(WIDTH / 2 + x, 1), round(HEIGHT / 2 + y, 1)


def draw_document(paper_map: "PaperMap", name: str = "map") -> str:
    """Returns a map as an SVG document with its own style; points link to the papers where their IDs resolve.

    Args:
        paper_map: the map.
        name: distinguishes the IDs of maps in one document, such as a notebook.
    """
    style = f"<style>{_STYLE}</style>"
    return "".join(_draw(paper_map, lambda point: id_url(point.id) or "", style, name, _IN_NEW_TAB))


def draw_element(paper_map: "PaperMap", link: PointLink) -> str:
    """Returns a map as an SVG element of a page, whose style sheet sets the colours of text and background."""
    small_screen = "".join(
        _draw_labels(
            paper_map, _Frame.around(paper_map.points), _SMALL_SCREEN_LABEL_SIZE, _SMALL_SCREEN_LABELS, " small-screen"
        )
    )
    return "".join(_draw(paper_map, link, "", more=small_screen))


def theme_sample(number: int, label: str) -> str:
    """Returns the marker of a theme as an SVG element, for lists."""
    marker = f"<g {_theme_attributes(number, label)}>{_marker(number, label)}</g>"
    return f'<svg class="theme-sample" viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">{marker}</svg>'


def _draw(
    paper_map: "PaperMap", link: PointLink, style: str, name: str = "map", link_attributes: str = "", more: str = ""
) -> Iterator[str]:
    title = f"Map of {paper_map.description}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="paper-map" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="group" aria-labelledby="{name}-title" aria-describedby="{name}-desc" '
        f'font-family="system-ui, sans-serif" font-size="13"><title id="{name}-title">{_escape(title)}</title>'
        f'<desc id="{name}-desc">{_escape(_describe_themes(paper_map))}</desc>{style}'
    )
    labels, frame = [theme.label for theme in paper_map.themes] or [""], _Frame.around(paper_map.points)
    yield "<defs>"
    for theme, label in enumerate(labels):
        size = f"scale({_marker_size(len(paper_map)):.2f})"
        yield f'<g id="{name}-marker-{theme}" class="marker"><g transform="{size}">{_marker(theme, label)}</g></g>'
    yield "</defs>"
    for theme, label in reversed([*enumerate(labels)]):  # other papers below all themes
        yield f'<g class="map-theme" data-theme="{theme}"><g {_theme_attributes(theme, label)}>'
        for point in paper_map.points:
            if (point.theme or 0) == theme:
                drawn = _draw_point(point, frame.place(point), f"{name}-marker-{theme}")
                yield _link_point(drawn, link(point), link_attributes)
        yield "</g></g>"
    yield from _draw_labels(paper_map, frame, _LABEL_SIZE, len(labels))
    yield f"{more}</svg>"


def _draw_point(point: "MapPoint", place: tuple[float, float], marker: str) -> str:
    x, y = place
    title = point.title or point.id
    date = f" ({point.published})" if point.published else ""
    return f'<title>{_escape(title)}{date}</title><use href="#{marker}" x="{x}" y="{y}"/>'


def _link_point(drawn: str, url: str, attributes: str) -> str:
    return f'<a href="{_escape(url)}" tabindex="-1"{attributes}>{drawn}</a>' if url else f"<g>{drawn}</g>"


def _draw_labels(paper_map: "PaperMap", frame: _Frame, size: float, limit: int, more: str = "") -> Iterator[str]:
    """Draws the labels for which there is room in a font size, those of large themes first.

    Args:
        paper_map: the map.
        frame: the part of the map.
        size: the font size in pixels.
        limit: most labels.
        more: further classes of the labels.
    """
    yield (
        f'<g class="map-labels{more}" aria-hidden="true" fill="currentColor" font-weight="600" text-anchor="middle" '
        f'font-size="{size:g}" stroke-width="{size * _HALO_OF_SIZE:.1f}" stroke-opacity="{_HALO_OPACITY}" '
        'stroke-linejoin="round" paint-order="stroke" pointer-events="none">'
    )
    themes = [theme for theme in paper_map.themes if theme.label != OTHERS]
    anchors = [(x, y - size) for x, y in map(frame.place, themes)]
    points = [frame.place(point) for point in paper_map.points]
    placed = place_labels([theme.label for theme in themes[:limit]], anchors[:limit], size, (WIDTH, HEIGHT), points)
    for number, (theme, anchor) in enumerate(zip(themes, anchors, strict=True)):
        place = placed[number] if number < limit else None
        x, y = place or anchor
        hidden = "" if place else ' visibility="hidden"'
        belongs = f'data-theme="{number}" data-x="{anchor[0]:.1f}" data-y="{anchor[1]:.1f}"'
        yield f'<text x="{x:.1f}" y="{y + 0.35 * size:.1f}" {belongs}{hidden}>{_escape(theme.label)}</text>'
    yield "</g>"


def _describe_themes(paper_map: "PaperMap") -> str:
    """Names the themes, for those who cannot see the map."""
    themes = ", ".join(f"{theme.label} ({theme.papers:,})" for theme in paper_map.themes)
    return f"Similar papers are near each other. {f'Themes: {themes}.' if themes else ''}"


def _theme_attributes(theme: int, label: str) -> str:
    """Returns the colour of a theme: those after the first have another colour for the same shape, in outline."""
    if label == OTHERS:
        return _OTHERS_ATTRIBUTES
    count = len(MARKERS)
    return line_attributes(theme if theme < count else (theme + count // 2) % count)


def _marker_size(papers: int) -> float:
    """Returns the factor of the size of markers, which are larger on a map of few papers."""
    return float(min(1.6, max(1.0, (600 / max(papers, 1)) ** 0.25)))


def _marker(theme: int, label: str) -> str:
    if label == OTHERS:
        return _OTHERS_MARKER
    fill = 'fill="currentColor" fill-opacity=".75"' if theme < len(MARKERS) else 'fill="none" stroke-width="1.4"'
    return f'<path d="{MARKERS[theme % len(MARKERS)]}" {fill} stroke="currentColor"/>'


def _escape(text: str) -> str:
    return escape(replace_surrogates(text).translate(_ILLEGAL))
