"""Dates as users write them: partial, open, relative, and in the range syntax of arXiv and ADS."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from search.errors import InvalidValue
from search.papers.date import Date
from search.query.condition import Moment, first_second, format_moment, last_second

ACCEPTED_FORMS = (
    "2026, 2026-03, March 2026, 2026-03-05, 2020-2024, 2024-03..2024-05, 2020-, >=2024-03, <2020, 30d, 6m or last-year"
)
"""Examples of what ``parse_range`` accepts, for error messages."""
_ACCEPTED_DATES = "2026, 2026-03, 2026-03-05, today, 30d, 6m or last-year"
"""Examples of what ``parse_date`` accepts, for error messages."""
_ACCEPTED_TIMES = "2026-11-29T09:14:00Z"
"""Example of what only ``parse_period`` and ``parse_moment`` accept, for error messages."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:z|[+-]\d\d:?\d\d)?")
_TIMESTAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d{4}|\d{6})?")
_RELATIVE = re.compile(r"(?:(?:last|past) )?(\d{1,6}) ?(d|w|m|y|days?|weeks?|months?|years?)")
_NAMED_PERIOD = re.compile(r"(this|last) (week|month|year)")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
"""English names of the months, which may be abbreviated to three letters or more."""
_MONTH_AND_YEAR = re.compile(r"([a-z]{3,9})\.?,?[ -](\d{4})")
_COMPARISON = re.compile(r"(>=|<=|>|<) ?(.+)")
_YEAR_RANGE = re.compile(r"(\d{4}) ?- ?(\d{4})")
_OPEN_RANGE = re.compile(r"-(\d[\d-]*)|(\d[\d-]*)-")
_DELIMITED_RANGE = re.compile(r"(.*?) ?(?:\.\.| to ) ?(.*)")
_PERIODS = {
    "d": relativedelta(days=1),
    "w": relativedelta(weeks=1),
    "m": relativedelta(months=1),
    "y": relativedelta(years=1),
}


class DateRange(NamedTuple):
    """A closed interval of dates.

    Attributes:
        start: the first date; None for no lower bound.
        end: the last date; None for no upper bound.
    """

    start: Date | None
    end: Date | None


class Period(NamedTuple):
    """A closed interval of times.

    Attributes:
        start: its start; None for no lower bound.
        end: its end; None for no upper bound.
    """

    start: Moment | None
    end: Moment | None


def parse_range(text: str, today: date, field: str = "date") -> DateRange:
    """Parses one date, a range, an open range, or a period that ends today; docs/query-language.md lists the forms.

    A range includes both of its ends, however partial they are; ``>`` and ``<`` exclude theirs. ``30d`` is the last 30
    days up to today. Weeks start on Monday.

    Args:
        text: the date or range.
        today: the reference of relative dates.
        field: the name of the parameter, for error messages.

    Raises:
        InvalidValue: the text has none of these forms, a date does not exist, or a range ends before it starts.
    """
    start, end = _parse_ordered_range(text, today, field, ACCEPTED_FORMS)
    if isinstance(start, datetime) or isinstance(end, datetime):
        raise InvalidValue(field, text, f"not a valid date or range; try {ACCEPTED_FORMS}")
    return DateRange(start, end)


def parse_period(text: str, today: date, field: str = "date") -> Period:
    """Parses the same forms as ``parse_range``, in which dates may have a time, as in ``2026-11-29T09:14:00Z``.

    Args:
        text: the date, time or range.
        today: the reference of relative dates.
        field: the name of the parameter, for error messages.

    Raises:
        InvalidValue: the text has none of these forms, a date does not exist, or a range ends before it starts.
    """
    return _parse_ordered_range(text, today, field, f"{ACCEPTED_FORMS}, or {_ACCEPTED_TIMES}")


def _parse_ordered_range(text: str, today: date, field: str, forms: str) -> Period:
    try:
        span = _parse_normalized_range(_normalize(text), today)
    except (ValueError, OverflowError):
        raise InvalidValue(field, text, f"not a valid date or range; try {forms}") from None
    if span.start and span.end and first_second(span.start) > last_second(span.end):
        start, end = format_moment(span.start), format_moment(span.end)
        raise InvalidValue(field, text, f"it ends ({end}) before it starts ({start}); swap the two")
    return span


def parse_date(text: str, today: date, field: str) -> Date:
    """Parses one end of a range: a date, or a time before today.

    ``30d`` is the day 30 days ago. A week is represented by its first day, or by its last if the field is the end of a
    range.

    Args:
        text: the date.
        today: the reference of relative dates.
        field: the name of the parameter.

    Raises:
        InvalidValue: the text has none of these forms, or the date does not exist.
    """
    moment = _parse_end(text, today, field, _ACCEPTED_DATES)
    if isinstance(moment, datetime):
        raise InvalidValue(field, text, f"not a valid date; try {_ACCEPTED_DATES}")
    return moment


def parse_moment(text: str, today: date, field: str) -> Moment:
    """Parses the same forms as ``parse_date``, or a date with a time, as in ``2026-11-29T09:14:00Z``.

    Args:
        text: the date or time; a time without a zone is in UTC.
        today: the reference of relative dates.
        field: the name of the parameter.

    Raises:
        InvalidValue: the text has none of these forms, or the date does not exist.
    """
    return _parse_end(text, today, field, f"{_ACCEPTED_DATES}, or {_ACCEPTED_TIMES}")


def _parse_end(text: str, today: date, field: str, forms: str) -> Moment:
    try:
        return _parse_bound(_normalize(text), today, last=field == "to" or field.endswith("_to"))
    except (ValueError, OverflowError):
        raise InvalidValue(field, text, f"not a valid date; try {forms}") from None


def _normalize(text: str) -> str:
    """Converts to lower case, hyphens and single spaces; removes surrounding brackets and underscores."""
    text = re.sub("[‐-―−]", "-", text).casefold().replace("_", " ")
    text = " ".join(text.split())
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    return re.sub(r"^(this|last|past)-", r"\1 ", text)


def _parse_normalized_range(text: str, today: date) -> Period:
    if match := _COMPARISON.fullmatch(text):
        return _range_from_comparison(match[1], match[2], today)
    if match := _YEAR_RANGE.fullmatch(text):
        return _range_between(match[1], match[2], today)
    if match := _OPEN_RANGE.fullmatch(text):
        return _range_between(match[2] or "", match[1] or "", today)
    if match := _DELIMITED_RANGE.fullmatch(f" {text} "):
        return _range_between(match[1].strip(), match[2].strip(), today)
    if match := _RELATIVE.fullmatch(text):
        return Period(_date_from_day(_subtract_period(match, today)), _date_from_day(today))
    return Period(_parse_bound(text, today), _parse_bound(text, today, last=True))


def _range_between(start: str, end: str, today: date) -> Period:
    if start in ("", "*") and end in ("", "*"):
        raise ValueError("a range needs a start or an end")
    return Period(
        None if start in ("", "*") else _parse_bound(start, today),
        None if end in ("", "*") else _parse_bound(end, today, last=True),
    )


def _range_from_comparison(sign: str, text: str, today: date) -> Period:
    if sign == ">=":
        return Period(_parse_bound(text, today), None)
    if sign == "<=":
        return Period(None, _parse_bound(text, today, last=True))
    if sign == ">":
        return Period(_adjacent(_parse_bound(text, today, last=True), 1), None)
    return Period(None, _adjacent(_parse_bound(text, today), -1))


def _adjacent(point: Moment, step: int) -> Moment:
    """Returns the next (1) or the previous (-1) date of the same precision, or whole second."""
    if isinstance(point, datetime):
        second = last_second(point) if step > 0 else first_second(point)
        return datetime.fromtimestamp(second + step, UTC)
    day = date.fromordinal(point.last_day + 1 if step > 0 else point.first_day - 1)
    return Date(*(day.year, day.month, day.day)[: point.precision])


def _parse_bound(text: str, today: date, *, last: bool = False) -> Moment:
    """Parses one date or time; ``last`` selects the last day of a week instead of the first."""
    if _TIME.fullmatch(text):
        time = datetime.fromisoformat(text.upper())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    if text in ("today", "yesterday"):
        return _date_from_day(today - timedelta(days=text == "yesterday"))
    if match := _RELATIVE.fullmatch(text):
        return _date_from_day(_subtract_period(match, today))
    if match := _NAMED_PERIOD.fullmatch(text):
        return _named_period_bound(match[1] == "last", match[2], today, last)
    if match := _TIMESTAMP.fullmatch(text):
        return Date.parse("-".join(match.groups()))
    if (match := _MONTH_AND_YEAR.fullmatch(text)) and (month := parse_month(match[1])):
        return Date(int(match[2]), month)
    if not re.fullmatch(r"[\d-]+", text):
        raise ValueError("not a date")
    return Date.parse(text)


def parse_month(name: str) -> int | None:
    """Returns the number of a month from its name in lower case, which may be abbreviated; None for other words."""
    return next((number for number, month in enumerate(MONTHS, 1) if len(name) > 2 and month.startswith(name)), None)


def _named_period_bound(previous: bool, unit: str, today: date, last: bool) -> Date:
    day = today - previous * _PERIODS[unit[0]]
    if unit == "year":
        return Date(day.year)
    if unit == "month":
        return Date(day.year, day.month)
    return _date_from_day(day + timedelta(days=6 * last - day.weekday()))


def _subtract_period(match: re.Match[str], today: date) -> date:
    """Subtracts days, weeks, months or years from today; in a shorter month, the day is its last."""
    return today - int(match[1]) * _PERIODS[match[2][0]]


def _date_from_day(day: date) -> Date:
    return Date(day.year, day.month, day.day)
