"""The removable parts of a query, each with the query that remains without it.

Whether a word is an operator depends on its neighbours, so parts cannot be removed by slicing. The remaining query is
written anew: fields, phrases and groups as they are, because they mean the same anywhere; required words as
``all:(kv cache)``; words that only rank as they are.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from search import budget
from search.language.describe import describe_condition
from search.language.fields import FILTER_FIELDS
from search.language.parser import ParsedQuery, ProseCounts, count_prose, is_abstract
from search.language.tokens import DOTTED_WORD, OPERATORS, find_field_terms
from search.language.tree import Conjunction, Disjunction, Group, Negation, Node
from search.papers import identifiers
from search.query.page import QueryPart

MAX_PARTS = 32
"""Most conditions that are listed separately."""
_MAX_COUNTED_LENGTH = 5_000
"""Characters up to which the words of a remaining query are counted anew if their number is in doubt; longer than
nearly all abstracts. To count those of MAX_PARTS queries of the maximum length takes over a second."""
_COUNT_ERROR = 2
"""Words by which the sum of the counts of the pieces may differ from the count of the whole query. Of 19,425 random
queries, 146 differed, by one word."""

_PLAIN_WORD = re.compile(rf"(?!-(?:[^\W\d_]|{DOTTED_WORD}))[^\s()\"“”:]+")
"""Matches words that are prose in any context, except operators."""
_LEADING_MARKS = re.compile(rf"^(?:(?!{DOTTED_WORD})[\W_])+")
_OPERATOR = re.compile(rf"(?<![^\s()-])(?:{'|'.join(OPERATORS)})(?=[):]*(?:\s|$))")
_ONE_WORD = re.compile(r"\w[\w-]*")
_WORD_IN_BRACKETS = re.compile(r"(?<=\w )\([\w-]+\)")
_LAST_COLON = re.compile(r":(?=[ ):]*$)")


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A condition, or words that only rank, written so that the context does not change the meaning.

    Attributes:
        text: the query of this piece alone.
        node: its condition; None for words that only rank.
    """

    text: str
    node: Node | None = None


def split_query(parsed: ParsedQuery) -> tuple[QueryPart, ...]:
    """Returns one part for each of the first MAX_PARTS conjuncts, and one for the words that only rank.

    Alternatives are one part, and so is a negation. Words that a condition requires belong to its part, although they
    rank as well. A part is omitted if the rest of a long question would be an abstract without it.
    """
    if parsed.kind == "paper":
        return (QueryPart(parsed.description, ""),)
    from_abstract = parsed.kind == "abstract"
    pieces = list(_abstract_pieces(parsed) if from_abstract else _question_pieces(parsed))
    conditions = [piece for piece in pieces if piece.node]
    counts = {piece: count_prose(piece.text) for piece in pieces}
    parts = []
    for piece in conditions[:MAX_PARTS]:
        budget.pause_for_others()
        others = [each for each in pieces if each is not piece]
        remaining = _join(others)
        if piece.node and _is_abstract(remaining, [counts[each] for each in others]) == from_abstract:
            parts.append(QueryPart(describe_condition(piece.node.condition), remaining))
    if words := " ".join(piece.text for piece in pieces if not piece.node):
        about = (
            f"similar to a text of {len(words.split()):,} words" if from_abstract else describe_condition(None, words)
        )
        parts.append(QueryPart(about, _join(conditions)))
    return tuple(parts)


def _is_abstract(text: str, counts: Sequence[ProseCounts]) -> bool | None:
    """Returns whether a text is an abstract; None if that is in doubt and the text too long to count its words.

    Args:
        text: the text.
        counts: the counts of the pieces that it was joined from.
    """
    words, operators = sum(each.words for each in counts), sum(each.operators for each in counts)
    near = range(words - _COUNT_ERROR, words + _COUNT_ERROR + 1)
    kinds = {ProseCounts(each, operators).is_abstract for each in near}
    if len(kinds) == 1:
        return kinds.pop()
    return is_abstract(text) if len(text) <= _MAX_COUNTED_LENGTH else None


def ranking_words(parsed: ParsedQuery) -> str:
    """Returns the words of a question that only rank, separated by spaces, with operators in lower case."""
    return " ".join(" ".join(piece.text for piece in _question_pieces(parsed) if not piece.node).split())


def replace_ranking_words(parsed: ParsedQuery, words: str, condition: str = "") -> str:
    """Returns a question with other words that only rank, followed by a further condition.

    Args:
        parsed: a question; its conditions keep their meaning.
        words: the words, in prose.
        condition: in the query language; empty for none.
    """
    groups_words = any(mark in _WORD_IN_BRACKETS.sub("", words) for mark in '()"')
    text = _plain(words) if groups_words else _lower_operators(words)
    pieces = [_Piece(text)] if text else []
    pieces += [piece for piece in _question_pieces(parsed) if piece.node]
    return _join([*pieces, _Piece(condition)] if condition else pieces)


def _join(pieces: Sequence[_Piece]) -> str:
    """Returns the query of all pieces, written so that it is not a paper ID."""
    query = _LAST_COLON.sub("", " ".join(piece.text for piece in pieces))
    if not identifiers.parse(query):
        return query
    return f"({_close(query)}" if pieces[0].node else " ".join(re.findall(r"\w+", query))


def _abstract_pieces(parsed: ParsedQuery) -> Iterator[_Piece]:
    """Yields the words, then the filters."""
    has_filters = any(field in FILTER_FIELDS for field, _, _ in find_field_terms(parsed.text))
    yield _Piece(_plain(parsed.text) if has_filters else parsed.text)
    for clause in parsed.clauses:
        yield _Piece(parsed.source[clause.start : clause.end], clause)


def _question_pieces(parsed: ParsedQuery) -> Iterator[_Piece]:
    """Yields all pieces in the order of the query."""
    writer, place = _Writer(parsed.source), 0
    for clause in parsed.clauses:
        yield from writer.ranking_piece(place, clause.start)
        yield from writer.condition_pieces(clause, "")
        place = clause.end
    yield from writer.ranking_piece(place, len(parsed.source))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the nodes of a query as pieces.

    The argument ``field`` is the opener of the group of values around a node, such as ``au:(``; empty outside of one.

    Attributes:
        source: the query.
    """

    source: str

    def ranking_piece(self, start: int, end: int) -> Iterator[_Piece]:
        """Yields the words between two conditions, if there are any."""
        text = self.source[start:end]
        if start and not text[:1].isspace():  # the rest of a word could mean more at the start of a word
            first = "".join(takewhile(lambda character: not character.isspace(), text))
            text = (_plain(first) if any(map(str.isalnum, first)) else "") + text[len(first) :]
        if any(character.isalnum() for character in text):
            yield _Piece(_lower_operators(text.strip()))

    def condition_pieces(self, node: Node, field: str) -> Iterator[_Piece]:
        """Yields the conjuncts of a node."""
        if isinstance(node, Conjunction):
            for operand in node.operands:
                yield from self.condition_pieces(operand, field)
        elif isinstance(node, Group) and not (len(node.clauses) == 1 and isinstance(node.clauses[0], Disjunction)):
            opener = node.opener
            inner = field or (self.source[opener.start : opener.value_span[0]] if opener.field else "")
            for clause in node.clauses:
                yield from self.condition_pieces(clause, inner)
        else:
            text = self.write(node, field)
            if isinstance(node, Negation) and node.operators[0].value == "ANDNOT":
                text = text.removeprefix("AND")
            yield _Piece(field + _close(text) if field else text, node)

    def write(self, node: Node, field: str) -> str:
        """Returns a node as text that has the same meaning in any context."""
        if isinstance(node, Negation):
            signs = "".join("-" if each.kind == "minus" else f"{each.value} " for each in node.operators)
            return signs + self.write(node.operand, field)
        if isinstance(node, Conjunction):
            return " ".join(self._write_operands(node.operands, field))
        if isinstance(node, Disjunction):
            return " OR ".join(self.write(operand, field) for operand in node.operands)
        text = self.source[node.start : node.end]
        if isinstance(node, Group) or node.token.kind != "prose" or node.token.is_filter:
            return text
        text = _plain(text)
        if field:
            return text
        return f"all:{text}" if _ONE_WORD.fullmatch(text) else f"all:({text})"

    def _write_operands(self, operands: Iterable[Node], field: str) -> Iterator[str]:
        """Yields the operands of a conjunction and the AND before them; ANDNOT is part of its operand."""
        for place, operand in enumerate(operands):
            if place and not (isinstance(operand, Negation) and operand.operators[0].value == "ANDNOT"):
                yield "AND"
            yield self.write(operand, field)


def _close(text: str) -> str:
    """Appends a closing parenthesis, apart from a last word that has an open one."""
    last = text.split()[-1]
    return f"{text} )" if last.count("(") > last.count(")") else f"{text})"


def _plain(text: str) -> str:
    """Returns the same words, written so that each is a word in any context."""
    words = [word if _PLAIN_WORD.fullmatch(word) else " ".join(re.findall(r"\w+", word)) for word in text.split()]
    return _lower_operators(_LEADING_MARKS.sub("", " ".join(words)))


def _lower_operators(text: str) -> str:
    """Writes operators in lower case, in which they are words in any context."""
    return _OPERATOR.sub(lambda match: match[0].lower(), text)
