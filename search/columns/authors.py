"""AuthorNames: the folded names of all authors on disk, found by surname and initial."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import ascending, load_array
from search.papers import names
from search.papers.folding import edits
from search.papers.names import Name


@dataclass(frozen=True, slots=True)
class Spelled:
    """A key (``names.keys``) that an author is found under: the own one of a new author, or another way to write it.

    Attributes:
        author: the id. written: how a source writes the name; nothing where the author is known already.
    """

    author: int
    key: str
    written: str = ""


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
        letters: (keys,) uint32, in that order: a bit for each letter that starts a word after the first given name.
        authors: (keys,) uint32, whose key each is. own: (authors,) uint32, the number of each one's own key.
        spellings, spelling_offsets: how each author was first written, like ``blob`` and ``offsets``.
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    order: NDArray[np.uint32]
    heads: NDArray[np.uint64]
    letters: NDArray[np.uint32]
    authors: NDArray[np.uint32]
    own: NDArray[np.uint32]
    spellings: NDArray[np.uint8]
    spelling_offsets: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """No names."""
        none, start = np.empty(0, np.uint8), np.zeros(1, np.int64)
        few = none.astype(np.uint32)
        return cls(none, start, few, none.astype(np.uint64), few, few, few, none, start)

    def extended(self, added: Sequence[Spelled]) -> "AuthorNames":
        """With further keys; new authors, whose first key is their own, are numbered in the order given."""
        encoded = [each.key.encode() for each in added]
        in_order = sorted(range(len(encoded)), key=encoded.__getitem__)
        places = [self._bisect(encoded[place]) for place in in_order]
        heads = np.array([_head(encoded[place]) for place in in_order], np.uint64)
        letters = np.array([_letters(_further(Name.from_key(added[place].key))) for place in in_order], np.uint32)
        held = len(self.order)
        own = [held + place for place, each in enumerate(added) if each.written]
        spellings = [each.written.encode(errors="replace") for each in added if each.written]
        return AuthorNames(
            *_appended(self.blob, self.offsets, encoded),
            np.insert(self.order, places, np.array(in_order, np.uint32) + np.uint32(held)),
            np.insert(self.heads, places, heads),
            np.insert(self.letters, places, letters),
            np.append(self.authors, np.array([each.author for each in added], np.uint32)),
            np.append(self.own, np.array(own, np.uint32)),
            *_appended(self.spellings, self.spelling_offsets, spellings),
        )

    def __len__(self) -> int:
        return len(self.own)

    def key(self, author: int) -> str:
        """The folded name of an author."""
        return self._key(int(self.own[author]))

    def written(self, author: int) -> str:
        """The name as the first source of it writes it."""
        return self.all_written(np.array([author]))[0]

    def all_written(self, authors: NDArray[np.int64]) -> list[str]:
        """The same of many, in the order given."""
        spans = zip(self.spelling_offsets[authors].tolist(), self.spelling_offsets[authors + 1].tolist(), strict=True)
        letters = self.spellings.data
        return [str(letters[start:end], "utf-8") for start, end in spans]

    def find(self, key: str) -> int | None:
        """The author whose own key this is, if there is one."""
        own = [number for number in self.order[self._places(key)].tolist() if self._is_own(number)]
        return int(self.authors[own[0]]) if own else None

    def has(self, author: int, key: str) -> bool:
        """Whether an author is found under a key."""
        return bool(np.any(self.authors[self.order[self._places(key)]] == author))

    def matching(self, query: str, *, exact: bool = False) -> NDArray[np.int64]:
        """Ids, ascending, of the authors that a query name can mean; with ``exact`` of those spelled so: no initial
        stands for a name, no name is missing, no umlaut is written otherwise.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        if exact:
            own = (self.find(reading.key) for reading in names.exact_readings(query))
            return np.array(sorted({author for author in own if author is not None}), np.int64)
        return self._of([self._meant(reading) for reading in names.readings(query)])

    def close(self, query: str) -> NDArray[np.int64]:
        """Ids, ascending, of the authors whose surname, or first given name, is a letter off, or has two exchanged,
        while all else can be meant; given names that the question writes out are so in them too.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        readings = names.readings(query)
        near = {name: self._near_surnames(name) for name in {reading.surname for reading in readings}}
        found = []
        for reading in readings:
            found += [self._meant_so(replace(reading, surname=surname)) for surname in near[reading.surname]]
            found += [self._meant_so(name) for name in self._near_given(reading)]
        return self._of(found)

    def _of(self, places: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The authors whose keys are at these places in byte order."""
        found = self.order[np.concatenate(places)] if places else self.order[:0]
        return ascending(self.authors[found]).astype(np.int64)

    def _is_own(self, number: int) -> bool:
        return int(self.own[self.authors[number]]) == number

    def _meant_so(self, reading: Name) -> NDArray[np.int64]:
        """Places of the keys that a reading can mean whose first given name is no initial where that is none."""
        if not reading.given or len(reading.given[0]) == 1:
            return self._meant(reading)
        return self._fitting(reading, self._word(reading.surname, reading.given[0]))

    def _near_surnames(self, surname: str) -> list[str]:
        return self._held("", edits(surname), "|")

    def _near_given(self, reading: Name) -> list[Name]:
        """The reading with one of its given names replaced by one near it that someone with its surname has."""
        start, (first, *others) = f"{reading.surname}|", reading.given or ("",)
        if len(first) < 2 or not len(self._range(start)):
            return []
        near = [(word, *others) for word in self._held(start, edits(first), "") if len(word) > 1]
        keys = [Name.from_key(self._key(int(number))) for number in self.order[self._word(reading.surname, first)]]
        held = {word for key in keys for word in key.forenames[1:] if len(word) > 1}
        for place, other in enumerate(others) if held else ():
            around = held.intersection(edits(other)) if len(other) > 1 else set()
            near += [(first, *others[:place], word, *others[place + 1 :]) for word in sorted(around)]
        return [replace(reading, given=given) for given in near]

    def _held(self, before: str, words: Iterable[str], after: str) -> list[str]:
        """Those of the words with which, between what comes before and after them, a key starts.

        The heads of all are looked up at once, which leaves few.
        """
        different = list(dict.fromkeys(words))
        starts = [f"{before}{word}{after}".encode() for word in different]
        lowest = np.array(starts, "S8").view(">u8").astype(np.uint64)
        missing = np.maximum(8 - np.array([len(start) for start in starts], np.int64), 0).astype(np.uint64)
        highest = lowest | ((np.uint64(1) << (np.uint64(8) * missing)) - np.uint64(1))
        possible = np.searchsorted(self.heads, lowest) < np.searchsorted(self.heads, highest, "right")
        return [different[place] for place in np.flatnonzero(possible).tolist() if self._is_start(starts[place])]

    def _is_start(self, start: bytes) -> bool:
        """Whether a key starts so."""
        place = self._bisect(start)
        return place < len(self.order) and self._bytes(self._order[place]).startswith(start)

    def _meant(self, reading: Name) -> NDArray[np.int64]:
        """Places of the keys with a surname whose given names do not contradict.

        The first given name can be the one asked for, its initial, or the two are one name parted or joined.
        """
        surname, given = reading.surname, reading.given
        if not given:
            return self._of_family(reading)
        every = self._range(f"{surname}|{given[0][0]}")
        if not len(every) or (len(given) == len(given[0]) == 1 and not reading.family):
            return every
        if len(every) <= _FEW_NAMES:
            return self._checked(reading, every)
        words = reading.forenames
        joined = ["".join(words[:count]) for count in range(2, len(words) + 1)]
        if len(given[0]) == 1:
            return np.concatenate(
                (self._fitting(reading, every), *(self._checked(reading, self._word(surname, word)) for word in joined))
            )
        plain = (self._word(surname, word) for word in (given[0], given[0][0]))
        other = (self._word(surname, word) for word in (*_beginnings(given[0]), *joined))
        return np.concatenate(
            (*(self._fitting(reading, each) for each in plain), *(self._checked(reading, each) for each in other))
        )

    def _of_family(self, reading: Name) -> NDArray[np.int64]:
        """Of keys without given names: all with the surname, or those whose other words hold these."""
        if not reading.family:
            return self._range(f"{reading.surname}|")
        alone = self._range(f"{reading.surname}|,")
        asked = np.uint32(_letters(reading.family))
        alone = alone[self.letters[alone] & asked == asked]
        same = self._places(reading.key)
        return np.append(same, self._checked(reading, alone[~np.isin(alone, same)]))

    def _fitting(self, reading: Name, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of places whose first given name is that of the reading, or its initial, those whose others do not
        contradict: none where one side has no others, and looked at only where some start with the same letter."""
        further = _further(reading)
        if not further:
            return places
        letters = self.letters[places]
        asked = np.uint32(_letters((*further, *reading.given[0][1:])))
        return np.append(places[letters == 0], self._checked(reading, places[letters & asked != 0]))

    def _checked(self, reading: Name, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places whose keys fit a reading."""
        keys = (Name.from_key(self._key(number)) for number in self.order[places].tolist())
        fitting: NDArray[np.bool_] = np.fromiter((names.fits(reading, key) for key in keys), bool, len(places))
        return np.compress(fitting, places)

    def _word(self, surname: str, first: str) -> NDArray[np.int64]:
        """Places of the keys with this surname and first given name."""
        start = f"{surname}|{first}".encode()
        return np.arange(self._bisect(start), self._bisect(start + _AFTER_WORD))

    def _range(self, start: str) -> NDArray[np.int64]:
        """Places of the keys that start so."""
        prefix = start.encode()
        end = self._bisect(prefix[:-1] + bytes([prefix[-1] + 1]))  # never past 255: no byte of UTF-8 is 255
        return np.arange(self._bisect(prefix), end)

    def _places(self, key: str) -> NDArray[np.int64]:
        """Places of the keys equal to this one."""
        encoded = key.encode()
        return np.arange(self._bisect(encoded), self._bisect(encoded + b"\0"))

    def _bisect(self, key: bytes) -> int:
        """How many keys come before this one."""
        head = _head(key)
        low = bisect_left(self._heads, head)
        high = bisect_right(self._heads, head, low)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(self._order[middle]) < key:
                low = middle + 1
            else:
                high = middle
        return low

    @cached_property
    def _heads(self) -> "memoryview[int]":
        """The heads as whole numbers of Python, which its bisection compares in a third of the time of numpy's."""
        return memoryview(self.heads.data)

    @cached_property
    def _order(self) -> "memoryview[int]":
        return memoryview(self.order.data)

    @cached_property
    def _offsets(self) -> "memoryview[int]":
        return memoryview(self.offsets.data)

    @cached_property
    def _blob(self) -> "memoryview[int]":
        return memoryview(self.blob.data)

    def _key(self, number: int) -> str:
        return self._bytes(number).decode()

    def _bytes(self, number: int) -> bytes:
        return bytes(self._blob[self._offsets[number] : self._offsets[number + 1]])

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
            self.letters,
            self.authors,
            self.own,
            self.spellings,
            self.spelling_offsets,
        )
        for name, values in zip(_FILES, held, strict=True):
            np.save(directory / f"{name}.npy", values)


class AuthorsBuilder:
    """Authors in the making: those of the last generation, and those that came since."""

    def __init__(self, before: AuthorNames) -> None:
        self._before = before
        self._ids: dict[str, int | None] = {}  # by the name as written: parsing a name costs more than finding it
        self._new: dict[str, int] = {}  # by own key
        self._written: list[str] = []  # of the new ones
        self._ways: dict[tuple[int, str], None] = {}

    def add(self, written: str) -> int | None:
        """The id of an author, as a source writes the name; None where it holds no letter or digit."""
        if written not in self._ids:
            own, *others = names.keys(written)
            self._ids[written] = None if own.startswith("|") else self._author(written, own, others)
        return self._ids[written]

    def authors(self) -> AuthorNames:
        """All of them."""
        keys = [Spelled(author, key, self._written[place]) for place, (key, author) in enumerate(self._new.items())]
        return self._before.extended([*keys, *(Spelled(author, key) for author, key in self._ways)])

    def _author(self, written: str, own: str, others: Sequence[str]) -> int:
        held = len(self._before)
        known = self._before.find(own)
        if known is None:
            known = self._new.setdefault(own, held + len(self._new))
            if known == held + len(self._written):
                self._written.append(written)
            elif self._written[known - held].isupper() and not written.isupper():  # shown shouted only where all shout
                self._written[known - held] = written
        for key in others:
            if known >= held or not self._before.has(known, key):
                self._ways[known, key] = None
        return known


_FILES = (
    "names",
    "names-offsets",
    "names-order",
    "names-heads",
    "names-letters",
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


def _further(name: Name) -> tuple[str, ...]:
    """What stands beside a surname and a first given name."""
    return name.forenames[1:] if name.given else name.family


def _letters(words: Sequence[str]) -> int:
    """A bit for each letter that words start with: of words with no common bit none starts as another."""
    letters = 0
    for word in words:
        letters |= 1 << ord(word[0]) % 32
    return letters


def _beginnings(word: str) -> list[str]:
    """What a word can start with where it is written apart."""
    return [word[:length] for length in range(2, len(word))]


_AFTER_WORD = b"-"
"""Comes after what can follow a given name in a key, a space or a comma, and before all letters and digits."""

_FEW_NAMES = 16
"""Names that are compared one by one rather than looked up more closely."""


def _head(key: bytes) -> int:
    """The first eight bytes as a number; of two keys with different heads the smaller one comes first."""
    return int.from_bytes(key[:8].ljust(8, b"\0"), "big")
