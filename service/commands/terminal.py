"""Cards: a page of hits on a terminal, with the query words underlined."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from search.query.hit import Hit, Span
from search.query.page import Page
from service.formats.marked_text import mark_spans
from service.formats.render import (
    FACET_INDENT,
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
    """Prints one card per hit, the facets and how to get more."""
    console.print(Text(sanitize_lines(page_heading(page)), style="dim"))
    for rank, hit in enumerate(page.hits, 1):
        border = _BORDER_STYLES[hit.band]
        console.print(Panel(_card_body(hit), title=str(rank), title_align="left", border_style=border))
    for text in page_footer(page):
        for line in sanitize_lines(text).split("\n"):
            console.print(_hang(line, console))
    if page.cursor:
        console.print(Text("or read on with --browse", style="dim"))


def _card_body(hit: Hit) -> Text:
    paper = hit.paper
    title = mark_spans(display_title(paper), hit.highlights.title if paper.title else (), "bold")
    body = Text.assemble(title, "\n", (sanitize_line(metadata_line(paper)), "cyan"))
    if paper.title and paper.abstract:
        excerpt = hit.highlights.sentence or Span(0, len(paper.abstract))
        end = min(excerpt.end, excerpt.start + _MAX_ABSTRACT_CHARS)
        body.append("\n" + ("... " if excerpt.start else ""))
        body.append_text(mark_spans(paper.abstract, hit.highlights.abstract, "", Span(excerpt.start, end)))
        body.append(" ..." if end < len(paper.abstract) else "")
    body.append("\n" + sanitize_line(match_reason(hit)), style="dim")
    if url := paper.link:
        body.append("\n" + sanitize_line(url), style="blue")
    return body


def _hang(line: str, console: Console) -> Text:
    """Returns a line of the footer whose continuation is below the counts of a facet rather than below its name."""
    if not line.startswith(" "):
        return Text(line, style="dim")
    name, counts = line[:FACET_INDENT], Text(line[FACET_INDENT:])
    lines = counts.wrap(console, max(console.width - FACET_INDENT, 1))
    start = Text(name, style="dim")
    return Text.assemble(start, Text("\n" + " " * FACET_INDENT).join(lines), style="dim")
