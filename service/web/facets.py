"""Facets as a page shows them: values that toggle, and a histogram of years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.papers import categories
from search.query.page import Facets, ValueCount
from service.web.cards import category_names
from service.web.urls import PageUrl

MAX_VISIBLE_VALUES = 6
"""Values of a group before the rest is folded."""
MAX_VALUES = 12
"""Values of a group at most."""
_MAX_YEARS = 18
"""Years at most; the histogram and the fields reach those before."""
_CHART_HEIGHT = 48
_BAR_STEP = 10
_MIN_YEARS = 12
"""Years of a histogram, so that bars stay narrow and one can drag to years beyond those that are asked for."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet: how many papers have it, where its link leads, and whether it is asked for."""

    label: str
    papers: int
    href: str = ""
    is_selected: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """The values of one facet; without links where no parameter asks for them."""

    heading: str
    values: tuple[FacetValue, ...]

    @property
    def visible_values(self) -> tuple[FacetValue, ...]:
        """The first ones, and every one that is asked for."""
        return tuple(
            value for place, value in enumerate(self.values) if place < MAX_VISIBLE_VALUES or value.is_selected
        )

    @property
    def hidden_values(self) -> tuple[FacetValue, ...]:
        """The others."""
        return tuple(value for value in self.values if value not in self.visible_values)


@dataclass(frozen=True, slots=True)
class Bar:
    """One year of a histogram, in the units of its drawing."""

    year: int
    papers: int
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Papers by year, every year between the first and the last included."""

    bars: tuple[Bar, ...]
    width: int
    height: int = _CHART_HEIGHT
    step: int = _BAR_STEP

    @property
    def description(self) -> str:
        """The drawing in words."""
        most = max(self.bars, key=lambda bar: bar.papers)
        return f"Papers by year, {self.bars[0].year} to {self.bars[-1].year}; most in {most.year}, {most.papers:,}"


def build_histogram(years: Sequence[ValueCount]) -> Histogram | None:
    """The histogram, at least of the last _LEAST years; None where no paper has a date."""
    papers = {int(count.value): count.papers for count in years}
    if not papers:
        return None
    last, most = max(papers), max(papers.values())
    bars = []
    for place, year in enumerate(range(min(*papers, last - _MIN_YEARS + 1), last + 1)):
        height = -(-papers.get(year, 0) * _CHART_HEIGHT // most)
        bars.append(Bar(year, papers.get(year, 0), place * _BAR_STEP, _CHART_HEIGHT - height, height))
    return Histogram(tuple(bars), len(bars) * _BAR_STEP)


def build_groups(facets: Facets, asked: PageUrl) -> tuple[FacetGroup, ...]:
    """The groups that have values, their links made from the address of the question."""

    def year(count: ValueCount) -> FacetValue:
        on = asked.get_all("from") == asked.get_all("to") == (count.value,)
        bare = asked.remove_param("from").remove_param("to")
        narrowed = bare.include_param("from", count.value).include_param("to", count.value)
        return FacetValue(count.value, count.papers, str(bare if on else narrowed), on)

    codes = [count.value for count in facets.categories[:MAX_VALUES]]
    names = dict(zip(codes, category_names(codes), strict=True))

    def category(count: ValueCount) -> FacetValue:
        on = [
            text for text in asked.get_all("category") if count.value in categories.resolve_codes(text, (count.value,))
        ]
        return FacetValue(
            names[count.value], count.papers, *_toggle_link(asked, "category", count.value, on), count.value
        )

    def author(count: ValueCount) -> FacetValue:
        on = [text for text in asked.get_all("author") if text.casefold() == count.value.casefold()]
        return FacetValue(count.value, count.papers, *_toggle_link(asked, "author", count.value, on))

    def source(count: ValueCount) -> FacetValue:
        return FacetValue(count.value, count.papers)

    every = (
        _build_group("Years", facets.years, year, _MAX_YEARS),
        _build_group("Categories", facets.categories, category),
        _build_group("Authors", facets.authors, author),
        _build_group("Sources", facets.sources, source),
    )
    return tuple(group for group in every if group.values)


def _toggle_link(asked: PageUrl, name: str, value: str, on: Sequence[str]) -> tuple[str, bool]:
    """Where a value's link leads: without the parameters that ask for it, else with one that does."""
    if not on:
        return str(asked.include_param(name, value)), False
    bare = asked
    for text in on:
        bare = bare.remove_param(name, text)
    return str(bare), True


def _build_group(
    heading: str, counts: Sequence[ValueCount], value: Callable[[ValueCount], FacetValue], limit: int = MAX_VALUES
) -> FacetGroup:
    return FacetGroup(heading, tuple(map(value, counts[:limit])))
