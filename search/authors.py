"""AuthorNames: the folded names of all authors on disk, found by surname and initial."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search import names
from search.names import Name
from search.postings import ascending, load_array


@dataclass(frozen=True, eq=False)
class AuthorNames:
    """The folded names (``Name.key``, UTF-8) of all authors: a binary search over the first eight bytes, which
    numpy does, then over the few names that share them.

    Ids are numbered by first appearance and never change while rows are only appended.

    Attributes:
        blob: all keys one after the other in order of id, uint8. offsets: (ids + 1,) int64 into it.
        order: (ids,) uint32, the ids in byte order of their keys.
        heads: (ids,) uint64, the first eight bytes of the keys in that order, big-endian, padded with 0.
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    order: NDArray[np.uint32]
    heads: NDArray[np.uint64]

    @classmethod
    def empty(cls) -> Self:
        """No names."""
        none = np.empty(0, np.uint8)
        return cls(none, np.zeros(1, np.int64), none.astype(np.uint32), none.astype(np.uint64))

    def extended(self, keys: Sequence[str]) -> "AuthorNames":
        """With further keys, none of which is here, numbered in the order given."""
        encoded = [key.encode() for key in keys]
        ends = np.cumsum([len(key) for key in encoded], dtype=np.int64)
        added = sorted(range(len(encoded)), key=encoded.__getitem__)
        places = [self._bisect(encoded[place]) for place in added]
        return AuthorNames(
            np.concatenate((self.blob, np.frombuffer(b"".join(encoded), np.uint8))),
            np.concatenate((self.offsets, self.offsets[-1] + ends)),
            np.insert(self.order, places, np.array(added, np.uint32) + np.uint32(len(self))),
            np.insert(self.heads, places, np.array([_head(encoded[place]) for place in added], np.uint64)),
        )

    def __len__(self) -> int:
        return len(self.order)

    def key(self, author: int) -> str:
        """The folded name of an id."""
        return self._bytes(author).decode()

    def written(self, author: int) -> str:
        return self.key(author)

    def close(self, name: str, limit: int = 5) -> list[int]:
        return []

    def find(self, key: str) -> int | None:
        """The id of a key, if it is here."""
        place = self._bisect(key.encode())
        if place < len(self) and self._bytes(int(self.order[place])) == key.encode():
            return int(self.order[place])
        return None

    def matching(self, query: str) -> list[int]:
        """Ids of the names that a query name can mean, ascending."""
        parts = [self._meant(reading) for reading in names.readings(query)]
        return ascending(np.concatenate(parts)).tolist() if parts else []

    def _meant(self, reading: Name) -> NDArray[np.uint32]:
        """Of the names with a surname those whose given names do not contradict.

        Only names can that start with the same letter: its bare initial, and those with the same second letter.
        """
        if not reading.given:
            return self._starting(f"{reading.surname}|")
        near = self._starting(f"{reading.surname}|{reading.initial}")
        if not len(near):
            return near
        first = next((word for word in reading.given if word.startswith(reading.initial)), "")
        if len(first) > 1 and len(near) > _FEW_NAMES:
            starts = (first[0] + " ", first[:2])
            near = np.concatenate([self._starting(f"{reading.surname}|{start}") for start in starts])
            bare = self.find(f"{reading.surname}|{reading.initial}")
            near = near if bare is None else np.append(near, np.uint32(bare))
        keys = ((author, self.key(author)) for author in near.tolist())
        written = "".join(reading.given)
        fitting = [
            author
            for author, key in keys
            if _may_fit(key[len(reading.surname) + 1 :], first, written) and names.fits(reading, Name.from_key(key))
        ]
        return np.array(fitting, np.uint32)

    def _starting(self, key: str) -> NDArray[np.uint32]:
        """Ids of the keys that start so."""
        prefix = key.encode()
        end = self._bisect(prefix[:-1] + bytes([prefix[-1] + 1]))  # never past 255: no byte of UTF-8 is 255
        return self.order[self._bisect(prefix) : end]

    def _bisect(self, key: bytes) -> int:
        """How many keys come before this one."""
        head = _head(key)
        low = bisect_left(self._heads, head)
        high = bisect_right(self._heads, head, low)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(int(self.order[middle])) < key:
                low = middle + 1
            else:
                high = middle
        return low

    @cached_property
    def _heads(self) -> "memoryview[int]":
        """The heads as whole numbers of Python, which its bisection compares in a third of the time of numpy's."""
        return memoryview(self.heads.data)

    def _bytes(self, author: int) -> bytes:
        return self.blob[self.offsets[author] : self.offsets[author + 1]].tobytes()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Reads what ``save`` wrote, memory-mapped."""
        return cls(*(load_array(directory, name) for name in ("names", "names-offsets", "names-order", "names-heads")))

    def save(self, directory: Path) -> None:
        """Writes its arrays into the directory."""
        np.save(directory / "names.npy", self.blob)
        np.save(directory / "names-offsets.npy", self.offsets)
        np.save(directory / "names-order.npy", self.order)
        np.save(directory / "names-heads.npy", self.heads)


def _may_fit(given: str, first: str, written: str) -> bool:
    """Whether a closer look can find that given names do not contradict those of a question, of which ``first`` is the
    first one and ``written`` all together."""
    held = given.partition(" ")[0]
    return len(held) == 1 or len(first) <= 1 or held == first or given.replace(" ", "").startswith(written)


_FEW_NAMES = 16
"""Names that are compared one by one rather than looked up more closely."""


def _head(key: bytes) -> int:
    """The first eight bytes as a number; of two keys with different heads the smaller one comes first."""
    return int.from_bytes(key[:8].ljust(8, b"\0"), "big")
