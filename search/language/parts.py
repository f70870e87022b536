"""The parts of what one box asks, each with the box as it would be without it.

Prose is prose, and an operator one, by what stands beside it, so a part cannot just be cut out of a text. What is left
is written anew: fields, phrases and groups as they stand, for they mean the same anywhere; words that a condition
requires as ``all:(kv cache)``; words that only rank as they stand.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeAlias

from search.language.describe import describe_condition
from search.language.fields import FILTER_FIELDS
from search.language.parser import ParsedQuery, is_abstract
from search.language.tokens import OPERATORS, Token, find_field_terms
from search.papers import identifiers
from search.query.page import QueryPart

MAX_PARTS = 32
"""Conditions that are told apart."""

_Unit: TypeAlias = list[Token]

_PLAIN = re.compile(r"(?!-[^\W\d_])[^\s()\"“”:]+")
"""What is a word wherever it stands, if it is no operator."""
_OPERATOR = re.compile(rf"(?<![^\s()-])(?:{'|'.join(OPERATORS)})(?=[):]*(?:\s|$))")
_ONE_WORD = re.compile(r"\w[\w-]*")
_MARKS = " =.,;:?!()"
_LAST_COLON = re.compile(r":(?=[ ):]*$)")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A condition, or words that only rank, written so that it reads the same whatever stands beside it."""

    text: str
    tokens: Sequence[Token] = ()

    @property
    def ranks(self) -> bool:
        """Whether the piece only ranks."""
        return not self.tokens


def split_query(text: str, parsed: ParsedQuery) -> tuple[QueryPart, ...]:
    """A part for each of the first MOST conditions that must all hold, and one for the words that only rank.

    What cannot be left out alone is one part: alternatives, a negation. Words that a condition requires are part of it,
    though they rank as well. There is none without which the rest of a long question would be an abstract.

    Args:
        box: what was typed.
        reading: what it says.
    """
    if parsed.kind == "paper":
        return (QueryPart(parsed.description, ""),)
    pasted = parsed.kind == "abstract"
    pieces = list(_of_abstract(text, parsed) if pasted else _of_question(text, parsed.tokens))
    asking = [piece for piece in pieces if not piece.ranks]
    found = []
    for piece in asking[:MAX_PARTS]:
        without = _joined([each for each in pieces if each is not piece])
        if is_abstract(without) == pasted:
            found.append(QueryPart(describe_condition(parsed.condition_of(piece.tokens)), without))
    if words := " ".join(piece.text for piece in pieces if piece.ranks):
        about = f"like a text of {len(words.split()):,} words" if pasted else describe_condition(None, words)
        found.append(QueryPart(about, _joined(asking)))
    return tuple(found)


def _joined(pieces: Sequence[_Piece]) -> str:
    """A box of these pieces; no id alone."""
    box = _LAST_COLON.sub("", " ".join(piece.text for piece in pieces))
    if not identifiers.parse(box):
        return box
    return " ".join(re.findall(r"\w+", box)) if pieces[0].ranks else f"({_closing(box)}"


def _of_abstract(box: str, reading: ParsedQuery) -> Iterator[_Piece]:
    """Its words, then the terms that narrow."""
    narrowing = any(field in FILTER_FIELDS for field, _, _ in find_field_terms(reading.text))
    yield _Piece(_plain(reading.text) if narrowing else reading.text)
    for field, start, end in find_field_terms(box):
        if field in FILTER_FIELDS:
            yield _Piece(box[start:end], [token for token in reading.tokens if start <= token.start < end])


def _of_question(box: str, tokens: Sequence[Token]) -> Iterator[_Piece]:
    """In the order of the box."""
    place = 0
    for chain in _chains(_units(tokens)):
        start, end = chain[0][0].start, chain[-1][-1].end
        yield from _ranking(box, place, start)
        yield from _conditions(box, chain, "")
        place = end
    yield from _ranking(box, place, len(box))


def _ranking(box: str, start: int, end: int) -> Iterator[_Piece]:
    """What stands between conditions."""
    text = box[start:end]
    if start and not text[:1].isspace():  # what was the rest of a word could be more at the start of one
        first = "".join(takewhile(lambda character: not character.isspace(), text))
        text = (_plain(first) if any(map(str.isalnum, first)) else "") + text[len(first) :]
    if any(character.isalnum() for character in text):
        yield _Piece(_lowered(text.strip()))


def _units(tokens: Sequence[Token]) -> Iterator[_Unit]:
    """An operator, a leaf or a whole group each; the latter with the minus before them."""
    unit: _Unit = []
    depth = 0
    for token in tokens:
        unit.append(token)
        depth += (token.kind == "open") - (token.kind == "close")
        if not depth and token.kind != "minus":
            yield unit
            unit = []


def _chains(units: Iterator[_Unit]) -> Iterator[list[_Unit]]:
    """Units that operators join; from one chain to the next none does."""
    chain: list[_Unit] = []
    for unit in units:
        if chain and not _is(unit, "AND", "OR", "ANDNOT") and chain[-1][0].kind != "operator":
            yield chain
            chain = []
        chain.append(unit)
    if chain:
        yield chain


def _conditions(box: str, chain: list[_Unit], field: str) -> Iterator[_Piece]:
    """The conditions of a chain that must all hold.

    Args:
        field: the beginning of the group of values that it stands in, ``au:(``; nothing outside of one.
    """
    if _has_either(chain):
        yield _written(box, chain, field)
        return
    operand: list[_Unit] = []
    for unit in chain:
        if _is(unit, "AND", "ANDNOT"):
            yield from _operand(box, operand, field)
            operand = []
        if not _is(unit, "AND"):
            operand.append(unit)
    yield from _operand(box, operand, field)


def _operand(box: str, operand: Sequence[_Unit], field: str) -> Iterator[_Piece]:
    """One condition, or those of a group; ``field`` as in ``_conditions``."""
    opened = operand[0][0]
    if len(operand) > 1 or opened.kind != "open":
        yield _written(box, operand, field)
        return
    inside = field or (box[opened.start : opened.value_span[0]] if opened.field else "")
    chains = list(_chains(_units(operand[0][1:-1])))
    if len(chains) == 1 and _has_either(chains[0]):
        yield _written(box, operand, field)
        return
    for chain in chains:
        yield from _conditions(box, chain, inside)


def _written(box: str, units: Sequence[_Unit], field: str) -> _Piece:
    """Units as one condition; ``field`` as in ``_conditions``."""
    words = [_unit(box, unit, field) for unit in units]
    if words[0] == "ANDNOT":
        words[0] = "NOT"
    text = " ".join(words)
    if field:
        text = field + _closing(text)
    first, *others = (token for unit in units for token in unit)
    if first.kind == "operator" and first.value == "ANDNOT":
        first = replace(first, value="NOT")
    return _Piece(text, (first, *others))


def _closing(text: str) -> str:
    """The text and the parenthesis that closes what it stands in, apart from a word that has an open one."""
    last = text.split()[-1]
    return f"{text} )" if last.count("(") > last.count(")") else f"{text})"


def _unit(box: str, unit: _Unit, field: str) -> str:
    token = next(token for token in unit if token.kind != "minus")
    text = box[token.start : token.end]
    if token.kind == "prose" and not token.is_filter:
        text = _plain(text)
        if not field:
            text = f"all:{text}" if _ONE_WORD.fullmatch(text) else f"all:({text})"
    return "-" * (len(unit) > 1 and unit[0].kind == "minus") + text


def _plain(text: str) -> str:
    """The same words, each of which is one wherever it stands."""
    words = [word if _PLAIN.fullmatch(word) else " ".join(re.findall(r"\w+", word)) for word in text.split()]
    return _lowered(re.sub(r"^[\W_]+", "", " ".join(words)))


def _lowered(text: str) -> str:
    """The text with its operators, which are words here, in small letters, in which they always are."""
    return _OPERATOR.sub(lambda match: match[0].lower(), text)


def _has_either(chain: Sequence[_Unit]) -> bool:
    return any(_is(unit, "OR") for unit in chain)


def _is(unit: _Unit, *operators: str) -> bool:
    return unit[0].kind == "operator" and unit[0].value in operators
