"""Filter: which papers may match a query."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Self

from search.errors import InvalidValue
from search.papers import names
from search.papers.date import Date
from search.papers.kinds import parse_kind
from search.query.author import parse_author
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    HasKind,
    InDateRange,
    Moment,
    Not,
    all_distinct,
    first_second,
    format_moment,
    last_second,
)
from search.query.dates import parse_date, parse_moment


@dataclass(frozen=True, slots=True)
class Filter:
    """Requirements that a paper must all meet. A paper that lacks a field does not meet a requirement on it.

    Attributes:
        authors: each name must match one of the paper's authors; ``^Zhou`` the first, ``Zhou$`` the last of them.
        not_authors: names, exactly as written, that no author may have; a bare surname excludes everyone with it.
        categories: the paper must have one of them, cross-lists included; ``cs`` matches every category of cs.
        published_from: first date of the closed interval that the publication date must overlap.
        published_to: last date of that interval.
        updated_from: first date of the closed interval that the date of the last update must overlap.
        updated_to: last date of that interval.
        added_from: start of the closed period in which the paper became part of the index: a date, that is its first
            second in UTC, or a time with its zone.
        added_to: end of that period: a date, that is its last second in UTC, or a time with its zone.
        where: a further condition.
        kinds: the paper must be of all of these kinds (``search.papers.kinds``), such as ``survey`` and ``code``.

    Raises:
        InvalidValue: an interval ends before it starts, or a time has no zone.
    """

    authors: tuple[str, ...] = ()
    not_authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published_from: Date | None = None
    published_to: Date | None = None
    updated_from: Date | None = None
    updated_to: Date | None = None
    added_from: Moment | None = None
    added_to: Moment | None = None
    where: Condition | None = None
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, moment in (("added_from", self.added_from), ("added_to", self.added_to)):
            if isinstance(moment, datetime) and moment.tzinfo is None:
                raise InvalidValue(name, str(moment), "give a time with its zone, such as datetime.now(UTC)")
        for prefix, start, end in (
            ("", self.published_from, self.published_to),
            ("updated_", self.updated_from, self.updated_to),
            ("added_", self.added_from, self.added_to),
        ):
            if start and end and first_second(start) > last_second(end):
                ends = f"the range ends earlier, at {format_moment(end)}; swap the two"
                raise InvalidValue(f"{prefix}from", format_moment(start), ends)

    @classmethod
    def parse(
        cls,
        authors: Iterable[str] = (),
        not_authors: Iterable[str] = (),
        categories: Iterable[str] = (),
        dates: Mapping[str, str | None] | None = None,
        *,
        kinds: Iterable[str] = (),
    ) -> Self:
        """Builds a filter from text.

        Args:
            authors: see the class.
            not_authors: see the class.
            categories: see the class.
            dates: ``from``, ``to``, ``updated_from``, ``updated_to``, ``added_from`` and ``added_to``, in the forms of
                ``search.query.dates``.
            kinds: see the class.

        Raises:
            InvalidValue: a blank author or category, an unknown kind, or an invalid date; the error names the field.
        """
        today, days = date.today(), dates or {}
        start, end, updated_start, updated_end = (
            parse_date(text, today, name) if (text := days.get(name)) else None
            for name in ("from", "to", "updated_from", "updated_to")
        )
        utc_today = datetime.now(UTC).date()
        added_start, added_end = (
            parse_moment(text, utc_today, name) if (text := days.get(name)) else None
            for name in ("added_from", "added_to")
        )
        return cls(
            tuple(_require_text("author", text) for text in authors),
            tuple(_require_text("not_author", text) for text in not_authors),
            tuple(_require_text("category", text) for text in categories),
            start,
            end,
            updated_start,
            updated_end,
            added_start,
            added_end,
            kinds=tuple(map(parse_kind, kinds)),
        )

    @property
    def condition(self) -> AllOf:
        """The filter as one condition."""
        parts: list[Condition] = [parse_author(name) for name in self.authors]
        parts += [Not(_excluded_author(name)) for name in self.not_authors]
        if self.categories:
            codes = tuple(Category(code) for code in self.categories)
            parts.append(codes[0] if len(codes) == 1 else AnyOf(codes))
        parts += [HasKind(parse_kind(kind)) for kind in self.kinds]
        if self.published_from or self.published_to:
            parts.append(InDateRange(self.published_from, self.published_to))
        if self.updated_from or self.updated_to:
            parts.append(InDateRange(self.updated_from, self.updated_to, "updated"))
        if self.added_from or self.added_to:
            parts.append(AddedBetween(self.added_from, self.added_to))
        if self.where:
            parts.append(self.where)
        return all_distinct(parts)


def _require_text(field_name: str, text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise InvalidValue(field_name, text, "give a name, or omit it")
    return text


def _excluded_author(text: str) -> Author:
    """Makes a full name exact, so that one variant can be excluded; a bare surname matches everyone with it."""
    leaf = parse_author(text)
    return replace(leaf, exact=leaf.exact or bool(names.parse(leaf.name).given))
