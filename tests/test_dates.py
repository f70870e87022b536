"""Dates as users write them: every form, against dates computed by hand or with the calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.papers.date import Date
from search.query.condition import AddedBetween, format_moment
from search.query.dates import DateRange, parse_date, parse_moment, parse_period, parse_range

TODAY = date(2026, 11, 25)  # a Wednesday
RANGES = {
    "2024": ("2024", "2024"),
    "2024-03": ("2024-03", "2024-03"),
    "2024-03-05": ("2024-03-05", "2024-03-05"),
    "2020-2024": ("2020", "2024"),
    "2020..2024-05": ("2020", "2024-05"),
    "2024-03..2024-05": ("2024-03", "2024-05"),
    "2020–2024": ("2020", "2024"),
    "2020-": ("2020", None),
    "2020..": ("2020", None),
    "-2020": (None, "2020"),
    "..2020-05": (None, "2020-05"),
    "-2020-05": (None, "2020-05"),
    "2020-05-": ("2020-05", None),
    ">=2026-03": ("2026-03", None),
    ">= 2026-03": ("2026-03", None),
    ">2026": ("2027", None),
    ">2026-12": ("2027-01", None),
    ">2024-02-28": ("2024-02-29", None),
    "<2020": (None, "2019"),
    "<2020-01": (None, "2019-12"),
    "<=2020-05": (None, "2020-05"),
    "[2000-01 TO 2005-12]": ("2000-01", "2005-12"),
    "[* TO 2005]": (None, "2005"),
    "[2000 to *]": ("2000", None),
    "202301010600": ("2023-01-01", "2023-01-01"),
    "[202301010600 TO 202401010600]": ("2023-01-01", "2024-01-01"),
    "July 2026": ("2026-07", "2026-07"),
    "Sept. 2025": ("2025-09", "2025-09"),
    ">=mar-2025": ("2025-03", None),
    "march 2025 to May 2025": ("2025-03", "2025-05"),
    "30d": ("2026-10-26", "2026-11-25"),
    "2w": ("2026-11-11", "2026-11-25"),
    "6m": ("2026-05-25", "2026-11-25"),
    "1y": ("2025-11-25", "2026-11-25"),
    "last 30 days": ("2026-10-26", "2026-11-25"),
    "30d..": ("2026-10-26", None),
    "today": ("2026-11-25", "2026-11-25"),
    "yesterday": ("2026-11-24", "2026-11-24"),
    "this week": ("2026-11-23", "2026-11-29"),
    "last-week": ("2026-11-16", "2026-11-22"),
    "This Month": ("2026-11", "2026-11"),
    "last_month": ("2026-10", "2026-10"),
    "this year": ("2026", "2026"),
    "last year": ("2025", "2025"),
}
INVALID = (
    "", " ", "foo", "2024-13", "2024-02-30", "20", "20240231", "0000", ">9999", "<0001", "*", "..", "-", "[* TO *]",
    ">", "2024/03", "999999y", "999999d", "last", "last decade", "[2024", "2020 2021", "2020-2021-2022", "a TO b",
    "1e3", "2020--", "--2020", "mars 2025", "ma 2025", "July",
)  # fmt: skip

days = st.dates(date(2, 1, 1), date(9998, 12, 31))


def to_date(text: str | None) -> Date | None:
    return Date.parse(text) if text else None


@pytest.mark.parametrize(("text", "ends"), RANGES.items())
def test_every_form_parses_to_its_range(text: str, ends: tuple[str | None, str | None]) -> None:
    assert parse_range(text, TODAY) == DateRange(to_date(ends[0]), to_date(ends[1]))


@pytest.mark.parametrize("text", INVALID)
def test_invalid_dates_list_the_forms(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"not a valid date or range; try 2026, 2026-03") as caught:
        parse_range(text, TODAY, "published")
    assert (caught.value.field, caught.value.value) == ("published", text)


@pytest.mark.parametrize("text", ["2024-2020", "2024-05..2024-04", "[2024-05-02 TO 2024-05-01]"])
def test_a_range_that_ends_before_it_starts_is_an_error(text: str) -> None:
    with pytest.raises(InvalidValue, match="swap the two"):
        parse_range(text, TODAY)


def test_one_end_of_a_range_may_be_relative() -> None:
    assert parse_date("2026-04", TODAY, "from") == Date(2026, 4)
    assert parse_date("30d", TODAY, "from") == parse_date("30d", TODAY, "to") == Date(2026, 10, 26)
    assert parse_date("last-year", TODAY, "to") == Date(2025)
    assert parse_date("last week", TODAY, "from") == Date(2026, 11, 16)
    assert parse_date("last week", TODAY, "to") == Date(2026, 11, 22)
    assert parse_date("yesterday", TODAY, "to") == Date(2026, 11, 24)
    with pytest.raises(InvalidValue, match="invalid from '2020-2024': not a valid date; try 2026"):
        parse_date("2020-2024", TODAY, "from")


@given(days, st.integers(1, 3), st.sampled_from([">=", ">", "<=", "<"]))
def test_a_sign_includes_or_excludes_all_days_of_a_partial_date(day: date, precision: int, sign: str) -> None:
    point = Date(*(day.year, day.month, day.day)[:precision])
    span = parse_range(f"{sign}{point}", TODAY)
    end = span.start.first_day if span.start else span.end.last_day if span.end else 0
    assert end == {
        ">=": point.first_day, ">": point.last_day + 1, "<=": point.last_day, "<": point.first_day - 1
    }[sign]  # fmt: skip
    assert (span.start or span.end or point).precision == precision


PERIODS = {
    "2026-11-29T09:14:00Z": ("2026-11-29T09:14:00Z", "2026-11-29T09:14:00Z"),
    "2026-11-29t09:14z": ("2026-11-29T09:14:00Z", "2026-11-29T09:14:00Z"),
    "2026-11-29 09:14": ("2026-11-29T09:14:00Z", "2026-11-29T09:14:00Z"),
    "2026-11-29T01:14:00-08:00..": ("2026-11-29T09:14:00Z", None),
    ">=2026-11-29T09:14:00.5+00:00": ("2026-11-29T09:14:00.500000Z", None),
    ">2026-11-29T09:14:00Z": ("2026-11-29T09:14:01Z", None),
    ">2026-11-29T09:14:00.5Z": ("2026-11-29T09:14:01Z", None),
    "<2026-11-29T00:00:00Z": (None, "2026-11-28T23:59:59Z"),
    "<2026-11-29T00:00:00.5Z": (None, "2026-11-29T00:00:00Z"),
    "<=2026-11-29T09:14Z": (None, "2026-11-29T09:14:00Z"),
    "2026-11-29..2026-11-29T09:14Z": ("2026-11-29", "2026-11-29T09:14:00Z"),
    "[2026-11-29T09:14Z TO *]": ("2026-11-29T09:14:00Z", None),
    "7d": ("2026-11-18", "2026-11-25"),
    ">2025": ("2026", None),
}


@pytest.mark.parametrize("text", PERIODS)
def test_times_are_ends_of_periods(text: str) -> None:
    period = parse_period(text, TODAY)
    assert tuple(format_moment(each) if each else None for each in period) == PERIODS[text]
    if "T" in text.upper():
        with pytest.raises(InvalidValue, match="not a valid date or range"):
            parse_range(text, TODAY)


@pytest.mark.parametrize(
    "text", ["2026-11-29T25:00Z", "2026-02-30T09:00Z", "2026-11T09:00", "09:00", "2026-11-29T09", "<0001-01-01T00:00Z"]
)
def test_an_invalid_time_is_an_error_that_shows_a_valid_one(text: str) -> None:
    with pytest.raises(InvalidValue, match="2026-11-29T09:14:00Z"):
        parse_period(text, TODAY)
    with pytest.raises(InvalidValue, match="2026-11-29T09:14:00Z"):
        parse_moment(text, TODAY, "added_from")


@given(st.datetimes(datetime(1971, 1, 1), datetime(2105, 1, 1)), st.sampled_from(["seconds", "microseconds"]))
def test_a_time_includes_the_whole_seconds_within_its_bounds(moment: datetime, precision: str) -> None:
    text, exact = moment.isoformat(timespec=precision), moment.replace(tzinfo=UTC)
    if precision == "seconds":
        exact = exact.replace(microsecond=0)
    for sign, holds in ((">=", float.__ge__), (">", float.__gt__), ("<=", float.__le__), ("<", float.__lt__)):
        first, last = AddedBetween(*parse_period(f"{sign}{text}", TODAY)).seconds
        for second in range(int(exact.timestamp()) - 2, int(exact.timestamp()) + 3):
            assert (first <= second <= last) == holds(float(second), exact.timestamp())


def test_the_last_week_of_a_period_ends_with_its_last_day() -> None:
    for field in ("to", "updated_to", "added_to"):
        assert str(parse_moment("last-week", TODAY, field)) == "2026-11-22"
    assert str(parse_moment("last-week", TODAY, "added_from")) == "2026-11-16"


@given(days, st.integers(0, 1_000), st.sampled_from("dw"))
def test_days_and_weeks_are_subtracted_from_today(today: date, count: int, unit: str) -> None:
    back = timedelta(days=count * (7 if unit == "w" else 1))
    if today.toordinal() <= back.days:
        return
    span = parse_range(f"{count}{unit}", today)
    assert span.start
    assert span.end
    assert span.start.first_day == (today - back).toordinal()
    assert span.end.last_day == today.toordinal()


@given(days, st.integers(1, 600))
def test_subtracted_months_keep_the_day_or_end_the_month(today: date, count: int) -> None:
    if today.year < 60:
        return
    span = parse_range(f"{count}m", today)
    assert span.start
    assert (span.start.year * 12 + span.start.month) == today.year * 12 + today.month - count
    next_day = date.fromordinal(span.start.first_day + 1)
    assert span.start.day == today.day or (next_day.day == 1 and span.start.day < today.day)
    if not count % 12:
        assert parse_range(f"{count // 12}y", today) == span


@given(days, st.sampled_from(["week", "month", "year"]))
def test_the_last_period_ends_where_this_one_begins(today: date, unit: str) -> None:
    last, this = parse_range(f"last {unit}", today), parse_range(f"this-{unit}", today)
    assert last.end
    assert this.start
    assert this.end
    assert last.end.last_day + 1 == this.start.first_day
    assert this.start.first_day <= today.toordinal() <= this.end.last_day


@given(st.text(max_size=40) | st.text("0123456789-.<>=[]*TOdwmy ", max_size=20), days)
def test_any_text_is_an_ordered_range_or_an_error(text: str, today: date) -> None:
    try:
        span = parse_range(text, today)
    except InvalidValue:
        return
    assert span.start or span.end
    if span.start and span.end:
        assert span.start.first_day <= span.end.last_day
