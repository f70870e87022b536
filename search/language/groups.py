"""Groups: the tokens of a question within their parentheses, and which operators and parentheses count.

In prose OR, NOT and parentheses are text. An operator counts beside something that is no prose (a field term, a phrase,
a minus, a group that counts), and between single words or groups: "attention OR recurrence", not "LEARNING TO RANK
OR NOT". ANDNOT always counts. Parentheses count where something in them does, or where they hold a field's values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from search.language.tokens import Token, syntax_error, tokenize

MAX_DEPTH = 50
"""Most parentheses within each other."""


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands between two parentheses, or the whole question.

    Attributes:
        token: the open parenthesis, with the field whose values it holds; once closed it spans the group. The whole
            has an empty one. operators: places in ``items`` of those that count. counts: it is more than prose.
    """

    opener: Token
    items: "list[Node]"
    operator_positions: frozenset[int] = frozenset()
    is_syntax: bool = False

    def syntax_tokens(self) -> Iterator[Token]:
        """What counts in it; neighbouring prose is one token, and left out where no operator and no group takes it."""
        within = taken = bool(self.opener.value)
        prose: list[Node] = []
        for place, item in enumerate(self.items):
            operator = place in self.operator_positions
            if not operator and not _is_syntax(item):
                prose.append(item)
                continue
            if taken or (operator and _token_of(item).value != "NOT"):
                yield from self._prose_token(prose)
            yield from self._item_tokens(item)
            prose, taken = [], within or operator
        if taken:
            yield from self._prose_token(prose)

    def _prose_token(self, prose: "Sequence[Node]") -> Iterator[Token]:
        """One token of all, or none where they are marks alone."""
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


def extract_syntax_tokens(text: str) -> list[Token]:
    """The tokens of a question that count, in order: what ``search.language.grammar`` joins.

    Raises:
        InvalidValue: what ``scan`` raises; a parenthesis without its other where it counts, more than MAX_DEPTH of them
            within each other, or a field among another's values.
    """
    opened = [_Group(Token("open", 0, 0, "", (0, 0)), [])]
    for token in tokenize(text):
        if token.kind == "close" and len(opened) > 1:
            closed = _close_group(text, opened.pop(), token.end)
            opened[-1].items.append(closed)
            continue
        if field := opened[-1].opener.field:
            if token.field:
                raise syntax_error(
                    text, token.start, token.end, "a field stands among the values of another; move it out"
                )
            token = replace(token, field=field)
        if token.kind != "open":
            opened[-1].items.append(token)
        elif len(opened) > MAX_DEPTH:
            raise syntax_error(text, token.start, token.end, f"parentheses may be {MAX_DEPTH} deep; leave some out")
        else:
            opened.append(_Group(token, []))
    return list(_close_root(text, opened).syntax_tokens())


def _close_root(text: str, opened: list[_Group]) -> _Group:
    """The group of the whole, once parentheses that were never closed are prose or an error."""
    while len(opened) > 1:
        unclosed = opened.pop()
        token = unclosed.opener
        if token.field or token.negated:
            raise syntax_error(text, token.start, token.end, "the parenthesis is never closed; close it")
        opened[-1].items.extend([token, *unclosed.items])
    whole = _close_group(text, opened[0], 0)
    stray = next((item for item in whole.items if isinstance(item, Token) and item.kind in ("open", "close")), None)
    if stray and whole.is_syntax:
        missing = "is never closed; close it" if stray.kind == "open" else "closes none; open one before it"
        raise syntax_error(text, stray.start, stray.end, f"the parenthesis {missing}, or leave it out")
    return whole


def _close_group(text: str, group: _Group, end: int) -> _Group:
    """The group once its items are complete: which operators count, and whether it does."""
    token, items = replace(group.opener, end=end), group.items
    operators = frozenset(place for place, item in enumerate(items) if _token_of(item).kind == "operator")
    if not token.field:
        operators = _syntax_operators(items, operators)
    counts = bool(token.field or operators) or any(map(_is_syntax, items))
    group = _Group(token, items, operators, counts)
    if token.field and not any(group.syntax_tokens()):
        raise syntax_error(text, token.start, end, "there is nothing between the parentheses; put a value there")
    return group


def _syntax_operators(items: Sequence[Node], operators: frozenset[int]) -> frozenset[int]:
    """Which operators count: those that do not are words, and may part the others from what made them count."""
    while True:
        before, after = (
            _left_contexts(items, operators),
            _left_contexts(items[::-1], _mirror(operators, len(items)))[::-1],
        )
        kept = frozenset(place for place in operators if _is_syntax_operator(items[place], before[place], after[place]))
        if kept == operators:
            return kept
        operators = kept


_SYNTAX = -1


def _is_syntax_operator(item: Node, before: int, after: int) -> bool:
    value = _token_of(item).value
    if value == "ANDNOT" or _SYNTAX in (before, after):
        return True
    return after == 1 and (before == 1 or (value == "NOT" and before == 0))


def _left_contexts(items: Sequence[Node], operators: frozenset[int]) -> list[int]:
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
        if _is_syntax(item):
            state = _SYNTAX
        elif _has_words(item):
            state = max(state, 0) + 1
    return sides


def _mirror(places: frozenset[int], size: int) -> frozenset[int]:
    return frozenset(size - 1 - place for place in places)


def _token_of(item: Node) -> Token:
    return item if isinstance(item, Token) else item.opener


def _has_words(item: Node) -> bool:
    return isinstance(item, _Group) or any(character.isalnum() for character in item.value)


def _is_syntax(item: Node) -> bool:
    if isinstance(item, Token):
        return item.negated or item.kind in ("phrase", "term")
    return item.opener.negated or item.is_syntax
