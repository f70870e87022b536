"""Trends as JSON and CSV, which the command line and HTTP share, and as a table with bars for the command line."""

from typing import Literal, get_args

from search.errors import InvalidValue
from search.papers.json import Json, clean_object
from search.trends.estimates import Estimate
from search.trends.trends import ROW_FIELDS, Measure, Trend, Trends
from service.formats.csv import serialize_rows
from service.formats.render import SCHEMA_VERSION, sanitize_line

TrendsFormat = Literal["json", "csv", "svg"]

TRENDS_FORMATS: tuple[TrendsFormat, ...] = get_args(TrendsFormat)
_BAR_CELLS = 16
"""Longest bar, in characters."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
"""Parts of a character that end a bar (Unicode, "Block Elements")."""


def parse_trends_format(name: str) -> TrendsFormat:
    """Parses the name of a format of trends.

    Raises:
        InvalidValue: there is no such format.
    """
    for known in TRENDS_FORMATS:
        if known == name.lower():
            return known
    raise InvalidValue("format", name, f"choose one of {', '.join(TRENDS_FORMATS)}")


def trends_json(trends: Trends) -> dict[str, Json]:
    """The output of ``papers trends --json`` and GET /v1/trends."""
    return clean_object({"schema_version": SCHEMA_VERSION, **trends.to_json()})


def trends_csv(trends: Trends) -> bytes:
    """One row for each period and question."""
    return serialize_rows(ROW_FIELDS, trends.rows())


def trends_text(trends: Trends, measure: Measure | None) -> str:
    """A table for each question: period, papers, share, and a bar for what ``measure`` says.

    Args:
        trends: the trends.
        measure: what the bars show; None for ``Trends.default_measure``.
    """
    measure = measure or trends.default_measure
    largest = max(
        (_value(trends, trend, at, measure) for trend in trends.trends for at in _positions(trends)), default=0
    )
    return "\n".join("".join(_trend_lines(trends, trend, measure, largest)) for trend in trends.trends)


def _trend_lines(trends: Trends, trend: Trend, measure: Measure, largest: float) -> list[str]:
    bars = f"share of all papers of the {trends.per}" if measure == "share" else f"papers of the {trends.per}"
    lines = [f"{sanitize_line(trend.label)}: {trend.total} papers; bars: {bars}\n"]
    columns = [_align([trends.estimate(trend, at, each) for at in _positions(trends)]) for each in ("papers", "share")]
    for at, (count, share) in enumerate(zip(*columns, strict=True)):
        ending = "" if trends.periods[at].is_complete else " (incomplete)"
        bar = _bar(_value(trends, trend, at, measure), largest) + ending
        lines.append(f"{trends.periods[at].date!s:7}  {count}  {share}  {bar}".rstrip() + "\n")
    return lines


def _align(estimates: list[Estimate]) -> list[str]:
    """Returns a column in which values and errors are aligned."""
    errors = [f" ± {each.error}" if each.error else "" for each in estimates]
    width, error_width = max(len(each.value) for each in estimates), max(map(len, errors))
    return [f"{each.value:>{width}}{error:{error_width}}" for each, error in zip(estimates, errors, strict=True)]


def _positions(trends: Trends) -> range:
    return range(len(trends.periods))


def _value(trends: Trends, trend: Trend, position: int, measure: Measure) -> float:
    return trend.counts[position] if measure == "papers" else trends.share(trend, position) or 0.0


def _bar(value: float, largest: float) -> str:
    eighths = round(value / largest * _BAR_CELLS * 8) if largest else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
