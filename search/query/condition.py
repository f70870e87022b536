"""Conditions: what a paper must be, or hold, to pass; a tree whose leaves the columns and the lexicon both understand.

A paper that lacks what a leaf looks at does not meet it, and meets its ``Not``.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from search.papers.paper import Date

AuthorPosition = Literal["any", "first", "last"]
TextField = Literal["any", "title", "abstract"]
DateField = Literal["published", "updated"]


@dataclass(frozen=True, slots=True)
class Author:
    """A name matches one of the authors (``search.papers.names``).

    Attributes:
        name: in any usual form. position: where in the list of authors. exact: no initial stands for a name and no
            name is missing. at: where it stands in the text it was read from, for messages.
    """

    name: str
    position: AuthorPosition = "any"
    exact: bool = False
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Category:
    """A category is among the paper's.

    Attributes:
        code: of a category or archive, as a person wrote it. primary: it is the first one. at: see ``Author``.
    """

    code: str
    primary: bool = False
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class InDateRange:
    """A date overlaps the closed interval from ``start`` to ``end``; None leaves a side open."""

    start: Date | None = None
    end: Date | None = None
    field: DateField = "published"


@dataclass(frozen=True, slots=True)
class HasId:
    """The paper has, or ever had, this canonical id (``search.papers.identifiers``)."""

    id: str


@dataclass(frozen=True, slots=True)
class ContainsText:
    """Title or abstract holds all words of a text, inflected in any way.

    Attributes:
        text: the words. part: where they are looked for. phrase: next to each other in this order. at: see ``Author``.
    """

    text: str
    text_field: TextField = "any"
    phrase: bool = False
    text_position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part is met; so none at all is always met."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is met."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part is not met."""

    part: "Condition"


Condition: TypeAlias = Author | Category | InDateRange | HasId | ContainsText | AllOf | AnyOf | Not


def searches_text(condition: Condition) -> bool:
    """Whether titles or abstracts must be looked into."""
    if isinstance(condition, AllOf | AnyOf):
        return any(searches_text(part) for part in condition.parts)
    return searches_text(condition.part) if isinstance(condition, Not) else isinstance(condition, ContainsText)
