"""The grammar of the query syntax: builds the parse tree (``search.language.tree``) from tokens, with lark.

Importing lark and building its tables takes 70 ms, so only queries that use the syntax import this module.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from lark import Lark, Transformer, UnexpectedToken, v_args
from lark import Token as LarkToken
from lark.lexer import Lexer

from search.language.fields import JOIN_HINT
from search.language.tokens import OPERATORS, Token, syntax_error
from search.language.tree import Conjunction, Disjunction, Group, Leaf, Negation, Node
from search.query.condition import Not

_GRAMMAR = """
    start: clause+                         -> clauses
    ?clause: both | both (OR both)+        -> disjunction
    ?both: not | not (AND not | but)+      -> conjunction
    but: ANDNOT not                        -> negation
    ?not: term | NOT not                   -> negation
    ?term: LEAF                            -> leaf
        | MINUS term                       -> negation
        | OPEN clause+ CLOSE               -> group
    %declare LEAF OPEN CLOSE MINUS AND OR NOT ANDNOT
"""
_TERMINALS = {"open": "OPEN", "close": "CLOSE", "minus": "MINUS"}
_MISSING_OPERAND = "{} has nothing on its {}; add a term there, or write the word in lower case"


def parse_clauses(text: str, tokens: Sequence[Token], parse_leaf: Callable[[Token], Leaf]) -> tuple[Node, ...]:
    """Builds the parse tree of a query.

    Args:
        text: the query.
        tokens: those that are syntax (``groups.extract_syntax_tokens``).
        parse_leaf: parses a token that is neither an operator, a minus nor a parenthesis.

    Returns:
        the top-level nodes.

    Raises:
        InvalidValue: an operator lacks an operand, values of a field are not joined by operators, or ``parse_leaf``
            raised it.
    """
    try:
        return _parser().parse(_lark_tokens(tokens, parse_leaf))  # type: ignore[return-value]  # of the transformer
    except UnexpectedToken as error:
        token, message = _missing_operand(error)
        raise syntax_error(text, token.start, token.end, message) from None
    except _UnjoinedValues as error:
        raise syntax_error(text, error.opener.start, error.opener.end, JOIN_HINT) from None


class _UnjoinedValues(Exception):
    """A field has several values without an operator between them."""

    def __init__(self, opener: Token) -> None:
        self.opener = opener


def _lark_tokens(tokens: Sequence[Token], parse_leaf: Callable[[Token], Leaf]) -> Iterator[LarkToken]:
    """Yields lark's tokens; the value of each is a token, or a leaf."""
    for token in tokens:
        if token.kind in ("operator", *_TERMINALS):
            yield LarkToken(_TERMINALS.get(token.kind, token.value), token)
        else:
            yield LarkToken("LEAF", parse_leaf(token))


def _missing_operand(error: UnexpectedToken) -> tuple[Token, str]:
    """Returns the token that lacks an operand, and the message."""
    before, after = error.state.value_stack[-1:], error.token
    if before and isinstance(before[0], LarkToken) and before[0].type in OPERATORS:
        return before[0].value, _MISSING_OPERAND.format(before[0].type, "right")
    if after.type in OPERATORS:
        return after.value, _MISSING_OPERAND.format(after.type, "left")
    return before[0].value, "the parentheses are empty; add a word or remove them"


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_PassthroughLexer, transformer=_TreeBuilder())


class _PassthroughLexer(Lexer):
    """Passes existing tokens on to the parser."""

    def __init__(self, conf: object) -> None: ...

    def lex(self, tokens: Iterator[LarkToken]) -> Iterator[LarkToken]:  # type: ignore[override]  # as custom lexers have it
        return tokens


@v_args(inline=True)
class _TreeBuilder(Transformer[LarkToken, tuple[Node, ...]]):
    """Builds the node of each rule."""

    def clauses(self, *clauses: Node) -> tuple[Node, ...]:
        return clauses

    def leaf(self, token: LarkToken) -> Leaf:
        leaf: Leaf = token.value
        return leaf

    def negation(self, operator: LarkToken, operand: Node) -> Negation:
        if isinstance(operand, Negation):  # a flat list, because any number may follow each other
            return Negation((operator.value, *operand.operators), operand.operand)
        return Negation((operator.value,), operand)

    def conjunction(self, *children: Node | LarkToken) -> Conjunction:
        return Conjunction(*_split(children))

    def disjunction(self, *children: Node | LarkToken) -> Disjunction:
        return Disjunction(*_split(children))

    def group(self, opener: LarkToken, *children: Node | LarkToken) -> Group:
        clauses, _ = _split(children)
        # values of a filter stand side by side only if all but the first are excluded, as in au:(zhou -gai)
        if opener.value.is_filter and not all(isinstance(clause.condition, Not) for clause in clauses[1:]):
            raise _UnjoinedValues(opener.value)
        return Group(opener.value, clauses)


def _split(children: Sequence[Node | LarkToken]) -> tuple[tuple[Node, ...], tuple[Token, ...]]:
    """Returns the nodes and the tokens among the children of a rule."""
    nodes = tuple(child for child in children if not isinstance(child, LarkToken))
    return nodes, tuple(child.value for child in children if isinstance(child, LarkToken))
