"""Exports of the list: the file that is written, and what protects one that exists."""

from pathlib import Path

from search.files import replace_file
from search.query.page import Page
from service import formats

_ENDINGS: dict[formats.Format, str] = {"json": "json", "atom": "atom"}
"""File name endings of the formats for which ``formats.MEDIA_TYPES`` has none, since browsers display them."""


def file_name(name: formats.Format) -> str:
    """Returns the file name that is proposed for a format."""
    return f"papers.{formats.MEDIA_TYPES[name].extension or _ENDINGS[name]}"


def write_export(file: str, name: formats.Format, page: Page, feed_key: str) -> None:
    """Writes the hits of a page to a file; a file of this name is replaced as a whole.

    Args:
        file: its path; ``~`` is the home folder.
        name: the format.
        page: the hits.
        feed_key: see ``formats.RenderOptions``.

    Raises:
        OSError: the file cannot be written.
    """
    content = formats.render_page(name, page, formats.RenderOptions(feed_key=feed_key))
    replace_file(Path(file).expanduser(), content)


class ReplacementCheck:
    """Says why a file cannot be written; one that exists is replaced only if its name is entered twice."""

    def __init__(self) -> None:
        self._warned = ""

    def __call__(self, file: str) -> str:
        """Returns what is wrong with the name of a file, or nothing."""
        path = Path(file).expanduser()
        if not file or path.is_dir():
            return "give the name of a file, such as papers.bib"
        if path.exists() and file != self._warned:
            self._warned = file
            return f"{file} exists; press Enter again to replace it, or change the name"
        return ""
