"""BucketReader: reads buckets of counts and of names of authors, and keeps those that were read last.

A bucket never changes once it is published, so what was read is valid as long as its name is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from search.milvus.data import DataStore

_MAX_KEPT = 1_024
"""Buckets that are kept: at most 30 MB of counts, or some 300 MB of names."""


class Group(NamedTuple):
    """A part of all keys, of which there are ``1 << bits``; segments are merged group by group.

    Attributes:
        number: which part.
        bits: how many bits of the hash of a key tell its part.
    """

    number: int
    bits: int


class BucketReader:
    """Reads buckets; safe to use from several threads.

    Args:
        data: the data of the collection.
        unpack: returns the contents of a bucket by the first part of its name.
    """

    def __init__(self, data: DataStore, unpack: Mapping[str, Callable[[bytes], Any]]) -> None:
        self._data, self._unpack = data, unpack
        self._kept: dict[str, Any] = {}

    def has(self, names: Iterable[str]) -> bool:
        """Returns whether buckets are known without a request."""
        kept = self._kept
        return all(name in kept for name in names)

    def get(self, names: Sequence[str], also: Sequence[str] = ()) -> dict[str, Any]:
        """Returns the contents of buckets, those that are missing at once.

        Args:
            names: of the buckets.
            also: buckets that are read as well if one of these is.
        """
        kept = self._kept
        found = {name: kept[name] for name in names if name in kept}
        missing = [name for name in names if name not in found]
        if missing:
            wanted = dict.fromkeys((*missing, *(name for name in also if name not in kept)))
            values = self._data.get(list(wanted))
            read = {name: self._unpack[name.partition("/")[0]](values.get(name, b"")) for name in wanted}
            if len(self._kept) + len(read) > _MAX_KEPT:
                self._kept = {}
            self._kept |= read
            found |= read
        return found
