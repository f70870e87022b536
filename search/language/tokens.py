"""Splits a query into tokens: words, quoted phrases, field terms, operators and parentheses, each with its position.

Characters are prose unless their position rules it out: a minus, quote or opening parenthesis is a token only at the
start of a word, and a field only if its value directly follows the colon. ``search.language.groups`` decides which
operators and parentheses are syntax.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from search.errors import InvalidValue
from search.language.fields import TEXT_FIELDS, Field, find_field, is_unambiguous, unknown_field_hint

TokenKind = Literal["word", "phrase", "term", "operator", "minus", "open", "close", "prose"]

OPERATORS = ("AND", "OR", "NOT", "ANDNOT")

_FIELD_PREFIX = re.compile(r"(=?)([A-Za-z][A-Za-z_]*|[Ss]2):")
_OPENING_QUOTE = re.compile(r"([=^]*)([\"“])")
_CLOSING_QUOTES = {'"': re.compile(r"([^\"]*)\""), "“": re.compile(r"([^”]*)”")}
_TEX_CLOSING_QUOTE = re.compile(r"([^\"]*?)''")
DOTTED_WORD = r"\.(?i:net)\b"
"""Matches the one word that begins with a full stop."""
_NEGATION = re.compile(rf"-(?:[^\W\d_]|{DOTTED_WORD}|=?[\"“(])")
_PUNCTUATION = re.compile(r"[.,;:?!]+(?=\))")
_CHUNK = re.compile(r"\S+")
_VALUE_START = re.compile(r"[\w\"“(\[^=<>*.-]")
_MAY_BE_SYNTAX = re.compile(rf'[:"“()]|(?<!\S)-|{"|".join(OPERATORS)}')
_TERM = re.compile(r"(?<!\S)-?(=?([A-Za-z][A-Za-z_]*|[Ss]2):)(?=(\S*))")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query, ``text[start:end]``.

    Attributes:
        kind: ``prose`` is several words that an operator or a group treats as one operand.
        start: index of the first character, without a minus before it.
        end: index after the last character; of an opening parenthesis, after the closing one once that is known.
        value: the text without quotes and field name, with the marks of an exact name.
        value_span: start and end of the value.
        field: the field of a term, or of the group that the token opens or is in.
        quoted: the value was in quotes.
        negated: a minus precedes the token.
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
        """Whether the field is a filter, whose values are not words to rank by."""
        return self.field is not None and self.field not in TEXT_FIELDS


def syntax_error(text: str, start: int, end: int, message: str) -> InvalidValue:
    """Returns the error for ``text[start:end]``, with its position from 1."""
    return InvalidValue("q", text[start:end], message, position=start + 1)


def may_contain_syntax(text: str) -> bool:
    """Returns whether some token of a query may be another one than a word; of a plain question, none is."""
    return bool(_MAY_BE_SYNTAX.search(text))


def tokenize(text: str) -> Iterator[Token]:
    """Yields the tokens of a query in order; only white space is between them.

    Raises:
        InvalidValue: an unclosed quote or bracket, an empty value, or an unknown field.
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
    """Yields field, start and end of each field term in any text, with the minus before it; skips malformed terms."""
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
    """Returns the token that starts at ``start``; ``end`` is the next white space."""
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
    """Returns where a word ends: before trailing parentheses that it does not open itself."""
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
    """Matches the text after an opening quote (group 1) and the closing quote, which may be TeX's two apostrophes."""
    match = _CLOSING_QUOTES[text[opened - 1]].match(text, opened) or _TEX_CLOSING_QUOTE.match(text, opened)
    if not match:
        raise syntax_error(text, start, len(text), "the quote is not closed; close it or remove it")
    if not re.search(r"[^\W_]", match[1]):
        raise syntax_error(text, start, match.end(), "the quotes are empty; add words or remove the quotes")
    return match


def _scan_term(text: str, start: int, end: int) -> Token | None:
    """Returns a field and its value, or a field and the parenthesis that opens its values; None without a field."""
    match = _FIELD_PREFIX.match(text, start)
    if not match:
        return None
    name, place = match[2], match.end()
    field = find_field(name)
    if not field:
        if name.islower() and _VALUE_START.match(text, place):
            message = (
                f"unknown field {name!r}; {unknown_field_hint(name)} If it is not a field, put a space after the colon"
            )
            raise syntax_error(text, start, end, message)
        return None
    if place == end or text[place] in "),;:":
        _reject_empty_field(text, start, place)
        return None
    return _scan_field_value(text, start, place, end, field)


def _reject_empty_field(text: str, start: int, place: int) -> None:
    """Raises an error for a field name without a value, unless the name can be a word of prose.

    A lower-case name at the end of the query cannot.
    """
    name = text[start:place].strip("=:")
    if is_unambiguous(name) or (name.islower() and not text[place:].strip(" )")):
        example = f"{name}:value, with no space after the colon"
        raise syntax_error(text, start, place, f"the field has no value; write {example}, or quote the word")


def _scan_field_value(text: str, start: int, place: int, end: int, field: Field) -> Token:
    exact = "=" * (text[start] == "=")
    if text[place] == "(":
        return Token("open", start, place + 1, "(", (place + 1, place + 1), field)
    if match := _OPENING_QUOTE.match(text, place):
        return _scan_quoted_value(text, start, match, exact, field)
    if text[place] == "[" and field not in TEXT_FIELDS:
        closing = text.find("]", place)
        if closing < 0:
            raise syntax_error(text, start, end, "the bracket is not closed; write [2000-01 TO 2005-12]")
        end = closing + 1
    else:
        end = _value_end(text, place, _word_end(text, place, end))
    if end == place:
        raise syntax_error(text, start, end + 1, "the field has no value; add one, or remove the field")
    return Token("term", start, end, exact + text[place:end], (place, end), field)


def _value_end(text: str, place: int, end: int) -> int:
    """Returns where a value ends: before punctuation of the sentence, but after both full stops of ``2020..``."""
    while end > place and (text[end - 1] in ",;:!?]" or (text[end - 1] == "." and text[end - 2] != ".")):
        end -= 1
    return end


def _scan_quoted_value(text: str, start: int, match: re.Match[str], exact: str, field: Field) -> Token:
    """Returns a term with a quoted value. Doubled quotes make an author's name exact; ``$`` after it is kept."""
    opened = match.end()
    doubled = field in ("author", "first") and text.startswith('"', opened) and text.find('""', opened + 1) > 0
    inside = _match_quoted(text, start, opened + doubled)
    end = inside.end() + doubled
    last = "$" * (field in ("author", "first") and text.startswith("$", end))
    value = exact + "=" * doubled + match[1] + inside[1] + last
    return Token("term", start, end + len(last), value, inside.span(1), field, quoted=True)


def _match_parentheses(text: str) -> dict[int, int]:
    """Maps the index of each opening parenthesis that is closed to the index after the closing one."""
    opened: list[int] = []
    closings = {}
    for match in re.finditer(r"[()]", text):
        if match[0] == "(":
            opened.append(match.start())
        elif opened:
            closings[opened.pop()] = match.end()
    return closings
