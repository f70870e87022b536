"""AuthorTable: the memory-mapped, sorted table of author name keys, with lookups by key and by prefix."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import load_array
from search.files import save_array
from search.papers.names import Name


@dataclass(frozen=True, slots=True)
class AuthorKey:
    """A key (``names.index_keys``) that an author can be found by.

    Attributes:
        author: the author's id.
        key: the canonical key of a new author, or an alternative key of any author.
        display_name: the name as the source writes it; empty for an alternative key.
    """

    author: int
    key: str
    display_name: str = ""


@dataclass(frozen=True, eq=False)
class AuthorTable:
    """The keys (``Name.key``, UTF-8) of all authors. The *position* of a key is its index in byte order.

    A lookup bisects the first eight bytes of the keys as integers, then compares the few keys that share them.
    Author ids follow first appearance and never change while rows are appended. A key can belong to several authors:
    it is the canonical key of at most one and an alternative key of the others.

    Attributes:
        blob: uint8, all keys concatenated in order of appearance.
        offsets: (keys + 1,) int64, the start of each key in ``blob``.
        order: (keys,) uint32, the key number at each position.
        prefixes: (keys,) uint64, the first eight bytes of the key at each position, big-endian, zero-padded.
        initials: (keys,) uint32, by position: ``initials_mask`` of the names other than surname and first given name.
        author_of_key: (keys,) uint32, by key number: the author of each key.
        canonical_keys: (authors,) uint32, the number of each author's canonical key.
        display_blob: uint8, all display names concatenated.
        display_offsets: (authors + 1,) int64, the start of each author's display name in ``display_blob``.
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
        """Returns a table without keys."""
        no_bytes, zero_offset = np.empty(0, np.uint8), np.zeros(1, np.int64)
        no_numbers = no_bytes.astype(np.uint32)
        return cls(
            blob=no_bytes,
            offsets=zero_offset,
            order=no_numbers,
            prefixes=no_bytes.astype(np.uint64),
            initials=no_numbers,
            author_of_key=no_numbers,
            canonical_keys=no_numbers,
            display_blob=no_bytes,
            display_offsets=zero_offset,
        )

    def with_keys(self, added: Sequence[AuthorKey]) -> Self:
        """Returns a copy with more keys.

        Args:
            added: the keys. A key with a display name is the canonical key of a new author; these must be in the order
                of the new authors' ids.
        """
        encoded = [each.key.encode() for each in added]
        in_order = sorted(range(len(encoded)), key=encoded.__getitem__)
        positions = [self._bisect(encoded[index]) for index in in_order] if len(self.order) else 0
        prefixes = np.array([encoded[index] for index in in_order], "S8").view(">u8")
        initials = np.array([_key_initials(added[index].key) for index in in_order])
        first_number = len(self.order)
        canonical = [first_number + index for index, each in enumerate(added) if each.display_name]
        display_names = [each.display_name.encode(errors="replace") for each in added if each.display_name]
        blob, offsets = _append_strings(self.blob, self.offsets, encoded)
        display_blob, display_offsets = _append_strings(self.display_blob, self.display_offsets, display_names)
        return type(self)(
            blob=blob,
            offsets=offsets,
            order=np.insert(self.order, positions, np.array(in_order, np.uint32) + np.uint32(first_number)),
            prefixes=np.insert(self.prefixes, positions, prefixes),
            initials=np.insert(self.initials, positions, initials.astype(np.uint32)),
            author_of_key=np.append(self.author_of_key, np.array([each.author for each in added], np.uint32)),
            canonical_keys=np.append(self.canonical_keys, np.array(canonical, np.uint32)),
            display_blob=display_blob,
            display_offsets=display_offsets,
        )

    def __len__(self) -> int:
        return len(self.canonical_keys)

    def key(self, author: int) -> str:
        """Returns an author's canonical key."""
        return self._key_text(int(self.canonical_keys[author]))

    def display_name(self, author: int) -> str:
        """Returns an author's name as its first source writes it."""
        return self.display_names(np.array([author]))[0]

    def display_names(self, authors: NDArray[np.int64]) -> list[str]:
        """Returns the display names of several authors, in the given order."""
        spans = zip(self.display_offsets[authors].tolist(), self.display_offsets[authors + 1].tolist(), strict=True)
        blob = self.display_blob.data
        return [str(blob[start:end], "utf-8") for start, end in spans]

    def find(self, key: str) -> int | None:
        """Returns the author whose canonical key this is, or None."""
        numbers = self.order[self._positions_of_key(key)].tolist()
        canonical = [number for number in numbers if self._is_canonical(number)]
        return int(self.author_of_key[canonical[0]]) if canonical else None

    def has_key(self, author: int, key: str) -> bool:
        """Whether a key is one of an author's keys."""
        return bool(np.any(self.author_of_key[self.order[self._positions_of_key(key)]] == author))

    def expected_namesakes(self, author: int) -> float:
        """Returns how many keys would have an author's surname and first given name if these were independent.

        It tells common names from rare ones. An initial counts as a name of its own; of long names, the first eight
        letters count.
        """
        name = Name.from_key(self.key(author))
        with_surname, with_first_name = self.count_keys_like(name)
        return float(with_surname * with_first_name / len(self.order)) if name.given else float(with_surname)

    def count_keys_like(self, name: Name) -> tuple[int, int]:
        """Returns how many keys have the surname of a name, and how many its first given name, 0 if it has none."""
        with_surname = len(self._positions_with_prefix(f"{name.surname}|"))
        if not name.given:
            return with_surname, 0
        prefix, first_names = np.uint64(_key_prefix(name.given[0].encode())), self._first_name_prefixes
        start, end = (int(np.searchsorted(first_names, prefix, side)) for side in ("left", "right"))
        return with_surname, end - start

    @cached_property
    def _first_name_prefixes(self) -> NDArray[np.uint64]:
        """(keys,) uint64, ascending: the first eight bytes of the first given name of each key, zero-padded."""
        starts = np.flatnonzero(self.blob == ord("|")) + 1
        ends = self.offsets[np.searchsorted(self.offsets, starts, "left")]
        blob = np.pad(np.asarray(self.blob), (0, 8))
        words, is_name = np.zeros(len(starts), np.uint64), np.ones(len(starts), bool)
        for place in range(8):
            letters = blob[starts + place]
            is_name &= (starts + place < ends) & (letters != ord(" ")) & (letters != ord(","))
            words = words << np.uint64(8) | np.where(is_name, letters, 0).astype(np.uint64)
        return np.sort(words)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens the arrays that ``save`` wrote, memory-mapped."""
        return cls(*(load_array(directory, name) for name in _FILES))

    def save(self, directory: Path) -> None:
        """Writes the arrays into a directory."""
        arrays: tuple[NDArray[Any], ...] = (
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
        for name, values in zip(_FILES, arrays, strict=True):
            save_array(directory / f"{name}.npy", values)

    def _positions_of_key(self, key: str) -> NDArray[np.int64]:
        encoded = key.encode()
        return np.arange(self._bisect(encoded), self._bisect(encoded + b"\0"))

    def _positions_with_prefix(self, text: str) -> NDArray[np.int64]:
        prefix = text.encode()
        end = self._bisect(prefix[:-1] + bytes([prefix[-1] + 1]))  # cannot overflow: no byte of UTF-8 is 255
        return np.arange(self._bisect(prefix), end)

    def _positions_with_first_name(self, surname: str, first: str) -> NDArray[np.int64]:
        start = f"{surname}|{first}".encode()
        return np.arange(self._bisect(start), self._bisect(start + _WORD_UPPER_BOUND))

    def _has_prefix(self, prefix: bytes) -> bool:
        position = self._bisect(prefix)
        return position < len(self.order) and self._key_bytes(self._order[position]).startswith(prefix)

    def _existing_words(self, before: str, words: Sequence[str], after: str) -> list[str]:
        """Returns the words for which some key starts with ``before + word + after``.

        One numpy call compares the first eight bytes of all words, which leaves few to compare in full.
        """
        distinct = list(dict.fromkeys(words))
        starts = [f"{before}{word}{after}".encode() for word in distinct]
        lowest = np.array(starts, "S8").view(">u8").astype(np.uint64)
        missing = np.maximum(8 - np.array([len(start) for start in starts], np.int64), 0).astype(np.uint64)
        highest = lowest | ((np.uint64(1) << (np.uint64(8) * missing)) - np.uint64(1))
        possible = np.searchsorted(self.prefixes, lowest) < np.searchsorted(self.prefixes, highest, "right")
        return [distinct[index] for index in np.flatnonzero(possible).tolist() if self._has_prefix(starts[index])]

    def _bisect(self, key: bytes) -> int:
        """Returns the number of keys that sort before a key."""
        prefix = _key_prefix(key)
        low = bisect_left(self._prefixes, prefix)
        high = bisect_right(self._prefixes, prefix, low)
        while low < high:
            middle = (low + high) // 2
            if self._key_bytes(self._order[middle]) < key:
                low = middle + 1
            else:
                high = middle
        return low

    # Memoryviews yield Python integers, which bisect compares in a third of the time that numpy scalars take.

    @cached_property
    def _prefixes(self) -> "memoryview[int]":
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

    def _is_canonical(self, number: int) -> bool:
        return int(self.canonical_keys[self.author_of_key[number]]) == number

    def _key_text(self, number: int) -> str:
        return self._key_bytes(number).decode()

    def _key_bytes(self, number: int) -> bytes:
        return bytes(self._blob[self._offsets[number] : self._offsets[number + 1]])


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
"""File names of the arrays, in the order of the attributes."""

_WORD_UPPER_BOUND = b"-"
"""Sorts after the space or comma that can follow a given name in a key, and before all letters and digits."""


def other_names(name: Name) -> tuple[str, ...]:
    """Returns the words of a name other than its surname and first given name."""
    return name.forenames[1:] if name.given else name.other_family_words


def _key_initials(key: str) -> int:
    """Returns ``initials_mask`` of the other names of a key; most have none."""
    return initials_mask(other_names(Name.from_key(key))) if " " in key or "," in key else 0


def initials_mask(words: Sequence[str]) -> int:
    """Returns a bit mask of the words' first letters. If two masks are disjoint, no first letter is in common."""
    mask = 0
    for word in words:
        mask |= 1 << ord(word[0]) % 32
    return mask


def _append_strings(
    blob: NDArray[np.uint8], offsets: NDArray[np.int64], added: Sequence[bytes]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    ends = np.cumsum([len(each) for each in added], dtype=np.int64)
    return np.append(blob, np.frombuffer(b"".join(added), np.uint8)), np.append(offsets, offsets[-1] + ends)


def _key_prefix(key: bytes) -> int:
    """Returns the first eight bytes as an integer that sorts like the keys."""
    return int.from_bytes(key[:8].ljust(8, b"\0"), "big")
