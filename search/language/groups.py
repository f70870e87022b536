"""Decides which operators and parentheses of a query are syntax; the others are prose.

An operator is syntax next to other syntax (a field term, a phrase, a minus, or a group that is syntax), or between
single words or groups: "attention OR recurrence", but not "LEARNING TO RANK OR NOT". ANDNOT is always syntax.
Parentheses are syntax if they contain syntax or the values of a field.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from search.language.operators import SYNTAX, syntax_operators
from search.language.tokens import Token, syntax_error, tokenize

MAX_DEPTH = 50
"""Maximum nesting depth of parentheses."""
MAX_CONDITIONS = 500
"""Most conditions of a query. Search strategies of systematic reviews have up to about 300. 500 different excluded
authors, the most expensive conditions, take 1.5 s on 155,274 papers."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A pair of parentheses and what they contain, or the whole query.

    Attributes:
        opener: the opening parenthesis with the field before it; spans the group once that is closed. The whole query
            has an empty one.
        items: the tokens and groups in it, in order.
        operator_positions: indexes in ``items`` of the operators that are syntax.
        is_syntax: the group is not only prose.
    """

    opener: Token
    items: "list[Node]"
    operator_positions: frozenset[int] = frozenset()
    is_syntax: bool = False

    def syntax_tokens(self) -> Iterator[Token]:
        """Yields the syntax in the group. Adjacent prose is one token; it is omitted if it is not an operand."""
        in_parentheses = is_operand = bool(self.opener.value)
        prose: list[Node] = []
        for place, item in enumerate(self.items):
            operator = place in self.operator_positions
            if not operator and not _is_syntax(item):
                prose.append(item)
                continue
            if is_operand or (operator and _token_of(item).value != "NOT"):
                yield from self._prose_token(prose)
            yield from self._item_tokens(item)
            prose, is_operand = [], in_parentheses or operator
        if is_operand:
            yield from self._prose_token(prose)

    def _prose_token(self, prose: "Sequence[Node]") -> Iterator[Token]:
        """Yields one token for all items, unless they are only punctuation."""
        if any(map(_has_words, prose)):
            start, end = _token_of(prose[0]).start, _token_of(prose[-1]).end
            yield Token("prose", start, end, "", (start, end), self.opener.field)

    def _item_tokens(self, item: "Node") -> Iterator[Token]:
        token = _token_of(item)
        if token.negated:
            yield Token("minus", token.start - 1, token.start, "-", (token.start, token.start))
        yield token
        if isinstance(item, _Group):
            yield from item.syntax_tokens()
            yield Token("close", token.end - 1, token.end, ")", (token.end, token.end))


Node: TypeAlias = Token | _Group


def check_condition_count(text: str, spans: Sequence[tuple[int, int]]) -> None:
    """Checks the number of conditions of a query.

    Args:
        text: the query.
        spans: start and end of each condition.

    Raises:
        InvalidValue: there are more than MAX_CONDITIONS.
    """
    if len(spans) > MAX_CONDITIONS:
        what = f"the query has more than {MAX_CONDITIONS:,} conditions; split it into several"
        raise syntax_error(text, *spans[MAX_CONDITIONS], what)


def extract_syntax_tokens(text: str) -> list[Token]:
    """Returns the tokens of a query that are syntax, in order, for ``search.language.grammar``.

    Raises:
        InvalidValue: see ``tokenize`` and ``check_condition_count``; an unmatched parenthesis that is syntax, nesting
            deeper than MAX_DEPTH, or a field among the values of another.
    """
    opened = [_Group(Token("open", 0, 0, "", (0, 0)), [])]
    conditions = []
    for token in tokenize(text):
        if token.kind in ("phrase", "term"):
            conditions.append((token.start, token.end))
            check_condition_count(text, conditions)
        if token.kind == "close" and len(opened) > 1:
            closed = _close_group(text, opened.pop(), token.end)
            opened[-1].items.append(closed)
            continue
        if field := opened[-1].opener.field:
            if token.field:
                what = "a field is not allowed among the values of another; move it out of the parentheses"
                raise syntax_error(text, token.start, token.end, what)
            token = replace(token, field=field)
        if token.kind != "open":
            opened[-1].items.append(token)
        elif len(opened) > MAX_DEPTH:
            what = f"parentheses are nested more than {MAX_DEPTH} deep; remove some"
            raise syntax_error(text, token.start, token.end, what)
        else:
            opened.append(_Group(token, []))
    return list(_close_root(text, opened).syntax_tokens())


def _close_root(text: str, opened: list[_Group]) -> _Group:
    """Returns the group of the whole query. Unclosed parentheses become prose, or are an error if they are syntax."""
    while len(opened) > 1:
        unclosed = opened.pop()
        token = unclosed.opener
        if token.field or token.negated:
            raise syntax_error(text, token.start, token.end, "the parenthesis is not closed; close it")
        opened[-1].items.extend([token, *unclosed.items])
    whole = _close_group(text, opened[0], 0)
    stray = next((item for item in whole.items if isinstance(item, Token) and item.kind in ("open", "close")), None)
    if stray and whole.is_syntax:
        missing = "is not closed; close it" if stray.kind == "open" else "does not match; open one before it"
        raise syntax_error(text, stray.start, stray.end, f"the parenthesis {missing}, or remove it")
    return whole


def _close_group(text: str, group: _Group, end: int) -> _Group:
    """Returns the group once its items are complete, with the operators that are syntax."""
    token, items = replace(group.opener, end=end), group.items
    operators = frozenset(place for place, item in enumerate(items) if _token_of(item).kind == "operator")
    if not token.field:
        operators = syntax_operators([_operator_context(item) for item in items])
    is_syntax = bool(token.field or operators) or any(map(_is_syntax, items))
    group = _Group(token, items, operators, is_syntax)
    if token.field and not any(group.syntax_tokens()):
        raise syntax_error(text, token.start, end, "the parentheses are empty; add a value")
    return group


def _token_of(item: Node) -> Token:
    return item if isinstance(item, Token) else item.opener


def _operator_context(item: Node) -> int | str:
    """Returns what ``syntax_operators`` needs to know about an item."""
    if isinstance(item, Token) and item.kind == "operator":
        return item.value
    return SYNTAX if _is_syntax(item) else int(_has_words(item))


def _has_words(item: Node) -> bool:
    return isinstance(item, _Group) or any(character.isalnum() for character in item.value)


def _is_syntax(item: Node) -> bool:
    if isinstance(item, Token):
        return item.negated or item.kind in ("phrase", "term")
    return item.opener.negated or item.is_syntax
