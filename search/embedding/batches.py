"""Batches: the inputs of one inference."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Encoding


def split_into_batches(lengths: list[int], tokens: int) -> Iterator[list[int]]:
    """Yields the positions of texts of similar length, the longest first.

    Args:
        lengths: tokens of each text.
        tokens: tokens of a batch after padding; one text may be longer.
    """
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    start = 0
    while start < len(order):
        size = max(1, tokens // lengths[order[start]])
        yield order[start : start + size]
        start += size


def pad_inputs(encodings: "Sequence[Encoding]", length: int) -> "dict[int, NDArray[np.int64]]":
    """Returns token IDs and attention mask, each (n, tokens) int64, padded with 0.

    Args:
        encodings: tokens of n texts.
        length: number of tokens; 0 for that of the longest text.
    """
    import numpy as np

    ids = np.zeros((len(encodings), length or max(len(encoding.ids) for encoding in encodings)), np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return {0: ids, 1: mask}
