"""Hits as they are drawn on a terminal: one entry of the list, and the whole paper."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from search.papers.paper import Paper
from search.query.hit import Hit, Span
from service.formats.marked_text import mark_spans
from service.formats.render import cited_by, display_title, match_reason, metadata_line, sanitize_line

_MARK = "x"
_STAR = "*"
_MIN_WIDTH = 10
"""Columns of a title on the narrowest terminal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A hit in the list: rank, mark, star and title, and a line with date, band, categories and authors.

    The title takes as many lines as it needs; the line below it is cut at the right. Mark and star are letters, which
    every terminal draws one column wide.

    Attributes:
        rank: its place in the list, from 1.
        hit: the paper.
        is_marked: whether it is marked.
        has_star: whether it is on the list of starred papers.
    """

    rank: int
    hit: Hit
    is_marked: bool
    has_star: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        paper = self.hit.paper
        signs = (_MARK if self.is_marked else " ") + (_STAR if self.has_star else " ")
        start = f"{self.rank:3} {signs} "
        width = max(options.max_width - len(start), _MIN_WIDTH)
        title = mark_spans(display_title(paper), self.hit.highlights.title if paper.title else (), "bold")
        for number, line in enumerate(title.wrap(console, width)):
            yield Text.assemble(" " * len(start) if number else start, line, no_wrap=True)
        facts = Text(sanitize_line(_facts(self.hit)))
        facts.truncate(width, overflow="ellipsis")
        yield Text.assemble(" " * len(start), facts, no_wrap=True)


def draw_paper(hit: Hit, notes: Mapping[str, str], *, is_marked: bool) -> Text:
    """Draws a paper with all authors and the abstract, whose best sentence is in bold.

    Args:
        hit: the paper, and how it matches.
        notes: the lists that the paper is on, each with the note on it.
        is_marked: whether it is marked.
    """
    paper = hit.paper
    drawn = Text.assemble(mark_spans(display_title(paper), hit.highlights.title if paper.title else (), "bold"))
    drawn.append("\n" + sanitize_line(metadata_line(paper, max_authors=None)))
    if paper.link:
        drawn.append("\n" + sanitize_line(paper.link), style="blue")
    drawn.append("\n" + sanitize_line(match_reason(hit)), style="dim")
    for name, note in notes.items():
        drawn.append("\n" + sanitize_line(f"on the list {name}" + (f": {note}" if note else "")))
    drawn.append(("\nmarked" if is_marked else "") + "\n\n")
    drawn.append_text(_abstract(hit))
    return drawn


def _abstract(hit: Hit) -> Text:
    """The abstract with the words of the query underlined and the best sentence in bold."""
    text = hit.paper.abstract
    if not text:
        return Text("no abstract", style="dim")
    best = hit.highlights.sentence or Span(0, 0)
    parts = (("", Span(0, best.start)), ("bold", best), ("", Span(best.end, len(text))))
    return Text.assemble(*(mark_spans(text, hit.highlights.abstract, style, part) for style, part in parts))


def _facts(hit: Hit) -> str:
    """Retraction, date, band, citations, categories and authors: what decides comes first, as the line may be cut."""
    paper: Paper = hit.paper
    facts = [(paper.retraction or "").upper(), str(paper.published or ""), hit.band or "", cited_by(paper.citations)]
    facts += [" ".join(paper.categories), paper.byline]
    return " · ".join(fact for fact in facts if fact)
