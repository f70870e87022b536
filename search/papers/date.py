"""Dates that may be partial: a year, a month of a year, or a day."""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Self

NO_DAY = (2**31 - 1, -1)
"""First and last day of a paper without a date: an interval that overlaps no range. Both are int32."""
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?")


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """A calendar date that may be partial: a year, a month of a year, or a day.

    A partial date represents the interval of all its days. Days are counted as proleptic Gregorian
    ordinals (``datetime.date.toordinal``: day 1 is 0001-01-01).

    Attributes:
        year: 1 to 9999.
        month: 1 to 12; 0 if unknown.
        day: 1 to 31; 0 if unknown.
    """

    year: int
    month: int = 0
    day: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses ``2026``, ``2026-04``, ``2026-04-27`` or an ISO 8601 timestamp, of which it keeps the date.

        Raises:
            ValueError: the text has another form, or the date does not exist.
        """
        return cls(*_parse_date_parts(text))

    @property
    def first_day(self) -> int:
        """The ordinal of the first day in the interval."""
        return date(self.year, self.month or 1, self.day or 1).toordinal()

    @property
    def last_day(self) -> int:
        """The ordinal of the last day in the interval."""
        if self.day:
            return self.first_day
        month = self.month or 12
        return date(self.year, month, calendar.monthrange(self.year, month)[1]).toordinal()

    @property
    def precision(self) -> int:
        """1 for a year, 2 for a month, 3 for a day."""
        return 1 + bool(self.month) + bool(self.day)

    def isoformat(self) -> str:
        """Returns the date in ISO 8601: ``2026``, ``2026-04`` or ``2026-04-27``."""
        return str(self)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}-{self.day:02}"[: 1 + 3 * self.precision]


@lru_cache(maxsize=65_536)
def _parse_date_parts(text: str) -> tuple[int, int, int]:
    """Year, month and day of a date; cached, since many papers share a date and a lookup is faster than parsing."""
    match = _DATE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a date; write 2026, 2026-04 or 2026-04-27")
    year, month, day = (int(part or 0) for part in match.groups())
    if match.group(2) and not 1 <= month <= 12:
        raise ValueError(f"{text!r} is not a date; months go from 01 to 12")
    date(year, month or 1, 1 if match.group(3) is None else day)  # raises ValueError if there is no such day
    return year, month, day
