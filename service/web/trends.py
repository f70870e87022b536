"""The trends page: the papers on one or several questions by month or year, as a chart and a table."""

from dataclasses import dataclass, replace

from markupsafe import Markup

from search.language.describe import describe_condition
from search.query.filter import Filter
from search.query.query import Query
from search.session import Session
from search.trends.chart import NARROW, WIDE, Chart
from search.trends.count import MAX_QUESTIONS
from search.trends.estimates import Estimate
from search.trends.lines import line_sample
from search.trends.periods import Per
from search.trends.trends import Measure, Trend, TrendPeriod, Trends
from service.web.html import Link, SearchForm, render_template
from service.web.interpretation import Chip, build_parameter_chips, build_view_chips
from service.web.urls import PageUrl
from service.web.viewer import Viewer
from service.web.views import view_links

_CHART_PARAMS = ("per", "measure")
"""Parameters of the chart, which other views of an answer do not have."""
_PAGE_PARAMS = ("sort", "limit", "facets", "cursor")
"""Parameters of pages of hits, which do not matter to trends."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the form.

    Attributes:
        text: the question.
        sample: a piece of its line.
        papers: its papers in words.
        papers_url: the search for them.
        remove_url: the page without the question.
    """

    text: str
    sample: Markup
    papers: str
    papers_url: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The papers of a question in a period.

    Attributes:
        value: what the chart shows: their share of the papers of the period, or their number.
        other: the other of the two.
        href: the search for them; empty if there are none.
    """

    value: Estimate
    other: Estimate
    href: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a period, and the papers of each question."""

    period: TrendPeriod
    cells: tuple[Cell, ...]


def trends_page(viewer: Viewer, url: PageUrl, query: Query, per: Per | None, measure: Measure | None) -> str:
    """Renders the trends of the questions of a URL; without questions and filters, only the form for them.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        query: the parameters that the questions share.
        per: the length of the periods; None to choose it by their span.
        measure: what the chart draws; None for ``Trends.default_measure``.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Session.trends``.
    """
    texts = url.get_all("q")
    has_question = bool(texts or query.filter.condition.parts or query.like)
    found = viewer.session.trends(texts or ("",), query, per=per) if has_question else None
    measure = measure or (found.default_measure if found else "share")
    links = _PointLinks(_without(url, *_CHART_PARAMS), query.filter)
    form_params = _without(url, "q", "from", "to", *_PAGE_PARAMS).params
    return render_template(
        "trends.html",
        viewer,
        SearchForm.from_url(url, ("q", *_CHART_PARAMS)),
        trends=found,
        measure=measure,
        questions=_questions(url, links, found) if found else (),
        can_add=len(texts) < MAX_QUESTIONS,
        form_params=form_params,
        start=url.get_first("from"),
        end=url.get_first("to"),
        filters=describe_condition(query.filter.condition) if query.filter.condition.parts else "",
        chips=_chips(url, texts, query, viewer.session) if found else (),
        views=view_links(links.view_url) if found else (),
        pers=_choices(url, "per", (("By month", "month"), ("By year", "year")), found.per if found else ""),
        measures=_choices(url, "measure", (("Share", "share"), ("Papers", "papers")), measure),
        charts=[Markup(Chart(found, measure, size, links).to_element()) for size in (WIDE, NARROW)] if found else (),  # noqa: S704
        names=("Share", "Papers") if measure == "share" else ("Papers", "Share"),
        rows=_rows(found, measure, links) if found else (),
        downloads=_downloads(url),
        notices=found.notices if found else (),
    )


def _chips(url: PageUrl, texts: tuple[str, ...], query: Query, session: Session) -> tuple[Chip, ...]:
    """Returns the chips of the only question, or one for each of several."""
    if len(texts) < 2:
        return build_view_chips(url, query.filter, "".join(texts), session)
    questions = (Chip(f"“{text}”", str(url.remove_param("q", text))) for text in texts)
    return (*questions, *build_parameter_chips(url, query.filter, session))


class _PointLinks:
    """Links to the papers of a question, in a period or not.

    Args:
        url: the page without the parameters of the chart.
        filters: the filters that the questions share.
    """

    def __init__(self, url: PageUrl, filters: Filter) -> None:
        self._url, self._filters = url, filters
        self._shared = _without(url, "q")

    def __call__(self, trend: Trend, period: TrendPeriod) -> str:
        """Returns the search for the papers of a period; a filter that is stricter than the period stays."""
        start, end = self._filters.published_from, self._filters.published_to
        url = self.counted_url(trend)
        if start is None or start.first_day < period.date.first_day:
            url = url.replace_param("from", str(period.date))
        if end is None or end.last_day > period.date.last_day:
            url = url.replace_param("to", str(period.date))
        return str(url)

    def papers_url(self, text: str) -> PageUrl:
        """Returns the search for a question."""
        return replace(self._shared, path="/", params=((("q", text),) if text else ()) + self._shared.params)

    def counted_url(self, trend: Trend) -> PageUrl:
        """Returns the search that lists the papers of a question that are counted: by date."""
        return self.papers_url(trend.label if trend.question else "").replace_param("sort", "newest")

    @property
    def view_url(self) -> PageUrl:
        """The page for the first question alone, from which other views of its answer start."""
        return replace(self.papers_url(self._url.get_first("q")), path=self._url.path)


def _questions(url: PageUrl, links: _PointLinks, found: Trends) -> list[Question]:
    """Returns the questions of the form."""
    several = len(found.trends) > 1
    return [
        Question(
            trend.question,
            Markup(line_sample(number)),  # noqa: S704
            f"{trend.total} {'paper' if trend.papers == 1 else 'papers'}",
            str(links.counted_url(trend)),
            str(url.remove_param("q", trend.question)) if several else "",
        )
        for number, trend in enumerate(found.trends)
    ]


def _rows(found: Trends, measure: Measure, links: _PointLinks) -> list[Row]:
    """Returns the lines of the table, the latest period first."""
    return [
        Row(period, tuple(_cell(found, trend, at, measure, links) for trend in found.trends))
        for at, period in reversed(list(enumerate(found.periods)))
    ]


def _cell(found: Trends, trend: Trend, position: int, measure: Measure, links: _PointLinks) -> Cell:
    share, count = (found.estimate(trend, position, each) for each in ("share", "papers"))
    href = links(trend, found.periods[position]) if trend.counts[position] else ""
    return Cell(share, count, href) if measure == "share" else Cell(count, share, href)


def _choices(url: PageUrl, name: str, choices: tuple[tuple[str, str], ...], chosen: str) -> list[tuple[Link, bool]]:
    """Returns a link for each value of a parameter, and whether the page has it."""
    return [(Link(label, str(url.replace_param(name, value))), value == chosen) for label, value in choices]


def _downloads(url: PageUrl) -> list[Link]:
    """Returns links to the trends in other formats."""
    api_url = _without(url, *_PAGE_PARAMS).with_path("/v1/trends")
    labels = (("CSV", "csv"), ("SVG", "svg"), ("JSON", "json"))
    return [Link(label, str(api_url.replace_param("format", value))) for label, value in labels]


def _without(url: PageUrl, *names: str) -> PageUrl:
    return replace(url, params=tuple(pair for pair in url.params if pair[0] not in names))
