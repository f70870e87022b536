"""Axes of a chart: round numbers on the vertical one, months or years on the horizontal one."""

from collections.abc import Sequence
from math import ceil, floor, log10

from search.papers.date import Date
from search.trends.periods import Per

_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_STEPS = (1, 2, 3, 6)
"""Months between two labels; with more, only years are labelled."""
_YEAR_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_INTERVALS = 4
"""Wanted number of intervals between ticks; one more or less is likely."""


def round_ticks(largest: float, *, whole: bool) -> list[float]:
    """Returns ticks at 1, 2 or 5 times a power of ten, from 0 to the first that is not below a value.

    Args:
        largest: the value, at least 0.
        whole: whether only whole numbers can be ticks.
    """
    if largest <= 0:
        return [0, 1] if whole else [0, 0.01]
    power = 10.0 ** floor(log10(largest / _INTERVALS))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * _INTERVALS >= largest * 0.999)
    step = max(1.0, step) if whole else step
    return [index * step for index in range(ceil(largest / step * 0.9999) + 1)]


def period_labels(dates: Sequence[Date], per: Per, distance: float, width: float) -> list[tuple[int, str, str]]:
    """Returns the labels of a horizontal axis: position, first line and second line.

    Args:
        dates: consecutive months or years.
        per: which of them.
        distance: between two periods, in pixels.
        width: of a label with its margin, in pixels.
    """
    if per == "month":
        step = next((step for step in _MONTH_STEPS if step * distance >= width), None)
        if step:
            return _month_labels(dates, step)
        dates = [each if each.month == 1 else Date(0) for each in dates]
        distance *= 12
    step = next((step for step in _YEAR_STEPS if step * distance >= width), _YEAR_STEPS[-1])
    return [(at, str(each.year), "") for at, each in enumerate(dates) if each.year and each.year % step == 0]


def _month_labels(dates: Sequence[Date], step: int) -> list[tuple[int, str, str]]:
    """Returns labels of months, with the year below the first one and below each January."""
    shown = [(at, each) for at, each in enumerate(dates) if (each.month - 1) % step == 0]
    return [
        (at, _MONTH_NAMES[each.month - 1], str(each.year) if each.month == 1 or (at, each) == shown[0] else "")
        for at, each in shown
    ]
