"""Displays a page of hits in a notebook."""

from html import escape
from typing import TYPE_CHECKING

from search.papers.html import table_html
from search.query.counts import format_count

if TYPE_CHECKING:
    from search.query.page import Page

_HEADINGS = ("", "Paper", "Authors", "Published", "Categories", "Match")


def page_html(page: "Page") -> str:
    """Returns a page as a table with one row per hit."""
    rows = [
        (
            str(rank),
            hit.paper.title_html,
            escape(hit.paper.byline),
            f'<span style="white-space: nowrap">{hit.paper.published or ""}</span>',
            escape(" ".join(hit.paper.categories)),
            hit.band or "",
        )
        for rank, hit in enumerate(page.hits, 1)
    ]
    return table_html(_caption(page), _HEADINGS, rows)


def _caption(page: "Page") -> str:
    """What the page shows, and what a reader has to know of it: corrections, no close match and notices."""
    parts = [
        page.interpretation,
        f"showing {len(page.hits):,} of {format_count(page.total, estimated=page.total_estimated)}",
    ]
    if page.answered_query:
        parts.append(f"showing results for: {page.answered_query} (verbatim=True searches for the text as typed)")
    elif page.correction:
        parts.append(f"did you mean: {page.correction}")
    if page.hits and not page.has_close_match:
        parts.append("no close match, these are the nearest papers")
    return "; ".join((*parts, *page.notices))
