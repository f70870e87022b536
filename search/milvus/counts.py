"""Counts: the document frequencies of a collection, in buckets of which a question reads those of its words.

A count belongs to a 64-bit key. Of the analysis of words (``search.index.term_postings``) these are the terms of each
field and the words as written; of the names of authors, the first given names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.index.term_postings import FIELD_MARKS, word_key
from search.milvus.data import DataStore
from search.papers.identifiers import hash_key

_ENTRIES_PER_BUCKET = 2_500
"""Mean number of counts of a bucket, at 12 bytes each, so that it is one part of ``DataStore``."""
_READ_WHOLE_BITS = 6
"""Up to 64 buckets are read at once, 2 MB: those of some 20,000 papers."""
_ENTRY = np.dtype([("key", "<i8"), ("count", "<i4")])


def term_key(term: str, field: int) -> int:
    """Returns the key of the papers with a term in a field of ``term_postings``."""
    return hash_key("term", FIELD_MARKS[field] + term)


def first_name_key(name: str) -> int:
    """Returns the key of the names of authors with a first given name; of a long one, the first eight bytes count."""
    return hash_key("first name", name.encode()[:8].hex())


def written_key(word: str) -> int:
    """Returns the key of the papers with a word as written, in lower case and not stemmed."""
    return word_key(word)


def pack(counts: Mapping[int, int]) -> bytes:
    """Returns counts as bytes, ascending by key."""
    entries = np.fromiter(counts.items(), np.dtype([("key", "<i8"), ("count", "<i8")]), len(counts)).astype(_ENTRY)
    entries.sort(order="key")
    return entries.tobytes()


def unpack(data: bytes) -> NDArray[np.void]:
    """Returns the output of ``pack`` as an array with the fields ``key`` and ``count``."""
    return np.frombuffer(data, _ENTRY)


def add_up(parts: Iterable[NDArray[np.void]]) -> NDArray[np.void]:
    """Returns the sum of counts by key, without those that are 0."""
    entries = np.concatenate([np.empty(0, _ENTRY), *parts])
    keys, places = np.unique(entries["key"], return_inverse=True)
    total = np.zeros(len(keys), _ENTRY)
    total["key"] = keys
    total["count"] = np.bincount(places, entries["count"], len(keys)).astype(np.int64)
    return np.asarray(total[total["count"] != 0])


@dataclass(frozen=True, slots=True)
class CountBuckets:
    """Where counts are.

    Attributes:
        version: the publication that wrote them; part of the name of a bucket.
        bits: the first bits of a key tell its bucket.
    """

    version: int
    bits: int

    @classmethod
    def for_entries(cls, version: int, entries: int) -> "CountBuckets":
        """Returns buckets of the usual size."""
        return cls(version, max(0, (max(entries, 1) // _ENTRIES_PER_BUCKET).bit_length()))

    def name(self, key: int) -> str:
        """Returns the name of the bucket of a key."""
        return self.name_of((key & (2**64 - 1)) >> (64 - self.bits))

    def name_of(self, bucket: int) -> str:
        """Returns the name of a bucket by number."""
        return f"counts/{self.version}/{bucket}"

    def all_names(self) -> list[str]:
        """Returns the names of all buckets."""
        return [self.name_of(bucket) for bucket in range(1 << self.bits)]

    def split(self, entries: NDArray[np.void]) -> dict[str, bytes]:
        """Returns all buckets of some counts, ascending by key."""
        ordered = np.sort(entries, order="key")
        shift = np.uint64(64 - self.bits)
        numbers = ordered["key"].astype(np.uint64) >> shift if self.bits else np.zeros(len(ordered), np.uint64)
        ordered = ordered[np.argsort(numbers, kind="stable")]  # negative keys have the highest numbers
        ends = np.searchsorted(np.sort(numbers), np.arange(1 << self.bits, dtype=np.uint64), "right")
        parts = np.split(ordered, ends[:-1])
        return {self.name_of(number): part.tobytes() for number, part in enumerate(parts)}


class Counts:
    """The counts of one generation, read when they are needed and then kept.

    Args:
        data: the data of the collection.
        buckets: where the counts are.
    """

    def __init__(self, data: DataStore, buckets: CountBuckets) -> None:
        self._data, self._buckets = data, buckets
        self._read: dict[str, NDArray[np.void]] = {}

    def get(self, key: int) -> int:
        """Returns the count of a key; 0 without one."""
        name = self._buckets.name(key)
        if name not in self._read:
            self.read([key])
        entries = self._read[name]
        place = int(np.searchsorted(entries["key"], key))
        return int(entries["count"][place]) if place < len(entries) and entries["key"][place] == key else 0

    def read(self, keys: Iterable[int]) -> None:
        """Reads the buckets of some keys at once; of a small collection, all."""
        names = self._buckets.all_names() if self._buckets.bits <= _READ_WHOLE_BITS else map(self._buckets.name, keys)
        missing = sorted(set(names).difference(self._read))
        found = self._data.get(missing) if missing else {}
        for name in missing:
            self._read[name] = unpack(found.get(name, b""))
