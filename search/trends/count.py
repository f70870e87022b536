"""Counts the papers on questions by month or year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from search.errors import InvalidValue
from search.index.backend import Backend
from search.papers.date import Date
from search.query.filter import Filter
from search.ranking.relevance import RelevantPapers
from search.rows import PaperSet
from search.trends.periods import (
    MAX_MONTHS,
    MAX_PERIODS,
    PERS,
    PaperCounts,
    Per,
    count_papers,
    last_published_day,
    period_date,
    period_number,
)
from search.trends.trends import Trend, TrendPeriod, Trends

STRAGGLERS_SHARE = 0.01
"""Largest share of the papers that may lie before the first period; most periods before it would be almost empty."""
MAX_QUESTIONS = 6
"""Most questions of a chart: as many lines as can be told apart without colour."""


@dataclass(frozen=True, slots=True)
class CountedQuestion:
    """A question, and the papers to count.

    Attributes:
        question: the text of the search box.
        answered: the text that was answered; another one if nothing is close to the question.
        papers: the papers that an order by date lists.
    """

    question: str
    answered: str
    papers: RelevantPapers


def parse_per(name: str | None) -> Per | None:
    """Parses the length of the periods; None and an empty name leave the choice to ``count_trends``.

    Raises:
        InvalidValue: there is no such length.
    """
    for per in PERS:
        if per == name:
            return per
    if name:
        raise InvalidValue("per", name, f"choose one of {', '.join(PERS)}, or omit it")
    return None


def check_questions(questions: Sequence[str]) -> tuple[str, ...]:
    """Returns the questions without those that occur before.

    Raises:
        InvalidValue: there are none, or too many.
    """
    if isinstance(questions, str):
        return (questions,)
    distinct = tuple(dict.fromkeys(questions))
    if not 1 <= len(distinct) <= MAX_QUESTIONS:
        raise InvalidValue("q", f"{len(distinct)} questions", f"give 1 to {MAX_QUESTIONS} questions")
    return distinct


def count_trends(
    snapshot: Backend, shared: PaperSet, filters: Filter, questions: Sequence[CountedQuestion], per: Per | None
) -> Trends:
    """Counts the papers on questions by month or year.

    Args:
        snapshot: the index.
        shared: the papers that match the filters which the questions share.
        filters: these filters.
        questions: the questions with their papers.
        per: the length of the periods; None for months if almost all papers are of the last ``MAX_MONTHS``, else years.
    """
    days = snapshot.columns.published
    bounds = _Bounds.of(filters, last_published_day(days, snapshot.live, date.today()))
    if per is None:
        by_month = [count_papers(days, each.papers.rows, "month") for each in questions]
        months = bounds.select_periods(count_papers(days, shared, "month"), by_month, "month")
        per = "month" if len(months) <= MAX_MONTHS else "year"
    in_index = count_papers(days, shared, per)
    counts = [count_papers(days, each.papers.rows, per) for each in questions]
    numbers = bounds.select_periods(in_index, counts, per)
    periods = tuple(
        TrendPeriod(period, in_index.by_period.get(number, 0), bounds.contain(period))
        for number in numbers
        for period in [period_date(number, per)]
    )
    trends = tuple(_trend(*each, numbers) for each in zip(questions, counts, strict=True))
    newest = date.fromordinal(bounds.newest) if bounds.newest else None
    return Trends(per, periods, trends, newest, snapshot.generation)


def _trend(question: CountedQuestion, counts: PaperCounts, numbers: range) -> Trend:
    """Returns the trend of a question over the periods of these numbers."""
    papers = question.papers
    return Trend(
        question.question,
        question.answered if question.answered != question.question else None,
        len(papers.rows),
        tuple(counts.by_period.get(number, 0) for number in numbers),
        papers.expected_errors,
        papers.estimated,
        counts.undated,
        counts.without_month,
        sum(count for number, count in counts.by_period.items() if number < numbers.start),
        counts.on_new_year,
        papers.scope,
        papers.counted_over,
    )


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The days that the filters allow and the index has, as ordinals.

    Attributes:
        first: the first day that the filters allow; None for no bound.
        last: the last day that the filters allow; None for no bound.
        newest: the last day on which a paper of the index is published; 0 if there is none.
    """

    first: int | None
    last: int | None
    newest: int

    @classmethod
    def of(cls, filters: Filter, newest: int) -> Self:
        start, end = filters.published_from, filters.published_to
        return cls(start.first_day if start else None, end.last_day if end else None, newest)

    @property
    def end(self) -> int:
        """The last day that can have papers."""
        return self.newest if self.last is None else min(self.newest, self.last)

    def contain(self, period: Date) -> bool:
        """Returns whether all days of a period are within the bounds."""
        return (self.first is None or period.first_day >= self.first) and period.last_day <= self.end

    def select_periods(self, in_index: PaperCounts, counts: Sequence[PaperCounts], per: Per) -> range:
        """Returns the numbers of the periods to show.

        They start where a filter does, or else where the papers do that match the filters which the questions share,
        without stragglers before; so the questions do not move the axis. Without a filter, only the last ``MAX_MONTHS``
        are shown if almost all papers on the questions are of them. The periods end where the index or a filter ends,
        or with the last of these papers.

        Args:
            in_index: the papers that match the shared filters.
            counts: the papers on each question.
            per: the length of the periods.
        """
        found = [each for each in counts if each.by_period]
        ends = [max(each.by_period) for each in found] + ([period_number(self.end, per)] if self.end else [])
        if not ends or not in_index.by_period:
            return range(0)
        last = max(ends)
        start, recent = in_index.period_after(STRAGGLERS_SHARE), last - MAX_MONTHS + 1
        if self.first:
            start = max(min(in_index.by_period), period_number(self.first, per))
        elif per == "month" and all(each.period_after(STRAGGLERS_SHARE) >= recent for each in found):
            start = max(start, recent)
        return range(max(min(start, last), last - MAX_PERIODS + 1), last + 1)
