"""The syntax of BibTeX files: blocks, fields and values, as BibTeX and biber read them, and more tolerant than both.

References: Oren Patashnik, BibTeXing (https://ctan.org/pkg/bibtex), and btparse, the parser of biber
(https://metacpan.org/dist/Text-BibTeX). A value is a sequence of texts, numbers and names of macros joined by ``#``;
whoever knows the macros resolves it. These faults do not cost an entry: a comma too many or too few, a repeated field,
no key, no value, comments between fields, quotation marks within quotation marks, and escaped braces, which BibTeX
counts like others.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer.sources.file import SourceFile
from indexer.sources.limits import MAX_RECORD_CHARACTERS

_MAX_MALFORMED = 20
"""Malformed blocks after which the rest of a text is not read, because each one may take the time of the whole text.
An entry that starts on a line of its own is a text of its own."""
_BLOCK = re.compile(r"@\s*(?P<type>[^\W\d]\w*)\s*(?P<open>[{(])")
_BLOCK_LINE = re.compile(
    r"^[ \t]*+@[ \t]*+(?!comment\b)[^\W\d]\w*+[ \t]*+(?:[{(][^,{}()=\n]*+(?:[,=]|$)|\{[ \t]*+[^\s,{}=]++,)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line with which a block starts: its type, and its key or the name of its macro."""
_LATER_BLOCK = re.compile(r"(?<![^\s}),])" + _BLOCK.pattern + r"(?=\s*[^\s,{}()=]*\s*[,=])")
"""A block after a malformed one, which may be the rest of a value: an ``@`` in an address is none."""
_KEY = re.compile(r"([^,={}]*)(?:,|(?=[})]))")
_SPACE = re.compile(r"(?:\s+|%[^\n]*)*")
"""White space and comments."""
_NAME = re.compile(r"[^={}\",#%@]+=")
_BARE_WORD = re.compile(r"[^\s,{}\"#=%()]+")
_BARE_TEXT = re.compile(r"[^,{}\"#=%\n]+(?=[,}\n])")
_QUOTE_END = re.compile(r"\s*(?:[,#})%]|$|[\w-]+\s*=)")
"""What follows the quotation mark that ends a value; other quotation marks are part of it."""


_COMMENT_LINE = re.compile(r"^[ \t]*+@[ \t]*+comment\s*+([{(])", re.IGNORECASE | re.MULTILINE)
_COMMENT_MARKS = {"{": re.compile(r"[{}]"), "(": re.compile(r"[()]")}


class _Marks(NamedTuple):
    """The characters at which values end, with or without escaped ones."""

    braces: re.Pattern[str]
    quotes: re.Pattern[str]


_ALL_MARKS = _Marks(re.compile(r"[{}]"), re.compile(r'[{}"]'))
_UNESCAPED_MARKS = _Marks(re.compile(r"\\.|[{}]", re.DOTALL), re.compile(r'\\.|[{}"]', re.DOTALL))


class Piece(NamedTuple):
    """A part of a value: a text, or the name of a macro."""

    text: str
    is_macro: bool


Value = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry.

    Attributes:
        line: The number of its first line, from 1.
        type: Its type in lower case.
        key: Its key; may be empty.
        fields: The values by name in lower case; of a repeated field the first one, like biber.
        faults: What is wrong with its syntax, each with an example.
    """

    line: int
    type: str
    key: str
    fields: dict[str, Value] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Macro:
    """A ``@string``: the number of its first line, the name of a macro in lower case, and its value."""

    line: int
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Malformed:
    """A block that cannot be read: the number of its first line, from 1, and the reason."""

    line: int
    reason: str


class _SyntaxFault(ValueError):
    """What is wrong with a block, and the position where the parser stopped."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def parse_blocks(text: str, line: int) -> Iterator[Entry | Macro | Malformed]:
    """Yields the entries and macros of a text in order; ``@preamble`` is left out.

    The body of ``@comment`` is left out as well, as biber does it (bt_language in btparse: in braces or parentheses).
    BibTeX itself reads entries within it. If the body is not closed, ``@comment`` is only a word, as in BibTeX.

    Args:
        text: The text; what is outside of blocks is a comment.
        line: The number of its first line.
    """
    position, counted, malformed, unclosed, pattern = 0, 0, 0, 0, _BLOCK
    while block := pattern.search(text, position):
        if block["type"].lower() == "comment":
            is_open, end = _close_comment(text, block.end(), block["open"], 1) if unclosed < _MAX_MALFORMED else (1, 0)
            position, unclosed = (block.end(), unclosed + 1) if is_open else (end, unclosed)
            continue
        line, counted, pattern = line + text.count("\n", counted, block.start()), block.start(), _BLOCK
        try:
            parsed, position = _parse_block(text, block, line)
            if parsed:
                yield parsed
        except _SyntaxFault as fault:
            yield Malformed(line, str(fault))
            position, pattern, malformed = max(fault.position, block.end()), _LATER_BLOCK, malformed + 1
            if malformed == _MAX_MALFORMED:
                yield Malformed(line, "the rest of the line was not read; start each entry on a line of its own")
                return


def read_texts(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Yields the text of each record, up to the next line that starts a block, with the number of its first line.

    Records within a comment belong to the record in which it starts, so that ``parse_blocks`` skips them.
    """
    pending, size, opening, depth = list[tuple[int, str]](), 0, "", 0
    for number, lines in file.records(starts_block):
        text, position = "".join(lines), 0
        while True:
            if not depth:
                comment = _COMMENT_LINE.search(text, position)
                if not comment:
                    break
                opening, depth, position = comment[1], 1, comment.end()
            depth, position = _close_comment(text, position, opening, depth)
            if depth:
                break
        pending.append((number, text))
        size += len(text)
        if not depth:
            yield pending[0][0], "".join(text for _, text in pending)
        elif size > MAX_RECORD_CHARACTERS:  # it is not closed, or too long
            yield from pending
            depth = 0
        if not depth:
            pending, size = [], 0
    yield from pending


def starts_block(line: str) -> bool:
    """Whether a block starts in a line; a block before it that is not closed ends there."""
    return bool(_BLOCK_LINE.match(line))


def has_block(head: str) -> bool:
    """Whether a text has a line with which an entry or macro starts."""
    return bool(_BLOCK_LINE.search(head))


def split_outside_braces(text: str, separator: str) -> list[str]:
    """Splits a text; what is in braces stays together, and escaped braces do not count.

    Args:
        text: The text.
        separator: A regular expression without groups; case is ignored.
    """
    if "{" not in text:
        return text.split(separator) if separator == "," else re.split(separator, text, flags=re.IGNORECASE)
    parts, start, depth = list[str](), 0, 0
    for match in re.finditer(rf"(?P<brace>\\.|[{{}}])|{separator}", text, re.IGNORECASE | re.DOTALL):
        if match["brace"]:
            depth = max(0, depth + {"{": 1, "}": -1}.get(match["brace"], 0))
        elif depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _parse_block(text: str, block: re.Match[str], line: int) -> tuple[Entry | Macro | None, int]:
    kind = block["type"].lower()
    if kind == "preamble":
        return None, _parse_value(text, block.end(), _ALL_MARKS)[1]
    if kind == "string":
        return _parse_macro(text, block, line)
    try:
        return _parse_entry(text, block, line, _ALL_MARKS)
    except _SyntaxFault as fault:
        try:
            return _parse_entry(text, block, line, _UNESCAPED_MARKS)
        except _SyntaxFault:
            raise fault from None


def _close_comment(text: str, position: int, opening: str, depth: int) -> tuple[int, int]:
    """Looks for the end of a comment.

    Args:
        text: The text.
        position: A position in the comment.
        opening: The brace or parenthesis that opens it.
        depth: How many of these are open at this position.

    Returns:
        How many of these are still open at the end of the text, and the position after the last one that closes.
    """
    for mark in _COMMENT_MARKS[opening].finditer(text, position):
        depth += 1 if mark[0] == opening else -1
        if depth == 0:
            return 0, mark.end()
    return depth, len(text)


def _parse_macro(text: str, block: re.Match[str], line: int) -> tuple[Macro, int]:
    name = _NAME.match(text, block.end())
    if not name:
        raise _SyntaxFault(block.end(), f"@string has no 'name =' at {_quote(text, block.end())}")
    value, position = _parse_value(text, name.end(), _ALL_MARKS)
    return Macro(line, name[0][:-1].strip().lower(), value), position


def _parse_entry(text: str, block: re.Match[str], line: int, marks: _Marks) -> tuple[Entry, int]:
    key = _KEY.match(text, block.end())
    entry = Entry(line, block["type"].lower(), key[1].strip() if key else "")
    position, closing, is_separated = key.end() if key else block.end(), "}" if block["open"] == "{" else ")", True
    last = ""
    while (position := _skip_space(text, position)) < len(text):
        if text[position] == closing:
            return entry, position + 1
        if text[position] == ",":
            if is_separated:
                entry.faults.append(("a comma without a field before it was skipped", entry.key))
            position, is_separated = position + 1, True
            continue
        name = _NAME.match(text, position)
        if not name:
            raise _SyntaxFault(position, f"a field must start with 'name =', but there is {_quote(text, position)}")
        last = name[0][:-1].split()[-1].lower() if name[0][:-1].strip() else ""
        if not is_separated:
            entry.faults.append(("a comma between two fields was missing", last))
        try:
            value, position = _parse_value(text, name.end(), marks)
        except _SyntaxFault as fault:
            raise _SyntaxFault(fault.position, f"the field {last!r}: {fault}") from None
        if entry.fields.setdefault(last, value) is not value:
            entry.faults.append(("a field was repeated in an entry; the first value was read", last))
        is_separated = False
    where = f"perhaps in the field {last!r}" if last else "the one after the type"
    raise _SyntaxFault(block.end(), f"a brace is never closed, {where}")


def _parse_value(text: str, position: int, marks: _Marks) -> tuple[Value, int]:
    """Parses the pieces of a value; returns them and the position after them."""
    pieces = list[Piece]()
    while True:
        position = _skip_space(text, position)
        opening = text[position : position + 1]
        if opening == "{":
            end = _find_brace(text, position + 1, marks)
            pieces.append(Piece(text[position + 1 : end - 1], is_macro=False))
        elif opening == '"':
            end = _find_quote(text, position + 1, marks)
            pieces.append(Piece(text[position + 1 : end - 1], is_macro=False))
        elif word := _BARE_WORD.match(text, position):
            end = word.end()
            pieces.append(Piece(word[0], is_macro=not word[0].isdigit()))
        elif opening in (",", "}", ")") and not pieces:
            return (), position  # a field without a value
        else:
            raise _SyntaxFault(position, f"a value must start with a brace, quotation mark, number or name of a macro, "
                               f"but there is {_quote(text, position)}")  # fmt: skip
        start, position = position, _skip_space(text, end)
        if text[position : position + 1] != "#":
            break
        position += 1
    following = text[position : position + 1]
    if len(pieces) == 1 and opening not in ("{", '"') and following not in (",", "}", ")"):
        return _parse_bare_text(text, start, (tuple(pieces), position))
    return tuple(pieces), position


def _parse_bare_text(text: str, start: int, otherwise: tuple[Value, int]) -> tuple[Value, int]:
    """Parses a value of several words without braces, such as ``3 May 2001``."""
    bare = _BARE_TEXT.match(text, start)
    return ((Piece(bare[0].strip(), is_macro=False),), bare.end()) if bare else otherwise


def _find_brace(text: str, position: int, marks: _Marks) -> int:
    """The position after the brace that closes the one before a position."""
    depth = 1
    for mark in marks.braces.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    raise _SyntaxFault(position, "a brace is never closed")


def _find_quote(text: str, position: int, marks: _Marks) -> int:
    """The position after the quotation mark that closes the one before a position."""
    depth = 0
    for mark in marks.quotes.finditer(text, position):
        if mark[0] == '"' and depth == 0 and _QUOTE_END.match(text, mark.end()):
            return mark.end()
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth < 0:
            break
    raise _SyntaxFault(position, "a quotation mark is never closed")


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _quote(text: str, position: int) -> str:
    """The text at a position for a message."""
    shown = " ".join(text[position : position + 40].split())
    return repr(shown) if shown else "the end"
