"""Messages about files of no known format: what they look like, and what to do."""

import re
import zipfile

from indexer.sources import csv
from indexer.sources.file import SourceFile
from indexer.sources.json_shape import record_fields
from indexer.sources.xml import root_name

_MAGIC_NUMBERS = (
    (b"%PDF", "a PDF; import the bibliographic record of the paper, such as BibTeX or RIS from its publisher"),
    (b"SQLite format 3\0", "an SQLite database, such as a library of Zotero; export it as BibTeX, RIS or CSL-JSON"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word or Excel file; save it as .csv or .xlsx"),
    (b"{\\rtf", "a file of formatted text (RTF); export the references themselves, as BibTeX or RIS"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"II*\0", "an image (TIFF)"),
    (b"MM\0*", "an image (TIFF)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"PAR1", "a Parquet file; convert it to CSV or JSON lines"),
    (b"\x7fELF", "a program"),
)
"""The first bytes of files, and what these are."""
_ZIP_MEMBERS = (
    ("word/", "a Word file; export its references as BibTeX or RIS, or save a table as .csv"),
    ("ppt/", "a presentation"),
    ("sdb/", "a packed EndNote library (.enlx); export it as XML or RIS"),
    ("META-INF/container.xml", "an e-book (EPUB)"),
    ("content.xml", "a file of LibreOffice; save it as .csv"),
)
"""Starts of names in a zip archive, and what a file is that has them."""
_ZIP_MAGIC = b"PK\x03\x04"
_TAR_MAGIC = b"ustar"
_TAR_MAGIC_OFFSET = 257
_ENDNOTE_LIBRARY = ".enl"
_MAX_NAMES = 8
"""Names of fields or columns that a message lists."""


def describe_binary(file: SourceFile) -> str:
    """What a file looks like that is not text, and what to do; empty for a text."""
    with file.open() as stream:
        start = stream.read(512)
    if file.path.suffix.lower() == _ENDNOTE_LIBRARY:
        return "an EndNote library (.enl); export it as XML or RIS"
    if start.startswith(_ZIP_MAGIC):
        return _describe_zip(file)
    if start[_TAR_MAGIC_OFFSET:].startswith(_TAR_MAGIC):
        return "a tar archive; unpack it first"
    return next((text for magic, text in _MAGIC_NUMBERS if start.startswith(magic)), "")


def describe_text(head: str) -> str:
    """What a text of no known format looks like, and what to do; empty if it looks like nothing in particular."""
    start = head.lstrip()[:1]
    if root := root_name(head):
        return _describe_xml(root, head)
    if start in ("{", "["):
        return _describe_json(head)
    if re.match(r"\s*<!doctype html", head, re.IGNORECASE):
        return _describe_xml("html", head)
    if re.search(r"^[ \t]*\\(documentclass|begin\{document\})", head, re.MULTILINE):
        return "a LaTeX document; import its bibliography, the .bib file"
    if "\\bibitem" in head:
        return "a formatted bibliography of LaTeX (.bbl); import the .bib file that it was made from"
    if columns := csv.find_columns(head):
        return f"a table with the columns {columns}, none of which is for titles or abstracts; rename one to title"
    return ""


def _describe_zip(file: SourceFile) -> str:
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        names = []
    for start, text in _ZIP_MEMBERS:
        if any(name.startswith(start) for name in names):
            return text
    return "a zip archive; unpack it first"


def _describe_xml(root: str, head: str) -> str:
    if root.lower() == "html":
        return "an HTML page; download the records themselves, such as BibTeX, RIS or CSV"
    if root in ("rss", "RDF") and "<item" in head:
        return "an RSS feed; only those of arXiv are read"
    return f"XML of another format, with the root element <{root}>"


def _describe_json(head: str) -> str:
    fields = list(record_fields(head, "hits.hits[]", "results[]", "items[]", "data[]", "records[]", "documents[]"))
    if not fields:
        return "JSON without objects"
    more = f" and {len(fields) - _MAX_NAMES} more" if len(fields) > _MAX_NAMES else ""
    return f"JSON of another program, with the fields {', '.join(fields[:_MAX_NAMES])}{more}"
