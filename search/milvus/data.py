"""DataStore: bytes by name in a collection, such as the manifest and the document frequencies."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import zstandard

from search.milvus.keys import MAX_VARCHAR

_PART_BYTES = (MAX_VARCHAR - 16) // 4 * 3
"""Bytes of a part, which base64 lengthens by a third; the first part also has their number."""
_NAMES_PER_QUERY = 500
"""Values, or further parts of some, that are read at once: 10 MB of buckets; Milvus returns 64 MB."""
_NAMES_PER_DELETION = 100
"""Names that are deleted at once."""
_FIRST_PARTS = 4
"""Parts of a value that are read without knowing how many it has: up to 200 kB are one round trip."""
_BYTES_PER_REQUEST = 16 << 20
"""Characters that are written at once; Milvus accepts 64 MB."""
_VECTOR = [0.0, 0.0]
"""The vector that the collection has to have."""


class DataStore:
    """The data about all papers of a collection.

    Args:
        client: a ``MilvusClient``; to read only, ``search.milvus.requests.Requests``.
        name: name of the collection of data.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def put(self, values: Mapping[str, bytes]) -> None:
        """Writes values, each in parts of the size that a field may have."""
        parts = [part for name, value in values.items() for part in split_value(name, value)]
        size, pending = 0, []
        for name, text in parts:
            pending.append({"name": name, "value": text, "unused": _VECTOR})
            size += len(text)
            if size > _BYTES_PER_REQUEST:
                self._client.upsert(self._name, pending)
                size, pending = 0, []
        if pending:
            self._client.upsert(self._name, pending)

    def get(self, names: Sequence[str]) -> dict[str, bytes]:
        """Returns the values of those of the names that there are.

        This is one round trip for up to 500 names; a second one reads the rest of values above 200 kB.
        """
        parts: dict[str, str] = {}
        for some in _in_groups(names):
            parts |= self._read([f"{name}/{part}" for name in some for part in range(_FIRST_PARTS)])
        counts = {name: _part_count(parts.get(f"{name}/0")) for name in names}
        rest = [f"{name}/{part}" for name, count in counts.items() for part in range(_FIRST_PARTS, count)]
        for some in _in_groups(rest):
            parts |= self._read(some)
        return {name: value for name in names if (value := _join(name, parts)) is not None}

    def delete(self, names: Sequence[str]) -> None:
        """Deletes values, and those whose name begins with one of the names and a slash."""
        for some in _in_groups(names, _NAMES_PER_DELETION):
            self._client.delete(self._name, filter=" or ".join(f'name like "{name}/%"' for name in some))

    def _read(self, names: Sequence[str]) -> dict[str, str]:
        rows = self._client.get(self._name, ids=list(names), output_fields=["name", "value"])
        return {row["name"]: row["value"] for row in rows}


def split_value(name: str, value: bytes) -> list[tuple[str, str]]:
    """Returns the parts of a value; the first begins with their number."""
    packed = zstandard.compress(value)
    texts = [b64encode(packed[first : first + _PART_BYTES]).decode() for first in range(0, len(packed), _PART_BYTES)]
    texts[0] = f"{len(texts)}:{texts[0]}"
    return [(f"{name}/{part}", text) for part, text in zip(count(), texts, strict=False)]


def _part_count(first: str | None) -> int:
    return int(first.partition(":")[0]) if first else 0


def _join(name: str, parts: Mapping[str, str]) -> bytes | None:
    """Returns a value; None if there is none, or a part of it was deleted while it was read."""
    number = _part_count(parts.get(f"{name}/0"))
    texts = [parts.get(f"{name}/{part}", "").rpartition(":")[2] for part in range(number)]
    return zstandard.decompress(b"".join(map(b64decode, texts))) if texts and all(texts) else None


def _in_groups(names: Sequence[str], size: int = _NAMES_PER_QUERY) -> list[Sequence[str]]:
    return [names[first : first + size] for first in range(0, len(names), size)]
