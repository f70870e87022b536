"""Names of authors in a collection, in buckets by surname, of which a condition reads those that a name can mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from search.milvus.data import DataStore
from search.papers.identifiers import hash_key

_NAMES_PER_BUCKET = 1_000
"""Mean number of names of a bucket, at some 20 bytes each once compressed."""


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
    """Where names are.

    Attributes:
        version: the publication that wrote them; part of the name of a bucket.
        number: the number of buckets.
        names: the number of names in all of them.
    """

    version: int
    number: int
    names: int

    @classmethod
    def for_names(cls, version: int, found: int) -> "AuthorBuckets":
        """Returns buckets of the usual size."""
        return cls(version, found // _NAMES_PER_BUCKET + 1, found)

    def name(self, surname: str) -> str:
        """Returns the name of the bucket of a surname."""
        return self.name_of(hash_key("surname", surname) % self.number)

    def name_of(self, bucket: int) -> str:
        """Returns the name of a bucket by number."""
        return f"authors/{self.version}/{bucket}"

    def all_names(self) -> list[str]:
        """Returns the names of all buckets."""
        return [self.name_of(bucket) for bucket in range(self.number)]

    def split(self, found: Iterable[IndexedName]) -> dict[str, bytes]:
        """Returns all buckets of some names."""
        groups: Mapping[str, list[IndexedName]] = {name: [] for name in self.all_names()}
        for name in found:
            groups[self.name(name.key.partition("|")[0])].append(name)
        return {name: pack_names(group) for name, group in groups.items()}


class AuthorData:
    """The names of one generation, read when they are needed and then kept.

    Args:
        data: the data of the collection.
        buckets: where the names are.
    """

    def __init__(self, data: DataStore, buckets: AuthorBuckets) -> None:
        self._data, self.buckets = data, buckets
        self._read: dict[str, list[IndexedName]] = {}

    def all(self) -> list[IndexedName]:
        """Returns all names."""
        places = self.buckets.all_names()
        self._read_places(places)
        return [name for place in places for name in self._read[place]]

    def with_surnames(self, surnames: Iterable[str]) -> list[IndexedName]:
        """Returns all names with one of some surnames."""
        wanted = set(surnames)
        places = sorted({self.buckets.name(surname) for surname in wanted})
        self._read_places(places)
        return [name for place in places for name in self._read[place] if name.key.partition("|")[0] in wanted]

    def _read_places(self, places: Sequence[str]) -> None:
        missing = [place for place in places if place not in self._read]
        found = self._data.get(missing) if missing else {}
        self._read |= {place: unpack_names(found.get(place, b"")) for place in missing}
