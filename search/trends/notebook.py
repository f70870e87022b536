"""Displays trends in a notebook: the chart of the web page, what a reader has to know, and the counts."""

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING
from zlib import crc32

from search.papers.html import table_html
from search.papers.json import replace_surrogates
from search.query.counts import format_count
from search.trends.chart import WIDE, Chart

if TYPE_CHECKING:
    from search.trends.trends import Trend, Trends


def trends_html(trends: "Trends") -> str:
    """Returns the chart, the notices, and a table to open: the latest period first, a column for each question."""
    labels = tuple(each.label for each in trends.trends)
    rows = [_row(trends, position) for position in reversed(range(len(trends.periods)))]
    table = table_html(f"Papers per {trends.per}, and their share of all", (trends.per.title(), *labels), rows)
    notices = "".join(f"<li>{escape(notice)}</li>" for notice in trends.notices)
    counts = f"<details><summary>Table of {format_count(len(rows), trends.per)}</summary>{table}</details>"
    return replace_surrogates(f"<div>{_chart(trends)}<ul>{notices}</ul>{counts}</div>")


def _chart(trends: "Trends") -> str:
    """Draws the chart; its IDs differ from those of other charts, since a notebook is one document."""
    key = repr((trends.generation, trends.per, [(each.label, each.counts) for each in trends.trends]))
    return Chart(trends, size=replace(WIDE, name=f"trends-{crc32(key.encode('utf-8', 'replace')):08x}")).to_document()


def _row(trends: "Trends", position: int) -> tuple[str, ...]:
    period = trends.periods[position]
    start = f"{period.date}{'' if period.is_complete else ' (incomplete)'}"
    return (start, *(_cell(trends, trend, position) for trend in trends.trends))


def _cell(trends: "Trends", trend: "Trend", position: int) -> str:
    """Returns a count and its share, such as ``120 ± 9 (1.25% ± 0.09%)``."""
    count, share = (trends.estimate(trend, position, measure) for measure in ("papers", "share"))
    return f"{count} ({share})" if share.value else str(count)
