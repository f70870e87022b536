"""Records in JSON, and JsonFields: the fields of an object, each read as the type that its format gives it.

Programs write numbers for texts, texts for lists, and objects for texts. What can be read as the wanted type is; any
other value costs its field, with a warning, and not the record.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeGuard

from indexer.sources.author_cells import find_separator, split_authors
from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.json import iter_values, parse_json
from indexer.sources.limits import MalformedRecord
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

Warn = Callable[[str, str], None]
"""Takes what was assumed, the same text for each case of a kind, and the value that is meant."""
_TEXT = frozenset((str,))
_MAX_SHOWN_CHARACTERS = 60
"""Characters of a value in a warning."""


def _ignore(_problem: str, _example: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class JsonFields:
    """The fields of one object.

    Attributes:
        values: The values by name, as they were parsed.
        warn: Is called for a value that is left out.
    """

    values: dict[str, Json]
    warn: Warn = field(default=_ignore)

    def text(self, *names: str) -> str:
        """The first of these fields that has a text; of a list, the first text. Empty if there is none."""
        return self._find(names, _read_text, "a text")

    def plain(self, *names: str) -> str:
        """``text``, where a number is read as well."""
        return self._find(names, _read_plain, "a text or number")

    def number(self, name: str) -> int | float | str | None:
        """A number as it is, or a text; None if there is neither."""
        value = self.values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return self.text(name) or None

    def flag(self, name: str) -> bool:
        """Whether a field is true."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            self._leave_out(name, value, "true or false")
        return value is True

    def date(self, *names: str) -> Date | None:
        """The date in the first of these fields that has one."""
        for name in names:
            if found := find_date(_read_plain(self.values.get(name))):
                return found
        for name in names:
            self._check(name, _read_plain, "a text or number")
        return None

    def texts(self, name: str) -> list[str]:
        """The texts and numbers of a list, or a text alone."""
        values = self._list(name)
        if _is_texts(values):
            return list(filter(None, values))
        return [text for value in values if (text := self._read_element(name, value))]

    def object(self, name: str) -> "JsonFields":
        """The fields of an object; none if there is no object."""
        value = self.values.get(name)
        if value not in (None, "", []) and not isinstance(value, dict):
            self._leave_out(name, value, "an object")
        return JsonFields(value if isinstance(value, dict) else {}, self.warn)

    def objects(self, name: str) -> list["JsonFields"]:
        """The objects of a list, or an object alone."""
        objects = list[JsonFields]()
        for value in self._list(name):
            if isinstance(value, dict):
                objects.append(JsonFields(value, self.warn))
            elif value is not None:
                self._leave_out(name, value, "an object")
        return objects

    def people(self, name: str, parse: Callable[["JsonFields"], str]) -> list[str]:
        """The names of a list of people, who may be objects or texts, or of a text with separators.

        Args:
            name: The field.
            parse: Returns the name of a person that is an object.
        """
        value = self.values.get(name)
        if isinstance(value, str):
            return split_authors(value, find_separator([value]))[0]
        values = self._list(name)
        if _is_texts(values):
            return list(filter(str.strip, values))
        names = [
            parse(JsonFields(each, self.warn)) if isinstance(each, dict) else self._read_element(name, each)
            for each in values
        ]
        return [each for each in names if each.strip()]

    def _find(self, names: tuple[str, ...], read: Callable[[Json], str], wanted: str) -> str:
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            if isinstance(value, str) and value and not value.isspace():
                return value
            if text := read(value):
                return text
            self._check(name, read, wanted)
        return ""

    def _check(self, name: str, read: Callable[[Json], str], wanted: str) -> None:
        """Warns of a value that is not empty, but not of the wanted type."""
        value = self.values.get(name)
        if value not in (None, "", [], {}) and not isinstance(value, str) and not read(value):
            self._leave_out(name, value, wanted)

    def _list(self, name: str) -> list[Json]:
        value = self.values.get(name)
        return value if isinstance(value, list) else [] if value in (None, "") else [value]

    def _read_element(self, name: str, value: Json) -> str:
        text = value if isinstance(value, str) else str(value) if _is_number(value) else ""
        if not text and value not in (None, ""):
            self._leave_out(name, value, "a text")
        return text

    def _leave_out(self, name: str, value: Json, wanted: str) -> None:
        self.warn(f"{name}: a value that is not {wanted} was left out", str(value)[:_MAX_SHOWN_CHARACTERS])


def read_records(file: SourceFile, parse: Callable[[JsonFields], Paper], *paths: str) -> Iterator[Paper | SourceError]:
    """Yields one record or one error per value of the file; see ``iter_values``.

    A value may also be a list of records, or an object with a record, or with a list of them, at one of the paths.

    Args:
        file: The file.
        parse: Converts a record to a paper.
        paths: Where an object has the list of records, as in ``message.items``.
    """
    for each in iter_values(file, *paths):
        if isinstance(each, SourceError):
            yield each
            continue
        number, text = each
        file.record_line = number
        try:
            value = parse_json(text)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
            continue
        for record in [value] if isinstance(value, dict) and not paths else _list_records(value, paths):
            yield from read_record(file, number, partial(_parse_record, record, parse, partial(file.warn, number)))


def _parse_record(record: Json, parse: Callable[[JsonFields], Paper], warn: Warn) -> Paper:
    if not isinstance(record, dict):
        raise MalformedRecord(f"{str(record)[:40]!r} is not a JSON object")
    return parse(JsonFields(record, warn))


def _list_records(value: Json, paths: Iterable[str]) -> list[Json]:
    for path in paths:
        inner = value
        for name in path.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict | list):
            value = inner
            break
    return value if isinstance(value, list) else [value]


def _is_texts(values: list[Json]) -> TypeGuard[list[str]]:
    return _TEXT.issuperset(map(type, values))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_text(value: Json) -> str:
    """A text, or the first one of a list; empty for anything else."""
    values = value if isinstance(value, list) else [value]
    return next((each for each in values if isinstance(each, str) and each.strip()), "")


def _read_plain(value: Json) -> str:
    """A text or number, or the first one of a list; empty for anything else."""
    values = value if isinstance(value, list) else [value]
    return next((str(each) for each in values if _is_number(each) or (isinstance(each, str) and each.strip())), "")
