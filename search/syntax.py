"""What a person typed into the one box, read: what must hold, what to rank by, and the reading said back.

docs/query-language.md is the language. Tokens are drawn into groups first (``search.groups``), for what counts as an
operator depends on its neighbours; what is left is this small grammar, read by descent:

    all of      any of*                        one beside the other
    any of      both ("OR" both)*
    both        not (("AND" | "ANDNOT") not)*
    not         "NOT"* term
    term        run of prose | phrase | field term | group | "-" term
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from search import identifiers
from search.condition import AllOf, AnyOf, Condition, Not
from search.errors import InvalidValue
from search.fields import NARROWING, WORDS, Field, Values
from search.fields import author as author
from search.groups import Group, Negated, Part, Run, grouped, is_operator
from search.said import said
from search.tokens import Token, fault, terms

MAX_WORDS = 60
"""Most words of a question; a longer text is an abstract, and its operators are prose."""

_NEGATIONS = ("NOT", "ANDNOT")
_MARKS = " \t\r\n\f\v.,;:?!()"
_UNJOINED = 'put OR or AND in capitals between values, or "quotes" around a value of several words'


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text asks.

    Attributes:
        kind: a question, an abstract to find the like of, or a paper named by an id, DOI or URL.
        text: the words to rank by: all but those that narrow or are negated; empty where nothing is left to rank by.
        condition: what must hold of every paper; None where nothing must.
        paper_id: the canonical id of the paper that the whole text names.
        said: the reading in words, with every condition.
    """

    kind: Literal["question", "abstract", "paper"]
    text: str
    condition: Condition | None
    paper_id: str | None
    said: str


def read(text: str, *, today: date, categories: Collection[str] = ()) -> Reading:
    """Reads a question, an abstract or an id.

    Args:
        text: at most 20,000 characters (``query.check_length``).
        today: what relative dates start from. categories: codes that the index knows beyond arXiv's.

    Raises:
        InvalidValue: of ``q``: an unknown field, an open quote or parenthesis, a value or an operand that is missing,
            a category or date that is none, or parentheses too deep; with the piece and its place from 1.
    """
    if paper_id := _paper(text):
        return Reading("paper", "", None, paper_id, f"{paper_id} and what is similar")
    found = list(terms(text))
    values = Values(today, categories)
    if len(_without(text, [(start, end) for _, start, end in found]).split()) > MAX_WORDS:
        return _abstract(text, [(start, end) for field, start, end in found if field in NARROWING], values)
    whole = grouped(text)
    condition = _Reader(text, values).all_of(whole, required=False)
    ranked = _without(text, _dropped(whole))
    return Reading("question", ranked, condition, None, said(condition, ranked))


def _paper(text: str) -> str | None:
    """The id that the whole text is; a word after ``acl:`` is none."""
    found = identifiers.parse(text)
    return found.id if found and any(character.isdigit() for character in found.id) else None


def _abstract(text: str, spans: Sequence[tuple[int, int]], values: Values) -> Reading:
    """An abstract and the field terms in it; these are read where they stand, with all else blank."""
    blank, place = "", 0
    for start, end in spans:
        blank += " " * (start - place) + text[start:end]
        place = end
    condition = _Reader(blank, values).all_of(grouped(blank), required=False)
    ranked = _without(text, spans)
    about = f"like a text of {len(ranked.split())} words"
    return Reading("abstract", ranked, condition, None, f"{said(condition)}, {about}" if condition else about)


class _Parts:
    """The parts of a group, taken one after the other."""

    def __init__(self, group: Group) -> None:
        self._parts, self._place = list(group.parts()), 0
        self.group = group

    def __bool__(self) -> bool:
        return self._place < len(self._parts)

    def take(self, *operators: str) -> str | None:
        """Takes the operator that comes next, if it is one of these."""
        operator = self._operator(self._place)
        if operator not in operators:
            return None
        self._place += 1
        return operator

    def take_prose(self) -> bool:
        """Takes a run that no operator joins to anything, if one comes next."""
        lone = isinstance(self._parts[self._place], Run) and self._operator(self._place + 1) in (None, "NOT")
        self._place += lone
        return lone

    def take_term(self, text: str) -> Part:
        """Takes what an operator or a group is about.

        Raises:
            InvalidValue: there is none.
        """
        part = self._parts[self._place] if self else None
        if part and not is_operator(part):
            self._place += 1
            return part
        if self._place and is_operator(self._parts[self._place - 1]):
            part, side = self._parts[self._place - 1], "right"
        else:
            side = "left"
        start, end = (part.start, part.end) if part else (self.group.start, self.group.end)
        raise fault(
            text, start, end, f"there is nothing to the {side} of it; put a term there, or write it in small letters"
        )

    def _operator(self, place: int) -> str | None:
        part = self._parts[place] if place < len(self._parts) else None
        return part.value if isinstance(part, Token) and is_operator(part) else None


class _Reader:
    """Reads the conditions of one text."""

    def __init__(self, text: str, values: Values) -> None:
        self._text, self._values = text, values

    def all_of(self, group: Group, *, required: bool) -> Condition | None:
        """What stands side by side; prose that no operator joins must hold only where it is required."""
        parts, found = _Parts(group), list[Condition]()
        single = group.field and group.field not in WORDS
        while parts:
            if required or not parts.take_prose():
                condition = self._any_of(parts)
                if single and found and not isinstance(condition, Not):
                    raise fault(self._text, group.start, group.end, _UNJOINED)
                found.append(condition)
        return _all_of(found) if found else None

    def _any_of(self, parts: _Parts) -> Condition:
        found = [self._both(parts)]
        while parts.take("OR"):
            found.append(self._both(parts))
        return _any_of(found)

    def _both(self, parts: _Parts) -> Condition:
        found = [self._negatable(parts)]
        while operator := parts.take("AND", "ANDNOT"):
            condition = self._negatable(parts)
            found.append(_not(condition) if operator == "ANDNOT" else condition)
        return _all_of(found)

    def _negatable(self, parts: _Parts) -> Condition:
        negated = False
        while parts.take("NOT"):
            negated = not negated
        condition = self._term(parts.take_term(self._text), parts.group.field)
        return _not(condition) if negated else condition

    def _term(self, part: Part, field: Field | None) -> Condition:
        if isinstance(part, Negated):
            return _not(self._term(part.node, field))
        if isinstance(part, Group):
            found = self.all_of(part, required=True)
            if not found:
                raise fault(self._text, part.start, part.end, "there is nothing between the parentheses")
            return found
        if isinstance(part, Run) or part.kind == "word":
            return self._run(part, field)
        return self._value(part.field or field or "any", part.value if part.field or field else self._inner(part), part)

    def _run(self, run: Run | Token, field: Field | None) -> Condition:
        if isinstance(run, Run) and run.words > 1 and field and field not in WORDS:
            raise fault(self._text, run.start, run.end, _UNJOINED)
        text = self._text[run.start : run.end]
        marks = " ,;:?!" if field and field not in WORDS else _MARKS  # 2020.. needs its points
        return self._value(field or "any", text.strip(marks), run)

    def _inner(self, token: Token) -> str:
        return self._text[slice(*token.inner)]

    def _value(self, field: Field, value: str, part: Run | Token) -> Condition:
        quoted = isinstance(part, Token) and part.quoted
        try:
            return self._values.condition(field, value, part.start + 1, phrase=quoted)
        except InvalidValue as error:
            raise fault(self._text, part.start, part.end, error.allowed) from None


def _all_of(found: Iterable[Condition]) -> Condition:
    """One condition of all, without an AllOf in an AllOf."""
    parts = tuple(part for each in found for part in (each.parts if isinstance(each, AllOf) else (each,)))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _any_of(found: Iterable[Condition]) -> Condition:
    parts = tuple(part for each in found for part in (each.parts if isinstance(each, AnyOf) else (each,)))
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def _not(condition: Condition) -> Condition:
    return condition.part if isinstance(condition, Not) else Not(condition)


def _dropped(group: Group) -> Iterator[tuple[int, int]]:
    """Start and end of what is not ranked by: what narrows, what is negated, and the marks of the language."""
    if group.field and group.field not in WORDS:
        yield group.start, group.end
        return
    if group.inner:
        yield group.start, group.inner
    negated = False
    for part in group.parts():
        if isinstance(part, Token) and is_operator(part):
            yield part.start, part.end
            negated = negated or part.value in _NEGATIONS
        else:
            yield from ((part.start, part.end),) if negated else _dropped_of(part)
            negated = False
    if group.inner:
        yield group.end - 1, group.end


def _dropped_of(part: Part) -> Iterator[tuple[int, int]]:
    if isinstance(part, Negated) or (isinstance(part, Token) and part.field and part.field not in WORDS):
        yield part.start, part.end
    elif isinstance(part, Group):
        yield from _dropped(part)
    elif isinstance(part, Token):
        yield part.start, part.inner[0]
        yield part.inner[1], part.end


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without these spans, the rest as it stands; marks right after one stay with the words before it."""
    kept, place = "", 0
    for start, end in (*spans, (len(text), len(text))):
        piece = text[place:start].rstrip()
        if place and not kept:
            piece = piece.lstrip(_MARKS)
        if any(character.isalnum() for character in piece) or start - place == len(text):
            kept += f" {piece.lstrip()}" if piece[:1].isspace() or piece[:1].isalnum() else piece
        place = end
    return kept.strip()
