"""Cards: a page for a terminal, with the words of the question marked."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from search.query.page import Hit, Page, Span
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
    """A card a hit."""
    console.print(Text(sanitize_lines(page_heading(page)), style="dim"))
    for rank, hit in enumerate(page.hits, 1):
        title = _highlight(display_title(hit.paper), hit.highlights.title if hit.paper.title else (), "bold", 0)
        title = Text.assemble(f" {rank}. ", title, " ", style="bold")
        border = _BORDER_STYLES[hit.band]
        console.print(Panel(_card_body(hit), title=title, title_align="left", border_style=border))
    for text in page_footer(page):
        console.print(Text(sanitize_lines(text), style="dim"))


def _card_body(hit: Hit) -> Text:
    body = Text(sanitize_line(metadata_line(hit.paper)), style="cyan")
    if hit.paper.title and hit.paper.abstract:
        part = hit.highlights.sentence or Span(0, len(hit.paper.abstract))
        end = min(part.end, part.start + _MAX_ABSTRACT_CHARS)
        body.append("\n" + ("... " if part.start else ""), style="default")
        body.append_text(_highlight(hit.paper.abstract[:end], hit.highlights.abstract, "default", part.start))
        body.append(" ..." if end < len(hit.paper.abstract) else "", style="default")
    body.append("\n" + match_reason(hit), style="dim")
    if url := hit.paper.link:
        body.append("\n" + sanitize_line(url), style="blue")
    return body


def _highlight(text: str, spans: tuple[Span, ...], style: str, start: int) -> Text:
    """The text from ``start`` on, the words of the question in it underlined; without what would steer a terminal."""
    marked, place = Text(style=style), start
    for span in spans:
        if span.start >= place and span.end <= len(text):
            marked.append(sanitize_line(text[place : span.start]))
            marked.append(sanitize_line(text[span.start : span.end]), style="underline")
            place = span.end
    marked.append(sanitize_line(text[place:]))
    return marked
