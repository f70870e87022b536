"""Names of authors in a collection, in buckets by surname, of which a condition reads those that a name can mean.

Each segment (``search.milvus.segments``) has buckets of its own; a name may be in several segments.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from search.milvus.buckets import BucketReader, Group
from search.milvus.counts import first_name_key
from search.papers.identifiers import hash_key
from search.papers.names import Name

_NAMES_PER_BUCKET = 1_000
"""Mean number of names of a bucket, or half as many, at some 20 bytes each once compressed."""

_READ_WHOLE = 128
"""Up to so many buckets are read at once, 3 MB: those of some 20,000 papers."""


class IndexedName(NamedTuple):
    """A key by which an author is found (``names.index_keys``).

    Attributes:
        key: the key.
        canonical: the canonical key of the author, which is the same or another.
        written: the name as the first source writes it.
        papers: the number of papers, if the key is canonical; else 0.
    """

    key: str
    canonical: str
    written: str
    papers: int = 0

    def merge(self, other: "IndexedName") -> "IndexedName":
        """Returns this name with the papers of another part, written otherwise if it is in capitals."""
        is_better = self.written.isupper() and not other.written.isupper()
        return self._replace(written=other.written if is_better else self.written, papers=self.papers + other.papers)


def merge_names(parts: Iterable[Iterable[IndexedName]]) -> list[IndexedName]:
    """Returns distinct names in the order of first appearance.

    The written form is that of the first source, but not in capitals if another one writes the name otherwise.
    """
    found: dict[tuple[str, str], IndexedName] = {}
    for name in (name for part in parts for name in part):
        before = found.get((name.key, name.canonical))
        found[name.key, name.canonical] = before.merge(name) if before else name
    return list(found.values())


def pack_names(found: Iterable[IndexedName]) -> bytes:
    """Returns names as bytes."""
    return orjson.dumps([tuple(name) for name in found])


def unpack_names(data: bytes) -> list[IndexedName]:
    """Returns the output of ``pack_names``."""
    return [IndexedName(*name) for name in orjson.loads(data)] if data else []


@dataclass(frozen=True, slots=True)
class AuthorBuckets:
    """Where the names of a segment are.

    Attributes:
        version: the number of the segment; part of the name of a bucket.
        number: the number of buckets, a power of two; of an earlier version of this program, any number.
        names: the number of names in all of them.
    """

    version: int
    number: int
    names: int

    @classmethod
    def for_names(cls, version: int, found: int) -> "AuthorBuckets":
        """Returns buckets of the usual size."""
        return cls(version, 1 << (found // _NAMES_PER_BUCKET).bit_length(), found)

    @property
    def bits(self) -> int:
        """How many bits of the hash of a surname tell its bucket."""
        return self.number.bit_length() - 1

    def name(self, surname: str) -> str:
        """Returns the name of the bucket of a surname."""
        return self.name_of(_hash(surname) % self.number)

    def name_of(self, bucket: int) -> str:
        """Returns the name of a bucket by number."""
        return f"authors/{self.version}/{bucket}"

    def all_names(self) -> list[str]:
        """Returns the names of all buckets."""
        return [self.name_of(bucket) for bucket in range(self.number)]

    def names_in(self, group: Group) -> list[str]:
        """Returns the names of the buckets that have the names of a group, and maybe others."""
        groups = 1 << group.bits
        if self.number % groups == 0:
            return [self.name_of(bucket) for bucket in range(group.number, self.number, groups)]
        return [self.name_of(group.number % self.number)] if groups % self.number == 0 else self.all_names()

    def split(self, found: Iterable[IndexedName]) -> dict[str, bytes]:
        """Returns the buckets of some names, without empty ones."""
        buckets: defaultdict[str, list[IndexedName]] = defaultdict(list)
        for name in found:
            buckets[self.name(surname_of(name))].append(name)
        return {name: pack_names(each) for name, each in buckets.items()}


def surname_of(name: IndexedName) -> str:
    """Returns the surname, which tells the bucket of a name."""
    return name.key.partition("|")[0]


def select(found: Iterable[IndexedName], group: Group) -> list[IndexedName]:
    """Returns the names of a group: those of which the last bits of the hash of the surname are its number."""
    return [name for name in found if group_of(name, group.bits) == group.number] if group.bits else list(found)


def group_of(name: IndexedName, bits: int) -> int:
    """Returns the number of the group of a name."""
    return _hash(surname_of(name)) & ((1 << bits) - 1)


def _hash(surname: str) -> int:
    return hash_key("surname", surname)


class AuthorData:
    """The names of one generation, read when they are needed.

    Args:
        reader: reads buckets.
        buckets: where the names of each segment are.

    Attributes:
        size: the number of names; one that several segments have counts several times.
        read_along: the buckets that are read with the first one: of a small collection all, else none.
    """

    def __init__(self, reader: BucketReader, buckets: Sequence[AuthorBuckets]) -> None:
        self._reader, self._buckets = reader, buckets
        self.size = sum(each.names for each in buckets)
        is_small = sum(each.number for each in buckets) <= _READ_WHOLE
        self.read_along = self._all_places() if is_small else []

    def _all_places(self) -> list[str]:
        return [name for each in self._buckets for name in each.all_names()]

    def all(self) -> list[IndexedName]:
        """Returns all names."""
        places = self._all_places()
        read = self._reader.get(places)
        return merge_names(read[place] for place in places)

    def with_surnames(self, surnames: Iterable[str]) -> list[IndexedName]:
        """Returns all names with one of some surnames, those of the first segment first."""
        wanted = set(surnames)
        places = self.names_of(wanted)
        read = self._reader.get(places, also=self.read_along)
        return merge_names([name for name in read[place] if surname_of(name) in wanted] for place in places)

    def repeated_first_names(self, surnames: Iterable[str]) -> Counter[int]:
        """Returns how often names with some surnames are in further segments, by the key of the first given name."""
        if len(self._buckets) < 2:
            return Counter()
        wanted = set(surnames)
        read = self._reader.get(places := self.names_of(wanted))
        found = Counter(name[:2] for place in places for name in read[place] if surname_of(name) in wanted)
        repeats: Counter[int] = Counter()
        for (key, _), segments in found.items():
            if given := Name.from_key(key).given:
                repeats[first_name_key(given[0])] += segments - 1
        return repeats

    def names_of(self, surnames: Iterable[str]) -> list[str]:
        """Returns the names of the buckets of some surnames."""
        ordered = sorted(surnames)
        return list(dict.fromkeys(each.name(surname) for each in self._buckets for surname in ordered))
