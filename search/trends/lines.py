"""Lines of a chart, which differ in dash pattern, marker and colour."""

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#b5578f", "#8a6d00", "#7a64d8")
"""After Okabe and Ito, "Color Universal Design" (2008), with a contrast of 3:1 to white and to black at least."""
_DARK_COLORS = ("#56b4e9", "#ff8b3d", "#3fc79a", "#e08bbd", "#d1b13a", "#b1a1f5")
"""The same hues, brighter."""
_DASHES = ("", "7 4", "2 3", "11 4 2 4", "14 5", "1 5")
MARKERS = (
    "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z",
    "M-3,-3h6v6h-6z",
    "M0,-4L3.8,2.8H-3.8z",
    "M0,-4.4L4.4,0L0,4.4L-4.4,0z",
    "M0,4L3.8,-2.8H-3.8z",
    "M-3.4,-1.2h2.2v-2.2h2.4v2.2h2.2v2.4h-2.2v2.2h-2.4v-2.2h-2.2z",
)
"""Circle, square, triangle, diamond, triangle upside down and cross."""


def line_attributes(number: int) -> str:
    """Returns the class and the colour of a line as SVG attributes; ``currentColor`` within is this colour, unless a
    style sheet sets another one for the class. All numbers of lines are from 0."""
    return f'class="line-{number + 1}" color="{_COLORS[number]}"'


def dark_style() -> str:
    """Returns the CSS rules for brighter colours on dark backgrounds."""
    return "".join(f".line-{number}{{color:{color}}}" for number, color in enumerate(_DARK_COLORS, 1))


def dash_attribute(number: int) -> str:
    """Returns the dash pattern of a line as an SVG attribute; empty for a solid line."""
    return f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""


def marker_path(number: int) -> str:
    """Returns the path of the marker of a line, around the origin."""
    return MARKERS[number]


def marker(number: int, x: float, y: float) -> str:
    """Returns the marker of a line at a place."""
    return f'<path d="{MARKERS[number]}" transform="translate({x},{y})" {line_attributes(number)} fill="currentColor"/>'


def line_piece(number: int, x: float, y: float) -> str:
    """Returns a piece of a line with a marker, 34 pixels long, that starts at a place."""
    stroke = f'stroke="currentColor" stroke-width="2"{dash_attribute(number)}'
    return f'<path d="M{x},{y}h34" {line_attributes(number)} {stroke}/>{marker(number, x + 17, y)}'


def line_sample(number: int) -> str:
    """Returns a piece of a line as an SVG element, for forms and tables."""
    piece = line_piece(number, 0, 6)
    return f'<svg class="line-sample" viewBox="0 0 34 12" width="34" height="12" aria-hidden="true">{piece}</svg>'
