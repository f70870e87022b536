"""The grammar of what counts in a question, read by lark, and the condition that each of its rules makes.

lark takes 70 ms to import and build, so this is imported only where something counts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from lark import Lark, Transformer, UnexpectedToken, v_args
from lark import Token as Fed
from lark.lexer import Lexer

from search.language.fields import UNJOINED
from search.language.tokens import OPERATORS, Token, fault
from search.query.condition import AllOf, AnyOf, Condition, Not

_GRAMMAR = """
    start: any+                            -> all_of
    ?any: both | both ("OR" both)+         -> any_of
    ?both: not | not ("AND" not | but)+    -> all_of
    but: "ANDNOT" not                      -> negated
    ?not: term | "NOT" not                 -> negated
    ?term: LEAF                            -> leaf
        | "-" term                         -> negated
        | "(" any+ ")"                     -> all_of
        | FIELD any+ ")"                   -> values
    %declare LEAF FIELD
"""
_NAMES = {"minus": "MINUS", "open": "LPAR", "close": "RPAR"}
_OPERAND = "there is nothing to the {} of it; put a term there, or write it in small letters"


def joined(text: str, tokens: Sequence[Token], leaf: Callable[[Token], Condition]) -> Condition:
    """What the tokens of a question that count (``groups.counting``) ask for.

    Args:
        leaf: what a token asks for that is no operator, minus or parenthesis.

    Raises:
        InvalidValue: an operator without an operand, values that nothing joins, or what ``leaf`` raises.
    """
    try:
        return _parser().parse(_fed(text, tokens, leaf))  # type: ignore[return-value]  # the transformer's
    except UnexpectedToken as error:
        token, message = _missing(error)
        raise fault(text, token.start_pos or 0, token.end_pos or 0, message) from None


def _fed(text: str, tokens: Sequence[Token], leaf: Callable[[Token], Condition]) -> Iterator[Fed]:
    """The tokens as lark takes them: a leaf is its condition, a field the error where nothing joins its values."""
    for token in tokens:
        if token.kind == "open" and token.narrows:
            yield Fed("FIELD", fault(text, token.start, token.end, UNJOINED))
        elif token.kind in ("operator", *_NAMES):
            yield Fed(_NAMES.get(token.kind, token.value), token.value, token.start, end_pos=token.end)
        else:
            yield Fed("LEAF", leaf(token))


def _missing(error: UnexpectedToken) -> tuple[Fed, str]:
    """What lacks something, and what it lacks."""
    before, after = error.state.value_stack[-1:], error.token
    if before and before[0] in OPERATORS:
        return before[0], _OPERAND.format("right")
    if after in OPERATORS:
        return after, _OPERAND.format("left")
    return before[0], "there is nothing between the parentheses"


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_Given, transformer=_Conditions())


class _Given(Lexer):
    """Passes on tokens that are there already."""

    def __init__(self, conf: object) -> None: ...

    def lex(self, tokens: Iterator[Fed]) -> Iterator[Fed]:  # type: ignore[override]  # as custom lexers have it
        return tokens


@v_args(inline=True)
class _Conditions(Transformer[Fed, Condition]):
    """The condition of each rule, from those of its parts."""

    def leaf(self, token: Fed) -> Condition:
        condition: Condition = token.value
        return condition

    def negated(self, part: Condition) -> Condition:
        return part.part if isinstance(part, Not) else Not(part)

    def all_of(self, *found: Condition) -> Condition:
        """All of them, without an AllOf in an AllOf."""
        parts = tuple(part for each in found for part in (each.parts if isinstance(each, AllOf) else (each,)))
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def any_of(self, *found: Condition) -> Condition:
        return AnyOf(tuple(part for each in found for part in (each.parts if isinstance(each, AnyOf) else (each,))))

    def values(self, unjoined: Fed, first: Condition, *others: Condition) -> Condition:
        """Values of a field that narrows: nothing but what is negated stands beside the first without an operator."""
        if not all(isinstance(each, Not) for each in others):
            raise unjoined.value
        return self.all_of(first, *others)
