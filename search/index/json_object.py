"""JsonObject: reads the JSON files of an index and checks every key that is used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Never, Self

from search.errors import IndexDamaged
from search.papers.json import Json

REPAIR_HINT = "run papers doctor --repair"

_MAX_SHOWN_VALUE = 40
"""Characters of an unexpected value that a message shows."""


@dataclass(frozen=True, slots=True)
class JsonObject:
    """One JSON object in a file of the index.

    Every accessor returns the value of a key and raises ``IndexDamaged`` if the key is missing or its value has
    another type. The message names the file and the key.

    Attributes:
        path: the file.
        fields: the keys and values of the object.
        name: position of the object in the file, for example ``manifest.model``; empty for the whole file.
    """

    path: Path
    fields: Mapping[str, Json]
    name: str = ""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a file that contains one JSON object.

        Raises:
            IndexDamaged: the file is missing, truncated, or does not contain a JSON object.
            OSError: it cannot be read, which says nothing about its content.
        """
        try:
            value = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError) as error:
            raise damaged_file(path, f"it cannot be read as JSON ({error})") from None
        if not isinstance(value, dict):
            raise damaged_file(path, "it is not a JSON object")
        return cls(path, value)

    def text(self, key: str) -> str:
        """Returns a string."""
        value = self._value(key)
        return value if isinstance(value, str) else self._reject(key, value, "a string")

    def count(self, key: str) -> int:
        """Returns a whole number of 0 or more."""
        value = self._value(key)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        return self._reject(key, value, "a whole number of 0 or more")

    def number(self, key: str) -> float:
        """Returns a finite number."""
        value = self._value(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            return value
        return self._reject(key, value, "a finite number")

    def texts(self, key: str) -> tuple[str, ...]:
        """Returns a list of strings."""
        value = self._value(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(str(item) for item in value)
        return self._reject(key, value, "a list of strings")

    def child(self, key: str) -> "JsonObject":
        """Returns an object."""
        value = self._value(key)
        if isinstance(value, dict):
            return JsonObject(self.path, value, self._name_of(key))
        return self._reject(key, value, "a JSON object")

    def children(self, key: str) -> "tuple[JsonObject, ...]":
        """Returns a list of objects."""
        value, found = self._value(key), []
        for number, item in enumerate(value if isinstance(value, list) else [None]):
            if not isinstance(item, dict):
                return self._reject(key, value, "a list of JSON objects")
            found.append(JsonObject(self.path, item, f"{self._name_of(key)}[{number}]"))
        return tuple(found)

    def _value(self, key: str) -> Json:
        if key not in self.fields:
            raise damaged_file(self.path, f"the key {self._name_of(key)} is missing")
        return self.fields[key]

    def _name_of(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _reject(self, key: str, value: Json, expected: str) -> Never:
        shown = repr(value)
        shown = shown if len(shown) <= _MAX_SHOWN_VALUE else f"{shown[:_MAX_SHOWN_VALUE]}..."
        raise damaged_file(self.path, f"the value of {self._name_of(key)} is {shown}, but must be {expected}")


def damaged_file(path: Path, problem: str) -> IndexDamaged:
    """Returns the error for a file that a repair can rebuild."""
    return IndexDamaged(path, f"{problem}; {REPAIR_HINT}")
