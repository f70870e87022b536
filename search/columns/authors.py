"""AuthorNames: the folded names of all authors on disk, found by surname and initial."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import load_array, sorted_unique
from search.papers import names
from search.papers.folding import single_edits
from search.papers.names import Name


@dataclass(frozen=True, slots=True)
class AuthorKey:
    """A key (``names.keys``) that an author is found under: the own one of a new author, or another way to write it.

    Attributes:
        author: the id. written: how a source writes the name; nothing where the author is known already.
    """

    author: int
    key: str
    display_name: str = ""


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
    prefixes: NDArray[np.uint64]
    initials: NDArray[np.uint32]
    author_of_key: NDArray[np.uint32]
    canonical_keys: NDArray[np.uint32]
    display_blob: NDArray[np.uint8]
    display_offsets: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """No names."""
        none, start = np.empty(0, np.uint8), np.zeros(1, np.int64)
        few = none.astype(np.uint32)
        return cls(none, start, few, none.astype(np.uint64), few, few, few, none, start)

    def with_keys(self, added: Sequence[AuthorKey]) -> "AuthorNames":
        """With further keys; new authors, whose first key is their own, are numbered in the order given."""
        encoded = [each.key.encode() for each in added]
        in_order = sorted(range(len(encoded)), key=encoded.__getitem__)
        places = [self._bisect(encoded[place]) for place in in_order]
        heads = np.array([_prefix_of(encoded[place]) for place in in_order], np.uint64)
        letters = np.array(
            [_initials_mask(_other_names(Name.from_key(added[place].key))) for place in in_order], np.uint32
        )
        held = len(self.order)
        own = [held + place for place, each in enumerate(added) if each.display_name]
        spellings = [each.display_name.encode(errors="replace") for each in added if each.display_name]
        return AuthorNames(
            *_append_strings(self.blob, self.offsets, encoded),
            np.insert(self.order, places, np.array(in_order, np.uint32) + np.uint32(held)),
            np.insert(self.prefixes, places, heads),
            np.insert(self.initials, places, letters),
            np.append(self.author_of_key, np.array([each.author for each in added], np.uint32)),
            np.append(self.canonical_keys, np.array(own, np.uint32)),
            *_append_strings(self.display_blob, self.display_offsets, spellings),
        )

    def __len__(self) -> int:
        return len(self.canonical_keys)

    def key(self, author: int) -> str:
        """The folded name of an author."""
        return self._key_text(int(self.canonical_keys[author]))

    def display_name(self, author: int) -> str:
        """The name as the first source of it writes it."""
        return self.display_names(np.array([author]))[0]

    def display_names(self, authors: NDArray[np.int64]) -> list[str]:
        """The same of many, in the order given."""
        spans = zip(self.display_offsets[authors].tolist(), self.display_offsets[authors + 1].tolist(), strict=True)
        letters = self.display_blob.data
        return [str(letters[start:end], "utf-8") for start, end in spans]

    def find(self, key: str) -> int | None:
        """The author whose own key this is, if there is one."""
        own = [number for number in self.order[self._places_of_key(key)].tolist() if self._is_canonical(number)]
        return int(self.author_of_key[own[0]]) if own else None

    def has_key(self, author: int, key: str) -> bool:
        """Whether an author is found under a key."""
        return bool(np.any(self.author_of_key[self.order[self._places_of_key(key)]] == author))

    def match(self, query: str, *, exact: bool = False) -> NDArray[np.int64]:
        """Ids, ascending, of the authors that a query name can mean; with ``exact`` of those spelled so: no initial
        stands for a name, no name is missing, no umlaut is written otherwise.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        if exact:
            own = (self.find(reading.key) for reading in names.exact_interpretations(query))
            return np.array(sorted({author for author in own if author is not None}), np.int64)
        return self._authors_at([self._match_reading(reading) for reading in names.interpretations(query)])

    def match_fuzzy(self, query: str) -> NDArray[np.int64]:
        """Ids, ascending, of the authors whose surname, or first given name, is a letter off, or has two exchanged,
        while all else can be meant; given names that the question writes out are so in them too.

        Raises:
            InvalidValue: see ``names.readings``.
        """
        readings = names.interpretations(query)
        near = {name: self._similar_surnames(name) for name in {reading.surname for reading in readings}}
        found = []
        for reading in readings:
            found += [
                self._match_full_given_name(replace(reading, surname=surname)) for surname in near[reading.surname]
            ]
            found += [self._match_full_given_name(name) for name in self._similar_given_names(reading)]
        return self._authors_at(found)

    def _authors_at(self, places: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The authors whose keys are at these places in byte order."""
        found = self.order[np.concatenate(places)] if places else self.order[:0]
        return sorted_unique(self.author_of_key[found]).astype(np.int64)

    def _is_canonical(self, number: int) -> bool:
        return int(self.canonical_keys[self.author_of_key[number]]) == number

    def _match_full_given_name(self, reading: Name) -> NDArray[np.int64]:
        """Places of the keys that a reading can mean whose first given name is no initial where that is none."""
        if not reading.given or len(reading.given[0]) == 1:
            return self._match_reading(reading)
        return self._filter_by_other_names(reading, self._places_with_first_name(reading.surname, reading.given[0]))

    def _similar_surnames(self, surname: str) -> list[str]:
        return self._existing_words("", single_edits(surname), "|")

    def _similar_given_names(self, reading: Name) -> list[Name]:
        """The reading with one of its given names replaced by one near it that someone with its surname has."""
        start, (first, *others) = f"{reading.surname}|", reading.given or ("",)
        if len(first) < 2 or not len(self._places_with_prefix(start)):
            return []
        near = [(word, *others) for word in self._existing_words(start, single_edits(first), "") if len(word) > 1]
        keys = [
            Name.from_key(self._key_text(int(number)))
            for number in self.order[self._places_with_first_name(reading.surname, first)]
        ]
        held = {word for key in keys for word in key.forenames[1:] if len(word) > 1}
        for place, other in enumerate(others) if held else ():
            around = held.intersection(single_edits(other)) if len(other) > 1 else set()
            near += [(first, *others[:place], word, *others[place + 1 :]) for word in sorted(around)]
        return [replace(reading, given=given) for given in near]

    def _existing_words(self, before: str, words: Iterable[str], after: str) -> list[str]:
        """Those of the words with which, between what comes before and after them, a key starts.

        The heads of all are looked up at once, which leaves few.
        """
        different = list(dict.fromkeys(words))
        starts = [f"{before}{word}{after}".encode() for word in different]
        lowest = np.array(starts, "S8").view(">u8").astype(np.uint64)
        missing = np.maximum(8 - np.array([len(start) for start in starts], np.int64), 0).astype(np.uint64)
        highest = lowest | ((np.uint64(1) << (np.uint64(8) * missing)) - np.uint64(1))
        possible = np.searchsorted(self.prefixes, lowest) < np.searchsorted(self.prefixes, highest, "right")
        return [different[place] for place in np.flatnonzero(possible).tolist() if self._has_prefix(starts[place])]

    def _has_prefix(self, start: bytes) -> bool:
        """Whether a key starts so."""
        place = self._bisect(start)
        return place < len(self.order) and self._key_bytes(self._order[place]).startswith(start)

    def _match_reading(self, reading: Name) -> NDArray[np.int64]:
        """Places of the keys with a surname whose given names do not contradict.

        The first given name can be the one asked for, its initial, or the two are one name parted or joined.
        """
        surname, given = reading.surname, reading.given
        if not given:
            return self._match_surname(reading)
        every = self._places_with_prefix(f"{surname}|{given[0][0]}")
        if not len(every) or (len(given) == len(given[0]) == 1 and not reading.other_family_words):
            return every
        if len(every) <= _LINEAR_SCAN_LIMIT:
            return self._filter_by_reading(reading, every)
        words = reading.forenames
        joined = ["".join(words[:count]) for count in range(2, len(words) + 1)]
        if len(given[0]) == 1:
            return np.concatenate(
                (
                    self._filter_by_other_names(reading, every),
                    *(self._filter_by_reading(reading, self._places_with_first_name(surname, word)) for word in joined),
                )
            )
        plain = (self._places_with_first_name(surname, word) for word in (given[0], given[0][0]))
        other = (self._places_with_first_name(surname, word) for word in (*_proper_prefixes(given[0]), *joined))
        return np.concatenate(
            (
                *(self._filter_by_other_names(reading, each) for each in plain),
                *(self._filter_by_reading(reading, each) for each in other),
            )
        )

    def _match_surname(self, reading: Name) -> NDArray[np.int64]:
        """Of keys without given names: all with the surname, or those whose other words hold these."""
        if not reading.other_family_words:
            return self._places_with_prefix(f"{reading.surname}|")
        alone = self._places_with_prefix(f"{reading.surname}|,")
        asked = np.uint32(_initials_mask(reading.other_family_words))
        alone = alone[self.initials[alone] & asked == asked]
        same = self._places_of_key(reading.key)
        return np.append(same, self._filter_by_reading(reading, alone[~np.isin(alone, same)]))

    def _filter_by_other_names(self, reading: Name, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of places whose first given name is that of the reading, or its initial, those whose others do not
        contradict: none where one side has no others, and looked at only where some start with the same letter."""
        further = _other_names(reading)
        if not further:
            return places
        letters = self.initials[places]
        asked = np.uint32(_initials_mask((*further, *reading.given[0][1:])))
        return np.append(places[letters == 0], self._filter_by_reading(reading, places[letters & asked != 0]))

    def _filter_by_reading(self, reading: Name, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places whose keys fit a reading."""
        keys = (Name.from_key(self._key_text(number)) for number in self.order[places].tolist())
        fitting: NDArray[np.bool_] = np.fromiter(
            (names.interpretation_matches(reading, key) for key in keys), bool, len(places)
        )
        return np.compress(fitting, places)

    def _places_with_first_name(self, surname: str, first: str) -> NDArray[np.int64]:
        """Places of the keys with this surname and first given name."""
        start = f"{surname}|{first}".encode()
        return np.arange(self._bisect(start), self._bisect(start + _WORD_UPPER_BOUND))

    def _places_with_prefix(self, start: str) -> NDArray[np.int64]:
        """Places of the keys that start so."""
        prefix = start.encode()
        end = self._bisect(prefix[:-1] + bytes([prefix[-1] + 1]))  # never past 255: no byte of UTF-8 is 255
        return np.arange(self._bisect(prefix), end)

    def _places_of_key(self, key: str) -> NDArray[np.int64]:
        """Places of the keys equal to this one."""
        encoded = key.encode()
        return np.arange(self._bisect(encoded), self._bisect(encoded + b"\0"))

    def _bisect(self, key: bytes) -> int:
        """How many keys come before this one."""
        head = _prefix_of(key)
        low = bisect_left(self._prefixes, head)
        high = bisect_right(self._prefixes, head, low)
        while low < high:
            middle = (low + high) // 2
            if self._key_bytes(self._order[middle]) < key:
                low = middle + 1
            else:
                high = middle
        return low

    @cached_property
    def _prefixes(self) -> "memoryview[int]":
        """The heads as whole numbers of Python, which its bisection compares in a third of the time of numpy's."""
        return memoryview(self.prefixes.data)

    @cached_property
    def _order(self) -> "memoryview[int]":
        return memoryview(self.order.data)

    @cached_property
    def _offsets(self) -> "memoryview[int]":
        return memoryview(self.offsets.data)

    @cached_property
    def _blob(self) -> "memoryview[int]":
        return memoryview(self.blob.data)

    def _key_text(self, number: int) -> str:
        return self._key_bytes(number).decode()

    def _key_bytes(self, number: int) -> bytes:
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
            self.prefixes,
            self.initials,
            self.author_of_key,
            self.canonical_keys,
            self.display_blob,
            self.display_offsets,
        )
        for name, values in zip(_FILES, held, strict=True):
            np.save(directory / f"{name}.npy", values)


class AuthorsBuilder:
    """Authors in the making: those of the last generation, and those that came since."""

    def __init__(self, previous: AuthorNames) -> None:
        self._previous = previous
        self._ids: dict[str, int | None] = {}  # by the name as written: parsing a name costs more than finding it
        self._new_authors: dict[str, int] = {}  # by own key
        self._display_names: list[str] = []  # of the new ones
        self._alternative_keys: dict[tuple[int, str], None] = {}

    def add(self, written: str) -> int | None:
        """The id of an author, as a source writes the name; None where it holds no letter or digit."""
        if written not in self._ids:
            own, *others = names.index_keys(written)
            self._ids[written] = None if own.startswith("|") else self._author_id(written, own, others)
        return self._ids[written]

    def build(self) -> AuthorNames:
        """All of them."""
        keys = [
            AuthorKey(author, key, self._display_names[place])
            for place, (key, author) in enumerate(self._new_authors.items())
        ]
        return self._previous.with_keys([*keys, *(AuthorKey(author, key) for author, key in self._alternative_keys)])

    def _author_id(self, written: str, own: str, others: Sequence[str]) -> int:
        held = len(self._previous)
        known = self._previous.find(own)
        if known is None:
            known = self._new_authors.setdefault(own, held + len(self._new_authors))
            if known == held + len(self._display_names):
                self._display_names.append(written)
            elif (
                self._display_names[known - held].isupper() and not written.isupper()
            ):  # shown shouted only where all shout
                self._display_names[known - held] = written
        for key in others:
            if known >= held or not self._previous.has_key(known, key):
                self._alternative_keys[known, key] = None
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


def _append_strings(
    blob: NDArray[np.uint8], offsets: NDArray[np.int64], added: Sequence[bytes]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    ends = np.cumsum([len(each) for each in added], dtype=np.int64)
    return np.append(blob, np.frombuffer(b"".join(added), np.uint8)), np.append(offsets, offsets[-1] + ends)


def _other_names(name: Name) -> tuple[str, ...]:
    """What stands beside a surname and a first given name."""
    return name.forenames[1:] if name.given else name.other_family_words


def _initials_mask(words: Sequence[str]) -> int:
    """A bit for each letter that words start with: of words with no common bit none starts as another."""
    letters = 0
    for word in words:
        letters |= 1 << ord(word[0]) % 32
    return letters


def _proper_prefixes(word: str) -> list[str]:
    """What a word can start with where it is written apart."""
    return [word[:length] for length in range(2, len(word))]


_WORD_UPPER_BOUND = b"-"
"""Comes after what can follow a given name in a key, a space or a comma, and before all letters and digits."""

_LINEAR_SCAN_LIMIT = 16
"""Names that are compared one by one rather than looked up more closely."""


def _prefix_of(key: bytes) -> int:
    """The first eight bytes as a number; of two keys with different heads the smaller one comes first."""
    return int.from_bytes(key[:8].ljust(8, b"\0"), "big")
