"""AuthorNames: the folded names of all authors on disk, found by surname and initial."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search import names
from search.names import Name
from search.postings import ascending, load_array
from search.spelling import edits


@dataclass(frozen=True, slots=True)
class Spelled:
    """An author as a source writes it, and the keys (``names.keys``) it is found under, its own first."""

    written: str
    keys: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class AuthorNames:
    """The folded names (``Name.key``, UTF-8) of all authors: a binary search over the first eight bytes, which
    numpy does, then over the few names that share them.

    Authors are numbered by first appearance, and their ids never change while rows are only appended. A key may lead
    to several authors: of one it is the own key, of the others another way to write the name.

    Attributes:
        blob: all keys one after the other in order of appearance, uint8. offsets: (keys + 1,) int64 into it.
        order: (keys,) uint32, the keys' numbers in byte order.
        heads: (keys,) uint64, the first eight bytes of the keys in that order, big-endian, padded with 0.
        authors: (keys,) uint32, whose key each is. own: (authors,) uint32, the number of each one's own key.
        spellings, spelling_offsets: how each author was first written, like ``blob`` and ``offsets``.
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    order: NDArray[np.uint32]
    heads: NDArray[np.uint64]
    authors: NDArray[np.uint32]
    own: NDArray[np.uint32]
    spellings: NDArray[np.uint8]
    spelling_offsets: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """No names."""
        none, start = np.empty(0, np.uint8), np.zeros(1, np.int64)
        few = none.astype(np.uint32)
        return cls(none, start, few, none.astype(np.uint64), few, few, none, start)

    def extended(self, added: Sequence[Spelled]) -> "AuthorNames":
        """With further authors, none of whose own keys is one here, numbered in the order given."""
        counts = np.array([len(each.keys) for each in added], np.int64)
        encoded = [key.encode() for each in added for key in each.keys]
        in_order = sorted(range(len(encoded)), key=encoded.__getitem__)
        places = [self._bisect(encoded[place]) for place in in_order]
        heads = np.array([_head(encoded[place]) for place in in_order], np.uint64)
        held = len(self.order)
        return AuthorNames(
            *_appended(self.blob, self.offsets, encoded),
            np.insert(self.order, places, np.array(in_order, np.uint32) + np.uint32(held)),
            np.insert(self.heads, places, heads),
            np.append(self.authors, np.repeat(np.arange(len(added), dtype=np.uint32) + np.uint32(len(self)), counts)),
            np.append(self.own, (held + np.cumsum(counts) - counts).astype(np.uint32)),
            *_appended(self.spellings, self.spelling_offsets, [each.written.encode() for each in added]),
        )

    def __len__(self) -> int:
        return len(self.own)

    def key(self, author: int) -> str:
        """The folded name of an author."""
        return self._key(int(self.own[author]))

    def written(self, author: int) -> str:
        """The name as the first source of it writes it."""
        start, end = self.spelling_offsets[author : author + 2].tolist()
        return self.spellings[start:end].tobytes().decode()

    def find(self, key: str) -> int | None:
        """The author whose own key this is, if there is one."""
        for number in self._numbers(key):
            author = int(self.authors[number])
            if int(self.own[author]) == number:
                return author
        return None

    def matching(self, query: str, *, exact: bool = False) -> NDArray[np.int64]:
        """Ids, ascending, of the authors that a query name can mean; with ``exact`` no initial stands for a name, and
        no name is missing.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        readings = names.readings(query)
        if exact:
            spelled = (reading for reading in readings if reading.given or not reading.family)
            found = [number for reading in spelled for number in self._numbers(reading.key)]
            return self._of(found)
        parts = [self._meant(reading) for reading in readings]
        return self._of(np.concatenate(parts))

    def close(self, query: str) -> NDArray[np.int64]:
        """Ids, ascending, of the authors whose surname, or first given name, is a letter off, or has two exchanged,
        while all else can be meant.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        found = [number for reading in names.readings(query) for number in self._near(reading)]
        return self._of(found)

    def _near(self, reading: Name) -> Iterator[int]:
        """Numbers of the keys near a reading; given names that are written out are so in them too."""
        first = reading.given[0] if reading.given else ""
        nears = [Name(near, reading.given, reading.family) for near in edits(reading.surname)]
        if len(first) > 1:
            nears += [Name(reading.surname, (near, *reading.given[1:])) for near in edits(first) if len(near) > 1]
        for near in nears:
            for number in self._meant(near).tolist():
                if len(first) < 2 or Name.from_key(self._key(number)).given[:1] == near.given[:1]:
                    yield number

    def _of(self, numbers: NDArray[np.uint32] | list[int]) -> NDArray[np.int64]:
        return ascending(self.authors[numbers]).astype(np.int64)

    def _numbers(self, key: str) -> Iterator[int]:
        """The numbers of all keys equal to this one."""
        encoded = key.encode()
        for place in range(self._bisect(encoded), len(self.order)):
            number = int(self.order[place])
            if self._bytes(number) != encoded:
                return
            yield number

    def _meant(self, reading: Name) -> NDArray[np.uint32]:
        """Of the keys with a surname the numbers of those whose given names do not contradict.

        Only names can that start with the same letter: its bare initial, and those with the same second letter.
        """
        if not reading.given and not reading.family:
            return self._starting(f"{reading.surname}|")
        if reading.family == () and len(reading.given) == 1 == len(reading.given[0]):
            return self._starting(f"{reading.surname}|{reading.given[0]}")
        first = reading.given[0] if reading.given else "|"
        near = self._starting(f"{reading.surname}|{first[:1]}")
        if len(first) > 1 and len(near) > _FEW_NAMES:
            starts = (first[0] + " ", first[0] + "|", first[:2])
            near = np.concatenate([self._starting(f"{reading.surname}|{start}") for start in starts])
            bare = np.fromiter(self._numbers(f"{reading.surname}|{first[0]}"), np.uint32)
            near = np.append(near, bare)
        written, skip = "".join(reading.given), len(reading.surname) + 1
        fitting = [
            number
            for number in near.tolist()
            if _may_fit((key := self._key(number))[skip:], reading, first, written)
            and names.fits(reading, Name.from_key(key))
        ]
        return np.array(fitting, np.uint32)

    def _starting(self, key: str) -> NDArray[np.uint32]:
        """Numbers of the keys that start so."""
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

    def _key(self, number: int) -> str:
        return self._bytes(number).decode()

    def _bytes(self, number: int) -> bytes:
        return self.blob[self.offsets[number] : self.offsets[number + 1]].tobytes()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Reads what ``save`` wrote, memory-mapped."""
        return cls(*(load_array(directory, name) for name in _FILES))

    def save(self, directory: Path) -> None:
        """Writes its arrays into the directory."""
        held: tuple[NDArray[Any], ...] = (
            self.blob,
            self.offsets,
            self.order,
            self.heads,
            self.authors,
            self.own,
            self.spellings,
            self.spelling_offsets,
        )
        for name, values in zip(_FILES, held, strict=True):
            np.save(directory / f"{name}.npy", values)


_FILES = (
    "names",
    "names-offsets",
    "names-order",
    "names-heads",
    "names-authors",
    "names-own",
    "names-written",
    "names-written-offsets",
)


def _appended(
    blob: NDArray[np.uint8], offsets: NDArray[np.int64], added: Sequence[bytes]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    ends = np.cumsum([len(each) for each in added], dtype=np.int64)
    return np.append(blob, np.frombuffer(b"".join(added), np.uint8)), np.append(offsets, offsets[-1] + ends)


def _may_fit(rest: str, reading: Name, first: str, written: str) -> bool:
    """Whether a closer look at what follows a surname in a key can find that it does not contradict a question's name,
    of whose given names ``first`` is the first one and ``written`` all together."""
    if not reading.given:
        return all(word in rest for word in reading.family)
    given = rest.partition("|")[0]
    held = given.partition(" ")[0]
    if len(held) <= 1 or len(first) == 1 or held == first:
        return True
    return given.replace(" ", "").startswith(first) or written.startswith(held)


_FEW_NAMES = 16
"""Names that are compared one by one rather than looked up more closely."""


def _head(key: bytes) -> int:
    """The first eight bytes as a number; of two keys with different heads the smaller one comes first."""
    return int.from_bytes(key[:8].ljust(8, b"\0"), "big")
