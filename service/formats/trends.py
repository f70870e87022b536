"""Trends as JSON and CSV, which the command line and HTTP share, and as a table with bars for the command line."""

from typing import Literal, get_args

from search.errors import InvalidValue
from search.papers.json import Json, clean_object
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


def trends_text(trends: Trends, measure: Measure) -> str:
    """A table for each question: period, papers with their error, share, and a bar for what ``measure`` says."""
    largest = max(
        (_value(trends, trend, at, measure) for trend in trends.trends for at in _positions(trends)), default=0
    )
    return "\n".join("".join(_trend_lines(trends, trend, measure, largest)) for trend in trends.trends)


def _trend_lines(trends: Trends, trend: Trend, measure: Measure, largest: float) -> list[str]:
    within = f" ± {error:,}" if (error := trend.error(trend.papers)) else ""
    lines = [f"{sanitize_line(trend.label)}: {trend.papers:,}{within} relevant papers\n"]
    counts = [f"{count:,}" for count in trend.counts]
    errors = [f"± {error:,}" if (error := trend.error(count)) else "" for count in trend.counts]
    width, error_width = (max(map(len, texts), default=0) for texts in (counts, errors))
    for at in _positions(trends):
        share = trends.share(trend, at)
        percent = "" if share is None else f"{share:.2%}"
        ending = "" if trends.periods[at].is_complete else " (incomplete)"
        bar = _bar(_value(trends, trend, at, measure), largest) + ending
        cells = f"{trends.periods[at].date!s:7}  {counts[at]:>{width}} {errors[at]:{error_width}}  {percent:>7}  {bar}"
        lines.append(f"{cells.rstrip()}\n")
    return lines


def _positions(trends: Trends) -> range:
    return range(len(trends.periods))


def _value(trends: Trends, trend: Trend, position: int, measure: Measure) -> float:
    return trend.counts[position] if measure == "papers" else trends.share(trend, position) or 0.0


def _bar(value: float, largest: float) -> str:
    eighths = round(value / largest * _BAR_CELLS * 8) if largest else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
