"""The page of an author: the papers by year, and the ways the name is written."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from search.query.page import AuthorMatch, ValueCount
from search.query.query import Query
from search.session import Session
from service.web.cards import Card, build_cards, category_names
from service.web.facets import FacetValue, build_histogram
from service.web.html import Link, SearchForm, render_template
from service.web.results import format_paper_count, pagination_links
from service.web.urls import PageUrl, author_page_url

PAGE_SIZE = 50
"""Papers of an author on one page."""
_MAX_VARIANTS = 12
_MAX_VALUES = 8


def author_page(session: Session, asked: PageUrl, query: Query) -> str:
    """An author's papers, newest first.

    Args:
        asked: the address of this page. query: asks for the author and leaves out the variants that are left out.

    Raises:
        InvalidValue: the name is none, or the cursor is not this page's.
    """
    name, left_out = query.filter.authors[0], asked.get_all("not_author")
    match = session.authors(name)
    page = session.search(replace(query, limit=PAGE_SIZE, sort="newest", facets=True))
    within = PageUrl("/", (("author", name), *(("not_author", text) for text in left_out)))
    facets = page.facets
    return render_template(
        "author.html",
        SearchForm(),
        name=name,
        status=format_paper_count(page.total) if page.hits else "Nobody here has this name",
        meant=[Link(each, author_page_url(each)) for each in match.suggestions],
        within=str(within),
        bars=build_histogram(facets.years) if facets else None,
        variants=_variant_values(asked, match, left_out),
        more_variants=len(match.variants[_MAX_VARIANTS:]),
        categories=_category_values(within, facets.categories) if facets else (),
        coauthors=_coauthor_values(match, facets.authors) if facets else (),
        years=list(_group_by_year(build_cards(page.hits, within))),
        onwards=_next_steps(asked, name, left_out),
        **pagination_links(asked, page),
    )


def _variant_values(asked: PageUrl, match: AuthorMatch, left_out: Sequence[str]) -> list[FacetValue]:
    """The ways the name is written; a link leaves one out, or takes it back."""
    found = []
    for count in match.variants[:_MAX_VARIANTS]:
        out = count.value in left_out
        turned = (
            asked.remove_param("not_author", count.value) if out else asked.include_param("not_author", count.value)
        )
        found.append(FacetValue(count.value, count.papers, str(turned), out))
    return found


def _category_values(within: PageUrl, counts: Sequence[ValueCount]) -> list[FacetValue]:
    counts = counts[:_MAX_VALUES]
    named = zip(category_names([count.value for count in counts]), counts, strict=True)
    return [FacetValue(name, count.papers, str(within.include_param("category", count.value))) for name, count in named]


def _coauthor_values(match: AuthorMatch, counts: Sequence[ValueCount]) -> list[FacetValue]:
    own = {count.value for count in match.variants}
    others = [count for count in counts if count.value not in own]
    return [FacetValue(count.value, count.papers, author_page_url(count.value)) for count in others[:_MAX_VALUES]]


def _group_by_year(listed: Sequence[Card]) -> Iterator[tuple[str, list[Card]]]:
    def year(card: Card) -> str:
        return str(card.paper.published.year) if card.paper.published else "Without a date"

    for said, found in groupby(listed, year):
        yield said, list(found)


def _next_steps(asked: PageUrl, name: str, left_out: Sequence[str]) -> list[Link]:
    """What to do where there is no paper."""
    links = [Link("Take all variants back", str(asked.remove_param("not_author")))] if left_out else []
    return [
        *links,
        Link(f"Look for “{name}” in titles and abstracts", str(PageUrl("/", (("q", name),)))),
        Link("Start again", "/"),
    ]
