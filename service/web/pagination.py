"""Pagination: links to the numbered pages of an answer, and which of its papers a page shows."""

from dataclasses import dataclass, replace

from search.errors import InvalidValue
from search.language.describe import ORDER_NAMES
from search.query.counts import format_count
from search.query.facets import SCOPE_NOUNS
from search.query.page import Page
from search.query.query import MAX_OFFSET, Query
from service.web.html import Link
from service.web.urls import PageUrl

_NEIGHBOURS = 2
"""Numbers shown on each side of the present page, where there are that many."""


@dataclass(frozen=True, slots=True)
class Pagination:
    """The links between the pages of an answer; a link is empty if there is no such page.

    Attributes:
        number: the present page, from 1.
        numbers: the pages near it, in order.
        first: the first page.
        previous: the page before.
        next: the page after.
    """

    number: int
    numbers: tuple[Link, ...] = ()
    first: str = ""
    previous: str = ""
    next: str = ""


def paginate(url: PageUrl, page: Page, query: Query) -> Pagination:
    """Returns the links to other pages of an answer.

    Numbers go as far as the relevant papers and MAX_OFFSET do; further papers are a page at a time away.

    Args:
        url: the URL of any page of the answer.
        page: the present page.
        query: what it answers.
    """
    if not query.limit:
        return Pagination(1)
    number = query.offset // query.limit + 1
    listed = -(-relevant_count(page) // query.limit)
    last = max(min(listed, MAX_OFFSET // query.limit + 1), number)
    has_next = page.cursor is not None and query.offset + query.limit <= MAX_OFFSET
    return _link_pages(url, number, last, has_next=has_next)


def paginate_rows(url: PageUrl, number: int, count: int, size: int) -> Pagination:
    """Returns the links to other pages of rows that are all known, such as those of a list.

    Args:
        url: the URL of any of the pages.
        number: the present page, from 1.
        count: number of rows.
        size: rows on a page.
    """
    last = max(-(-count // size), 1)
    return _link_pages(url, number, last, has_next=number < last)


def _link_pages(url: PageUrl, number: int, last: int, *, has_next: bool) -> Pagination:
    start = max(1, min(number - _NEIGHBOURS, last - 2 * _NEIGHBOURS))
    shown = range(start, min(last, start + 2 * _NEIGHBOURS) + 1)
    return Pagination(
        number,
        tuple(Link(str(each), str(url.with_page(each))) for each in shown) if last > 1 else (),
        first=str(url.with_page(1)) if number > 1 else "",
        previous=str(url.with_page(number - 1)) if number > 1 else "",
        next=str(url.with_page(number + 1)) if has_next else "",
    )


def with_offset(query: Query, number: int) -> Query:
    """Returns the query of a page of its answer, from 1.

    Raises:
        InvalidValue: the page begins after MAX_OFFSET hits.
    """
    if (number - 1) * query.limit > MAX_OFFSET:
        raise InvalidValue("page", str(number), f"give a whole number up to {MAX_OFFSET // query.limit + 1}")
    return replace(query, offset=(number - 1) * query.limit)


def relevant_count(page: Page) -> int:
    """Returns how many hits of an answer are relevant: all, unless every paper that matches the filters is a hit."""
    return page.facets.papers if page.facets and page.facets.scope == "relevant" else page.total


def status_text(page: Page, query: Query) -> str:
    """Returns how many papers were found, and which of them the page shows."""
    if not page.total:
        return "None of the closest papers match the filters" if _lists_closest(page) else "No papers match"
    if not page.hits and query.limit:
        return "No more papers"
    if not page.has_close_match:
        return "No close match"
    count = relevant_count(page)
    if is_ranked(page, query) and (not count or not _is_judged(page)):
        return _capitalize(f"{range_text(query.offset, len(page.hits))}the closest of {format_count(page.total)}")
    noun = SCOPE_NOUNS[page.facets.scope] if page.facets and is_ranked(page, query) else "paper"
    found = format_count(count, noun, estimated=page.facets.estimated if page.facets else page.total_estimated)
    if query.offset >= count:
        return f"{range_text(query.offset, len(page.hits)).removesuffix(' of ')}, after {found}"
    if count < page.total == len(page.hits):
        return f"{format_count(page.total)}, {count:,} of them relevant"
    if count < query.offset + len(page.hits):
        return _capitalize(f"{range_text(query.offset, len(page.hits))}{found}, then weaker matches")
    return _capitalize(f"{range_text(query.offset, len(page.hits))}{found}{_order_text(page, query, count)}")


def is_ranked(page: Page, query: Query) -> bool:
    """Whether every paper that matches the filters is a hit, so that only the closest ones are relevant."""
    return page.explanation.strategy != "none" and query.mode != "lexical"


def _is_judged(page: Page) -> bool:
    """Whether bands say which papers are relevant; without them, facets count the candidates of the legs."""
    return any(hit.band for hit in page.hits) or not page.hits


def _lists_closest(page: Page) -> bool:
    return page.facets is not None and page.facets.scope == "closest"


def range_text(offset: int, shown: int) -> str:
    """Returns which papers a later page shows: so many after the first ``offset``."""
    return f"{offset + 1:,}–{offset + shown:,} of " if offset and shown else ""


def _order_text(page: Page, query: Query, count: int) -> str:
    if query.sort != "relevance":
        return f", {ORDER_NAMES.get(query.sort, query.sort)} first"
    if not is_ranked(page, query) or not page.hits or count < 2:
        return ""
    strong = page.facets.strong_text if page.facets and not query.offset else ""
    return f", {strong}, closest first" if strong else ", closest first"


def _capitalize(text: str) -> str:
    return text[0].upper() + text[1:]
