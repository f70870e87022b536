"""Facets: values that toggle a filter, those of years with a bar."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from search.papers import categories
from search.papers.kinds import KIND_LABELS, parse_kind
from search.query.facets import Facets, ValueCount
from service.web.cards import category_names
from service.web.urls import PageUrl

MAX_VISIBLE_VALUES = 6
"""Values of a group before the others are folded."""
MAX_VALUES = 12
"""Maximum number of values of a group."""
_MAX_YEARS = 40
"""Maximum number of years in the chart; the date fields cover earlier ones."""
_ALMOST_ALL = 0.98
"""Share of the papers that one source has where the sources say nothing about them."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet.

    Attributes:
        label: as the page shows it.
        papers: the number of papers that have it.
        href: the link that toggles it; empty if no parameter filters by it.
        is_selected: the query filters by it.
        code: the code of a category, or the name of a kind in a query.
        bar: the length of its bar, in per cent of the longest; 0 for no bar.
    """

    label: str
    papers: int
    href: str = ""
    is_selected: bool = False
    code: str = ""
    bar: int = 0


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """The values of one facet."""

    heading: str
    values: tuple[FacetValue, ...]

    @property
    def visible_values(self) -> tuple[FacetValue, ...]:
        """The first values and all selected ones."""
        selected = (value for value in self.values[MAX_VISIBLE_VALUES:] if value.is_selected)
        return (*self.values[:MAX_VISIBLE_VALUES], *selected)

    @property
    def hidden_values(self) -> tuple[FacetValue, ...]:
        """The folded values."""
        return tuple(value for value in self.values[MAX_VISIBLE_VALUES:] if not value.is_selected)


def build_groups(facets: Facets, url: PageUrl) -> tuple[FacetGroup, ...]:
    """Returns the groups that have values.

    Args:
        facets: the counts.
        url: the URL of the query, which the links start from.
    """
    codes = [count.value for count in facets.categories[:MAX_VALUES]]
    names = dict(zip(codes, category_names(codes), strict=True))
    groups = (
        FacetGroup("Years", year_values(facets.years, url)),
        _build_group("Categories", facets.categories, partial(_category_value, url, names)),
        _build_group("Kinds", facets.kinds, partial(_kind_value, url)),
        _build_group("Authors", facets.authors, partial(_author_value, url)),
        _build_group("Sources", () if _has_one_source(facets) else facets.sources, _source_value),
    )
    return tuple(group for group in groups if group.values)


def _build_group(
    heading: str, counts: Sequence[ValueCount], build_value: Callable[[ValueCount], FacetValue], limit: int = MAX_VALUES
) -> FacetGroup:
    return FacetGroup(heading, tuple(map(build_value, counts[:limit])))


def year_values(counts: Sequence[ValueCount], url: PageUrl) -> tuple[FacetValue, ...]:
    """Returns the latest years that have papers, each with a bar; years without papers have none.

    Args:
        counts: papers of each year, latest first.
        url: the URL of the query, which the links start from.
    """
    most = max((count.papers for count in counts[:_MAX_YEARS]), default=1)
    return tuple(_year_value(url, count, -(-100 * count.papers // most)) for count in counts[:_MAX_YEARS])


def _year_value(url: PageUrl, count: ValueCount, bar: int) -> FacetValue:
    is_selected = url.get_all("from") == url.get_all("to") == (count.value,)
    without_years = url.remove_param("from").remove_param("to")
    only_year = without_years.include_param("from", count.value).include_param("to", count.value)
    href = str(without_years if is_selected else only_year)
    return FacetValue(count.value, count.papers, href, is_selected, bar=bar)


def _has_one_source(facets: Facets) -> bool:
    return any(count.papers >= _ALMOST_ALL * facets.papers for count in facets.sources)


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
