"""Text for a terminal with marked spans, without control characters."""

from rich.text import Text

from search.papers.debris import find_debris
from search.query.hit import Span
from service.formats.render import sanitize_line


def mark_spans(text: str, spans: tuple[Span, ...], style: str, part: Span | None = None) -> Text:
    """Underlines ``spans`` in a title or an abstract, and removes debris and what could drive a terminal.

    Args:
        text: any text.
        spans: of the text, in order; one that overlaps the span before it, or debris, is left out.
        style: of all of the result.
        part: the part of the text to return; None for all of it.
    """
    part = part or Span(0, len(text))
    marked, position = Text(style=style), part.start
    shown = [(Span(start, end), cleaned, "") for start, end, cleaned in find_debris(text)]
    underlined = [(span, text[span.start : span.end], "underline") for span in spans]
    for span, content, content_style in sorted(shown + underlined, key=lambda each: each[0].start):
        if span.start >= position and span.end <= part.end:
            marked.append(sanitize_line(text[position : span.start]))
            marked.append(sanitize_line(content), style=content_style)
            position = span.end
    marked.append(sanitize_line(text[position : part.end]))
    return marked
