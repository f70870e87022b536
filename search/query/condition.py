"""Conditions: a tree of requirements that a paper meets or not.

The lexicon evaluates words and phrases, the columns all other leaves. A paper that lacks the field of a leaf does not
match the leaf, and matches its ``Not``.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal, TypeAlias

from search.papers.date import Date
from search.papers.kinds import Kind

AuthorPosition = Literal["any", "first", "last"]
TextField = Literal["any", "title", "abstract"]
DateField = Literal["published", "updated"]
Moment: TypeAlias = Date | datetime
"""All days of a date in UTC, or a time with its zone."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECONDS_PER_DAY = 86_400
_NEVER = 2**62
"""Later than every time in an index, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Author:
    """One of the authors has a matching name (``search.papers.names``).

    Attributes:
        name: in any usual form.
        position: where in the author list the match must be.
        exact: initials do not match full names, and no part of the name may be missing.
        paper: the ID of a paper by the person who is meant, which tells the person from namesakes; empty for anyone
            with the name. ``Session`` answers such conditions.
        text_position: where the name starts in the query, from 1; for error messages.
    """

    name: str
    position: AuthorPosition = "any"
    exact: bool = False
    paper: str = ""
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Category:
    """The paper has the category, or a category of the archive.

    Attributes:
        code: a category or an archive, as the user wrote it.
        primary: the category must be the primary one.
        text_position: where the code starts in the query, from 1; for error messages.
    """

    code: str
    primary: bool = False
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class InDateRange:
    """A date overlaps a closed interval.

    Attributes:
        start: the first date; None for no lower bound.
        end: the last date; None for no upper bound.
        field: which date of the paper.
    """

    start: Date | None = None
    end: Date | None = None
    field: DateField = "published"


@dataclass(frozen=True, slots=True)
class AddedBetween:
    """The paper became part of the index in a closed period.

    Attributes:
        start: its start; None for no lower bound.
        end: its end; None for no upper bound.
    """

    start: Moment | None = None
    end: Moment | None = None

    @property
    def seconds(self) -> tuple[int, int]:
        """The first and the last whole second of the period, since 1970 (UTC)."""
        return first_second(self.start) if self.start else 0, last_second(self.end) if self.end else _NEVER


def format_moment(moment: Moment) -> str:
    """Returns a date, or a time in UTC, in ISO 8601: ``2026-11``, ``2026-11-29T09:14:00Z``."""
    return str(moment) if isinstance(moment, Date) else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def first_second(moment: Moment) -> int:
    """Returns the first whole second of a date, or from a time on, since 1970 (UTC)."""
    if isinstance(moment, Date):
        return (moment.first_day - _EPOCH_DAY) * _SECONDS_PER_DAY
    return math.ceil(moment.timestamp())


def last_second(moment: Moment) -> int:
    """Returns the last whole second of a date, or up to a time, since 1970 (UTC)."""
    if isinstance(moment, Date):
        return (moment.last_day + 1 - _EPOCH_DAY) * _SECONDS_PER_DAY - 1
    return math.floor(moment.timestamp())


@dataclass(frozen=True, slots=True)
class HasKind:
    """The paper is of a kind (``search.papers.kinds``)."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class HasId:
    """The paper has, or ever had, a canonical ID (``search.papers.identifiers``), or the state ``is:retracted``."""

    id: str


@dataclass(frozen=True, slots=True)
class InRows:
    """The paper is one of some rows of a generation, such as those of a theme; no text of a query expresses it.

    Attributes:
        rows: ascending.
        name: what the papers have in common; for descriptions.
    """

    rows: tuple[int, ...]
    name: str


@dataclass(frozen=True, slots=True)
class ContainsText:
    """The title or the abstract contains every word of a text, in any inflection.

    Attributes:
        text: the words.
        text_field: where to look for them.
        phrase: the words must be adjacent and in this order.
        text_position: where the text starts in the query, from 1; for error messages.
    """

    text: str
    text_field: TextField = "any"
    phrase: bool = False
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches; without parts, every paper matches."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part matches."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match."""

    part: "Condition"


ColumnLeaf: TypeAlias = Author | Category | InDateRange | AddedBetween | HasKind
"""The leaves that the columns evaluate."""
Condition: TypeAlias = ColumnLeaf | HasId | InRows | ContainsText | AllOf | AnyOf | Not


def all_distinct(conditions: Iterable[Condition]) -> AllOf:
    """Returns what all conditions require, without repeated parts and without an AllOf or AnyOf in another."""
    return AllOf(_distinct_parts(AllOf(tuple(conditions)), AllOf))


def _simplify(condition: Condition) -> Condition:
    if isinstance(condition, Not):
        return Not(_simplify(condition.part))
    if isinstance(condition, AllOf):
        return AllOf(_distinct_parts(condition, AllOf))
    if isinstance(condition, AnyOf):
        parts = _distinct_parts(condition, AnyOf)
        return parts[0] if len(parts) == 1 else AnyOf(parts)
    return condition


def _distinct_parts(condition: AllOf | AnyOf, kind: type[AllOf | AnyOf]) -> tuple[Condition, ...]:
    parts = map(_simplify, condition.parts)
    return tuple(dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, kind) else (part,))))


def names_person(condition: Condition) -> bool:
    """Returns whether a condition tells a person from namesakes."""
    if isinstance(condition, AllOf | AnyOf):
        return any(map(names_person, condition.parts))
    if isinstance(condition, Not):
        return names_person(condition.part)
    return isinstance(condition, Author) and bool(condition.paper)
