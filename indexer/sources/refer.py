"""EndNote's tagged import format (``.enw``), an extension of Refer and BibIX: https://endnote.com, "Creating a tagged
EndNote import file"; refer(1)."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from indexer.sources.endnote_xml import parse_dates
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import check_record_size
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_TYPE = re.compile(r"%0(?:\s|$)", re.MULTILINE)
_FIELD = re.compile(r"%([0-9A-Za-z@!#$&()*+?^<>\[=~])(?:[ \t]+(.*))?")
_Fields = dict[str, list[str]]
_LINE_SEPARATORS = {"K": "\n"}
"""What joins the lines of a value, by tag, if not a space: EndNote writes one keyword per line."""


def sniff(head: str) -> bool:
    """Whether a line has the type of a reference, or lines have an author and a title."""
    return bool(re.search(r"^%0 \S", head, re.MULTILINE)) or all(
        re.search(rf"^%{tag} \S", head, re.MULTILINE) for tag in "AT"
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the references in order; each starts with its type, or behind an empty line if the file has no types."""
    is_start = _TYPE.match if _TYPE.search(file.head()) else _starts_after_blank_line()
    for number, lines in file.records(is_start):
        yield from read_record(file, number, partial(_parse_record, lines, file.source))


def _starts_after_blank_line() -> Callable[[str], bool]:
    previous = ""

    def is_start(line: str) -> bool:
        nonlocal previous
        is_first, previous = line.startswith("%") and not previous.strip(), line
        return is_first

    return is_start


def _parse_record(lines: list[str], source: str) -> Paper | None:
    check_record_size(sum(map(len, lines)))
    fields = _parse_fields(lines)
    return _parse_paper(fields, source) if fields else None


def _parse_fields(lines: list[str]) -> _Fields:
    """The values by tag; a line without a tag continues a value."""
    values = defaultdict[str, list[list[str]]](list)
    last = ""
    for line in lines:
        if match := _FIELD.fullmatch(line.rstrip()):
            last = match[1]
            values[last].append([match[2] or ""])
        elif last:
            values[last][-1].append(line.strip())
    return {tag: [(_LINE_SEPARATORS.get(tag, " ")).join(parts) for parts in found] for tag, found in values.items()}


def _parse_paper(fields: _Fields, source: str) -> Paper:
    def first(tag: str) -> str:
        return next(filter(None, fields.get(tag, [])), "")

    urls = [url for url in fields.get("U", []) if url]
    keywords: list[Json] = [word.strip() for text in fields.get("K", []) for word in re.split(r"[,;\n]", text)]
    editors: list[Json] = [put_given_name_first(name) for name in fields.get("E", []) if name]
    extra: dict[str, Json] = {
        "journal": first("J") or first("B"),
        "volume": first("V"),
        "issue": first("N"),
        "pages": first("P"),
        "publisher": first("I"),
        "keywords": [word for word in keywords if word],
        "comment": " ".join(fields.get("O", []) + fields.get("Z", [])).strip(),
        "editors": editors,
    }
    return Draft(
        source,
        ids=[*fields.get("R", []), first("M")],
        title=first("T"),
        abstract=first("X"),
        authors=[put_given_name_first(name.rstrip(", ")) for name in fields.get("A", []) + fields.get("?", [])],
        published=parse_dates(first("D"), first("8")),
        url=next(iter(urls), None),
        links=urls,
        extra=select_non_empty(extra, extra),
    ).to_paper()
