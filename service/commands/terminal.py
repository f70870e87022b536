"""Cards: a page for a terminal, with the words of the question marked."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from search.query.page import Hit, Page, Span
from service.formats.render import byline, footing, heading, plain, plain_lines, title_of, url_of, why_line

_SHOWN_CHARACTERS = 400
_BORDERS = {"strong": "green", "related": "yellow", "weak": "dim", None: "dim"}


def print_cards(page: Page, console: Console) -> None:
    """A card a hit."""
    console.print(Text(plain_lines(heading(page)), style="dim"))
    for rank, hit in enumerate(page.hits, 1):
        title = _marked(title_of(hit.paper), hit.why.title if hit.paper.title else (), "bold", 0)
        title = Text.assemble(f" {rank}. ", title, " ", style="bold")
        border = _BORDERS[hit.band]
        console.print(Panel(_body(hit), title=title, title_align="left", border_style=border))
    for text in footing(page):
        console.print(Text(plain_lines(text), style="dim"))


def _body(hit: Hit) -> Text:
    body = Text(plain(byline(hit.paper)), style="cyan")
    if hit.paper.title and hit.paper.abstract:
        part = hit.why.sentence or Span(0, len(hit.paper.abstract))
        end = min(part.end, part.start + _SHOWN_CHARACTERS)
        body.append("\n" + ("... " if part.start else ""), style="default")
        body.append_text(_marked(hit.paper.abstract[:end], hit.why.abstract, "default", part.start))
        body.append(" ..." if end < len(hit.paper.abstract) else "", style="default")
    body.append("\n" + why_line(hit), style="dim")
    if url := url_of(hit.paper):
        body.append("\n" + plain(url), style="blue")
    return body


def _marked(text: str, spans: tuple[Span, ...], style: str, start: int) -> Text:
    """The text from ``start`` on, the words of the question in it underlined; without what would steer a terminal."""
    marked, place = Text(style=style), start
    for span in spans:
        if span.start >= place and span.end <= len(text):
            marked.append(plain(text[place : span.start]))
            marked.append(plain(text[span.start : span.end]), style="underline")
            place = span.end
    marked.append(plain(text[place:]))
    return marked
