"""Tokens of a question: words, quoted phrases, field terms, operators and parentheses, each with its place.

Where a character can be prose it is: a minus, quote or parenthesis is a token only at the start of a word, a field only
where its value follows the colon. Whether operators and parentheses count is decided later
(``search.language.groups``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from search.errors import InvalidValue
from search.language.fields import TEXT_FIELDS, Field, find_field, is_unambiguous, unknown_field_hint

TokenKind = Literal["word", "phrase", "term", "operator", "minus", "open", "close", "prose"]

OPERATORS = ("AND", "OR", "NOT", "ANDNOT")

_FIELD_PREFIX = re.compile(r"(=?)([A-Za-z][A-Za-z_]*):")
_OPENING_QUOTE = re.compile(r"([=^]*)([\"“])")
_CLOSING_QUOTES = {'"': re.compile(r"([^\"]*)\""), "“": re.compile(r"([^”]*)”")}
_TEX_CLOSING_QUOTE = re.compile(r"([^\"]*?)''")
_NEGATION = re.compile(r"-(?:[^\W\d_]|=?[\"“(])")
_PUNCTUATION = re.compile(r"[.,;:?!]+(?=\))")
_CHUNK = re.compile(r"\S+")
_VALUE_START = re.compile(r"[\w\"“(\[^=<>*.-]")
_TERM = re.compile(r"(?<!\S)-?(=?([A-Za-z][A-Za-z_]*):)(?=(\S*))")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a question, ``text[start:end]``.

    Attributes:
        value: what it says, without quotes and field name. inner: where the value stands. field: of a term, or of an
            open parenthesis. quoted: the value stood in quotes. negated: a minus stands before it.
    """

    kind: TokenKind
    start: int
    end: int
    value: str
    value_span: tuple[int, int]
    field: Field | None = None
    quoted: bool = False
    negated: bool = False

    @property
    def is_filter(self) -> bool:
        """Whether it is of a field whose values are no words."""
        return self.field is not None and self.field not in TEXT_FIELDS


def syntax_error(text: str, start: int, end: int, message: str) -> InvalidValue:
    """The error for one piece of a question, with its place from 1."""
    return InvalidValue("q", text[start:end], message, position=start + 1)


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of a question, in order; what is between them is white space.

    Raises:
        InvalidValue: an open quote or bracket, an empty value, or a name that is no field's.
    """
    place, end = 0, 0
    while True:
        if place >= end:
            match = _CHUNK.search(text, place)
            if not match:
                return
            place, end = match.span()
        token = _scan_token(text, place, end)
        yield token
        place = token.end


def find_field_terms(text: str) -> Iterator[tuple[Field, int, int]]:
    """Field, start and end of the field terms of any text, with the minus before them; malformed ones are prose."""
    place, closings = 0, _match_parentheses(text)
    while match := _TERM.search(text, place):
        place = match.end()
        if not find_field(match[2]):
            continue
        try:
            token = _scan_term(text, match.start(1), match.end(3))
        except InvalidValue:
            continue
        end = token and (closings.get(token.end - 1, 0) if token.kind == "open" else token.end)
        if token and token.field and end:
            yield token.field, match.start(), end
            place = end


def _scan_token(text: str, start: int, end: int) -> Token:
    """The token that starts here, in a run of other than white space that ends there."""
    first, before = text[start], text[start - 1 : start]
    if first == ")":
        return _plain_token("close", text, start, start + 1)
    if not before or before.isspace() or before in "()-":
        if first == "(":
            return Token("open", start, start + 1, "(", (start + 1, start + 1))
        if before not in tuple(")-") and _NEGATION.match(text, start):
            return replace(_scan_token(text, start + 1, end), negated=True)
        token = _scan_phrase(text, start) or _scan_term(text, start, end)
        if token:
            return token
    end = _word_end(text, start, end)
    whole = text[start:end] in OPERATORS and before != "-"
    return _plain_token("operator" if whole else "word", text, start, end)


def _plain_token(kind: TokenKind, text: str, start: int, end: int) -> Token:
    return Token(kind, start, end, text[start:end], (start, end))


def _word_end(text: str, start: int, end: int) -> int:
    """Where a word ends: before parentheses at the end of the run that it does not open itself."""
    if match := _PUNCTUATION.match(text, start, end):
        return match.end()
    closed = text.count(")", start, end) - text.count("(", start, end)
    place = end
    while closed > 0 and place > start + 1 and text[place - 1] in ").,;:?!":
        place -= 1
        if text[place] == ")":
            closed, end = closed - 1, place
    return end


def _scan_phrase(text: str, start: int) -> Token | None:
    match = _OPENING_QUOTE.match(text, start)
    if not match or "^" in match[1] or len(match[1]) > 1:
        return None
    inside = _match_quoted(text, start, match.end())
    return Token("phrase", start, inside.end(), match[1] + inside[1], inside.span(1), quoted=True)


def _match_quoted(text: str, start: int, opened: int) -> re.Match[str]:
    """The text after an opening quote, as group 1, and its closing quote; TeX closes "so''."""
    match = _CLOSING_QUOTES[text[opened - 1]].match(text, opened) or _TEX_CLOSING_QUOTE.match(text, opened)
    if not match:
        raise syntax_error(text, start, len(text), "the quote is never closed; close it, or leave it out")
    if not re.search(r"[^\W_]", match[1]):
        raise syntax_error(
            text, start, match.end(), "there is nothing between the quotes; put words there or leave them out"
        )
    return match


def _scan_term(text: str, start: int, end: int) -> Token | None:
    """A field and its value, or the field and the parenthesis that opens its values."""
    match = _FIELD_PREFIX.match(text, start)
    if not match:
        return None
    name, place = match[2], match.end()
    field = find_field(name)
    if not field:
        if name.islower() and _VALUE_START.match(text, place):
            message = f"there is no field {name}:; {unknown_field_hint(name)} For words, put a space after the colon"
            raise syntax_error(text, start, end, message)
        return None
    if place == end or text[place] in "),;:":
        _reject_empty_field(text, start, place)
        return None
    return _scan_field_value(text, start, place, end, field)


def _reject_empty_field(text: str, start: int, place: int) -> None:
    """A name of a field without a value is prose, unless it can be none or the question ends with it."""
    name = text[start:place].strip("=:")
    if is_unambiguous(name) or (name.islower() and not text[place:].strip(" )")):
        example = f"{name}:value, with no space after the colon"
        raise syntax_error(text, start, place, f"the field has no value; write {example}, or put the word in quotes")


def _scan_field_value(text: str, start: int, place: int, end: int, field: Field) -> Token:
    exact = "=" * (text[start] == "=")
    if text[place] == "(":
        return Token("open", start, place + 1, "(", (place + 1, place + 1), field)
    if match := _OPENING_QUOTE.match(text, place):
        return _scan_quoted_value(text, start, match, exact, field)
    if text[place] == "[" and field not in TEXT_FIELDS:
        closing = text.find("]", place)
        if closing < 0:
            raise syntax_error(text, start, end, "the bracket is never closed; write [2000-01 TO 2005-12]")
        end = closing + 1
    else:
        end = _value_end(text, place, _word_end(text, place, end))
    if end == place:
        raise syntax_error(text, start, end + 1, "the field has no value")
    return Token("term", start, end, exact + text[place:end], (place, end), field)


def _value_end(text: str, place: int, end: int) -> int:
    """Where a value ends: before the punctuation of the sentence, but 2020.. keeps its points."""
    while end > place and (text[end - 1] in ",;:!?]" or (text[end - 1] == "." and text[end - 2] != ".")):
        end -= 1
    return end


def _scan_quoted_value(text: str, start: int, match: re.Match[str], exact: str, field: Field) -> Token:
    """A quoted value: of an author, doubled quotes mean = and a dollar after them stays."""
    opened = match.end()
    doubled = field in ("author", "first") and text.startswith('"', opened) and text.find('""', opened + 1) > 0
    inside = _match_quoted(text, start, opened + doubled)
    end = inside.end() + doubled
    last = "$" * (field in ("author", "first") and text.startswith("$", end))
    value = exact + "=" * doubled + match[1] + inside[1] + last
    return Token("term", start, end + len(last), value, inside.span(1), field, quoted=True)


def _match_parentheses(text: str) -> dict[int, int]:
    """Where each parenthesis stands that is closed, and the place after the one that closes it."""
    opened: list[int] = []
    closings = {}
    for match in re.finditer(r"[()]", text):
        if match[0] == "(":
            opened.append(match.start())
        elif opened:
            closings[opened.pop()] = match.end()
    return closings
