"""HTML for notebooks: a table of papers, and one paper. Colours are inherited, so both light and dark themes work."""

from collections.abc import Iterable, Sequence
from html import escape

_ALIGN_LEFT = ' style="text-align: left"'


def table_html(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a caption.

    Args:
        caption: plain text; it is escaped.
        headings: plain text of each column.
        rows: the cells of each row, which are HTML already.
    """
    head = _row("th", map(escape, headings))
    body = "".join(_row("td", cells) for cells in rows)
    return f"<table><caption{_ALIGN_LEFT}>{escape(caption)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"


def article_html(title: str, line: str, text: str) -> str:
    """A title, which is HTML already, over a line of facts and a paragraph, which are plain text."""
    return f"<div><strong>{title}</strong><br>{escape(line)}<p>{escape(text)}</p></div>"


def link_html(text: str, address: str) -> str:
    """The text as a link to an address on the web, or as it is: addresses of other schemes could run a script."""
    if not address.lower().startswith(("http://", "https://")):
        return escape(text)
    link = escape(address)
    return f'<a href="{link}" rel="noopener noreferrer" target="_blank" style="color: inherit">{escape(text)}</a>'


def _row(cell: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}{_ALIGN_LEFT}>{content}</{cell}>" for content in cells) + "</tr>"
