"""Dates as sources write them: one clear year gives a year, with the month and day if these are certain."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.dates import date_from_parts, find_date
from search.papers.date import Date
from search.papers.json import Json
from source_samples import WriteSource, read_papers, read_with_warnings

TEXTS = {
    # what people write around a year
    "c. 1987": "1987", "ca. 1987": "1987", "[1987?]": "1987", "1987a": "1987", "©1987": "1987",
    "1987, in press": "1987",
    "submitted to Marine Letters 2012": "2012", "may appear 2020": "2020", "Reprint of the edition of 1911": "1911",
    # ranges start with their first date
    "1987–1988": "1987", "1987-1988": "1987", "1987–88": "1987", "1987/1988": "1987",
    "1987-03-04/1987-05": "1987-03-04",
    "1999 Dec-2000 Feb": "1999-12", "Dec 1999-Feb 2000": "1999-12", "2018 Mar-Apr": "2018-03",
    "Mar-Apr 2018": "2018-03",
    "12-15 March 2019": "2019-03-12", "March 12-15, 2019": "2019-03-12", "30 March - 2 April 2019": "2019-03-30",
    "2010 Nov 28-Dec 3": "2010-11-28",
    # seasons and quarters
    "Winter 2003": "2003", "2003 Winter": "2003", "1999-2000 Winter": "1999", "1999 4th Quart": "1999",
    "2001-24": "2001",
    # EDTF
    "1984?": "1984", "1984~": "1984", "2004-06~": "2004-06", "2004-06-11%": "2004-06-11", "2004-XX": "2004",
    "2004-06-XX": "2004-06", "../1985": "1985", "1985/..": "1985", "[1667, 1668, 1670..1672]": "1667",
    # RIS
    "2003/10/12/Autumn": "2003-10-12", "2003///Autumn": "2003", "2003/03//": "2003-03", "2014//": "2014",
    # spreadsheets and programs
    "2019.0": "2019", "2019/3/5": "2019-03-05", "20190305": "2019-03-05", "2019-03-05 12:30:00": "2019-03-05",
    "2019-03-05T12:30:00Z": "2019-03-05", "25/03/2019": "2019-03-25", "03/25/2019": "2019-03-25", "03/2019": "2019-03",
    "Tue, 5 Mar 2019 10:00:00 GMT": "2019-03-05", "2019年3月5日": "2019-03-05",
    # words
    "2019 Mar 5": "2019-03-05", "March 5, 2019": "2019-03-05", "5th March 2019": "2019-03-05",
    "5-Mar-2019": "2019-03-05",
    "Sept. 2011": "2011-09", "12. März 2019": "2019-03-12", "août 2010": "2010-08",
    # what is not certain is left out
    "03/05/2019": "2019", "2019-13-40": "2019", "2019-02-30": "2019-02", "2019-00-00": "2019", "2019.5": "2019",
    # early years
    "0476": "0476", "1088-03": "1088-03", "1000/01/02/": "1000-01-02",
}  # fmt: skip
YEARLESS = (
    "nan",
    "in press",
    "n.d.",
    "forthcoming",
    "",
    "0000",
    "0000-00-00",
    "201X",
    "12345",
    "March",
    "pp. 812",
    "Y17E7",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_gives_its_most_certain_date(text: str) -> None:
    assert str(find_date(text)) == TEXTS[text]
    assert str(find_date(f" {text.upper()}\n")) == TEXTS[text]


@pytest.mark.parametrize("text", YEARLESS)
def test_a_text_without_a_year_gives_no_date(text: str) -> None:
    assert find_date(text) is None


@pytest.mark.parametrize("value", [None, True, [2019], {"year": 2019}, "2019 " * 100])
def test_what_is_no_text_gives_no_date(value: Json) -> None:
    assert find_date(value) is None


DAYS = st.dates(date(1500, 1, 1), date(2099, 12, 31))
DAY_FORMS = st.sampled_from(
    ["%Y-%m-%d", "%Y/%m/%d", "%Y/%m/%d/", "%Y%m%d", "%Y-%m-%dT10:00:00", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y",
     "%Y %b %d",
     "%a, %d %b %Y 10:00:00 +0000", "%Y年%m月%d日", "(%d. %B %Y)"]
)  # fmt: skip


@given(DAYS, DAY_FORMS)
def test_a_day_is_found_in_every_form(day: date, form: str) -> None:
    assert find_date(day.strftime(form)) == Date(day.year, day.month, day.day)


@given(st.text("abc. ,;()[]?~XY-–/", max_size=12), st.integers(1400, 2099), st.text("abc. ,;()[]?~XY–", max_size=12))
def test_one_clear_year_is_found_among_other_characters(before: str, year: int, after: str) -> None:
    assert find_date(f"{before}{year}{after}") == Date(year)


@given(st.text(max_size=60) | st.floats() | st.integers())
def test_any_value_gives_a_date_or_none(value: str | float) -> None:
    found = find_date(value)
    assert found is None or Date.parse(str(found)) == found


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((2009, 1, 2), "2009-01-02"),
        (("c. 2009", "jan", "5"), "2009-01-05"),
        (("2009", "January 12-14", ""), "2009-01-12"),
        (("2009", "12 January", None), "2009-01-12"),
        (("2009", "Jan./Feb.", None), "2009-01"),
        (("2009", "1.0", "5.0"), "2009-01-05"),
        ((2009.0, None, None), "2009"),
        ((2009, 13, 1), "2009"),
        ((2009, 2, 30), "2009-02"),
        (("2009", "Spring", "5"), "2009"),
        (("2009-05", "3", "7"), "2009-05"),
        (("in press", "1", "2"), "None"),
        ((None, 1, 2), "None"),
    ],
)
def test_a_date_is_built_from_its_certain_parts(parts: tuple[str, str, str], expected: str) -> None:
    assert str(date_from_parts(*parts)) == expected


def test_an_unreadable_date_costs_neither_the_record_nor_other_fields(write_source: WriteSource) -> None:
    lines = '{"title": "A", "published": "soon", "updated": "2001-02"}\n{"title": "B", "published": "2026-02-30"}\n'
    (first, second), warnings = read_with_warnings(write_source("a.jsonl", lines))
    assert (first.title, first.published, first.updated) == ("A", None, Date(2001, 2))  # type: ignore[union-attr]
    assert second.published == Date(2026, 2)  # type: ignore[union-attr]
    (warning,) = warnings
    assert ":1: published: the text contains no year" in warning
    assert "'soon'" in warning


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        ('{"literal": "12 May 2003"}', "2003-05-12"),
        ('{"raw": "2001-4-5/2001-4-9"}', "2001-04-05"),
        ('{"edtf": "2004-06?"}', "2004-06"),
        ('"2004-06-11"', "2004-06-11"),
        ('[{"year": 2009, "month": "1", "day": 2}]', "2009-01-02"),
        ('{"year": "2009"}', "2009"),
        ('{"date-parts": [2019, 4]}', "2019-04"),
        ('{"date-parts": [["2019", "4", 1], [2020]]}', "2019-04-01"),
        ('{"date-parts": [[null]], "literal": "c. 1999"}', "1999"),
        ('{"date-parts": [[""]], "raw": "Spring 1999"}', "1999"),
        ('{"date-parts": []}', "None"),
        ("7", "None"),
    ],
)
def test_dates_of_csl_json(write_source: WriteSource, issued: str, expected: str) -> None:
    item = f'[{{"type": "book", "title": "A", "DOI": "10.1000/a", "issued": {issued}}}]'
    (paper,) = read_papers(write_source("a.json", item))
    assert str(paper.published) == expected
