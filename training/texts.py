"""Token IDs of many texts on the device that trains, padded batch by batch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LENGTH_MULTIPLE = 16
"""Padded lengths in tokens are multiples of it, as PyTorch's fused attention with a bias requires."""


class Texts:
    """Token IDs of many texts, on one device.

    Args:
        tokens: token IDs of all texts, one after the other.
        offsets: (n + 1,) start of each text.
        device: where batches are built.
    """

    def __init__(self, tokens: NDArray[np.uint16], offsets: NDArray[np.int64], device: torch.device) -> None:
        self._tokens = torch.from_numpy(tokens.astype(np.int32)).to(device)
        self._offsets = torch.from_numpy(offsets).to(device)
        self.lengths = np.diff(offsets)
        self.device = device

    @classmethod
    def load(cls, path: Path, device: torch.device, prefix: str = "") -> "Texts":
        """Reads ``tokens`` and ``offsets``, with a prefix, of an output of ``training.prepare``."""
        with np.load(path) as arrays:
            return cls(arrays[f"{prefix}tokens"], arrays[f"{prefix}offsets"], device)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Returns padded (n, tokens) IDs and mask of some texts."""
        longest = int(self.lengths[rows].max())
        width = -(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
        index = torch.from_numpy(rows.astype(np.int64)).to(self.device)
        start = self._offsets[index][:, None]
        positions = torch.arange(width, device=self.device)[None]
        mask = positions < (self._offsets[index + 1][:, None] - start)
        ids = self._tokens[(start + positions).clamp(max=len(self._tokens) - 1)]
        return torch.where(mask, ids, 0).long(), mask.long()
