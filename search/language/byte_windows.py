"""Byte windows: the eight bytes that begin at each position of a text, as numbers that numpy compares at once."""

import numpy as np
from numpy.typing import NDArray

WIDTH = 8
"""Bytes of a window."""
FIRST_BYTES = np.array([2 ** (8 * length) - 1 for length in range(WIDTH + 1)], np.uint64)
"""(WIDTH + 1,) masks that leave the first bytes of a window, by their number."""


def find_windows(data: bytes) -> NDArray[np.uint64]:
    """Returns a view of the windows of some bytes, (len(data) - WIDTH + 1,) uint64; the first byte is the lowest."""
    return np.ndarray(len(data) - WIDTH + 1, "<u8", data, strides=(1,))
