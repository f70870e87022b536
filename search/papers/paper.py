"""Paper, its identifiers and its dates: the nouns every other module speaks of."""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Self, TypeAlias
from urllib.parse import quote

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_URL_TEMPLATES = {
    "arxiv": "https://arxiv.org/abs/{}",
    "doi": "https://doi.org/{}",
    "pmid": "https://pubmed.ncbi.nlm.nih.gov/{}/",
    "acl": "https://aclanthology.org/{}/",
}
_URL_SAFE_CHARACTERS = "/:;()!$&'*+,=@~"
"""What of an id an address holds as it is; a DOI may hold more."""
_MAX_BYLINE_AUTHORS = 6
"""Authors that a byline names."""
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?")


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """A calendar date that may be partial: a year, a month of a year, or a day.

    A partial date stands for the interval of all its days. Days are counted as proleptic Gregorian
    ordinals (``datetime.date.toordinal``: day 1 is 0001-01-01).
    """

    year: int
    month: int = 0
    day: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2026``, ``2026-04``, ``2026-04-27`` or an ISO 8601 timestamp (its date part is kept).

        Raises:
            ValueError: the text is none of these, or the date does not exist.
        """
        return cls(*_parse_date_parts(text))

    @property
    def first_day(self) -> int:
        """The ordinal of the first day this date can mean."""
        return date(self.year, self.month or 1, self.day or 1).toordinal()

    @property
    def last_day(self) -> int:
        """The ordinal of the last day this date can mean."""
        if self.day:
            return self.first_day
        month = self.month or 12
        return date(self.year, month, calendar.monthrange(self.year, month)[1]).toordinal()

    @property
    def precision(self) -> int:
        """1 for a year, 2 for a month, 3 for a day."""
        return 1 + bool(self.month) + bool(self.day)

    def isoformat(self) -> str:
        """Returns the date in ISO 8601: ``2026``, ``2026-04`` or ``2026-04-27``."""
        return str(self)

    def __str__(self) -> str:
        return "-".join((f"{self.year:04}", f"{self.month:02}", f"{self.day:02}")[: self.precision])


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, or one source's record of a paper: both have the same fields.

    Attributes:
        ids: canonical ids, the public one first (see ``search.papers.identifiers``); empty only in a record whose
            source gives none, before identity has named it.
        title, abstract: plain text as the source has it, white space folded; None where the source has none.
        authors: full names in order, as the source writes them, without duplicates.
        authors_partial: the source says that the list is cut ("et al.").
        published: first publication. updated: the last change the source knows of.
        categories: arXiv codes such as ``cs.CL``, the primary one first.
        url: where the paper is read.
        version: the arXiv version the text is of, where the source says it.
        extra: what the source says beyond these fields, by name (``comment``, ``journal``, ``citations``, ...).
        sources: where the record came from, ``format:file name``, sorted.
    """

    ids: tuple[str, ...] = ()
    title: str | None = None
    abstract: str | None = None
    authors: tuple[str, ...] = ()
    authors_partial: bool = False
    published: Date | None = None
    updated: Date | None = None
    categories: tuple[str, ...] = ()
    url: str | None = None
    version: int | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The public id."""
        return self.ids[0]

    @property
    def text(self) -> str:
        """What is embedded: title + ". " + abstract, or the one of them there is."""
        return ". ".join(part for part in (self.title, self.abstract) if part)

    @property
    def link(self) -> str | None:
        """Where the paper is read: what a source said, which may be anything, else what its id says."""
        scheme, _, rest = self.id.partition(":") if self.ids else ("", "", "")
        return self.url or (
            _URL_TEMPLATES[scheme].format(quote(rest, safe=_URL_SAFE_CHARACTERS)) if scheme in _URL_TEMPLATES else None
        )

    @property
    def byline(self) -> str:
        """The first authors, and how many more there are."""
        more = len(self.authors) - _MAX_BYLINE_AUTHORS
        rest = f" and {more:,} more" if more > 0 else ""
        return ", ".join(self.authors[:_MAX_BYLINE_AUTHORS]) + rest + (" et al." if self.authors_partial else "")

    @property
    def title_html(self) -> str:
        """The title, escaped, as a link to where the paper is read."""
        from search.papers.html import link_html

        return link_html(self.title or (self.id if self.ids else "(untitled)"), self.link or "")

    def _repr_html_(self) -> str:
        """The paper as a notebook shows it."""
        from search.papers.html import article_html

        facts = (self.id if self.ids else "", str(self.published or ""), " ".join(self.categories), self.byline)
        return article_html(self.title_html, " · ".join(fact for fact in facts if fact), self.abstract or "")

    def to_dict(self) -> dict[str, Json]:
        """Returns every field, ready for JSON; a field that the paper lacks is null or empty, ``url`` is ``link``."""
        return {
            "id": self.id,
            "ids": list(self.ids),
            "title": self.title,
            "authors": list(self.authors),
            "authors_partial": self.authors_partial,
            "published": self.published.isoformat() if self.published else None,
            "updated": self.updated.isoformat() if self.updated else None,
            "categories": list(self.categories),
            "url": self.link,
            "abstract": self.abstract,
            "version": self.version,
            "extra": dict(self.extra),
            "sources": list(self.sources),
        }

    def to_json(self) -> dict[str, Json]:
        """The paper as one JSON object; absent fields are left out. ``from_json`` reads it back unchanged."""
        fields: dict[str, Json] = {
            "id": self.ids[0] if self.ids else None,
            "ids": list(self.ids[1:]),
            "title": self.title,
            "abstract": self.abstract,
            "authors": list(self.authors),
            "authors_partial": self.authors_partial,
            "published": str(self.published) if self.published else None,
            "updated": str(self.updated) if self.updated else None,
            "categories": list(self.categories),
            "url": self.url,
            "version": self.version,
            "extra": dict(self.extra),
            "sources": list(self.sources),
        }
        return {name: value for name, value in fields.items() if value not in (None, [], {}, False, "")}

    @classmethod
    def from_json(cls, fields: Mapping[str, Json]) -> Self:
        """Reads what ``to_json`` wrote; input from elsewhere goes through ``indexer.sources`` instead."""
        get = fields.get
        published, updated, extra, version = get("published"), get("updated"), get("extra"), get("version")
        return cls(
            ids=(str(fields["id"]), *_text_tuple(get("ids"))) if "id" in fields else (),
            title=_optional_text(get("title")),
            abstract=_optional_text(get("abstract")),
            authors=_text_tuple(get("authors")),
            authors_partial=bool(get("authors_partial")),
            published=Date.parse(str(published)) if published else None,
            updated=Date.parse(str(updated)) if updated else None,
            categories=_text_tuple(get("categories")),
            url=_optional_text(get("url")),
            version=int(version) if isinstance(version, int) else None,
            extra=extra if isinstance(extra, dict) else {},
            sources=_text_tuple(get("sources")),
        )


@lru_cache(maxsize=65_536)
def _parse_date_parts(text: str) -> tuple[int, int, int]:
    """Year, month and day of a date's text; papers share dates, and reading one takes longer than finding it."""
    match = _DATE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a date; write 2026, 2026-04 or 2026-04-27")
    year, month, day = (int(part or 0) for part in match.groups())
    if match.group(2) and not 1 <= month <= 12:
        raise ValueError(f"{text!r} is not a date; months go from 01 to 12")
    date(year, month or 1, 1 if match.group(3) is None else day)  # raises ValueError: no such day
    return year, month, day


def _optional_text(value: Json) -> str | None:
    return str(value) if value else None


def _text_tuple(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
