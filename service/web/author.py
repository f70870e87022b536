"""The page of an author: papers by year, spellings, categories and coauthors."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from search.query.author_match import AuthorMatch
from search.query.counts import format_count
from search.query.facets import ValueCount
from search.query.page import Page
from search.query.query import Query
from search.themes.clusters import CLUSTER_TUNING
from service.web.author_persons import PersonsView, build_persons_view
from service.web.cards import Card, build_cards, category_names
from service.web.facets import FacetValue, year_values
from service.web.follow import build_follow
from service.web.html import Link, SearchForm, render_template
from service.web.pagination import paginate, range_text
from service.web.searches import search_of_url
from service.web.urls import PageUrl, author_page_url
from service.web.viewer import Viewer

AUTHOR_PAGE_SIZE = 15
"""Papers on one page."""
_MAX_VARIANTS = 12
_MAX_VALUES = 8


def author_page(viewer: Viewer, url: PageUrl, name: str, query: Query) -> str:
    """Renders an author's papers, newest first.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        url: the URL of this page.
        name: the author.
        query: filters by the author, who may be one of several people with the name, and by the excluded spellings; its
            limit and offset are those of the page.

    Raises:
        InvalidValue: the name is not valid, or the person has no paper with this ID.
    """
    excluded = url.get_all("not_author")
    persons = build_persons_view(viewer, url, viewer.session.persons(name))
    page = viewer.session.search(replace(query, sort="newest", facets=True))
    is_one = bool(persons and persons.current)
    match = page.authors[0] if is_one and page.authors else viewer.session.authors(name)
    search_url = PageUrl("/", (("author", query.filter.authors[0]), *(("not_author", text) for text in excluded)))
    facets = page.facets
    return render_template(
        "author.html",
        viewer,
        SearchForm(),
        here=str(url),
        name=name,
        persons=persons,
        themes=_theme_values(viewer, query, search_url, page),
        status=_status_text(match, page, query),
        follow=build_follow(viewer, search_of_url(search_url), _describe(name, persons)),
        suggestions=[Link(each, author_page_url(each)) for each in match.suggestions],
        search_url=str(search_url),
        year_values=year_values(facets.years, search_url) if facets else (),
        variants=_variant_values(url, match, excluded),
        more_variants=len(match.variants[_MAX_VARIANTS:]),
        categories=_category_values(search_url, facets.categories) if facets else (),
        coauthors=_coauthor_values(match, facets.authors) if facets else (),
        years=list(
            _group_by_year(build_cards(page.hits, search_url, viewer, [count.value for count in match.variants]))
        ),
        next_steps=_next_steps(url, name, excluded),
        pagination=paginate(url, page, query),
    )


def _theme_values(viewer: Viewer, query: Query, search_url: PageUrl, page: Page) -> list[FacetValue]:
    """Returns the themes of the author's papers; none of few papers."""
    if page.total < CLUSTER_TUNING.min_papers:
        return []
    themes = viewer.session.themes("", Query(filter=query.filter))
    return [
        FacetValue(theme.label, theme.papers, str(search_url.include_param("theme", theme.label))) for theme in themes
    ]


def _describe(name: str, persons: PersonsView | None) -> str:
    """Returns whose papers the page shows, as the name of a saved search."""
    return f"{name} ({persons.current.label})" if persons and persons.current else name


def _status_text(match: AuthorMatch, page: Page, query: Query) -> str:
    if page.hits:
        return f"{range_text(query.offset, len(page.hits))}{format_count(page.total)}"
    if page.total:
        return "No more papers"
    return "All papers are excluded" if match.variants else "No author in this index has this name"


def _variant_values(url: PageUrl, match: AuthorMatch, excluded: Sequence[str]) -> list[FacetValue]:
    """Returns the spellings of the name; each link excludes one or restores it."""
    values = []
    for count in match.variants[:_MAX_VARIANTS]:
        is_excluded = count.value in excluded
        toggle = url.remove_param if is_excluded else url.include_param
        values.append(FacetValue(count.value, count.papers, str(toggle("not_author", count.value)), is_excluded))
    return values


def _category_values(search_url: PageUrl, counts: Sequence[ValueCount]) -> list[FacetValue]:
    counts = counts[:_MAX_VALUES]
    named = zip(category_names([count.value for count in counts]), counts, strict=True)
    return [
        FacetValue(name, count.papers, str(search_url.include_param("category", count.value))) for name, count in named
    ]


def _coauthor_values(match: AuthorMatch, counts: Sequence[ValueCount]) -> list[FacetValue]:
    own_names = {count.value for count in match.variants}
    coauthors = [count for count in counts if count.value not in own_names]
    return [FacetValue(count.value, count.papers, author_page_url(count.value)) for count in coauthors[:_MAX_VALUES]]


def _group_by_year(cards: Sequence[Card]) -> Iterator[tuple[str, list[Card]]]:
    def year(card: Card) -> str:
        return str(card.paper.published.year) if card.paper.published else "No date"

    for heading, group in groupby(cards, year):
        yield heading, list(group)


def _next_steps(url: PageUrl, name: str, excluded: Sequence[str]) -> list[Link]:
    """Returns links for an author without papers."""
    links = [Link("Include all spellings", str(url.remove_param("not_author")))] if excluded else []
    return [
        *links,
        Link(f"Search titles and abstracts for “{name}”", str(PageUrl("/", (("q", name),)))),
        Link("Home", "/"),
    ]
