"""Text for a terminal with marked spans, without control characters."""

from rich.text import Text

from search.query.hit import Span
from service.formats.render import sanitize_line


def mark_spans(text: str, spans: tuple[Span, ...], style: str, start: int = 0) -> Text:
    """Underlines ``spans`` in the text from ``start`` on, and removes what could drive a terminal.

    Args:
        text: any text.
        spans: of the text, in order; one that overlaps the span before it is left out.
        style: of all of the result.
        start: position in the text at which the result begins.
    """
    marked, position = Text(style=style), start
    for span in spans:
        if span.start >= position and span.end <= len(text):
            marked.append(sanitize_line(text[position : span.start]))
            marked.append(sanitize_line(text[span.start : span.end]), style="underline")
            position = span.end
    marked.append(sanitize_line(text[position:]))
    return marked
