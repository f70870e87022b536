"""The grammar of what counts in a question, read by lark, and the condition that each of its rules makes.

lark takes 70 ms to import and build, so this is imported only where something counts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from lark import Lark, Transformer, UnexpectedToken, v_args
from lark import Token as LarkToken
from lark.lexer import Lexer

from search.language.fields import JOIN_HINT
from search.language.tokens import OPERATORS, Token, syntax_error
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
_TERMINALS = {"minus": "MINUS", "open": "LPAR", "close": "RPAR"}
_MISSING_OPERAND = "there is nothing to the {} of it; put a term there, or write it in small letters"


def build_condition(text: str, tokens: Sequence[Token], leaf: Callable[[Token], Condition]) -> Condition:
    """What the tokens of a question that count (``groups.counting``) ask for.

    Args:
        leaf: what a token asks for that is no operator, minus or parenthesis.

    Raises:
        InvalidValue: an operator without an operand, values that nothing joins, or what ``leaf`` raises.
    """
    try:
        return _parser().parse(_lark_tokens(text, tokens, leaf))  # type: ignore[return-value]  # the transformer's
    except UnexpectedToken as error:
        token, message = _missing_operand(error)
        raise syntax_error(text, token.start_pos or 0, token.end_pos or 0, message) from None


def _lark_tokens(text: str, tokens: Sequence[Token], leaf: Callable[[Token], Condition]) -> Iterator[LarkToken]:
    """The tokens as lark takes them: a leaf is its condition, a field the error where nothing joins its values."""
    for token in tokens:
        if token.kind == "open" and token.is_filter:
            yield LarkToken("FIELD", syntax_error(text, token.start, token.end, JOIN_HINT))
        elif token.kind in ("operator", *_TERMINALS):
            yield LarkToken(_TERMINALS.get(token.kind, token.value), token.value, token.start, end_pos=token.end)
        else:
            yield LarkToken("LEAF", leaf(token))


def _missing_operand(error: UnexpectedToken) -> tuple[LarkToken, str]:
    """What lacks something, and what it lacks."""
    before, after = error.state.value_stack[-1:], error.token
    if before and before[0] in OPERATORS:
        return before[0], _MISSING_OPERAND.format("right")
    if after in OPERATORS:
        return after, _MISSING_OPERAND.format("left")
    return before[0], "there is nothing between the parentheses"


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_PassthroughLexer, transformer=_ConditionTransformer())


class _PassthroughLexer(Lexer):
    """Passes on tokens that are there already."""

    def __init__(self, conf: object) -> None: ...

    def lex(self, tokens: Iterator[LarkToken]) -> Iterator[LarkToken]:  # type: ignore[override]  # as custom lexers have it
        return tokens


@v_args(inline=True)
class _ConditionTransformer(Transformer[LarkToken, Condition]):
    """The condition of each rule, from those of its parts."""

    def leaf(self, token: LarkToken) -> Condition:
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

    def values(self, unjoined: LarkToken, first: Condition, *others: Condition) -> Condition:
        """Values of a field that narrows: nothing but what is negated stands beside the first without an operator."""
        if not all(isinstance(each, Not) for each in others):
            raise unjoined.value
        return self.all_of(first, *others)
