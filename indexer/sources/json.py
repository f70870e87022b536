"""JSON: strict parsing of records, and files of JSON values that are read one value at a time."""

import json
import re
from collections.abc import Iterator

import orjson

from indexer.sources.file import SourceFile
from indexer.sources.json_shape import SYMBOL, ValueSkipper, find_list
from indexer.sources.limits import MAX_RECORD_CHARACTERS, MalformedRecord, check_record_size
from search.errors import SourceError
from search.papers.json import Json

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
"""Finds the end of a value; numbers stay text, because only their extent matters."""
_TEXTS_AND_INTEGERS = frozenset((str, int, bool, type(None)))
_MAX_TOKEN = 12
"""Characters of the longest token that a decoder rejects when it is cut: half a pair of ``\\uXXXX``."""


def parse_json_object(text: str) -> dict[str, Json]:
    """Parses a JSON object.

    Raises:
        MalformedRecord: The text is not JSON, contains NaN or Infinity, or is not an object.
    """
    fields = parse_json(text)
    if not isinstance(fields, dict):
        raise MalformedRecord(f"{text.strip()[:40]!r} is not a JSON object")
    return fields


def parse_json(text: str) -> Json:
    """Parses JSON as RFC 8259 defines it: without NaN, Infinity and lone surrogates.

    An integer of more than 64 bits becomes a string of its digits, because no JSON writer here can keep it.

    Raises:
        MalformedRecord: The text is not JSON.
    """
    check_record_size(len(text))
    try:
        value: Json = orjson.loads(text)
        if _has_large_float(value):  # orjson reads an integer of more than 64 bits as a float
            value = json.loads(text, parse_int=_parse_integer)
    except RecursionError:
        raise MalformedRecord("not JSON: nested too deep") from None
    except ValueError as error:
        raise MalformedRecord(f"not JSON: {error}") from None
    return value


def parse_extra(text: Json) -> dict[str, Json]:
    """Parses the JSON that our own exports write for ``extra``; empty for anything but an object."""
    try:
        value = parse_json(text) if isinstance(text, str) and text else text
    except MalformedRecord:
        return {}
    return dict(value) if isinstance(value, dict) else {}


def iter_values(file: SourceFile, *paths: str) -> Iterator[tuple[int, str] | SourceError]:
    """Yields the text of each value with the number of its first line.

    The values are those of the list at one of the paths, as in ``message.items``, if the file starts with an object
    that has one; else those of a list; else those that follow one another, such as one per line. A malformed value is
    yielded as an error, and reading continues at the next one.
    """
    head = file.head()
    start = find_list(head, paths)
    if not start and _has_value_per_line(head):
        yield from ((number, line) for number, line in file.lines() if not line.isspace())
        return
    text = _Text(file)
    text.skip_characters(start)
    if text.skip(_SPACE) and text.next_character() == "[":
        text.skip_characters(1)
        yield from _iter_list(text, file, is_whole_file=not start)
        if not (start and text.skip_to_line("{")):
            return
    while text.skip(_SPACE):
        try:
            yield text.line, text.take_value()
        except MalformedRecord as error:
            yield SourceError(file.path, text.line, str(error))
            if not text.skip_to_line("{"):
                return


def _iter_list(text: "_Text", file: SourceFile, is_whole_file: bool) -> Iterator[tuple[int, str] | SourceError]:
    """Yields the values of a list, up to its end.

    The value after a malformed one is found by its indentation if all those before it have the same, else by the
    brackets of the malformed one.
    """
    indentations = set[str | None]()
    has_error = False
    while text.skip(_SEPARATORS_OR_GARBAGE if has_error else _LIST_SEPARATORS):
        if text.next_character() == "]":
            text.skip_characters(1)
            if has_error and is_whole_file and text.skip(_SPACE):
                continue  # a bracket of the malformed value
            return
        line, indentation = text.line, text.indentation
        try:
            value = text.take_value()
        except MalformedRecord as error:
            yield SourceError(file.path, line, str(error))
            has_error = True
            is_indented = indentation is not None and indentations == {indentation}
            if not (text.skip_to_line(f"{indentation}{{") if is_indented else text.skip_value()):
                return
        else:
            yield line, value
            indentations.add(indentation)
    yield SourceError(file.path, text.line, "not JSON: the list is not closed; the file may be truncated")


def _has_value_per_line(head: str) -> bool:
    """Whether each line is a value, of which the first may be malformed; not so for a list and for indented objects."""
    first, _, rest = head.lstrip().partition("\n")
    return not first.startswith("[") and (not first.startswith("{") or _is_json(first) or rest.startswith("{"))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


_SPACE = re.compile(r"\s*")
_LIST_SEPARATORS = re.compile(r"[\s,]*")
_SEPARATORS_OR_GARBAGE = re.compile(r"[^{\]]*")


class _Text:
    """The text of a file, of which only the part around the current position is in memory.

    Attributes:
        line: Number of the line at the current position, from 1.
        indentation: The space at the start of this line, if ``skip`` has moved over it; else None.
    """

    def __init__(self, file: SourceFile) -> None:
        self.line = 1
        self.indentation: str | None = None
        self._chunks = file.chunks()
        self._text = ""
        self._position = 0
        self._is_complete = False

    def next_character(self) -> str:
        return self._text[self._position]

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Moves behind what matches here; False at the end of the text."""
        self.indentation = None
        while True:
            match = pattern.match(self._text, self._position)
            self._note_indentation(match[0] if match else "")
            self._move_to(match.end() if match else self._position)
            if self._position < len(self._text):
                return True
            if not self._read_more():
                return False

    def _note_indentation(self, skipped: str) -> None:
        _, newline, space = skipped.rpartition("\n")
        if newline or self.indentation is not None:
            space = space if newline else f"{self.indentation}{space}"
            self.indentation = space if not space or space.isspace() else None

    def skip_characters(self, count: int) -> None:
        """Moves by so many characters, or to the end of the text."""
        while count > len(self._text) - self._position:
            count -= len(self._text) - self._position
            self._move_to(len(self._text))
            if not self._read_more():
                return
        self._move_to(self._position + count)

    def take_value(self) -> str:
        """Moves behind the value here and returns its text.

        Raises:
            MalformedRecord: It is not JSON, or too long.
        """
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._position)
            except RecursionError:
                raise MalformedRecord("not JSON: nested too deep") from None
            except json.JSONDecodeError as error:
                if not self._may_be_cut(error) or not self._extend():
                    line = self.line + self._text.count("\n", self._position, error.pos)
                    raise MalformedRecord(f"not JSON: {error.msg} in line {line}") from None
            else:
                if end < len(self._text) or not self._extend():
                    start = self._position
                    self._move_to(end)
                    return self._text[start:end]

    def skip_to_line(self, start: str) -> bool:
        """Moves to the next line that starts with this text; False if there is none."""
        while (found := self._text.find("\n" + start, self._position)) < 0:
            self._move_to(max(self._position, len(self._text) - len(start)))
            if not self._read_more():
                return False
        self._move_to(found + 1)
        return True

    def skip_value(self) -> bool:
        """Moves behind the malformed value of a list that starts here; False if the text ends with it."""
        skipper = ValueSkipper()
        while True:
            match = SYMBOL.search(self._text, self._position)
            if not match or match.end() == len(self._text):
                self._move_to(match.start() if match else len(self._text))
                if len(self._text) - self._position > MAX_RECORD_CHARACTERS or not self._read_more():
                    return False
                continue
            if skipper.ends_before(match[0], not self._text[self._position : match.start()].strip()):
                self._move_to(match.start())
                return True
            self._move_to(match.end())
            if skipper.ends_with(match[0], self._text[match.end() : match.end() + 100].lstrip()[:1]):
                return True

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether a longer text may have no such error."""
        return error.pos >= len(self._text) - _MAX_TOKEN or error.msg.startswith("Unterminated string")

    def _extend(self) -> bool:
        """Reads more of a value that the text so far does not complete."""
        check_record_size(len(self._text) - self._position)
        return self._read_more()

    def _move_to(self, position: int) -> None:
        self.line += self._text.count("\n", self._position, position)
        self._position = position

    def _read_more(self) -> bool:
        """Doubles the text that follows, so that repeated attempts take linear time; False at the end of the file."""
        parts = [self._text[self._position :]]
        wanted = size = len(parts[0])
        while size <= 2 * wanted and (chunk := next(self._chunks, None)):
            parts.append(chunk[1])
            size += len(chunk[1])
        self._text, self._position = "".join(parts), 0
        return size > wanted


def _has_large_float(value: Json) -> bool:
    if isinstance(value, float):
        return abs(value) >= 2**63
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if _TEXTS_AND_INTEGERS.issuperset(map(type, inner)):
        return False
    return any(_has_large_float(each) for each in inner if type(each) not in _TEXTS_AND_INTEGERS)


def _parse_integer(digits: str) -> int | str:
    number = int(digits) if len(digits) <= 20 else 2**64
    return number if -(2**63) <= number < 2**64 else digits
