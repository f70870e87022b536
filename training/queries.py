"""Queries of the training data, and how batches are drawn from them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.kinds import KINDS, SPLITS
from training.texts import Texts

MIXTURE = {
    "summary": 2.0,
    "motivation": 2.0,
    "method": 0.5,
    "result": 1.5,
    "keywords": 0.3,
    "title": 1.0,
    "abstract": 0.5,
    "q1": 2.6,
    "c": 1.4,
    "q2": 1.4,
    "q3": 1.8,
}
"""Parts of a batch by kind of query, chosen by hand: questions are the goal, and the few of them repeat."""


@dataclass(frozen=True)
class Queries:
    """All queries.

    Attributes:
        texts: their tokens.
        row: (n,) row of each query's paper.
        kind: (n,) position in KINDS.
        split: (n,) position in SPLITS.
        test_papers: rows of the papers of the test split; training neither mines nor ranks them.
    """

    texts: Texts
    row: NDArray[np.int64]
    kind: NDArray[np.uint8]
    split: NDArray[np.uint8]
    test_papers: NDArray[np.int64]

    @classmethod
    def load(cls, arrays: Path, device: torch.device) -> "Queries":
        """Reads ``queries.npz``."""
        path = arrays / "queries.npz"
        with np.load(path) as stored:
            row, test_papers = stored["row"].astype(np.int64), stored["test_papers"].astype(np.int64)
            return cls(Texts.load(path, device), row, stored["kind"], stored["split"], test_papers)

    def select(self, split: str, kind: str) -> NDArray[np.int64]:
        """Returns the positions of the queries of one kind in a split."""
        return np.flatnonzero((self.split == SPLITS.index(split)) & (self.kind == KINDS.index(kind)))

    def training(self) -> NDArray[np.int64]:
        """Returns the positions of all queries of the training split."""
        return np.flatnonzero(self.split == SPLITS.index("train"))


class Sampler:
    """Draws training queries according to MIXTURE.

    Args:
        queries: all queries.
        seed: of the random numbers.
    """

    def __init__(self, queries: Queries, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self._row = queries.row
        by_kind = {kind: queries.select("train", kind) for kind in KINDS}
        self._kinds = [kind for kind in MIXTURE if len(by_kind[kind])]
        self._by_kind = by_kind

    def draw(self, count: int) -> NDArray[np.int64]:
        """Returns the positions of ``count`` queries, or fewer: of several queries of a paper, one is kept."""
        parts = np.array([MIXTURE[kind] for kind in self._kinds])
        counts = self.generator.multinomial(count, parts / parts.sum())
        drawn = np.concatenate(
            [
                self.generator.choice(self._by_kind[kind], number)
                for kind, number in zip(self._kinds, counts, strict=True)
            ]
        )
        self.generator.shuffle(drawn)
        _, first = np.unique(self._row[drawn], return_index=True)
        return drawn[np.sort(first)]
