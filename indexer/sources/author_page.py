"""Author pages saved as text: listings of an author's papers, or paragraphs that start with "Abstract:".

The first line of a listing is a header: score, subject code, date and flags without separators, as in
``97.1IRJun 4`` and ``CVFeb 28, 2023Code``. Title, authors and abstract follow, separated by empty lines. Facts about
the author (h-index, counts) are ignored.
"""

import itertools
import re
from collections.abc import Iterator
from datetime import date
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import Draft
from search.errors import SourceError
from search.papers.categories import CATEGORIES
from search.papers.date import Date
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import Paper

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEADER = re.compile(
    r"(?P<score>\d{1,9}(?:\.\d{1,9})?)?"
    rf"(?P<code>[A-Z]{{2,4}}?)(?P<month>{'|'.join(_MONTHS)})[a-z]* (?P<day>\d{{1,2}})"
    r"(?:, (?P<year>\d{4}))?(?P<citations>\d{1,9})?(?: ?citations?)?(?P<code_flag>Code)?"
)
_ABSTRACT_LABEL = re.compile(r"Abstract:\s*(?=\S)")
_ET_AL = re.compile(r",? et al\.?$")
_LISTING_MARKERS = re.compile(r"^(h-index\d+|[\d,]+citations|[\d,]+ ?[Pp]apers)\s*$", re.MULTILINE)


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
    for number, lines in file.records(_starts_record):
        yield from read_record(file, number, partial(_parse_record, lines, file))


def _parse_record(lines: list[str], file: SourceFile) -> Paper | None:
    check_record_size(sum(map(len, lines)))
    first = lines[0].strip()
    if header := _HEADER.fullmatch(first):
        return _parse_listing(header, lines[1:], file).to_paper()
    if _ABSTRACT_LABEL.match(first):
        return Draft(file.source, abstract=_ABSTRACT_LABEL.sub("", first, count=1)).to_paper()
    return None


def _starts_record(line: str) -> bool:
    line = line.strip()
    return bool(_HEADER.fullmatch(line) or _ABSTRACT_LABEL.match(line))


def _parse_listing(header: re.Match[str], lines: list[str], file: SourceFile) -> Draft:
    paragraphs = [
        normalize_whitespace(" ".join(paragraph))
        for is_blank, paragraph in itertools.groupby(lines, lambda line: not line.strip())
        if not is_blank
    ]
    title, *others = paragraphs or [""]
    authors = others.pop(0) if others and _is_author_list(others) else ""
    draft = Draft(file.source, title=title, abstract=" ".join(others))
    _fill_from_header(draft, header, file.as_of)
    _set_authors(draft, authors)
    return draft


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
    listed = (name for name in _ET_AL.sub("", names.strip()).split(", ") if name)
    draft.authors = list(dict.fromkeys(listed))  # pages repeat the author whose page it is
    if affiliation.strip():
        draft.extra["affiliation"] = affiliation.strip()
