"""The shape of JSON text that may be truncated or malformed: names and places of its fields, and where a value ends."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_NEXT_FIELD = r'[\s}\]]{0,64},\s{0,64}\{?\s{0,64}"[^"\\]{0,64}"\s{0,64}:'
SYMBOL = re.compile(
    rf"""(?<=[^{{\[,:\s])"(?=\s*[,}}\]])    # the end of a string without start
    |"(?:[^"\\}}\]]++|\\.                  # a string
        |"(?!\s*[:,}}\]])|[}}\]](?!{_NEXT_FIELD}))*+"?
    |[{{}}\[\],]""",
    re.DOTALL | re.VERBOSE,
)
"""A string, a bracket or a comma. A quotation mark ends a string only where a string may end, and brackets that a name
follows are in no string, so that a quotation mark that is missing, or not escaped, does not affect what follows."""
_KEY_END = re.compile(r"\s*:\s*")
_VALUE_START = re.compile(r"\[?\s*\S?")


_MAX_DEPTH = 8
"""Levels of lists and objects in which fields are searched for; records are within three."""


def record_fields(head: str, *paths: str) -> dict[str, str]:
    """Finds the names of the fields that the first records have.

    Args:
        head: The start of a file.
        paths: Where the records may be, as in ``message.items[]``; they may also be the values of the file, or the
            values of a list.

    Returns:
        How each field's value starts, by name: ``"``, ``{``, a digit, or ``[`` and the first character in the list. A
        null counts only if no record has another value.
    """
    kinds = _outline(head)
    for path in (*paths, "[]", ""):
        start = path + "." if path else ""
        names = {name[len(start) :]: kind for name, kind in kinds.items() if name.startswith(start)}
        fields = {name: kind for name, kind in names.items() if "." not in name and not name.endswith("[]")}
        if fields:
            return fields
    return {}


def first_record_fields(head: str) -> dict[str, str]:
    """``record_fields`` of the first value only, if it is an object in a line of its own."""
    line = head.lstrip().partition("\n")[0]
    return record_fields(line if line.rstrip().endswith("}") else head)


def find_list(head: str, paths: Iterable[str]) -> int:
    """The position of the first list at one of these paths, as in ``message.items``; 0 if there is none."""
    wanted = set(paths)
    lists = (start for path, start in _iter_fields(head) if path in wanted and head[start : start + 1] == "[")
    return next(lists, 0) if wanted else 0


@lru_cache(maxsize=2)
def _outline(head: str) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for path, start in _iter_fields(head):
        if kinds.get(path, "n") == "n":
            kinds[path] = "".join(_VALUE_START.findall(head, start, start + 1_000)[0].split())
    return kinds


def _iter_fields(text: str) -> Iterator[tuple[str, int]]:
    """Yields the path of each field and the position of its value."""
    containers, name = [("", "")], ""  # each the bracket that opens it, and its path; the name of the latest field
    for match in SYMBOL.finditer(text):
        symbol, (bracket, path) = match[0], containers[-1]
        if symbol in ("{", "[") and len(containers) > _MAX_DEPTH:
            containers.append(("", ""))
        elif symbol in ("{", "["):
            inner = f"{path}.{name}".strip(".") if bracket == "{" else path
            containers.append((symbol, inner + "[]" if symbol == "[" else inner))
        elif symbol in ("}", "]"):
            del containers[max(len(containers) - 1, 1) :]
        elif bracket == "{" and symbol != "," and (end := _KEY_END.match(text, match.end())):
            name = symbol[1:-1]
            yield f"{path}.{name}".strip("."), end.end()


class ValueSkipper:
    """Finds the end of a malformed value of a list by its brackets, of which some may be missing."""

    def __init__(self) -> None:
        self._open = list[str]()
        self._counts = {"{": 0, "[": 0}
        self._previous = ""

    def ends_before(self, symbol: str, is_adjacent: bool) -> bool:
        """Whether the value ends before this symbol, which may be adjacent to the previous one but for white space."""
        if not self._open:
            return symbol in ",]"
        is_name_expected = self._open == ["{"] and self._previous == "," and is_adjacent
        return symbol == "{" and is_name_expected  # the closing brace is missing

    def ends_with(self, symbol: str, following: str) -> bool:
        """Takes the next symbol, and returns whether the value ends with it.

        Args:
            symbol: The symbol.
            following: The character that follows it.
        """
        self._previous = symbol
        if symbol in self._counts:
            self._open.append(symbol)
            self._counts[symbol] += 1
        elif symbol in ("}", "]") and self._counts[opening := "{" if symbol == "}" else "["]:
            if self._open[-1] != opening and following == "]":
                return False  # one brace too many
            last = ""
            while last != opening:
                last = self._open.pop()
                self._counts[last] -= 1
            return not self._open
        return False
