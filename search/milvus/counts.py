"""Counts: the document frequencies of a collection, in buckets of which a question reads those of its words.

Each segment (``search.milvus.segments``) has buckets of its own; the count of a key is the sum over all segments.

A count belongs to a 64-bit key. Of the analysis of words (``search.index.term_postings``) these are the terms of each
field and the words as written; of the names of authors, the first given names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.index.term_postings import FIELD_MARKS, word_key
from search.milvus.buckets import BucketReader, Group
from search.papers.identifiers import hash_key

ENTRIES_PER_BUCKET = 1_000
"""Largest mean number of counts of a bucket, at 12 bytes each. A word of a filter needs some 20 buckets of each
segment, since it may be two words in papers."""
_READ_WHOLE = 256
"""Up to so many buckets are read at once, 3 MB: those of some 20,000 papers."""
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


def select(entries: NDArray[np.void], group: Group) -> NDArray[np.void]:
    """Returns the entries of a group: those whose first bits are its number."""
    if not group.bits:
        return entries
    return np.asarray(entries[entries["key"].astype(np.uint64) >> np.uint64(64 - group.bits) == group.number])


@dataclass(frozen=True, slots=True)
class CountBuckets:
    """Where the counts of a segment are.

    Attributes:
        version: the number of the segment; part of the name of a bucket.
        bits: the first bits of a key tell its bucket.
        entries: the number of counts in all of them, or more.
    """

    version: int
    bits: int
    entries: int = 0

    @classmethod
    def for_entries(cls, version: int, entries: int) -> "CountBuckets":
        """Returns buckets of the usual size."""
        return cls(version, max(0, (max(entries, 1) // ENTRIES_PER_BUCKET).bit_length()), entries)

    def name(self, key: int) -> str:
        """Returns the name of the bucket of a key."""
        return self.name_of((key & (2**64 - 1)) >> (64 - self.bits))

    def name_of(self, bucket: int) -> str:
        """Returns the name of a bucket by number."""
        return f"counts/{self.version}/{bucket}"

    def all_names(self) -> list[str]:
        """Returns the names of all buckets."""
        return [self.name_of(bucket) for bucket in range(1 << self.bits)]

    def names_in(self, group: Group) -> list[str]:
        """Returns the names of the buckets that have the counts of a group, and maybe others."""
        more = self.bits - group.bits
        if more < 0:
            return [self.name_of(group.number >> -more)]
        return [self.name_of(bucket) for bucket in range(group.number << more, (group.number + 1) << more)]

    def split(self, entries: NDArray[np.void]) -> dict[str, bytes]:
        """Returns the buckets of some counts, each ascending by key, without empty ones."""
        ordered = np.sort(entries, order="key")
        shift = np.uint64(64 - self.bits)
        numbers = ordered["key"].astype(np.uint64) >> shift if self.bits else np.zeros(len(ordered), np.uint64)
        ordered = ordered[np.argsort(numbers, kind="stable")]  # negative keys have the highest numbers
        found, starts = np.unique(np.sort(numbers), return_index=True)
        parts = np.split(ordered, starts[1:]) if len(found) else []
        return {self.name_of(number): part.tobytes() for number, part in zip(found.tolist(), parts, strict=True)}


class Counts:
    """The counts of one generation, read when they are needed.

    Args:
        reader: reads buckets.
        buckets: where the counts of each segment are.
    """

    def __init__(self, reader: BucketReader, buckets: Sequence[CountBuckets]) -> None:
        self._reader, self._buckets = reader, buckets
        is_small = sum(1 << each.bits for each in buckets) <= _READ_WHOLE
        self._all_names = [name for each in buckets for name in each.all_names()] if is_small else []

    def get(self, key: int) -> int:
        """Returns the count of a key; 0 without one."""
        names = [each.name(key) for each in self._buckets]
        found = self._reader.get(names, also=self._all_names)
        return sum(_find(found[name], key) for name in names)

    def knows(self, key: int) -> bool:
        """Returns whether the count of a key is known without a request."""
        return self._reader.has([each.name(key) for each in self._buckets])

    def names_of(self, keys: Iterable[int]) -> list[str]:
        """Returns the names of the buckets of some keys; of a small collection, of all."""
        wanted = list(keys)
        return (
            self._all_names
            if wanted and self._all_names
            else sorted({each.name(key) for key in wanted for each in self._buckets})
        )


def _find(entries: NDArray[np.void], key: int) -> int:
    place = int(np.searchsorted(entries["key"], key))
    return int(entries["count"][place]) if place < len(entries) and entries["key"][place] == key else 0
