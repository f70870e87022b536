"""The page of an author: the papers by year, and the ways the name is written."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from search.query.page import AuthorMatch, Count
from search.query.query import Query
from search.session import Session
from service.web.address import Address, author_address
from service.web.answer import paging, papers_said
from service.web.cards import Card, cards, category_names
from service.web.facets import Value, histogram
from service.web.html import Box, Link, html

ON_A_PAGE = 50
"""Papers of an author on one page."""
_VARIANTS = 12
_VALUES = 8


def author_page(session: Session, asked: Address, query: Query) -> str:
    """An author's papers, newest first.

    Args:
        asked: the address of this page. query: asks for the author and leaves out the variants that are left out.

    Raises:
        InvalidValue: the name is none, or the cursor is not this page's.
    """
    name, left_out = query.filter.authors[0], asked.values("not_author")
    match = session.authors(name)
    page = session.search(replace(query, limit=ON_A_PAGE, sort="newest", facets=True))
    within = Address("/", (("author", name), *(("not_author", text) for text in left_out)))
    facets = page.facets
    return html(
        "author.html",
        Box(),
        name=name,
        status=papers_said(page.total) if page.hits else "Nobody here has this name",
        meant=[Link(each, author_address(each)) for each in match.meant],
        within=str(within),
        bars=histogram(facets.years) if facets else None,
        variants=_variants(asked, match, left_out),
        more_variants=len(match.variants[_VARIANTS:]),
        categories=_categories(within, facets.categories) if facets else (),
        coauthors=_coauthors(match, facets.authors) if facets else (),
        years=list(_by_year(cards(page.hits, within))),
        onwards=_onwards(asked, name, left_out),
        **paging(asked, page),
    )


def _variants(asked: Address, match: AuthorMatch, left_out: Sequence[str]) -> list[Value]:
    """The ways the name is written; a link leaves one out, or takes it back."""
    found = []
    for count in match.variants[:_VARIANTS]:
        out = count.value in left_out
        turned = asked.removing("not_author", count.value) if out else asked.adding("not_author", count.value)
        found.append(Value(count.value, count.papers, str(turned), out))
    return found


def _categories(within: Address, counts: Sequence[Count]) -> list[Value]:
    counts = counts[:_VALUES]
    named = zip(category_names([count.value for count in counts]), counts, strict=True)
    return [Value(name, count.papers, str(within.adding("category", count.value))) for name, count in named]


def _coauthors(match: AuthorMatch, counts: Sequence[Count]) -> list[Value]:
    own = {count.value for count in match.variants}
    others = [count for count in counts if count.value not in own]
    return [Value(count.value, count.papers, author_address(count.value)) for count in others[:_VALUES]]


def _by_year(listed: Sequence[Card]) -> Iterator[tuple[str, list[Card]]]:
    def year(card: Card) -> str:
        return str(card.paper.published.year) if card.paper.published else "Without a date"

    for said, found in groupby(listed, year):
        yield said, list(found)


def _onwards(asked: Address, name: str, left_out: Sequence[str]) -> list[Link]:
    """What to do where there is no paper."""
    links = [Link("Take all variants back", str(asked.removing("not_author")))] if left_out else []
    return [
        *links,
        Link(f"Look for “{name}” in titles and abstracts", str(Address("/", (("q", name),)))),
        Link("Start again", "/"),
    ]
