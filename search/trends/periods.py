"""Periods: the months or years of a trend, and how many papers of a set are published in each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from search.index.backend_fields import Dates
from search.papers.date import NO_DAY, Date
from search.rows import PaperSet

Per = Literal["month", "year"]

PERS: tuple[Per, ...] = get_args(Per)
MAX_PERIODS = 600
"""Most periods of a trend: 50 years by month. Papers of earlier ones are counted together."""
MAX_MONTHS = 36
"""Most months up to which papers are counted by month unless the user chooses."""
_UNIX_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS_BEFORE_1970 = 1970 * 12


@dataclass(frozen=True, slots=True)
class PaperCounts:
    """How many papers of a set are published in each period.

    Attributes:
        by_period: papers by number of the period (``period_date``); periods without a paper are missing.
        undated: papers without a date.
        without_month: papers whose date spans several periods, such as a year when months are counted.
        on_new_year: papers dated 1 January, which sources also write for a year alone.
    """

    by_period: Mapping[int, int]
    undated: int
    without_month: int
    on_new_year: int

    def period_after(self, share: float) -> int:
        """Returns the last period before which there is at most a share of the papers.

        Args:
            share: of the papers in any period, which there must be.
        """
        limit = share * sum(self.by_period.values())
        for number in sorted(self.by_period):
            limit -= self.by_period[number]
            if limit < 0:
                break
        return number


def count_papers(days: Dates, papers: PaperSet, per: Per) -> PaperCounts:
    """Counts the papers of a set by the month or year of their publication."""
    counts = days.count_intervals(papers)
    first, last = (_period_numbers(ends, per) for ends in days.intervals)
    has_date = days.intervals[0] != NO_DAY[0]
    has_period = has_date & (first == last)
    numbers, positions = np.unique(first[has_period], return_inverse=True)
    totals = np.bincount(positions, counts[has_period], len(numbers)).astype(np.int64)
    by_period = {number: count for number, count in zip(numbers.tolist(), totals.tolist(), strict=True) if count}
    without_month = int(counts[has_date & ~has_period].sum())
    on_new_year = int(counts[has_period & _is_new_year(days.intervals)].sum())
    return PaperCounts(by_period, int(counts[~has_date].sum()), without_month, on_new_year)


def period_number(day: int, per: Per) -> int:
    """Returns the number of the period that contains a day, an ordinal; the next period has the next number."""
    when = date.fromordinal(day)
    return when.year if per == "year" else when.year * 12 + when.month - 1


def period_date(number: int, per: Per) -> Date:
    """Returns a period as a partial date."""
    return Date(number) if per == "year" else Date(number // 12, number % 12 + 1)


def last_published_day(days: Dates, live: PaperSet, today: date) -> int:
    """Returns the ordinal of the last day up to today on which a paper is published; 0 if there is none."""
    starts = days.intervals[0][days.count_intervals(live) > 0]
    return int(starts[starts <= today.toordinal()].max(initial=0))


def _period_numbers(days: NDArray[np.int32], per: Per) -> NDArray[np.int64]:
    """Returns the numbers of the periods that contain (n,) days."""
    months = (days.astype(np.int64) - _UNIX_EPOCH).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months += _MONTHS_BEFORE_1970
    return months // 12 if per == "year" else months


def _is_new_year(intervals: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Returns which intervals are a single 1 January."""
    days = (intervals[0].astype(np.int64) - _UNIX_EPOCH).astype("datetime64[D]")
    is_first = days == days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(is_first & (intervals[0] == intervals[1]))
