"""Trends: counts by month and year compared with the dates of the papers, in every interface."""

import csv
import io
import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from scipy.stats import poisson

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from http_server import HttpServer, assert_problem
from indexer.build import index
from records import make_records, open_index, write_records
from search.errors import InvalidValue
from search.papers.paper import Paper
from search.query.filter import Filter
from search.searcher import Searcher
from search.trends.axes import period_labels, round_ticks
from search.trends.estimates import Estimate, estimate_count, estimate_share
from search.trends.periods import Per, period_date
from search.trends.trends import Trend, Trends
from service.app import create_app
from service.settings import Settings
from web_pages import query_pairs, read_page, text_of

NEWEST = "2026-07-21"
DATES = [
    "2024",
    "2024-02",
    "2024-02-01",
    "2024-02-29",
    "2024-12-31",
    "2025-01-01",
    "2025",
    "2026-06-30",
    NEWEST,
    "2009-05",
    "",
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """An index of 250 papers with dates of every precision, and some without a date."""
    folder = tmp_path_factory.mktemp("trends")
    drawn = random.Random(3)
    records = make_records(0, 250)
    for number, record in enumerate(records):
        record["published"] = drawn.choice(DATES)
        record["categories"] = ["cs.CL"] if number % 3 else ["hep-th"]
    index([write_records(folder / "papers.jsonl", records)], folder / "index", FakeEmbedder())
    return open_index(folder / "index")


@pytest.fixture(scope="module")
def papers(searcher: Searcher) -> Sequence[Paper]:
    return searcher.snapshot.store.get(range(searcher.snapshot.manifest.rows))


@pytest.fixture(scope="module")
def web(searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings()))
    yield server.client
    server.close()


def shared_filter(start: str, end: str | None = None, category: str | None = None) -> Filter:
    return Filter.parse(categories=[category] if category else [], dates={"from": start, "to": end})


def count(papers: Sequence[Paper], word: str, categories: set[str], per: Per) -> Counter[str]:
    """Counts the papers with a word and a category by period; those whose date is not precise enough by ``""``."""
    length = 4 if per == "year" else 7
    found = [each for each in papers if word in re.findall(r"\w+", each.text) and categories & set(each.categories)]
    texts = [str(each.published or "") for each in found]
    return Counter(text[:length] if len(text) >= length else "" for text in texts)


def counted(trends: Trends, trend: Trend) -> dict[str, int]:
    return {str(period.date): count for period, count in zip(trends.periods, trend.counts, strict=True) if count}


@pytest.mark.parametrize("per", ["month", "year"])
def test_counts_are_those_of_the_dates_of_the_papers(searcher: Searcher, papers: Sequence[Paper], per: Per) -> None:
    trends = searcher.session().trends(["galaxy", "video cat:hep-th"], per=per, mode="lexical")
    wanted = [("galaxy", {"cs.CL", "hep-th"}), ("video", {"hep-th"})]
    for trend, (word, categories) in zip(trends.trends, wanted, strict=True):
        expected = count(papers, word, categories, per)
        left_out = expected.pop("", 0)
        assert trend.undated + trend.without_month == left_out
        early = {name: number for name, number in expected.items() if name < str(trends.periods[0].date)}
        assert trend.earlier == sum(early.values())
        assert counted(trends, trend) == {name: n for name, n in expected.items() if name not in early}
        assert trend.papers == sum(expected.values()) + left_out
        assert not trend.estimated
        assert trend.error(trend.papers) == 0


def test_periods_are_consecutive_and_end_with_the_newest_paper(searcher: Searcher) -> None:
    trends = searcher.session().trends("galaxy", per="month", mode="lexical", filter=shared_filter("2024-11"))
    names = [str(each.date) for each in trends.periods]
    months = [f"{year}-{month:02}" for year in (2024, 2025, 2026) for month in range(1, 13)]
    assert names == months[months.index("2024-12") : months.index("2026-08")]  # no paper is of the first month
    assert trends.trends[0].counts[2:-2] == (0,) * (len(names) - 4)
    assert [each.is_complete for each in trends.periods] == [True] * (len(names) - 1) + [False]
    assert trends.newest == date.fromisoformat(NEWEST)
    assert f"2026-07 is incomplete; the newest paper of the index is of {NEWEST}." in trends.notices


def test_shares_are_of_the_papers_that_match_the_shared_filters(searcher: Searcher, papers: Sequence[Paper]) -> None:
    wanted = shared_filter("2024", category="hep-th")
    trends = searcher.session().trends(["galaxy", "cat:cs.CL galaxy"], per="year", mode="lexical", filter=wanted)
    totals = Counter(str(each.published)[:4] for each in papers if "hep-th" in each.categories and each.published)
    assert {str(each.date): each.papers for each in trends.periods} == {y: totals[y] for y in ("2024", "2025", "2026")}
    galaxy, both = trends.trends
    assert both.papers == 0
    for at, period in enumerate(trends.periods):
        assert trends.share(galaxy, at) == galaxy.counts[at] / period.papers
    rows = trends.rows()
    assert [row["period"] for row in rows] == ["2024", "2024", "2025", "2025", "2026", "2026"]
    assert list(trends.to_dataframe()["papers"]) == [row["papers"] for row in rows]


def test_further_questions_do_not_move_the_axis(searcher: Searcher) -> None:
    session, questions = searcher.session(), ("galaxy", "video date:2026", "galaxy date:2009", "")
    for per, filters in itertools.product(("month", "year"), (Filter(), shared_filter("2024-12"))):
        alone, *more = (
            session.trends(questions[:count], per=per, mode="lexical", filter=filters).periods for count in (1, 2, 4)
        )
        assert all(each == alone for each in more)


def test_charts_show_shares_unless_too_few_papers_have_one(searcher: Searcher) -> None:
    session = searcher.session()
    enough = session.trends("galaxy", per="year", mode="lexical", filter=shared_filter("2024", "2024"))
    assert enough.default_measure == "share"
    assert enough.to_svg() == enough.to_svg("share") != enough.to_svg("papers")
    few = session.trends("galaxy", per="year", mode="lexical")
    assert few.default_measure == "papers"
    assert few.to_svg() == few.to_svg("papers")


def test_a_period_that_filters_cut_is_incomplete(searcher: Searcher) -> None:
    trends = searcher.session().trends("", per="year", filter=shared_filter("2024-02", "2025-06"))
    assert [(str(each.date), each.is_complete) for each in trends.periods] == [("2024", False), ("2025", False)]


def test_papers_that_no_period_contains_are_noted(searcher: Searcher) -> None:
    session = searcher.session()
    by_month, by_year = (session.trends("galaxy", per=per, mode="lexical") for per in ("month", "year"))
    assert any("of which only the year is known" in notice for notice in by_month.notices)
    assert any("dated 1 January" in notice for notice in by_month.notices)
    assert not any("only the year" in notice or "1 January" in notice for notice in by_year.notices)
    assert any("without a date" in notice for notice in by_year.notices)
    assert by_year.trends[0].earlier == 0


def test_the_length_of_periods_depends_on_their_span(searcher: Searcher) -> None:
    session = searcher.session()
    assert session.trends("galaxy", mode="lexical").per == "year"
    assert session.trends("galaxy", mode="lexical", filter=shared_filter("2024")).per == "month"


@pytest.mark.parametrize(
    ("questions", "per", "field"), [([], None, "q"), ([str(n) for n in range(7)], None, "q"), (["a"], "week", "per")]
)
def test_invalid_arguments_are_refused(searcher: Searcher, questions: list[str], per: str | None, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        searcher.session().trends(questions, per=per)
    assert refused.value.field == field


def test_trends_agree_with_the_facets_of_the_page_by_date(sample_searcher: Searcher) -> None:
    session = sample_searcher.session()
    for question in ("attention", "cat:cs.IR recommendation", "compresion", ""):
        trends = session.trends(question, per="year")
        page = session.ask(question, facets=True, sort="newest")
        assert page.facets is not None
        assert trends.trends[0].answered_query == page.answered_query
        assert counted(trends, trends.trends[0]) == {each.value: each.papers for each in page.facets.years}
        assert any("marked strong" in notice for notice in trends.notices) == (page.facets.scope == "closest")


@given(st.floats(0.5, 5_000), st.floats(0.01, 1))
def test_nineteen_of_twenty_counts_are_within_the_error(expected: float, share: float) -> None:
    trend = Trend("q", None, 1_000_000, (), expected, True, 0, 0, 0, 0, "closest")
    part = round(share * trend.papers)
    assert poisson.cdf(trend.error(part), expected * share) >= 0.95


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (estimate_count(11_423, 62), "11,420 ± 70"),
        (estimate_count(1_684, 29), "1,680 ± 30"),
        (estimate_count(96, 2), "96 ± 2"),
        (estimate_count(998, 10), "1,000 ± 10"),
        (estimate_count(12_345, 0), "12,345"),
        (estimate_share(0.01635, 0.00034), "1.64% ± 0.04%"),
        (estimate_share(0.2, 0.01), "20% ± 1%"),
        (estimate_share(0.5, 0.15), "50% ± 20%"),
        (estimate_share(0.0, 0.0), "0.00%"),
        (estimate_share(0.000_031, 0.0), "0.0031%"),
        (estimate_share(None, 0.0), ""),
    ],
)
def test_values_are_rounded_to_their_error(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_a_rounded_error_is_not_smaller_and_the_value_has_its_place(count: int, error: int) -> None:
    shown = estimate_count(count, error)
    value, within = (int(text.replace(",", "")) for text in (shown.value, shown.error))
    unit = 10 ** (len(str(within)) - 1)
    assert error <= within < error + unit
    assert abs(value - count) <= unit / 2
    assert within % unit == 0


@given(st.floats(1e-6, 1e7) | st.just(0.0), st.booleans())
def test_ticks_are_round_and_reach_the_largest_value(largest: float, whole: bool) -> None:
    ticks = round_ticks(largest, whole=whole)
    assert ticks[0] == 0
    assert ticks[-1] >= largest * 0.999
    assert 2 <= len(ticks) <= 6
    assert re.fullmatch(r"[125]\.0+e.*", f"{ticks[1]:.6e}")
    assert not whole or ticks[1] >= 1


@given(st.integers(1_990 * 12, 2_020 * 12), st.integers(1, 400), st.floats(1, 60))
def test_labels_do_not_overlap(first: int, periods: int, distance: float) -> None:
    for per in ("month", "year"):
        start = first if per == "month" else first // 12
        dates = [period_date(number, per) for number in range(start, start + periods)]  # type: ignore[arg-type]
        labels = period_labels(dates, per, distance, 34)  # type: ignore[arg-type]
        places = [at * distance for at, _, _ in labels]
        assert all(after - before >= 33.9 for before, after in itertools.pairwise(places))


def test_the_chart_is_well_formed_and_names_every_point(searcher: Searcher) -> None:
    hostile = "galaxy <b>&amp;"
    trends = searcher.session().trends([hostile, "video"], per="year", mode="lexical")
    for measure in ("papers", "share"):
        root = ElementTree.fromstring(trends.to_svg(measure))
        assert hostile in str(root.findtext(f"{SVG}title"))
        assert "video: " in str(root.findtext(f"{SVG}desc"))
    chart = ElementTree.fromstring(trends.to_svg("papers"))
    points = [str(each.text) for each in chart.iter(f"{SVG}title")]
    assert any(title.startswith("video, 2026, incomplete: ") for title in points)
    assert sum(title.startswith("video, ") for title in points) == len(trends.periods)
    with pytest.raises(InvalidValue):
        trends.to_svg("bars")


def test_notebooks_show_the_chart_and_the_counts(searcher: Searcher) -> None:
    hostile = "galaxy <b>&amp;"
    session = searcher.session()
    trends = session.trends([hostile, "video"], per="year", mode="lexical")
    tree = html.fromstring(trends._repr_html_())
    assert len(tree.xpath("//svg//title")) > len(trends.periods)
    assert hostile in tree.xpath("string(//svg/title)")
    rows = [[text_of(cell) for cell in row.xpath("th | td")] for row in tree.xpath("//table//tr")]
    assert rows[0] == ["Year", hostile, "video"]
    assert len(rows) == len(trends.periods) + 1
    assert rows[1][0] == "2026 (incomplete)"
    assert rows[1][2].startswith(f"{trends.trends[1].counts[-1]:,} (")
    assert [text_of(each) for each in tree.xpath("//li")] == list(trends.notices)
    other = html.fromstring(session.trends("video", per="year", mode="lexical")._repr_html_())
    assert not set(tree.xpath("//@id")) & set(other.xpath("//@id"))


def test_command_prints_a_table_or_writes_a_chart(searcher: Searcher, tmp_path: Path) -> None:
    options = ("--index", str(searcher.snapshot.layout.directory), "-m", "lexical", "--per", "year")
    done = run("trends", "galaxy", "video", *options)
    assert done.returncode == 0, done.stderr
    assert "galaxy: " in done.stdout
    assert re.search(r"^2026 +\d+ +\d+\.\d\d%  █*.? ?\(incomplete\)$", done.stdout, re.MULTILINE)
    found = run_json("trends", "galaxy", "video", *options)
    rows = list(csv.DictReader(io.StringIO(run("trends", "galaxy", "video", *options, "--format", "csv").stdout)))
    counts = [int(row["papers"]) for row in rows if row["question"] == "galaxy"]
    assert counts == found["trends"][0]["counts"]
    chart = tmp_path / "chart.svg"
    done = run("trends", "galaxy", *options, "--svg", str(chart), "--measure", "share")
    assert (done.returncode, done.stdout) == (0, "")
    assert ElementTree.fromstring(chart.read_text("utf-8")).tag == f"{SVG}svg"
    assert "missing query" in run("trends", *options[:2]).stderr
    assert run("trends", "galaxy", *options, "--measure", "bars").returncode == 2
    assert run("trends", "galaxy", *options, "--svg", str(tmp_path / "no" / "chart.svg")).returncode == 2


def test_http_returns_json_csv_and_svg(web: httpx.Client, searcher: Searcher) -> None:
    params = {"q": ["galaxy", "video"], "mode": "lexical", "per": "year"}
    expected = searcher.session().trends(["galaxy", "video"], per="year", mode="lexical")
    assert web.get("/v1/trends", params=params).json() == {"schema_version": 1, **expected.to_json()}
    table = web.get("/v1/trends", params={**params, "format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == len(expected.rows())
    chart = web.get("/v1/trends", params={**params, "format": "svg", "measure": "share"})
    assert chart.headers["content-type"] == "image/svg+xml"
    assert chart.text == expected.to_svg("share")
    assert assert_problem(web.get("/v1/trends"), 422)["field"] == "q"
    assert assert_problem(web.get("/v1/trends", params={"q": "a", "per": "week"}), 422)["field"] == "per"
    assert assert_problem(web.get("/v1/trends", params={"q": [str(n) for n in range(7)]}), 422)["field"] == "q"


def test_the_page_has_a_chart_a_table_and_links_to_papers(web: httpx.Client, searcher: Searcher) -> None:
    tree = read_page(web, "/trends?q=galaxy&q=video&mode=lexical&per=year&category=hep-th&sort=newest", 200)
    wanted = shared_filter("2000", category="hep-th")
    trends = searcher.session().trends("galaxy", per="year", mode="lexical", filter=wanted)
    latest = tree.xpath('//*[@class="chart-table"]//tbody/tr')[0]
    link = latest.xpath("td[1]/a")[0]
    share = trends.estimate(trends.trends[0], len(trends.periods) - 1, "share")
    count = str(trends.trends[0].counts[-1])
    assert text_of(latest.xpath("td[1]")[0]) == f"{count}{share}"
    assert {
        ("q", "galaxy"),
        ("sort", "newest"),
        ("from", "2026"),
        ("to", "2026"),
        ("category", "hep-th"),
    } <= query_pairs(link.get("href"))
    status = text_of(read_page(web, link.get("href")).xpath('//*[@role="status"]')[0])
    assert status.startswith(count)
    points = tree.xpath('//*[contains(@class, "trend-chart")]//a/@href')
    assert link.get("href") in points
    removed = tree.xpath('//a[@aria-label="Remove question 1"]/@href')[0]
    assert [value for name, value in query_pairs(removed) if name == "q"] == ["video"]
    views = {text_of(each): each.get("href") for each in tree.xpath('//nav[@aria-label="Views"]/a')}
    assert ("q", "galaxy") in query_pairs(views["Papers"])
    assert read_page(web, views["Papers"], 200) is not None
    for download in tree.xpath("//figcaption//a/@href"):
        assert web.get(download).status_code == 200


def test_the_page_without_questions_is_a_form(web: httpx.Client) -> None:
    for url in ("/trends", "/trends?q=&q=+"):
        tree = read_page(web, url, 200)
        assert not tree.xpath("//table")
        assert len(tree.xpath('//form[@action="/trends"]//input[@name="q"]')) == 1
    all_papers = read_page(web, "/trends?category=hep-th&per=year", 200)
    assert "All papers" in text_of(all_papers.xpath("//thead")[0])
    many = read_page(web, "/trends?" + "&".join(f"q={n}" for n in range(7)), 422)
    assert "1 to 6 questions" in text_of(many)
