"""Trends: the papers on one or several questions by month or year, and what the counts are worth.

As in every order but relevance, those count that are closest to a question (``search.ranking.relevance``); papers that
are merely related to it are of neighbouring fields, whose growth would hide its own.
"""

from dataclasses import dataclass
from datetime import date
from math import ceil, sqrt
from typing import TYPE_CHECKING, Literal, get_args

from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.json import Json
from search.query.counts import format_count
from search.query.facets import Scope
from search.ranking.relevance import NEAREST_PAPERS
from search.trends.estimates import Estimate, estimate_count, estimate_share
from search.trends.periods import Per

if TYPE_CHECKING:
    from pandas import DataFrame

Measure = Literal["share", "papers"]

MEASURES: tuple[Measure, ...] = get_args(Measure)
MIN_SHARE_PAPERS = 50
"""Papers of a period from which a share of them is drawn; fewer make its error larger than most trends."""
ROW_FIELDS = ("period", "complete", "question", "papers", "error", "share", "share_error", "index_papers")
"""Fields of ``Trends.rows``."""
COUNTED_NOTICE = f"Papers on a question are those marked strong, and the {NEAREST_PAPERS} nearest of the index."
"""What is counted of a question that ranks papers."""
_NORMAL_QUANTILE = 1.645
"""95% quantile of the standard normal distribution."""
_SUSPICIOUS_SHARE = 0.2
"""Share of the papers of a January that are dated its first day, from which some of these dates are probably years."""


@dataclass(frozen=True, slots=True)
class TrendPeriod:
    """A month or year.

    Attributes:
        date: the month or year, as a partial date.
        papers: papers of the index that are published in it and match the filters that the questions share.
        is_complete: whether the index has papers of a later day, and the filters allow the whole period.
    """

    date: Date
    papers: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """The papers on a question by period.

    Attributes:
        question: the question.
        answered_query: the question that is counted instead, if nothing is close to this one (``Page.answered_query``).
        papers: all of them, in a period or not.
        counts: those of each period.
        expected_errors: expected number of papers that are wrongly counted or left out; 0 for exact counts.
        estimated: whether the counts are estimates.
        undated: those without a date, which no period contains.
        without_month: those of which only the year is known, while months are counted.
        earlier: those before the first period.
        on_new_year: those dated 1 January.
        scope: ``closest``, or ``relevant`` if all that match count: without text, in lexical mode.
        counted_over: see ``Facets``.
    """

    question: str
    answered_query: str | None
    papers: int
    counts: tuple[int, ...]
    expected_errors: float
    estimated: bool
    undated: int
    without_month: int
    earlier: int
    on_new_year: int
    scope: Scope
    counted_over: str = ""

    def error(self, count: int) -> int:
        """Returns the error of a part of the papers that 19 of 20 such parts are expected not to exceed.

        The expected errors are spread in proportion to the papers. Their number in a part then has a Poisson
        distribution, whose 95% quantile is at most the normal one, rounded up.
        """
        expected = self.expected_errors * count / self.papers if self.papers else 0.0
        return ceil(expected + _NORMAL_QUANTILE * sqrt(expected))

    @property
    def total(self) -> Estimate:
        """All papers as people read them."""
        return estimate_count(self.papers, self.error(self.papers))

    @property
    def label(self) -> str:
        """The question as charts and tables name it."""
        return self.answered_query or self.question or "All papers"


@dataclass(frozen=True, slots=True)
class Trends:
    """The papers on several questions by the same periods.

    Attributes:
        per: the length of the periods.
        periods: consecutive periods, those without a paper included.
        trends: one for each question.
        newest: the last day on which a paper of the index is published; None if no paper has a date.
        generation: the generation that answered.
    """

    per: Per
    periods: tuple[TrendPeriod, ...]
    trends: tuple[Trend, ...]
    newest: date | None
    generation: str

    def share(self, trend: Trend, position: int) -> float | None:
        """Returns the share of the papers of a period that is on a question; None if it has no papers."""
        papers = self.periods[position].papers
        return trend.counts[position] / papers if papers else None

    def share_error(self, trend: Trend, position: int) -> float:
        """Returns the error of ``share``; see ``Trend.error``."""
        return trend.error(trend.counts[position]) / max(1, self.periods[position].papers)

    def estimate(self, trend: Trend, position: int, measure: Measure) -> Estimate:
        """Returns what a question has in a period as people read it."""
        if measure == "share":
            return estimate_share(self.share(trend, position), self.share_error(trend, position))
        count = trend.counts[position]
        return estimate_count(count, trend.error(count))

    @property
    def default_measure(self) -> Measure:
        """What charts show unless the user chooses: shares, which do not grow merely because the index does, or numbers
        of papers if fewer than half of the periods have enough papers for shares."""
        enough = sum(each.papers >= MIN_SHARE_PAPERS for each in self.periods)
        return "share" if 2 * enough >= len(self.periods) else "papers"

    def rows(self) -> list[dict[str, Json]]:
        """Returns a row for each period and question, with the fields ``ROW_FIELDS``."""
        return [
            dict(zip(ROW_FIELDS, self._row_values(trend, position), strict=True))
            for position in range(len(self.periods))
            for trend in self.trends
        ]

    def _row_values(self, trend: Trend, position: int) -> tuple[Json, ...]:
        period, count = self.periods[position], trend.counts[position]
        share_error = self.share_error(trend, position) if period.papers else None
        dated = (str(period.date), period.is_complete, trend.label)
        shares = (_rounded(self.share(trend, position)), _rounded(share_error))
        return (*dated, count, trend.error(count), *shares, period.papers)

    def to_dataframe(self) -> "DataFrame":
        """Returns the rows as a pandas DataFrame, for plots of your own.

        Raises:
            ImportError: pandas is not installed.
        """
        from search.query.dataframe import make_dataframe

        return make_dataframe((tuple(row.values()) for row in self.rows()), ROW_FIELDS)

    def _repr_html_(self) -> str:
        """Returns the trends as notebooks display them: the chart, and a table to open."""
        from search.trends.notebook import trends_html

        return trends_html(self)

    def to_svg(self, measure: str | None = None) -> str:
        """Returns the chart as an SVG document with its own style.

        Args:
            measure: ``share`` of the papers of each period, or ``papers``; None for ``default_measure``.

        Raises:
            InvalidValue: ``measure`` is neither.
        """
        from search.trends.chart import Chart

        return Chart(self, None if measure is None else parse_measure(measure)).to_document()

    def to_json(self) -> dict[str, Json]:
        """Returns the trends as a JSON object."""
        periods: list[Json] = [
            {"period": str(each.date), "papers": each.papers, "complete": each.is_complete} for each in self.periods
        ]
        return {
            "generation": self.generation,
            "per": self.per,
            "newest": self.newest.isoformat() if self.newest else None,
            "periods": periods,
            "trends": [self._trend_json(each) for each in self.trends],
            "notices": list(self.notices),
        }

    def _trend_json(self, trend: Trend) -> dict[str, Json]:
        positions = range(len(self.periods))
        return {
            "question": trend.question,
            "answered_query": trend.answered_query,
            "papers": trend.papers,
            "error": trend.error(trend.papers),
            "estimated": trend.estimated,
            "counted_over": trend.counted_over,
            "counts": list(trend.counts),
            "errors": [trend.error(count) for count in trend.counts],
            "shares": [_rounded(self.share(trend, position)) for position in positions],
            "undated": trend.undated,
            "without_month": trend.without_month,
            "earlier": trend.earlier,
        }

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader of the counts has to know, in sentences."""
        found = [COUNTED_NOTICE] if any(trend.scope == "closest" for trend in self.trends) else []
        counted = {trend.counted_over: None for trend in self.trends if trend.counted_over}
        found += [f"Counted over {papers}; a share is one of the papers read, not of all." for papers in counted]
        found += [
            f"Nothing is close to “{trend.question}”; “{trend.answered_query}” is counted instead."
            for trend in self.trends
            if trend.answered_query
        ]
        start = self.periods[0].date if self.periods else None
        found += self._not_shown(f"before {start}", [trend.earlier for trend in self.trends])
        found += self._not_shown("without a date", [trend.undated for trend in self.trends])
        found += self._not_shown("of which only the year is known", [trend.without_month for trend in self.trends])
        if self.per == "month":
            found += [note for trend in self.trends for note in self._new_year_notice(trend)]
        if any(trend.error(count) for trend in self.trends for count in trend.counts):
            found.append("Values with ± are estimates; in 19 of 20 cases the true value is within that range.")
        incomplete = [str(each.date) for each in self.periods if not each.is_complete]
        if incomplete and self.newest:
            names = incomplete[0] if len(incomplete) == 1 else f"{incomplete[0]} to {incomplete[-1]}"
            verb = "is" if len(incomplete) == 1 else "are"
            found.append(f"{names} {verb} incomplete; the newest paper of the index is of {self.newest}.")
        return tuple(found)

    def _not_shown(self, which: str, counts: list[int]) -> list[str]:
        """Returns a sentence about papers that no period contains; none without such papers."""
        if not any(counts):
            return []
        if len(counts) == 1:
            return [f"{format_count(counts[0])} {which} {_are(counts[0])} not shown."]
        counted = zip(counts, self.trends, strict=True)
        return [
            f"Papers {which} are not shown: "
            + ", ".join(f"{count:,} ({trend.label})" for count, trend in counted if count)
            + "."
        ]

    def _new_year_notice(self, trend: Trend) -> list[str]:
        """Returns a sentence if so many papers of a January are dated its first day that some dates are only years."""
        by_period = zip(trend.counts, self.periods, strict=True)
        in_january = sum(count for count, period in by_period if period.date.month == 1)
        if trend.on_new_year <= max(1.0, _SUSPICIOUS_SHARE * in_january):
            return []
        count = format_count(trend.on_new_year)
        return [f"{trend.label}: {count} {_are(trend.on_new_year)} dated 1 January, perhaps for a year alone."]


def parse_measure(name: str) -> Measure:
    """Parses what a chart shows.

    Raises:
        InvalidValue: a chart cannot show this.
    """
    for known in MEASURES:
        if known == name:
            return known
    raise InvalidValue("measure", name, f"choose one of {', '.join(MEASURES)}")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _rounded(share: float | None) -> float | None:
    """Returns a share with six decimals, a hundredth of what one paper in 10,000 contributes."""
    return None if share is None else round(share, 6)
