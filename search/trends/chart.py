"""Chart: trends as an SVG line chart.

Lines differ in dash pattern, marker and colour, and are named at their end. Text, axes and grid have the colour of
their surroundings (``currentColor``), and the colours of the lines have enough contrast on light and dark backgrounds.
There are no inline styles, which the content security policy of the page forbids.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from search.papers.json import replace_surrogates
from search.trends.axes import period_labels, round_ticks
from search.trends.lines import dark_style, dash_attribute, line_attributes, line_piece, marker, marker_path
from search.trends.trends import MIN_SHARE_PAPERS, Measure, Trend, TrendPeriod, Trends

PointLink = Callable[[Trend, TrendPeriod], str]
"""Returns the URL of the papers that a point counts."""


@dataclass(frozen=True, slots=True)
class ChartSize:
    """The size of a chart in pixels, and of the margins around its plot.

    Attributes:
        name: distinguishes charts on a page.
        width: of the chart.
        height: of the chart, without its legend.
        left: margin for the numbers.
        right: margin for the names of the lines.
        has_legend: whether the names are in a legend above the plot, and only their numbers are at the lines.
    """

    name: str
    width: int
    height: int
    left: int
    right: int
    has_legend: bool


WIDE = ChartSize("wide", 800, 380, 48, 186, has_legend=False)
NARROW = ChartSize("narrow", 360, 300, 42, 22, has_legend=True)

_TOP = 34
"""Margin above the plot, with the title of the vertical axis."""
_BOTTOM = 40
"""Margin below the plot, with two lines of labels."""
_LEGEND_LINE = 20
"""Height of a line of the legend."""
_LABEL_WIDTH = 34
"""Width of a label of the horizontal axis with its margin."""
_LABEL_GAP = 15
"""Least distance between two names at the ends of lines."""
_CHARACTER_WIDTH = 6.4
"""Mean width of a character of 12 pixels."""
_MARKER_GAP = 9
"""Least distance between two markers of a line."""
_BAND_LABEL_WIDTH = 64
"""Least width of the band of incomplete periods for its label."""

_STYLE = (
    "svg.trend-chart{color:#1b1f23;background:#fff}.trend-chart .incomplete{fill:#fff}"
    "@media(prefers-color-scheme:dark){svg.trend-chart{color:#e2e5e8;background:#15181b}"
    f".trend-chart .incomplete{{fill:#15181b}}{dark_style()}}}"
)
"""Style of a chart outside a page."""


class Chart:
    """Draws trends.

    Args:
        trends: what to draw.
        measure: shares of the papers of each period, or numbers of papers; None for ``Trends.default_measure``.
        size: of the chart.
        link: the target of a point; None for a chart without links.
    """

    def __init__(
        self, trends: Trends, measure: Measure | None = None, size: ChartSize = WIDE, link: PointLink | None = None
    ) -> None:
        self._trends, self._size, self._link = trends, size, link
        self._measure = measure or trends.default_measure
        self._share = self._measure == "share"
        self._top = _TOP + _LEGEND_LINE * len(trends.trends) * size.has_legend
        self._height = size.height + self._top - _TOP
        self._bottom = self._height - _BOTTOM
        self._right = size.width - size.right
        self._start = self._first_drawn()
        self._distance = (self._right - size.left) / max(1, len(trends.periods) - self._start)
        self._ticks = round_ticks(self._largest, whole=not self._share)

    def to_document(self) -> str:
        """Returns the chart as an SVG document with its own style."""
        return self._render(f"<style>{_STYLE}</style>")

    def to_element(self) -> str:
        """Returns the chart as an SVG element of a page, whose style sheet sets the colours of text and background."""
        return self._render("")

    def _render(self, style: str) -> str:
        name, width = self._size.name, self._size.width
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="trend-chart {name}" viewBox="0 0 {width} {self._height}" '
            f'width="{width}" height="{self._height}" role="group" aria-labelledby="{name}-title" '
            f'aria-describedby="{name}-desc" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">'
            f'<title id="{name}-title">{_escape(self._title)}</title>'
            f'<desc id="{name}-desc">{_escape(self._description)}</desc>{style}'
        )
        lines = "".join(self._line(trend, number) for number, trend in enumerate(self._trends.trends))
        parts = (head, self._band(), self._axes(), lines, self._names(), "</svg>")
        return replace_surrogates("".join(parts))

    @property
    def _title(self) -> str:
        return f"{self._axis_title}: {', '.join(trend.label for trend in self._trends.trends)}"

    @property
    def _axis_title(self) -> str:
        what = "Share of all papers" if self._share else "Papers"
        return f"{what}, per {self._trends.per}"

    @property
    def _description(self) -> str:
        """The size, the peak and the end of each line, for those who cannot see it."""
        sentences = []
        for trend in self._trends.trends:
            drawn = [(value, at) for at in range(len(trend.counts)) if (value := self._value(trend, at)) is not None]
            if drawn:
                peak, last = max(drawn, key=lambda each: each[0])[1], drawn[-1][1]
                most, end = (
                    f"{self._trends.estimate(trend, at, self._measure)} in {self._trends.periods[at].date}"
                    for at in (peak, last)
                )
                sentences.append(f"{trend.label}: {trend.total} papers, most {most}, last {end}.")
        return " ".join(sentences)

    @property
    def _largest(self) -> float:
        """The largest value, with its error."""
        values = (
            value + self._error(trend, at)
            for trend in self._trends.trends
            for at in range(len(trend.counts))
            if (value := self._value(trend, at)) is not None
        )
        return max(values, default=0)

    def _value(self, trend: Trend, position: int) -> float | None:
        """Returns the value of a point; None for a share of too few papers."""
        if not self._share:
            return trend.counts[position]
        few = self._trends.periods[position].papers < MIN_SHARE_PAPERS
        return None if few else self._trends.share(trend, position)

    def _error(self, trend: Trend, position: int) -> float:
        return self._trends.share_error(trend, position) if self._share else trend.error(trend.counts[position])

    def _format(self, value: float) -> str:
        return f"{value * 100:.3g}%" if self._share else f"{value:,.0f}"

    def _first_drawn(self) -> int:
        """Returns the first position with a value; shares may not have any in the first periods."""
        for position in range(len(self._trends.periods)):
            if any(self._value(trend, position) is not None for trend in self._trends.trends):
                return position
        return 0

    def _x(self, position: float) -> float:
        return round(self._size.left + (position - self._start + 0.5) * self._distance, 1)

    def _y(self, value: float) -> float:
        return round(self._bottom - value / self._ticks[-1] * (self._bottom - self._top), 1)

    def _band(self) -> str:
        """Shades the periods that are incomplete at the end; those at the start have hollow markers only."""
        count = 0
        for period in reversed(self._trends.periods):
            if period.is_complete:
                break
            count += 1
        if not 0 < count < len(self._trends.periods) - self._start:
            return ""
        left = self._x(len(self._trends.periods) - count - 0.5)
        width = round(self._right - left, 1)
        label = ""
        if width >= _BAND_LABEL_WIDTH:
            place = f'x="{left + width / 2}" y="{self._top - 9}"'
            label = f'<text {place} text-anchor="middle" opacity=".75">incomplete</text>'
        return (
            f'<g aria-hidden="true"><rect x="{left}" y="{self._top}" width="{width}" '
            f'height="{self._bottom - self._top}" opacity=".07"/>{label}</g>'
        )

    def _axes(self) -> str:
        """Draws grid, ticks and labels."""
        left, right = self._size.left, self._right
        parts = [f'<text x="{left - 34}" y="{self._top - 16}" font-weight="600">{self._axis_title}</text>']
        for tick in self._ticks:
            y = self._y(tick)
            opacity = ".15" if tick else ".6"
            parts.append(f'<path d="M{left},{y}H{right}" stroke="currentColor" opacity="{opacity}"/>')
            parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{self._format(tick)}</text>')
        dates = [each.date for each in self._trends.periods[self._start :]]
        for at, first, second in period_labels(dates, self._trends.per, self._distance, _LABEL_WIDTH):
            x = self._x(at + self._start)
            parts.append(f'<path d="M{x},{self._bottom}v4" stroke="currentColor" opacity=".6"/>')
            parts.append(f'<text x="{x}" y="{self._bottom + 17}" text-anchor="middle">{first}</text>')
            if second:
                parts.append(
                    f'<text x="{x}" y="{self._bottom + 32}" text-anchor="middle" font-weight="600">{second}</text>'
                )
        return f'<g aria-hidden="true">{"".join(parts)}</g>'

    def _line(self, trend: Trend, number: int) -> str:
        """Draws a line, the errors of its points, and its markers."""
        points = [
            (at, self._x(at), self._y(value), value)
            for at in range(len(trend.counts))
            if (value := self._value(trend, at)) is not None
        ]
        path = " ".join(
            f"{'L' if at and self._value(trend, at - 1) is not None else 'M'}{x},{y}" for at, x, y, _ in points
        )
        every = max(1, -int(-_MARKER_GAP // self._distance))
        last = points[-1][0] if points else 0
        markers = "".join(
            self._point(trend, number, at, x, y, shown=(last - at) % every == 0) for at, x, y, _ in points
        )
        whiskers = "".join(self._whisker(trend, at, x, value) for at, x, _, value in points)
        return (
            f'<g {line_attributes(number)} fill="currentColor" stroke="currentColor">'
            f'<path d="{path}" fill="none" stroke-width="2" stroke-linejoin="round"{dash_attribute(number)}/>'
            f'<path d="{whiskers}" fill="none" stroke-width="1.2" opacity=".7"/>{markers}</g>'
        )

    def _whisker(self, trend: Trend, position: int, x: float, value: float) -> str:
        """Returns the path of the error of a point; empty if it would be hidden by the marker."""
        error = self._error(trend, position)
        low, high = self._y(max(0.0, value - error)), self._y(value + error)
        return f"M{x - 2},{high}h4M{x},{high}V{low}M{x - 2},{low}h4" if low - high > 9 else ""

    def _point(self, trend: Trend, number: int, position: int, x: float, y: float, *, shown: bool) -> str:
        """Draws a point: its marker if it is shown, and an area that links to its papers and names its value."""
        kind = (
            "" if self._trends.periods[position].is_complete else ' class="incomplete" fill="none" stroke-width="1.6"'
        )
        symbol = f'<path d="{marker_path(number)}"{kind}/>' if shown else ""
        area = (
            f'<circle r="{max(4.0, min(9.0, self._distance / 2)):.1f}" fill="none" stroke="none" pointer-events="all"/>'
        )
        content = f"<title>{_escape(self._describe_point(trend, position))}</title>{symbol}{area}"
        place = f'transform="translate({x},{y})"'
        if self._link is None:
            return f"<g {place}>{content}</g>"
        href = _escape(self._link(trend, self._trends.periods[position]))
        return f'<a href="{href}" tabindex="-1" aria-hidden="true" {place}>{content}</a>'

    def _describe_point(self, trend: Trend, position: int) -> str:
        period = self._trends.periods[position]
        count, share = (self._trends.estimate(trend, position, measure) for measure in ("papers", "share"))
        of_all = f" of {period.papers:,} ({share})" if share.value else ""
        ending = "" if period.is_complete else ", incomplete"
        return f"{trend.label}, {period.date}{ending}: {count} papers{of_all}"

    def _names(self) -> str:
        """Names the lines at their ends, and in the legend if there is one."""
        ends = [self._end(trend) for trend in self._trends.trends]
        places = _spread([y for _, y in ends], self._top + 4, self._bottom)
        parts = []
        for number, (trend, (x, y), place) in enumerate(zip(self._trends.trends, ends, places, strict=True)):
            if self._size.has_legend:
                parts.append(f'<text x="{x + 9}" y="{place + 4}">{number + 1}</text>')
                parts.append(self._legend_line(trend, number))
                continue
            start = self._right + 10
            if abs(place - y) > 3 or start - x > 16:
                parts.append(f'<path d="M{x + 6},{y}L{start - 2},{place}" stroke="currentColor" opacity=".3"/>')
            parts.append(marker(number, start + 5, place))
            name = _shorten(trend.label, (self._size.right - 26) / _CHARACTER_WIDTH)
            parts.append(
                f'<text x="{start + 14}" y="{place + 4}"><title>{_escape(trend.label)}</title>{_escape(name)}</text>'
            )
        return f'<g aria-hidden="true">{"".join(parts)}</g>'

    def _end(self, trend: Trend) -> tuple[float, float]:
        """Returns the last point of a line."""
        for at in range(len(trend.counts) - 1, -1, -1):
            if (value := self._value(trend, at)) is not None:
                return self._x(at), self._y(value)
        return self._right, self._bottom

    def _legend_line(self, trend: Trend, number: int) -> str:
        y = 10 + _LEGEND_LINE * number
        name = _shorten(f"{number + 1} {trend.label}", (self._size.width - 60) / _CHARACTER_WIDTH)
        return f'{line_piece(number, 8, y)}<text x="50" y="{y + 4}">{_escape(name)}</text>'


def _spread(places: Sequence[float], top: float, bottom: float) -> list[float]:
    """Moves labels apart, so that none covers another, as little as is easily done.

    Args:
        places: the wanted places of the labels.
        top: the first place that is possible.
        bottom: the last place that is possible.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [max(top, place) for place in places]
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + _LABEL_GAP)
    limit = bottom
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _LABEL_GAP
    return [round(place, 1) for place in moved]


def _shorten(text: str, characters: float) -> str:
    return text if len(text) <= characters else text[: int(characters) - 1].rstrip() + "…"


def _escape(text: str) -> str:
    """Escapes a text, without the two characters that XML does not allow and that are not control characters."""
    return escape(text.replace("\ufffe", "").replace("\uffff", ""))
