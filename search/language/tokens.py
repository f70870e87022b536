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
from search.language.fields import WORDS, Field, field_of, hint, only_a_field

Kind = Literal["word", "phrase", "term", "operator", "minus", "open", "close", "prose"]

OPERATORS = ("AND", "OR", "NOT", "ANDNOT")

_FIELD = re.compile(r"(=?)([A-Za-z][A-Za-z_]*):")
_QUOTE = re.compile(r"([=^]*)([\"“])")
_CLOSED = {'"': re.compile(r"([^\"]*)\""), "“": re.compile(r"([^”]*)”")}
_CLOSED_AS_TEX = re.compile(r"([^\"]*?)''")
_NEGATED = re.compile(r"-(?:[^\W\d_]|=?[\"“(])")
_MARKS = re.compile(r"[.,;:?!]+(?=\))")
_CHUNK = re.compile(r"\S+")
_VALUE = re.compile(r"[\w\"“(\[^=<>*.-]")
_TERM = re.compile(r"(?<!\S)-?(=?([A-Za-z][A-Za-z_]*):)(?=(\S*))")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a question, ``text[start:end]``.

    Attributes:
        value: what it says, without quotes and field name. inner: where the value stands. field: of a term, or of an
            open parenthesis. quoted: the value stood in quotes. negated: a minus stands before it.
    """

    kind: Kind
    start: int
    end: int
    value: str
    inner: tuple[int, int]
    field: Field | None = None
    quoted: bool = False
    negated: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it is of a field whose values are no words."""
        return self.field is not None and self.field not in WORDS


def fault(text: str, start: int, end: int, message: str) -> InvalidValue:
    """The error for one piece of a question, with its place from 1."""
    return InvalidValue("q", text[start:end], f"at character {start + 1}: {message}")


def scan(text: str) -> Iterator[Token]:
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
        token = _token(text, place, end)
        yield token
        place = token.end


def terms(text: str) -> Iterator[tuple[Field, int, int]]:
    """Field, start and end of the field terms of any text, with the minus before them; malformed ones are prose."""
    place, closings = 0, _closings(text)
    while match := _TERM.search(text, place):
        place = match.end()
        if not field_of(match[2]):
            continue
        try:
            token = _term(text, match.start(1), match.end(3))
        except InvalidValue:
            continue
        end = token and (closings.get(token.end - 1, 0) if token.kind == "open" else token.end)
        if token and token.field and end:
            yield token.field, match.start(), end
            place = end


def _token(text: str, start: int, end: int) -> Token:
    """The token that starts here, in a run of other than white space that ends there."""
    first, before = text[start], text[start - 1 : start]
    if first == ")":
        return _plain("close", text, start, start + 1)
    if not before or before.isspace() or before in "()-":
        if first == "(":
            return Token("open", start, start + 1, "(", (start + 1, start + 1))
        if before not in tuple(")-") and _NEGATED.match(text, start):
            return replace(_token(text, start + 1, end), negated=True)
        token = _phrase(text, start) or _term(text, start, end)
        if token:
            return token
    end = _word_end(text, start, end)
    whole = text[start:end] in OPERATORS and before != "-"
    return _plain("operator" if whole else "word", text, start, end)


def _plain(kind: Kind, text: str, start: int, end: int) -> Token:
    return Token(kind, start, end, text[start:end], (start, end))


def _word_end(text: str, start: int, end: int) -> int:
    """Where a word ends: before parentheses at the end of the run that it does not open itself."""
    if match := _MARKS.match(text, start, end):
        return match.end()
    closed = text.count(")", start, end) - text.count("(", start, end)
    place = end
    while closed > 0 and place > start + 1 and text[place - 1] in ").,;:?!":
        place -= 1
        if text[place] == ")":
            closed, end = closed - 1, place
    return end


def _phrase(text: str, start: int) -> Token | None:
    match = _QUOTE.match(text, start)
    if not match or "^" in match[1] or len(match[1]) > 1:
        return None
    inside = _quoted(text, start, match.end())
    return Token("phrase", start, inside.end(), match[1] + inside[1], inside.span(1), quoted=True)


def _quoted(text: str, start: int, opened: int) -> re.Match[str]:
    """The text after an opening quote, as group 1, and its closing quote; TeX closes "so''."""
    match = _CLOSED[text[opened - 1]].match(text, opened) or _CLOSED_AS_TEX.match(text, opened)
    if not match:
        raise fault(text, start, len(text), "the quote is never closed; close it, or leave it out")
    if not re.search(r"[^\W_]", match[1]):
        raise fault(text, start, match.end(), "there is nothing between the quotes; put words there or leave them out")
    return match


def _term(text: str, start: int, end: int) -> Token | None:
    """A field and its value, or the field and the parenthesis that opens its values."""
    match = _FIELD.match(text, start)
    if not match:
        return None
    name, place = match[2], match.end()
    field = field_of(name)
    if not field:
        if name.islower() and _VALUE.match(text, place):
            message = f"there is no field {name}:; {hint(name)} For words, put a space after the colon"
            raise fault(text, start, end, message)
        return None
    if place == end or text[place] in "),;:":
        _check_empty(text, start, place)
        return None
    return _valued(text, start, place, end, field)


def _check_empty(text: str, start: int, place: int) -> None:
    """A name of a field without a value is prose, unless it can be none or the question ends with it."""
    name = text[start:place].strip("=:")
    if only_a_field(name) or (name.islower() and not text[place:].strip(" )")):
        example = f"{name}:value, with no space after the colon"
        raise fault(text, start, place, f"the field has no value; write {example}, or put the word in quotes")


def _valued(text: str, start: int, place: int, end: int, field: Field) -> Token:
    exact = "=" * (text[start] == "=")
    if text[place] == "(":
        return Token("open", start, place + 1, "(", (place + 1, place + 1), field)
    if match := _QUOTE.match(text, place):
        return _quoted_value(text, start, match, exact, field)
    if text[place] == "[" and field not in WORDS:
        closing = text.find("]", place)
        if closing < 0:
            raise fault(text, start, end, "the bracket is never closed; write [2000-01 TO 2005-12]")
        end = closing + 1
    else:
        end = _value_end(text, place, _word_end(text, place, end))
    if end == place:
        raise fault(text, start, end + 1, "the field has no value")
    return Token("term", start, end, exact + text[place:end], (place, end), field)


def _value_end(text: str, place: int, end: int) -> int:
    """Where a value ends: before the punctuation of the sentence, but 2020.. keeps its points."""
    while end > place and (text[end - 1] in ",;:!?]" or (text[end - 1] == "." and text[end - 2] != ".")):
        end -= 1
    return end


def _quoted_value(text: str, start: int, match: re.Match[str], exact: str, field: Field) -> Token:
    """A quoted value: of an author, doubled quotes mean = and a dollar after them stays."""
    opened = match.end()
    doubled = field in ("author", "first") and text.startswith('"', opened) and text.find('""', opened + 1) > 0
    inside = _quoted(text, start, opened + doubled)
    end = inside.end() + doubled
    last = "$" * (field in ("author", "first") and text.startswith("$", end))
    value = exact + "=" * doubled + match[1] + inside[1] + last
    return Token("term", start, end + len(last), value, inside.span(1), field, quoted=True)


def _closings(text: str) -> dict[int, int]:
    """Where each parenthesis stands that is closed, and the place after the one that closes it."""
    opened: list[int] = []
    closings = {}
    for match in re.finditer(r"[()]", text):
        if match[0] == "(":
            opened.append(match.start())
        elif opened:
            closings[opened.pop()] = match.end()
    return closings
