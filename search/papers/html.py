"""HTML for notebooks: a table of papers, and one paper. Colours are inherited, so light and dark themes both work."""

from collections.abc import Iterable, Sequence
from html import escape

from search.papers.json import replace_surrogates

_ALIGN_LEFT = ' style="text-align: left"'


def table_html(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a caption.

    Args:
        caption: plain text.
        headings: the plain text of each column's heading.
        rows: the cells of each row, as HTML.
    """
    head = _row("th", map(escape, headings))
    body = "".join(_row("td", cells) for cells in rows)
    caption = f"<caption{_ALIGN_LEFT}>{escape(caption)}</caption>"
    return replace_surrogates(f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>")


def article_html(title: str, line: str, text: str) -> str:
    """A paper.

    Args:
        title: HTML.
        line: plain text of the line below the title.
        text: plain text of the paragraph below that line.
    """
    return replace_surrogates(f"<div><strong>{title}</strong><br>{escape(line)}<p>{escape(text)}</p></div>")


def link_html(text: str, address: str) -> str:
    """The text as a link if the address is http or https, else as plain text: other schemes could run a script."""
    if not address.lower().startswith(("http://", "https://")):
        return escape(text)
    link = escape(address)
    return f'<a href="{link}" rel="noopener noreferrer" target="_blank" style="color: inherit">{escape(text)}</a>'


def _row(cell: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}{_ALIGN_LEFT}>{content}</{cell}>" for content in cells) + "</tr>"
