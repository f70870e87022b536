"""Author pages saved as text: listings of an author's papers, or paragraphs that start with "Abstract:".

The first line of a listing is a header: score, subject code, date and flags without separators, as in
``97.1IRJun 4`` and ``CVFeb 28, 2023Code``. Title, authors and abstract follow, separated by empty lines. Facts about
the author (h-index, counts) are ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, MalformedRecord
from search.errors import SourceError
from search.papers.categories import CATEGORIES
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEADER = re.compile(
    rf"(?P<score>\d+(?:\.\d+)?)?(?P<code>[A-Z]{{2,4}}?)(?P<month>{'|'.join(_MONTHS)})[a-z]* (?P<day>\d{{1,2}})"
    r"(?:, (?P<year>\d{4}))?(?P<citations>\d+)?(?: ?citations?)?(?P<code_flag>Code)?"
)
_ABSTRACT_LABEL = re.compile(r"Abstract:\s*(?=\S)")
_ET_AL = re.compile(r",?\s+et al\.?$")
_LISTING_MARKERS = re.compile(r"^(h-index\d+|[\d,]+citations|[\d,]+ ?[Pp]apers)\s*$", re.MULTILINE)


@dataclass(slots=True)
class _Listing:
    """One listing.

    Attributes:
        line_number: Number of its header line, from 1.
        header: The match of _HEADER.
        paragraphs: The lines of each paragraph after the header.
    """

    line_number: int
    header: re.Match[str]
    paragraphs: list[list[str]] = field(default_factory=lambda: [[]])


def sniff(head: str) -> bool:
    """Whether the text has a header line, a paragraph that starts with "Abstract:", or counts of an author."""
    lines = head.splitlines()
    return (
        any(_HEADER.fullmatch(line.strip()) for line in lines)
        or any(_ABSTRACT_LABEL.match(line) for line in lines)
        or bool(_LISTING_MARKERS.search(head))
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order; a date without a year is the latest such day not after ``file.as_of``."""
    listing: _Listing | None = None
    for number, raw in file.lines():
        line = raw.strip()
        header = _HEADER.fullmatch(line)
        if header or _ABSTRACT_LABEL.match(line):
            yield from _parse_listing(listing, file)
            listing = _Listing(number, header) if header else None
            if not header:
                yield from _paper_or_error(
                    Draft(file.source, abstract=_ABSTRACT_LABEL.sub("", line, count=1)), file, number
                )
        elif listing and line:
            listing.paragraphs[-1].append(line)
        elif listing and listing.paragraphs[-1]:
            listing.paragraphs.append([])
    yield from _parse_listing(listing, file)


def _parse_listing(listing: _Listing | None, file: SourceFile) -> Iterator[Paper | SourceError]:
    if not listing:
        return
    title, *others = [" ".join(lines) for lines in listing.paragraphs if lines] or [""]
    authors = others.pop(0) if others and _is_author_list(others) else ""
    draft = Draft(file.source, title=title, abstract=" ".join(others))
    try:
        _fill_from_header(draft, listing.header, file.as_of)
    except MalformedRecord as error:
        yield SourceError(file.path, listing.line_number, str(error))
        return
    _set_authors(draft, authors)
    yield from _paper_or_error(draft, file, listing.line_number)


def _is_author_list(paragraphs: list[str]) -> bool:
    """Whether the paragraph after the title lists authors; a long single paragraph is an abstract instead."""
    return len(paragraphs) > 1 or bool(_ET_AL.search(paragraphs[0].partition(" · ")[0])) or len(paragraphs[0]) < 200


def _fill_from_header(draft: Draft, header: re.Match[str], as_of: date) -> None:
    parts = header.groupdict()
    month, day = _MONTHS.index(parts["month"]) + 1, int(parts["day"])
    draft.published = _resolve_date(month, day, int(parts["year"]) if parts["year"] else None, as_of)
    category = _find_category(parts["code"])
    draft.categories = [category] if category else []
    extra: dict[str, Json] = {
        "score": float(parts["score"]) if parts["score"] else None,
        "citations": int(parts["citations"]) if parts["citations"] else None,
        "code": bool(parts["code_flag"]),
        "page_code": None if category else parts["code"],
    }
    draft.extra = extra


def _resolve_date(month: int, day: int, year: int | None, as_of: date) -> Date:
    """Resolves a day; without a year, to the latest such day not after ``as_of``.

    Raises:
        MalformedRecord: The day does not exist.
    """
    for candidate in (
        [year] if year else range(as_of.year, as_of.year - 9, -1)
    ):  # the last February 29 can be 8 years ago
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found <= as_of:
            return Date(candidate, month, day)
    text = f"{_MONTHS[month - 1]} {day}" + (f", {year}" if year else "")
    raise MalformedRecord(f"date: {text} does not exist; check the header line of the listing")


def _find_category(code: str) -> str | None:
    """The arXiv category of a subject code: in cs, else in the only archive that has the code."""
    if f"cs.{code}" in CATEGORIES:
        return f"cs.{code}"
    candidates = [category for category in CATEGORIES if category.endswith(f".{code}")]
    return candidates[0] if len(candidates) == 1 else None


def _set_authors(draft: Draft, line: str) -> None:
    names, _, affiliation = line.partition(" · ")
    draft.authors_partial = bool(_ET_AL.search(names.strip()))
    draft.authors = [name for name in _ET_AL.sub("", names.strip()).split(", ") if name]
    if affiliation.strip():
        draft.extra["affiliation"] = affiliation.strip()


def _paper_or_error(draft: Draft, file: SourceFile, number: int) -> Iterator[Paper | SourceError]:
    try:
        yield draft.to_paper()
    except MalformedRecord as error:
        yield SourceError(file.path, number, str(error))
