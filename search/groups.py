"""Groups: the tokens of a question within their parentheses, and which operators and parentheses count.

In prose OR, NOT and parentheses are text. An operator counts beside something that is no prose (a field term, a phrase,
a minus, a group that counts), and between single words or groups: "attention OR recurrence", not "LEARNING TO RANK
OR NOT". ANDNOT always counts. Parentheses count where something in them does, or where they hold a field's values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from search.fields import Field
from search.tokens import Token, fault, scan

MAX_DEPTH = 50
"""Most parentheses within each other."""


@dataclass(frozen=True, slots=True)
class Negated:
    """What a minus stands before; ``start`` is the minus."""

    node: "Token | Group"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring prose: words, and operators and parentheses that do not count.

    Attributes:
        words: how many of them are more than marks.
    """

    start: int
    end: int
    words: int


@dataclass(frozen=True, slots=True)
class Group:
    """What stands between two parentheses, or the whole question.

    Attributes:
        inner: where its content starts. field: whose values it holds. operators: places in ``items`` of those that
            count. counts: its parentheses are more than prose.
    """

    items: "tuple[Node, ...]"
    start: int
    inner: int
    end: int
    field: Field | None
    operators: frozenset[int]
    counts: bool

    def parts(self) -> "Iterator[Part]":
        """Its content, with prose drawn together into runs; marks alone are left out."""
        prose: list[Node] = []
        for place, item in enumerate(self.items):
            if place in self.operators or _structured(item):
                yield from _runs(prose)
                prose = []
                yield item
            else:
                prose.append(item)
        yield from _runs(prose)


Node: TypeAlias = Token | Group | Negated
Part: TypeAlias = Node | Run


class _Open:
    """A parenthesis not yet closed, and what came after it; without a token the whole question."""

    def __init__(self, token: Token | None = None, field: Field | None = None) -> None:
        self.token = token
        self.field = token.field if token and token.field else field
        self.minus: int | None = None
        self.items: list[Node] = []

    def add(self, node: Token | Group) -> None:
        self.items.append(node if self.minus is None else Negated(node, self.minus, node.end))
        self.minus = None


def grouped(text: str) -> Group:
    """The whole question as one group.

    Raises:
        InvalidValue: what ``scan`` raises; a parenthesis without its other where it counts, more than MAX_DEPTH of them
            within each other, or a field among another's values.
    """
    opened = [_Open()]
    for token in scan(text):
        if token.field and opened[-1].field:
            raise fault(text, token.start, token.end, "a field stands among the values of another; move it out")
        if token.kind == "minus":
            opened[-1].minus = token.start
        elif token.kind == "open":
            opened.append(_Open(token, opened[-1].field))
            if len(opened) > MAX_DEPTH + 1:
                raise fault(text, token.start, token.end, f"parentheses may be {MAX_DEPTH} deep; leave some out")
        elif token.kind == "close" and len(opened) > 1:
            closed = opened.pop()
            opened[-1].add(_group(text, closed, token.end))
        else:
            opened[-1].add(token)
    return _whole(text, opened)


def _whole(text: str, opened: list[_Open]) -> Group:
    """The group of the whole, once parentheses that were never closed are prose or an error."""
    while len(opened) > 1:
        unclosed, around = opened.pop(), opened[-1]
        token = unclosed.token
        if token and (unclosed.field or around.minus is not None):
            raise fault(text, token.start, token.end, "the parenthesis is never closed; close it")
        around.items += [token] if token else []
        around.items += unclosed.items
    whole = _group(text, opened[0], len(text))
    stray = next((item for item in whole.items if isinstance(item, Token) and item.kind in ("open", "close")), None)
    if stray and whole.counts:
        missing = "is never closed; close it" if stray.kind == "open" else "closes none; open one before it"
        raise fault(text, stray.start, stray.end, f"the parenthesis {missing}, or leave it out")
    return whole


def _group(text: str, opened: _Open, end: int) -> Group:
    token, items = opened.token, tuple(opened.items)
    start, inner = (token.start, token.end) if token else (0, 0)
    operators = frozenset(place for place, item in enumerate(items) if is_operator(item))
    if not opened.field:
        operators = _counting(items, operators)
    counts = bool(opened.field or operators) or any(map(_structured, items))
    group = Group(items, start, inner, end, opened.field, operators, counts)
    if opened.field and not any(group.parts()):
        raise fault(text, start, end, "there is nothing between the parentheses; put a value there")
    return group


def _runs(prose: Sequence[Node]) -> Iterator[Run]:
    """One run of all, or none where they are marks alone."""
    if words := sum(map(_worded, prose)):
        yield Run(prose[0].start, prose[-1].end, words)


def _counting(items: Sequence[Node], operators: frozenset[int]) -> frozenset[int]:
    """Which operators count: those that do not are words, and may part the others from what made them count."""
    while True:
        before, after = _sides(items, operators), _sides(items[::-1], _mirrored(operators, len(items)))[::-1]
        kept = frozenset(place for place in operators if _counts(items[place], before[place], after[place]))
        if kept == operators:
            return kept
        operators = kept


_STRUCTURE = -1


def _counts(item: Node, before: int, after: int) -> bool:
    value = item.value if isinstance(item, Token) else ""
    if value == "ANDNOT" or _STRUCTURE in (before, after):
        return True
    return after == 1 and (before == 1 or (value == "NOT" and before == 0))


def _sides(items: Sequence[Node], operators: frozenset[int]) -> list[int]:
    """What stands before each item up to the operator before that: so many words and groups, or _STRUCTURE.

    Operators next to each other, as in OR NOT, have the same neighbour.
    """
    sides, state, fresh = [], 0, False
    for place, item in enumerate(items):
        sides.append(state)
        if place in operators:
            fresh = True
            continue
        state, fresh = (0 if fresh else state), False
        if _structured(item):
            state = _STRUCTURE
        elif _worded(item):
            state = max(state, 0) + 1
    return sides


def _mirrored(places: frozenset[int], size: int) -> frozenset[int]:
    return frozenset(size - 1 - place for place in places)


def is_operator(item: Part | None) -> bool:
    """Whether this is one of OPERATORS, be it prose or not."""
    return isinstance(item, Token) and item.kind == "operator"


def _worded(item: Node) -> bool:
    return not isinstance(item, Token) or any(character.isalnum() for character in item.value)


def _structured(item: Node) -> bool:
    if isinstance(item, Token):
        return item.kind in ("phrase", "term")
    return isinstance(item, Negated) or item.counts
