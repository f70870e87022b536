"""Dates as bibliographic sources write them: the most certain date that a text states.

The forms are those of EDTF (ISO 8601-2, https://www.loc.gov/standards/datetime/), MEDLINE's ``DP`` and ``MedlineDate``
(https://www.nlm.nih.gov/bsd/mms/medlineelements.html#dp), RIS's ``YYYY/MM/DD/other``, CSL's ``raw`` and ``literal``,
spreadsheets, RFC 822, and what people write around a year, as in ``c. 2002``.
"""

import re
from functools import lru_cache

from indexer.sources.file import SourceFile
from search.papers.date import Date
from search.papers.json import Json

_MAX_CHARACTERS = 200
"""Longer texts are not dates."""
_MONTH_NAMES = (
    "jan january januar janvier janv enero ene",
    "feb february februar février févr febrero",
    "mar march märz mrz mars marzo",
    "apr april avril avr abril abr",
    "may mai mayo",
    "jun june juni juin junio",
    "jul july juli juillet juil julio",
    "aug august août agosto ago",
    "sep sept september septembre septiembre",
    "oct october oktober okt octobre octubre",
    "nov november novembre noviembre",
    "dec december dezember dez décembre déc diciembre dic",
)
"""English, German, French and Spanish names of the months."""
_MONTH_NUMBERS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_YEAR = r"(?:1[4-9]|20)\d\d"
"""A year that can stand anywhere in a text. Other numbers of four digits are years only if they are the whole date."""
_MONTH = rf"(?:{'|'.join(sorted(_MONTH_NUMBERS, reverse=True))})(?![^\W\d_])\.?"
_DAY = r"\d{1,2}(?!\d)(?:st|nd|rd|th)?\.?"
_DATE = re.compile(
    rf"""(?<!\d)(?<!\d\.)(?:
      (?P<day_1>{_DAY})(?:\s*[-–/]\s*{_DAY})?[\s\-./]*(?:of\s+)?      # 5 March 2019, 5-Mar-2019, 12-15 March 2019,
      (?P<name_1>{_MONTH})(?:\s*[-–/]\s*(?:{_DAY}\s*)?{_MONTH})?      # 30 March - 2 April 2019
      [\s,\-/]*(?P<year_1>{_YEAR})(?!\d)
    |
      (?<![^\W\d_])(?P<name_2>{_MONTH})(?:\s*[-–/]\s*{_MONTH})?          # March 2019, Jan-Feb 2018, March 5, 2019
      (?:[\s\-/]*(?P<day_2>{_DAY})(?:\s*[-–/]\s*(?:{_MONTH}\s*)?{_DAY})?)?
      [\s,\-/]*(?P<year_2>{_YEAR})(?!\d)
    |
      (?P<year_3>{_YEAR})(?!\d)[\s,\-/.]*                             # 2019 Mar 5, 1998 Dec-1999 Jan, 2019 5 March
      (?:(?P<name_3>{_MONTH})(?:[\s,\-/]*(?P<day_3>{_DAY}))?|(?P<day_4>{_DAY})\s*(?P<name_4>{_MONTH}))
    |
      (?P<year_5>{_YEAR})(?P<month_5>0[1-9]|1[0-2])(?P<day_5>[0-3]\d)(?:\d{{6}})?(?!\d)    # 20190305
    |
      (?P<year_6>{_YEAR})(?!\d)(?:                                    # 2019-03-05, 2019/03/05/Spring, 2019年3月5日
        \s*[-/.年\s]\s*(?P<month_6>\d{{1,2}})(?!\d)\s*[-/.月\s]\s*(?P<day_6>\d{{1,2}})(?!\d)
      | \s*(?:[-/年]\s*(?P<month_7>\d{{1,2}})|\.(?P<month_8>\d\d))(?!\d)
      )
    |
      (?P<first>\d{{1,2}})[-/.](?:(?P<second>\d{{1,2}})[-/.])?(?P<year_9>{_YEAR})(?!\d)    # 25/03/2019, 03/2019
    |
      (?P<year_10>{_YEAR})(?!\d)                                      # c. 2002, 2001a, [2019?], Spring 2003
    )""",
    re.VERBOSE,
)
_EARLY = re.compile(r"(\d{4})(?:[-/](\d{0,2}))?(?:[-/](\d{0,2}))?(?:/.*)?", re.ASCII)
"""A date with a year that is a year only as the whole date."""
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT", re.ASCII)
_NUMBER = re.compile(r"\d{1,2}(?:\.0*)?", re.ASCII)


def find_date(text: Json) -> Date | None:
    """Finds the date that a text states, with the month and day if these are certain.

    A range is its start: ``2004–2005`` is 2004, ``1998 Dec-1999 Jan`` is 1998-12. Of ``03/05/2019`` only the year is
    certain, because programs differ in the order of day and month.

    Args:
        text: A text or number.

    Returns:
        The date; None if the text has no year, as in ``in press`` and ``nan``, or is not a text.
    """
    if isinstance(text, bool | list | dict) or text is None:
        return None
    text = str(text).strip()
    if _TIMESTAMP.match(text):
        text = text[:10]  # times of day would fill the cache
    return _find_date(text) if len(text) <= _MAX_CHARACTERS else None


def read_date(file: SourceFile, name: str, text: Json) -> Date | None:
    """``find_date`` with a warning if there is a text, but no date in it.

    Args:
        file: The file that the text is from.
        name: The field's name for the warning.
        text: The value.
    """
    found = find_date(text)
    if found is None and text not in (None, "", [], {}):
        file.warn(
            file.record_line, f"{name}: the text contains no year, so the date was left out", repr(str(text)[:60])
        )
    return found


def date_from_parts(
    year: str | int | float | None, month: str | int | float | None = None, day: str | int | float | None = None
) -> Date | None:
    """Builds a date from numbers or texts such as the name of a month; invalid parts lower its precision.

    Returns:
        The date; None without a year.
    """
    found = find_date(f"{year:04}" if isinstance(year, int) else year)
    if not found or found.month:
        return found
    month_text, day_number = str(month or "").strip(), _parse_integer(str(day or "").strip()) or 0
    if _NUMBER.fullmatch(month_text):
        return _make_date(found.year, int(float(month_text)), day_number)
    named = find_date(f"{month_text} 2000")  # a name, which may have days as well: January 12-14; any leap year will do
    return _make_date(found.year, named.month, named.day or day_number) if named else found


def date_from_list(parts: Json) -> Date | None:
    """Builds a date from CSL's ``date-parts``: a list of year, month and day, or a list of such lists."""
    while isinstance(parts, list) and parts and isinstance(parts[0], list):
        parts = parts[0]
    found = parts[:3] if isinstance(parts, list) else []
    numbers = [each for each in found if isinstance(each, int | str) and not isinstance(each, bool)]
    return date_from_parts(*numbers) if numbers else None


@lru_cache(maxsize=65_536)
def _find_date(text: str) -> Date | None:
    """``find_date`` of a text; cached, since many papers share a date."""
    if match := _DATE.search(text.lower()):
        parts = {name.partition("_")[0]: value for name, value in match.groupdict().items() if value}
        month, day = parts.get("month") or parts.get("name"), parts.get("day")
        if "first" in parts:
            month, day = _order_month_and_day(parts["first"], parts.get("second"))
        return _make_date(int(parts["year"]), _parse_month(month), _parse_integer(day) or 0)
    match = _EARLY.fullmatch(text)
    return _make_date(*(int(part or 0) for part in match.groups())) if match else None


def _order_month_and_day(first: str, second: str | None) -> tuple[str, str | None]:
    """The month and the day of two numbers before a year; both are empty if either can be the month."""
    if second is None or int(first) == int(second):
        return first, second
    if int(first) > 12 >= int(second):
        return second, first
    return (first, second) if int(second) > 12 else ("", None)


def _make_date(year: int, month: int, day: int) -> Date | None:
    """The date as far as its parts exist."""
    if not 1 <= year <= 9999:
        return None
    if not 1 <= month <= 12:
        return Date(year)
    try:
        return Date.parse(f"{year:04}-{month:02}-{day:02}") if day else Date(year, month)
    except ValueError:
        return Date(year, month)


def _parse_month(text: str | None) -> int:
    return _MONTH_NUMBERS.get((text or "").rstrip(".")) or _parse_integer(text) or 0


def _parse_integer(text: str | None) -> int | None:
    """The number that a text starts with, as in ``5th`` and ``3.0``; None if it starts with something else."""
    match = re.match(r"\d{1,4}(?!\d)", text or "", re.ASCII)
    return int(match[0]) if match else None
