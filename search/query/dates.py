"""Dates as people write them: partial, open, relative, and as arXiv and ADS write their ranges."""

import calendar
import re
from datetime import date, timedelta
from typing import NamedTuple

from search.errors import InvalidValue
from search.papers.paper import Date

ACCEPTED_FORMS = (
    "write 2024, 2024-03, 2024-03-05, 2020-2024, 2024-03..2024-05, 2020-, >=2024-03, <2020, 30d, 6m or last-year"
)
"""The forms that ``read_range`` takes, for messages."""

_TIMESTAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d{4}|\d{6})?")
_RELATIVE = re.compile(r"(?:(?:last|past) )?(\d{1,6}) ?(d|w|m|y|days?|weeks?|months?|years?)")
_NAMED_PERIOD = re.compile(r"(this|last) (week|month|year)")
_COMPARISON = re.compile(r"(>=|<=|>|<) ?(.+)")
_YEAR_RANGE = re.compile(r"(\d{4}) ?- ?(\d{4})")
_OPEN_RANGE = re.compile(r"-(\d[\d-]*)|(\d[\d-]*)-")
_DELIMITED_RANGE = re.compile(r"(.*?) ?(?:\.\.| to ) ?(.*)")


class DateRange(NamedTuple):
    """The closed interval from ``start`` to ``end``; None leaves a side open."""

    start: Date | None
    end: Date | None


def parse_range(text: str, today: date, field: str = "date") -> DateRange:
    """Reads one date, a range, an open range, or a time before today; docs/query-language.md lists the forms.

    A range includes both its ends, however partial they are; ``>`` and ``<`` leave theirs out. ``30d`` are the last 30
    days up to today. Weeks begin on Monday.

    Raises:
        InvalidValue: of ``field``: the text is no such form, a date does not exist, or a range ends before it starts.
    """
    try:
        span = _parse_normalized_range(_normalize(text), today)
    except (ValueError, OverflowError):
        raise InvalidValue(field, text, f"it is no date or range of dates that exists; {ACCEPTED_FORMS}") from None
    if span.start and span.end and span.start.first_day > span.end.last_day:
        raise InvalidValue(field, text, f"it ends ({span.end}) before it starts ({span.start}); swap the two")
    return span


def parse_date(text: str, today: date, field: str) -> Date:
    """Reads one end of a range: a date, or a time before today.

    ``30d`` is the day 30 days ago. Of a week it is the first day, or the last where the field is ``to``.

    Raises:
        InvalidValue: of ``field``: the text is none of these, or the date does not exist.
    """
    try:
        return _parse_bound(_normalize(text), today, last=field == "to")
    except (ValueError, OverflowError):
        allowed = "write a date that exists: 2026, 2026-04, 2026-04-27, today, 30d, 6m or last-year"
        raise InvalidValue(field, text, allowed) from None


def _normalize(text: str) -> str:
    """Lower case, one kind of dash, single spaces; brackets around the whole and underscores gone."""
    text = re.sub("[‐-―−]", "-", text).casefold().replace("_", " ")
    text = " ".join(text.split())
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    return re.sub(r"^(this|last|past)-", r"\1 ", text)


def _parse_normalized_range(text: str, today: date) -> DateRange:
    if match := _COMPARISON.fullmatch(text):
        return _range_from_comparison(match[1], match[2], today)
    if match := _YEAR_RANGE.fullmatch(text):
        return _range_between(match[1], match[2], today)
    if match := _OPEN_RANGE.fullmatch(text):
        return _range_between(match[2] or "", match[1] or "", today)
    if match := _DELIMITED_RANGE.fullmatch(f" {text} "):
        return _range_between(match[1].strip(), match[2].strip(), today)
    if match := _RELATIVE.fullmatch(text):
        return DateRange(_date_from_day(_subtract_period(match, today)), _date_from_day(today))
    return DateRange(_parse_bound(text, today), _parse_bound(text, today, last=True))


def _range_between(start: str, end: str, today: date) -> DateRange:
    if start in ("", "*") and end in ("", "*"):
        raise ValueError("a range without ends")
    return DateRange(
        None if start in ("", "*") else _parse_bound(start, today),
        None if end in ("", "*") else _parse_bound(end, today, last=True),
    )


def _range_from_comparison(sign: str, text: str, today: date) -> DateRange:
    if sign == ">=":
        return DateRange(_parse_bound(text, today), None)
    if sign == "<=":
        return DateRange(None, _parse_bound(text, today, last=True))
    if sign == ">":
        return DateRange(_adjacent_date(_parse_bound(text, today, last=True), 1), None)
    return DateRange(None, _adjacent_date(_parse_bound(text, today), -1))


def _adjacent_date(point: Date, step: int) -> Date:
    """The next (1) or the last (-1) date of the same precision."""
    day = date.fromordinal(point.last_day + 1 if step > 0 else point.first_day - 1)
    return Date(*(day.year, day.month, day.day)[: point.precision])


def _parse_bound(text: str, today: date, *, last: bool = False) -> Date:
    """A date; of a week its first day or its last."""
    if text in ("today", "yesterday"):
        return _date_from_day(today - timedelta(days=text == "yesterday"))
    if match := _RELATIVE.fullmatch(text):
        return _date_from_day(_subtract_period(match, today))
    if match := _NAMED_PERIOD.fullmatch(text):
        return _named_period_bound(match[1] == "last", match[2], today, last)
    if match := _TIMESTAMP.fullmatch(text):
        return Date.parse("-".join(match.groups()))
    if not re.fullmatch(r"[\d-]+", text):
        raise ValueError("no date")
    return Date.parse(text)


def _named_period_bound(before: bool, unit: str, today: date, last: bool) -> Date:
    if unit == "year":
        return Date(today.year - before)
    if unit == "month":
        month = today.replace(day=1) - timedelta(days=before)
        return Date(month.year, month.month)
    monday = today - timedelta(days=today.weekday() + 7 * before)
    return _date_from_day(monday + timedelta(days=6 * last))


def _subtract_period(match: re.Match[str], today: date) -> date:
    """So many days, weeks, months or years before today; a month that is too short gives its last day."""
    count, unit = int(match[1]), match[2][0]
    if unit in "dw":
        return today - timedelta(days=count * (7 if unit == "w" else 1))
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    if year < 1:
        raise ValueError("before the first year")
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def _date_from_day(day: date) -> Date:
    return Date(day.year, day.month, day.day)
