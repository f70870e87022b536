"""Byte windows: the eight bytes that begin at each position of a text, as numbers that numpy compares at once."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

WIDTH = 8
"""Bytes of a window."""
FIRST_BYTES = np.array([2 ** (8 * length) - 1 for length in range(WIDTH + 1)], np.uint64)
"""(WIDTH + 1,) masks that leave the first bytes of a window, by their number."""


def find_windows(data: bytes) -> NDArray[np.uint64]:
    """Returns a view of the windows of some bytes, (len(data) - WIDTH + 1,) uint64; the first byte is the lowest."""
    return np.ndarray(len(data) - WIDTH + 1, "<u8", data, strides=(1,))


class Literals:
    """Texts to look for in others, all at once.

    Args:
        texts: the texts; of those with other characters than ASCII, the first is such a character.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        given = tuple(texts)
        literals = [text.encode() for text in given if text.isascii()]
        self._others = tuple(text[0] for text in given if not text.isascii())
        first = {literal[0] for literal in literals}
        self._may_begin = bytes(code in first for code in range(256))
        self._beginnings = np.array([int.from_bytes(each[:WIDTH], "little") for each in literals], np.uint64)[:, None]
        self._masks = FIRST_BYTES[[min(len(each), WIDTH) for each in literals]][:, None]

    def may_occur(self, text: str, data: bytes) -> bool:
        """Returns whether one of the texts may be in a text, False only if none is.

        Args:
            text: the text.
            data: its characters in ASCII, with ``?`` in place of any other.
        """
        if not text.isascii() and any(character in text for character in self._others):
            return True
        places = np.flatnonzero(np.frombuffer(data.translate(self._may_begin), np.bool_))
        windows = find_windows(data + b" " * WIDTH)[places]
        return bool((windows & self._masks == self._beginnings).any())
