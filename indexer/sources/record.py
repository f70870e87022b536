"""Record: from the loose fields of any source to a Paper, with one set of rules for all formats."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from search.papers import identifiers
from search.papers.folding import one_line
from search.papers.paper import Date, Json, Paper

MOST_TITLE = 2_000
MOST_ABSTRACT = 100_000
"""Characters; what is longer is no title or abstract."""

_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]{2,})?", re.ASCII)
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905


class Malformed(ValueError):
    """A record breaks its format; the text says what was seen and what is allowed."""


@dataclass(slots=True)
class Draft:
    """The fields of one record as a source gives them, before they are checked.

    Attributes:
        ids: ids in any spelling; what is none is kept in ``extra`` as ``source_id``.
        version: the arXiv version; one in an id counts too.
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
    extra: dict[str, Json] = field(default_factory=dict)

    def paper(self) -> Paper:
        """The record as a Paper.

        Raises:
            Malformed: it has neither title nor abstract, or one longer than any is.
        """
        title, abstract = one_line(self.title), one_line(self.abstract)
        if not (title or abstract):
            raise Malformed("neither title nor abstract; a paper needs one of them")
        if len(title) > MOST_TITLE:
            raise Malformed(f"the title has {len(title):,} characters; at most {MOST_TITLE:,} are allowed")
        if len(abstract) > MOST_ABSTRACT:
            raise Malformed(f"the abstract has {len(abstract):,} characters; at most {MOST_ABSTRACT:,} are allowed")
        ids, version = self._ids()
        return Paper(
            ids=ids,
            title=title or None,
            abstract=abstract or None,
            authors=tuple(dict.fromkeys(name for author in self.authors if (name := one_line(author)))),
            authors_partial=self.authors_partial,
            published=self.published,
            updated=self.updated,
            categories=tuple(dict.fromkeys(code for code in self.categories if _CATEGORY.fullmatch(code))),
            url=one_line(self.url) or None,
            version=self.version or version,
            extra={name: value for name, value in sorted(self.extra.items()) if value not in (None, "", [], {}, False)},
            sources=(self.source,),
        )

    def _ids(self) -> tuple[tuple[str, ...], int | None]:
        found: dict[str, int | None] = {}
        for text in self.ids:
            if not text or not text.strip():
                continue
            parsed = identifiers.parse(text)
            if parsed:
                found[parsed.id] = found.get(parsed.id) or parsed.version
            else:
                self.extra.setdefault("source_id", one_line(text))
        ids = tuple(sorted(found, key=identifiers.preference))
        return ids, next((version for version in found.values() if version), None)


def date_of(year: str | int | None, month: str | int | None = None, day: str | int | None = None) -> Date | None:
    """A date from its parts, each as a number or a month's name; parts that mean nothing are left out."""
    text = str(year or "").strip()
    if not re.fullmatch(r"\d{4}", text):
        return None
    number, digits = _month(month), str(day or "").strip()
    parts = [text, *([f"{number:02}"] if number else []), *([digits] if number and digits.isdigit() else [])]
    try:
        return Date.parse("-".join(parts))
    except ValueError:
        return Date(int(text), number or 0)


def date(text: Json, name: str) -> Date | None:
    """A date in ISO form, or None for nothing.

    Raises:
        Malformed: it is something else.
    """
    if text in (None, ""):
        return None
    if isinstance(text, bool | list | dict):
        raise Malformed(f"{name}: {str(text)[:60]!r} is not a date; write 2026, 2026-04 or 2026-04-27")
    try:
        return Date.parse(str(text))
    except ValueError as error:
        raise Malformed(f"{name}: {error}") from None


def extra_of(fields: Mapping[str, Json], names: Iterable[str]) -> dict[str, Json]:
    """The fields of these names that hold something."""
    return {name: fields[name] for name in names if fields.get(name) not in (None, "", [], {})}


def rest_of(text: Json) -> dict[str, Json]:
    """What a paper has in ``extra``, from the JSON that an export of ours holds of it; nothing from other texts."""
    try:
        found = orjson.loads(text) if isinstance(text, str) and text else text
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def whole(value: Json) -> int | None:
    """A whole number from 1, written or not; None for all else."""
    text = str(value)
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _month(month: str | int | None) -> int:
    text = str(month or "").strip().lower()
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else 0
    return _MONTHS.get(text[:3], 0)
