"""The parse tree of a query: what the grammar builds. Every node knows its condition and its span in the text.

A query is a tuple of clauses, its top-level nodes. The condition, the text to rank by and the removable parts are
views of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from search.language.tokens import Token
from search.query.condition import AllOf, AnyOf, Condition, Not


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field term, a phrase or required words.

    Attributes:
        token: the token.
        condition: what the token requires.
    """

    token: Token
    condition: Condition

    @property
    def start(self) -> int:
        """Index of the first character."""
        return self.token.start

    @property
    def end(self) -> int:
        """Index after the last character."""
        return self.token.end

    @property
    def unranked_spans(self) -> Iterator[tuple[int, int]]:
        """The spans, in order, that are not text to rank by: a filter, or the syntax around words."""
        if self.token.is_filter:
            yield self.start, self.end
        elif self.token.kind != "prose":
            yield self.start, self.token.value_span[0]
            yield self.token.value_span[1], self.end


@dataclass(frozen=True, slots=True)
class Negation:
    """``-x``, ``NOT x``, or the right side of ``ANDNOT``.

    Attributes:
        operators: the negations in a row, as in ``NOT NOT x``; the outermost first.
        operand: what they negate.
    """

    operators: tuple[Token, ...]
    operand: "Node"

    @property
    def start(self) -> int:
        """Index of the first character."""
        return self.operators[0].start

    @property
    def end(self) -> int:
        """Index after the last character."""
        return self.operand.end

    @property
    def condition(self) -> Condition:
        """What the node requires; a double negation cancels out."""
        condition = self.operand.condition
        for _ in self.operators:
            condition = condition.part if isinstance(condition, Not) else Not(condition)
        return condition

    @property
    def unranked_spans(self) -> Iterator[tuple[int, int]]:
        """The spans, in order, that are not text to rank by: all of it."""
        yield self.start, self.end


@dataclass(frozen=True, slots=True)
class _Operation:
    """Operands and the operators between them."""

    operands: "tuple[Node, ...]"
    operators: tuple[Token, ...]

    @property
    def start(self) -> int:
        """Index of the first character."""
        return self.operands[0].start

    @property
    def end(self) -> int:
        """Index after the last character."""
        return self.operands[-1].end

    @property
    def unranked_spans(self) -> Iterator[tuple[int, int]]:
        """The spans, in order, that are not text to rank by: the operators, and those of the operands."""
        yield from sorted([(each.start, each.end) for each in self.operators] + list(unranked_spans(self.operands)))


@dataclass(frozen=True, slots=True)
class Conjunction(_Operation):
    """``x AND y``, or ``x ANDNOT y``: then y is a ``Negation``.

    Attributes:
        operands: at least two.
        operators: the AND tokens.
    """

    @property
    def condition(self) -> Condition:
        """What the node requires."""
        return all_of(self.operands)


@dataclass(frozen=True, slots=True)
class Disjunction(_Operation):
    """``x OR y``.

    Attributes:
        operands: at least two.
        operators: the OR tokens.
    """

    @property
    def condition(self) -> Condition:
        """What the node requires, without an AnyOf in an AnyOf."""
        found = [operand.condition for operand in self.operands]
        return AnyOf(tuple(part for each in found for part in (each.parts if isinstance(each, AnyOf) else (each,))))


@dataclass(frozen=True, slots=True)
class Group:
    """``(x y)`` or ``field:(x y)``.

    Attributes:
        opener: the opening parenthesis with the field before it; the token spans the whole group.
        clauses: at least one.
    """

    opener: Token
    clauses: "tuple[Node, ...]"

    @property
    def start(self) -> int:
        """Index of the first character."""
        return self.opener.start

    @property
    def end(self) -> int:
        """Index after the last character."""
        return self.opener.end

    @property
    def condition(self) -> Condition:
        """What the node requires."""
        return all_of(self.clauses)

    @property
    def unranked_spans(self) -> Iterator[tuple[int, int]]:
        """The spans, in order, that are not text to rank by: filter values, or parentheses and spans of clauses."""
        if self.opener.is_filter:
            yield self.start, self.end
        else:
            yield self.start, self.opener.value_span[0]
            yield from unranked_spans(self.clauses)
            yield self.end - 1, self.end


Node: TypeAlias = Leaf | Negation | Conjunction | Disjunction | Group


def all_of(nodes: Iterable[Node]) -> Condition:
    """Returns the condition that all nodes require together, without an AllOf in an AllOf."""
    found = [node.condition for node in nodes]
    parts = tuple(part for each in found for part in (each.parts if isinstance(each, AllOf) else (each,)))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def unranked_spans(nodes: Iterable[Node]) -> Iterator[tuple[int, int]]:
    """Yields the spans, in order, that are not text to rank by."""
    for node in nodes:
        yield from node.unranked_spans


def leaves(nodes: Iterable[Node]) -> Iterator[Leaf]:
    """Yields the leaves below the nodes, in the order of the query."""
    for node in nodes:
        if isinstance(node, Leaf):
            yield node
        elif isinstance(node, Negation):
            yield from leaves([node.operand])
        else:
            yield from leaves(node.clauses if isinstance(node, Group) else node.operands)
