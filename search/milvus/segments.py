"""Segments: the document frequencies and the names of authors of a collection, in parts of different age.

A publication writes what its papers add as one segment, together with the last segments before it as long as they are
less than four times as large. So the sizes of segments are far apart, there are few of them, and an entry is written
again only when the collection has grown by a quarter of its segment (the logarithmic method: Bentley and Saxe,
"Decomposable searching problems I", Journal of Algorithms, 1980). Segments never change. Merging reads and writes one
group of keys after the other, so that its memory does not depend on the size of the segments.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.milvus import author_buckets
from search.milvus.author_buckets import AuthorBuckets, IndexedName, merge_names, unpack_names
from search.milvus.buckets import Group
from search.milvus.counts import CountBuckets, add_up, first_name_key, pack, select, unpack
from search.milvus.data import DataStore
from search.papers.names import Name

_RATIO = 4
"""A segment that has at least so many times the entries of those after it is left as it is. More would make segments
fewer, and an entry be written more often."""
_ALWAYS_MERGED = 500_000
"""Entries up to which segments are merged in any case: those of some 50,000 papers, 10 MB."""
_GROUP_BITS = 6
"""Bits of the buckets of one group: 64 buckets are merged at once, at most 20 MB."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Where the counts and the names of a segment are.

    Attributes:
        counts: the document frequencies, and the numbers of names by first given name.
        authors: the names of authors.
    """

    counts: CountBuckets
    authors: AuthorBuckets

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Reads what ``dataclasses.asdict`` returns."""
        return cls(CountBuckets(**fields["counts"]), AuthorBuckets(**fields["authors"]))

    @property
    def number(self) -> int:
        """Its number, which no other segment of the collection has or had."""
        return self.counts.version

    @property
    def size(self) -> int:
        """The number of its entries."""
        return self.counts.entries + self.authors.names


class Segments:
    """The segments of a publication that is being written.

    Args:
        data: the data of the collection.
        before: those of the publication before, the largest first.
        next_number: the number of the next segment.

    Attributes:
        current: the segments, the largest first.
        replaced: those of ``before`` that are no longer among them.
        next_number: the number of the next segment.
    """

    def __init__(self, data: DataStore, before: Sequence[Segment], next_number: int) -> None:
        self._data, self._first = data, next_number
        self.current, self.replaced, self.next_number = tuple(before), tuple[Segment, ...](), next_number

    def add(self, counts: NDArray[np.void], authors: Sequence[IndexedName]) -> None:
        """Adds counts and distinct names."""
        number, self.next_number = self.next_number, self.next_number + 1
        delete_segments(self._data, [number])  # what an interrupted publication has written
        kept = len(self.current) - count_merged([each.size for each in self.current], len(counts) + len(authors))
        merged = self.current[kept:]
        names, first_names = _merge_names(self._data, [each.authors for each in merged], authors, number)
        counts = add_up([counts, unpack(pack(first_names))])
        sums = _merge_counts(self._data, [each.counts for each in merged], counts, number)
        self.current = (*self.current[:kept], Segment(sums, names))
        self.replaced += tuple(each for each in merged if each.number < self._first)
        delete_segments(self._data, [each.number for each in merged if each.number >= self._first])


def delete_segments(data: DataStore, numbers: Iterable[int]) -> None:
    """Deletes segments by number."""
    data.delete([f"{kind}/{number}" for number in numbers for kind in ("counts", "authors")])


def count_merged(sizes: Sequence[int], added: int) -> int:
    """Returns how many of the last segments are merged with a number of new entries."""
    merged = 0
    for size in reversed(sizes):
        if size >= _RATIO * added and size + added > _ALWAYS_MERGED:
            break
        added, merged = added + size, merged + 1
    return merged


def _merge_names(
    data: DataStore, before: Sequence[AuthorBuckets], added: Sequence[IndexedName], number: int
) -> tuple[AuthorBuckets, Counter[int]]:
    """Writes the names of a segment.

    Returns:
        Where they are; and by first given name, how many names were added, less those that several parts have.
    """
    buckets = AuthorBuckets.for_names(number, sum(each.names for each in before) + len(added))
    first_names, names = Counter(key for name in added if (key := _first_name(name))), 0
    added_in: defaultdict[int, list[IndexedName]] = defaultdict(list)
    for name in added:
        added_in[author_buckets.group_of(name, _bits_of_groups(buckets.bits))].append(name)
    for group in _groups(buckets.bits):
        places = [each.names_in(group) for each in before]
        stored = data.get(list({name for each in places for name in each}))
        parts = [
            author_buckets.select((n for place in each for n in unpack_names(stored.get(place, b""))), group)
            for each in places
        ]
        parts.append(added_in[group.number])
        merged = merge_names(parts)
        data.put(buckets.split(merged))
        names += len(merged)
        if sum(map(len, parts)) > len(merged):
            first_names.update(key for name in merged if (key := _first_name(name)))
            first_names.subtract(key for part in parts for name in part if (key := _first_name(name)))
    return replace(buckets, names=names), first_names


def _merge_counts(
    data: DataStore, before: Sequence[CountBuckets], added: NDArray[np.void], number: int
) -> CountBuckets:
    """Writes the counts of a segment and returns where they are."""
    buckets, entries = CountBuckets.for_entries(number, sum(each.entries for each in before) + len(added)), 0
    for group in _groups(buckets.bits):
        places = [name for each in before for name in each.names_in(group)]
        stored = data.get(places)
        parts = [select(unpack(stored.get(name, b"")), group) for name in places]
        merged = add_up([*parts, select(added, group)])
        data.put(buckets.split(merged))
        entries += len(merged)
    return replace(buckets, entries=entries)


def _bits_of_groups(bits: int) -> int:
    return max(0, bits - _GROUP_BITS)


def _groups(bits: int) -> Iterator[Group]:
    """Yields the groups in which buckets of so many bits are merged."""
    group_bits = _bits_of_groups(bits)
    return (Group(number, group_bits) for number in range(1 << group_bits))


def _first_name(name: IndexedName) -> int:
    """Returns the key of the first given name; 0 without one."""
    given = Name.from_key(name.key).given
    return first_name_key(given[0]) if given else 0
