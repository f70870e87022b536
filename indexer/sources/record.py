"""Draft: converts the fields of a record to a Paper, by the same rules for all formats."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from indexer.sources.limits import MalformedRecord
from search.papers import identifiers
from search.papers.date import Date
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import Paper
from search.papers.retraction import find_retraction, parse_retraction

MAX_TITLE_CHARACTERS = 2_000
"""Longer texts are not titles."""
MAX_ABSTRACT_CHARACTERS = 100_000
"""Longer texts are not abstracts."""

_MAX_EXTRA_DEPTH = 30
"""Levels of lists and objects in ``extra``; JSON writers and readers of the index allow about 250."""

_CATEGORY_CODE = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]{2,})?", re.ASCII)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}


@dataclass(slots=True)
class Draft:
    """The fields of one record as its source has them, before validation.

    Attributes:
        source: Format and file name, as in ``bibtex:zotero.bib``.
        ids: IDs in any spelling; the first text that is not an ID is kept in ``extra`` as ``source_id``.
        title: The title; white space is normalized, as in all texts.
        abstract: The abstract.
        authors: Names in order.
        authors_partial: Whether the source lists only some of the authors.
        published: The first date of publication.
        updated: The date of the last change.
        categories: arXiv category codes, the primary one first; other texts are dropped.
        url: The address of the paper.
        version: The arXiv version; None takes it from an ID.
        retraction: What our own exports say; other sources say it in the fields that ``find_retraction`` reads.
        extra: Other fields; empty values are dropped.
    """

    source: str
    ids: list[str] = field(default_factory=list)
    title: str | None = None
    abstract: str | None = None
    authors: list[str] = field(default_factory=list)
    authors_partial: bool = False
    published: Date | None = None
    updated: Date | None = None
    categories: list[str] = field(default_factory=list)
    url: str | None = None
    version: int | None = None
    retraction: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)

    def to_paper(self) -> Paper:
        """Validates and normalizes the record.

        Raises:
            MalformedRecord: It has neither title nor abstract, one of them is too long, or ``extra`` is too deep.
        """
        title, abstract = normalize_whitespace(self.title), normalize_whitespace(self.abstract)
        if not (title or abstract):
            raise MalformedRecord("neither title nor abstract; a paper needs one of them")
        if len(title) > MAX_TITLE_CHARACTERS:
            raise MalformedRecord(
                f"the title has {len(title):,} characters; at most {MAX_TITLE_CHARACTERS:,} are allowed"
            )
        if len(abstract) > MAX_ABSTRACT_CHARACTERS:
            raise MalformedRecord(
                f"the abstract has {len(abstract):,} characters; at most {MAX_ABSTRACT_CHARACTERS:,} are allowed"
            )
        if _is_deeper(self.extra, _MAX_EXTRA_DEPTH):
            raise MalformedRecord(f"extra: nested deeper than {_MAX_EXTRA_DEPTH} levels, the most allowed")
        ids, version = self._parse_ids()
        return Paper(
            ids=ids,
            title=title or None,
            abstract=abstract or None,
            authors=tuple(dict.fromkeys(name for author in self.authors if (name := normalize_whitespace(author)))),
            authors_partial=self.authors_partial,
            published=self.published,
            updated=self.updated,
            categories=tuple(dict.fromkeys(code for code in self.categories if _CATEGORY_CODE.fullmatch(code))),
            url=normalize_whitespace(self.url) or None,
            version=self.version or version,
            retraction=parse_retraction(self.retraction) or find_retraction(title, abstract, self.extra),
            extra={name: value for name, value in sorted(self.extra.items()) if value not in (None, "", [], {}, False)},
            sources=(self.source,),
        )

    def _parse_ids(self) -> tuple[tuple[str, ...], int | None]:
        versions: dict[str, int | None] = {}
        for text in self.ids:
            if not text or not text.strip():
                continue
            parsed = identifiers.parse(text)
            if parsed:
                versions[parsed.id] = versions.get(parsed.id) or parsed.version
            else:
                self.extra.setdefault("source_id", normalize_whitespace(text))
        ids = tuple(sorted(versions, key=identifiers.preference_key))
        return ids, next((version for version in versions.values() if version), None)


def date_from_parts(
    year: str | int | None, month: str | int | None = None, day: str | int | None = None
) -> Date | None:
    """Builds a date from numbers or an English month name; invalid parts lower its precision.

    Returns:
        The date; None without a valid year.
    """
    text = str(year or "").strip()
    if not re.fullmatch(r"\d{4}", text) or not int(text):
        return None
    number, digits = _parse_month(month), str(day or "").strip()
    parts = [text, *([f"{number:02}"] if number else []), *([digits] if number and digits.isdigit() else [])]
    try:
        return Date.parse("-".join(parts))
    except ValueError:
        return Date(int(text), number or 0)


def parse_date(text: Json, name: str) -> Date | None:
    """Parses a date in ISO form; None and an empty string give None.

    Args:
        text: The value.
        name: The field's name for the message.

    Raises:
        MalformedRecord: The value is not a date.
    """
    if text in (None, ""):
        return None
    if isinstance(text, bool | list | dict):
        raise MalformedRecord(f"{name}: {str(text)[:60]!r} is not a date; write 2026, 2026-04 or 2026-04-27")
    try:
        return Date.parse(str(text))
    except ValueError as error:
        raise MalformedRecord(f"{name}: {error}") from None


def select_non_empty(fields: Mapping[str, Json], names: Iterable[str]) -> dict[str, Json]:
    """Selects the fields with these names that are not empty."""
    return {name: fields[name] for name in names if fields.get(name) not in (None, "", [], {})}


def parse_positive_int(value: Json) -> int | None:
    """Converts a whole number from 1, as a number or in digits; None for any other value."""
    text = str(value)
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _is_deeper(value: Json, levels: int) -> bool:
    """Whether a value has more levels of lists and objects than this."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (levels == 0 and isinstance(value, dict | list)) or any(_is_deeper(each, levels - 1) for each in inner)


def _parse_month(month: str | int | None) -> int:
    text = str(month or "").strip().lower()
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else 0
    return _MONTH_NUMBERS.get(text[:3], 0)
