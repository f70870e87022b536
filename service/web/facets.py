"""Facets: values that toggle a filter, and a histogram of years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from search.papers import categories
from search.papers.kinds import KIND_LABELS, parse_kind
from search.query.page import Facets, ValueCount
from service.web.cards import category_names
from service.web.urls import PageUrl

MAX_VISIBLE_VALUES = 6
"""Values of a group before the others are folded."""
MAX_VALUES = 12
"""Maximum number of values of a group."""
_MAX_YEARS = 18
"""Maximum number of years in the list; the histogram and the date fields cover earlier ones."""
_CHART_HEIGHT = 48
"""Height of the histogram, in units of its view box."""
_BAR_STEP = 10
"""Width of a bar and the gap after it, in units of the view box."""
_MIN_YEARS = 12
"""Minimum number of years in the histogram: keeps bars narrow, and lets users drag to years outside the results."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet.

    Attributes:
        label: as the page shows it.
        papers: the number of papers that have it.
        href: the link that toggles it; empty if no parameter filters by it.
        is_selected: the query filters by it.
        code: the code of a category, or the name of a kind in a query.
    """

    label: str
    papers: int
    href: str = ""
    is_selected: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """The values of one facet."""

    heading: str
    values: tuple[FacetValue, ...]

    @property
    def visible_values(self) -> tuple[FacetValue, ...]:
        """The first values and all selected ones."""
        return tuple(value for rank, value in enumerate(self.values) if rank < MAX_VISIBLE_VALUES or value.is_selected)

    @property
    def hidden_values(self) -> tuple[FacetValue, ...]:
        """The folded values."""
        return tuple(value for value in self.values if value not in self.visible_values)


@dataclass(frozen=True, slots=True)
class Bar:
    """One year of a histogram; position and height in units of the view box."""

    year: int
    papers: int
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Papers per year, with a bar for every year from the first to the last."""

    bars: tuple[Bar, ...]
    width: int
    height: int = _CHART_HEIGHT
    step: int = _BAR_STEP

    @property
    def description(self) -> str:
        """The text alternative."""
        peak = max(self.bars, key=lambda bar: bar.papers)
        return f"Papers per year, {self.bars[0].year} to {self.bars[-1].year}; maximum {peak.papers:,} in {peak.year}"


def build_histogram(years: Sequence[ValueCount]) -> Histogram | None:
    """Returns a histogram of at least ``_MIN_YEARS`` years, or None if no paper has a date."""
    papers = {int(count.value): count.papers for count in years}
    if not papers:
        return None
    last, peak = max(papers), max(papers.values())
    bars = []
    for index, year in enumerate(range(min(*papers, last - _MIN_YEARS + 1), last + 1)):
        height = -(-papers.get(year, 0) * _CHART_HEIGHT // peak)
        bars.append(Bar(year, papers.get(year, 0), index * _BAR_STEP, _CHART_HEIGHT - height, height))
    return Histogram(tuple(bars), len(bars) * _BAR_STEP)


def build_groups(facets: Facets, url: PageUrl) -> tuple[FacetGroup, ...]:
    """Returns the groups that have values.

    Args:
        facets: the counts.
        url: the URL of the query, which the links start from.
    """
    codes = [count.value for count in facets.categories[:MAX_VALUES]]
    names = dict(zip(codes, category_names(codes), strict=True))
    groups = (
        _build_group("Years", facets.years, partial(_year_value, url), _MAX_YEARS),
        _build_group("Categories", facets.categories, partial(_category_value, url, names)),
        _build_group("Kinds", facets.kinds, partial(_kind_value, url)),
        _build_group("Authors", facets.authors, partial(_author_value, url)),
        _build_group("Sources", facets.sources, _source_value),
    )
    return tuple(group for group in groups if group.values)


def _build_group(
    heading: str, counts: Sequence[ValueCount], build_value: Callable[[ValueCount], FacetValue], limit: int = MAX_VALUES
) -> FacetGroup:
    return FacetGroup(heading, tuple(map(build_value, counts[:limit])))


def _year_value(url: PageUrl, count: ValueCount) -> FacetValue:
    is_selected = url.get_all("from") == url.get_all("to") == (count.value,)
    without_years = url.remove_param("from").remove_param("to")
    only_year = without_years.include_param("from", count.value).include_param("to", count.value)
    return FacetValue(count.value, count.papers, str(without_years if is_selected else only_year), is_selected)


def _category_value(url: PageUrl, names: dict[str, str], count: ValueCount) -> FacetValue:
    code = count.value
    selected_by = [text for text in url.get_all("category") if code in categories.resolve_codes(text, (code,))]
    href = _toggle_url(url, "category", code, selected_by)
    return FacetValue(names[code], count.papers, href, bool(selected_by), code)


def _kind_value(url: PageUrl, count: ValueCount) -> FacetValue:
    kind = parse_kind(count.value)
    selected_by = [text for text in url.get_all("kind") if text.strip().lower() == kind]
    href = _toggle_url(url, "kind", kind, selected_by)
    return FacetValue(KIND_LABELS[kind], count.papers, href, bool(selected_by), kind)


def _author_value(url: PageUrl, count: ValueCount) -> FacetValue:
    name = count.value
    selected_by = [text for text in url.get_all("author") if text.casefold() == name.casefold()]
    return FacetValue(name, count.papers, _toggle_url(url, "author", name, selected_by), bool(selected_by))


def _source_value(count: ValueCount) -> FacetValue:
    return FacetValue(count.value, count.papers)


def _toggle_url(url: PageUrl, name: str, value: str, selected_by: Sequence[str]) -> str:
    """Returns the URL without the parameters that select a value, or with one that does if there are none."""
    if not selected_by:
        return str(url.include_param(name, value))
    for text in selected_by:
        url = url.remove_param(name, text)
    return str(url)
