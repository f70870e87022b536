"""Table: pages and papers as HTML, for notebooks. It takes its colours from where it stands, light or dark."""

from collections.abc import Iterable
from html import escape

from search.paper import Paper
from search.query import Page

_PEOPLE = 6
_LEFT = ' style="text-align: left"'
_HEADINGS = ("", "Paper", "Authors", "Published", "Categories", "Close")


def page_html(page: Page) -> str:
    """What was understood, and a row a hit; everything that papers say is escaped."""
    rows = [
        _row(
            "td",
            (
                str(rank),
                _title(hit.paper),
                escape(_people(hit.paper)),
                f'<span style="white-space: nowrap">{hit.paper.published or ""}</span>',
                escape(" ".join(hit.paper.categories)),
                hit.band or "",
            ),
        )
        for rank, hit in enumerate(page.hits, 1)
    ]
    caption = f"<caption{_LEFT}>{escape(_caption(page))}</caption>"
    return f"<table>{caption}<thead>{_row('th', _HEADINGS)}</thead><tbody>{''.join(rows)}</tbody></table>"


def paper_html(paper: Paper) -> str:
    """Title, people, date and abstract."""
    facts = (paper.id if paper.ids else "", str(paper.published or ""), " ".join(paper.categories), _people(paper))
    line = escape(" · ".join(fact for fact in facts if fact))
    return f"<div><strong>{_title(paper)}</strong><br>{line}<p>{escape(paper.abstract or '')}</p></div>"


def _row(cell: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}{_LEFT}>{content}</{cell}>" for content in cells) + "</tr>"


def _caption(page: Page) -> str:
    counted = "1 paper passes" if page.total == 1 else f"{page.total:,} papers pass"
    close = "" if page.close or not page.hits else "; nothing here is close, these are the nearest"
    return f"{page.reading}; {counted}, {len(page.hits):,} shown{close}"


def _title(paper: Paper) -> str:
    """The title as a link; of a source's address only one that leads to the web, as others could run a script."""
    title = escape(paper.title or (paper.id if paper.ids else "(untitled)"))
    link = paper.link or ""
    if not link.lower().startswith(("http://", "https://")):
        return title
    return f'<a href="{escape(link)}" rel="noopener noreferrer" target="_blank" style="color: inherit">{title}</a>'


def _people(paper: Paper) -> str:
    more = len(paper.authors) - _PEOPLE
    rest = f" and {more:,} more" if more > 0 else ""
    return ", ".join(paper.authors[:_PEOPLE]) + rest + (" et al." if paper.authors_partial else "")
