"""KeyLookup: which papers of a collection have which identity keys."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

from search.milvus.collection import MAX_RESULTS
from search.milvus.keys import POSITIVE
from search.milvus.schema import Dialect

_KEYS_PER_QUERY = 1_000
"""Keys that are looked up at once, about 20 KB."""


class KeyLookup:
    """Finds papers by their keys, published or not.

    A server has an index of keys. Milvus Lite would scan all papers for each key, so their keys are read at once.

    Args:
        client: The connection.
        name: Name of the collection.
        dialect: What the server understands.
        rows: The rows below this one are searched.

    Attributes:
        rows: See above.
    """

    def __init__(self, client: Any, name: str, dialect: Dialect, rows: int) -> None:
        self._client, self._name, self._keys, self.rows = client, name, dialect.keys, rows

    def find(self, keys: Collection[int]) -> set[int]:
        """Returns the rows that have one of the keys; of two keys that differ only in their sign, it finds both."""
        wanted = sorted({key & POSITIVE for key in keys})
        if not self.rows:
            return set()
        if not self._keys.is_array:
            return {row for key in wanted for row in self._by_key.get(key, ())}
        parts = (wanted[first : first + _KEYS_PER_QUERY] for first in range(0, len(wanted), _KEYS_PER_QUERY))
        return {row for part in parts for row in self._query(part)}

    def _query(self, keys: list[int]) -> Iterator[int]:
        expression = f"row < {self.rows} and {self._keys.has_any('identity', keys)}"
        found = self._select(expression, "row")
        if len(found) < MAX_RESULTS:
            yield from (int(each["row"]) for each in found)
        elif len(keys) > 1:
            yield from self._query(keys[: len(keys) // 2])
            yield from self._query(keys[len(keys) // 2 :])
        else:
            for first in range(0, self.rows, MAX_RESULTS):
                part = f"row >= {first} and row < {first + MAX_RESULTS}"
                yield from (int(each["row"]) for each in self._select(f"{part} and {expression}", "row"))

    @cached_property
    def _by_key(self) -> dict[int, list[int]]:
        found = defaultdict[int, list[int]](list)
        for first in range(0, self.rows, MAX_RESULTS):
            last = min(first + MAX_RESULTS, self.rows)
            for each in self._select(f"row >= {first} and row < {last}", "row", "identity"):
                for key in self._keys.decode(each["identity"]):
                    found[key].append(int(each["row"]))
        return dict(found)

    def _select(self, expression: str, *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.query(
            self._name,
            filter=expression,
            output_fields=list(fields),
            limit=MAX_RESULTS,
            consistency_level="Strong",
        )
        return found
