"""Cards: a page of hits on a terminal, with the query words underlined."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from search.query.page import Hit, Page, Span
from service.formats.marked_text import mark_spans
from service.formats.render import (
    display_title,
    match_reason,
    metadata_line,
    page_footer,
    page_heading,
    sanitize_line,
    sanitize_lines,
)

_MAX_ABSTRACT_CHARS = 400
_BORDER_STYLES = {"strong": "green", "related": "yellow", "weak": "dim", None: "dim"}


def print_cards(page: Page, console: Console) -> None:
    """Prints one card per hit."""
    console.print(Text(sanitize_lines(page_heading(page)), style="dim"))
    for rank, hit in enumerate(page.hits, 1):
        title = mark_spans(display_title(hit.paper), hit.highlights.title if hit.paper.title else (), "bold", 0)
        title = Text.assemble(f" {rank}. ", title, " ", style="bold")
        border = _BORDER_STYLES[hit.band]
        console.print(Panel(_card_body(hit), title=title, title_align="left", border_style=border))
    for text in page_footer(page):
        console.print(Text(sanitize_lines(text), style="dim"))


def _card_body(hit: Hit) -> Text:
    body = Text(sanitize_line(metadata_line(hit.paper)), style="cyan")
    if hit.paper.title and hit.paper.abstract:
        excerpt = hit.highlights.sentence or Span(0, len(hit.paper.abstract))
        end = min(excerpt.end, excerpt.start + _MAX_ABSTRACT_CHARS)
        body.append("\n" + ("... " if excerpt.start else ""), style="default")
        body.append_text(mark_spans(hit.paper.abstract[:end], hit.highlights.abstract, "default", excerpt.start))
        body.append(" ..." if end < len(hit.paper.abstract) else "", style="default")
    body.append("\n" + match_reason(hit), style="dim")
    if url := hit.paper.link:
        body.append("\n" + sanitize_line(url), style="blue")
    return body
