"""Facets as a page shows them: values that toggle, and a histogram of years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.papers import categories
from search.query.page import Count, Facets
from service.web.address import Address
from service.web.cards import category_names

SHOWN = 6
"""Values of a group before the rest is folded."""
MOST = 12
"""Values of a group at most."""
_MOST_YEARS = 18
"""Years at most; the histogram and the fields reach those before."""
_HEIGHT = 48
_STEP = 10
_LEAST = 12
"""Years of a histogram, so that bars stay narrow and one can drag to years beyond those that are asked for."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet: how many papers have it, where its link leads, and whether it is asked for."""

    said: str
    papers: int
    href: str = ""
    on: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The values of one facet; without links where no parameter asks for them."""

    heading: str
    values: tuple[Value, ...]

    @property
    def shown(self) -> tuple[Value, ...]:
        """The first ones, and every one that is asked for."""
        return tuple(value for place, value in enumerate(self.values) if place < SHOWN or value.on)

    @property
    def folded(self) -> tuple[Value, ...]:
        """The others."""
        return tuple(value for value in self.values if value not in self.shown)


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
    height: int = _HEIGHT
    step: int = _STEP

    @property
    def said(self) -> str:
        """The drawing in words."""
        most = max(self.bars, key=lambda bar: bar.papers)
        return f"Papers by year, {self.bars[0].year} to {self.bars[-1].year}; most in {most.year}, {most.papers:,}"


def histogram(years: Sequence[Count]) -> Histogram | None:
    """The histogram, at least of the last _LEAST years; None where no paper has a date."""
    papers = {int(count.value): count.papers for count in years}
    if not papers:
        return None
    last, most = max(papers), max(papers.values())
    bars = []
    for place, year in enumerate(range(min(*papers, last - _LEAST + 1), last + 1)):
        height = -(-papers.get(year, 0) * _HEIGHT // most)
        bars.append(Bar(year, papers.get(year, 0), place * _STEP, _HEIGHT - height, height))
    return Histogram(tuple(bars), len(bars) * _STEP)


def groups(facets: Facets, asked: Address) -> tuple[Group, ...]:
    """The groups that have values, their links made from the address of the question."""

    def year(count: Count) -> Value:
        on = asked.values("from") == asked.values("to") == (count.value,)
        bare = asked.removing("from").removing("to")
        narrowed = bare.adding("from", count.value).adding("to", count.value)
        return Value(count.value, count.papers, str(bare if on else narrowed), on)

    codes = [count.value for count in facets.categories[:MOST]]
    names = dict(zip(codes, category_names(codes), strict=True))

    def category(count: Count) -> Value:
        on = [text for text in asked.values("category") if count.value in categories.codes(text, (count.value,))]
        return Value(names[count.value], count.papers, *_toggled(asked, "category", count.value, on), count.value)

    def author(count: Count) -> Value:
        on = [text for text in asked.values("author") if text.casefold() == count.value.casefold()]
        return Value(count.value, count.papers, *_toggled(asked, "author", count.value, on))

    def source(count: Count) -> Value:
        return Value(count.value, count.papers)

    every = (
        _group("Years", facets.years, year, _MOST_YEARS),
        _group("Categories", facets.categories, category),
        _group("Authors", facets.authors, author),
        _group("Sources", facets.sources, source),
    )
    return tuple(group for group in every if group.values)


def _toggled(asked: Address, name: str, value: str, on: Sequence[str]) -> tuple[str, bool]:
    """Where a value's link leads: without the parameters that ask for it, else with one that does."""
    if not on:
        return str(asked.adding(name, value)), False
    bare = asked
    for text in on:
        bare = bare.removing(name, text)
    return str(bare), True


def _group(heading: str, counts: Sequence[Count], value: Callable[[Count], Value], most: int = MOST) -> Group:
    return Group(heading, tuple(map(value, counts[:most])))
