"""Flight: a chunk of papers whose texts are embedded while the next chunk is read and the last one written."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from search.embedding.embedder import Embedder
from search.papers.paper import Paper

_SLICE_TEXTS = 128
"""Texts embedded between two words about progress: a slow machine takes a quarter of a minute for two slices."""


@dataclass(slots=True)
class PendingPaper:
    """A paper of a chunk: its records, the keys of them all, and the rows of the store it takes over."""

    records: list[Paper]
    keys: frozenset[int]
    replaced_rows: set[int] = field(default_factory=set)


class EmbeddingBatch:
    """One chunk under way.

    Args:
        chunk: its papers. papers: what each of them holds, its records merged.
        vectors: (n, dim) float16, those of texts that are held already filled in. new: the places of the others.
    """

    def __init__(
        self,
        pending_papers: Sequence[PendingPaper],
        papers: Sequence[Paper],
        vectors: NDArray[np.float16],
        missing: Sequence[int],
    ) -> None:
        self.pending_papers, self.papers, self.vectors = pending_papers, papers, vectors
        self.texts = [paper.text for paper in papers]
        self.waiting = len(missing)
        self._by_key: defaultdict[int, list[PendingPaper]] = defaultdict(list)
        for pending in pending_papers:
            for key in pending.keys:
                self._by_key[key].append(pending)
        by_length = sorted(missing, key=lambda place: len(self.texts[place]))  # slices of like length pad little
        self._slices = [by_length[start : start + _SLICE_TEXTS] for start in range(0, len(by_length), _SLICE_TEXTS)]
        self._futures: list[Future[NDArray[np.float32]]] = []

    def start(self, embedder: Embedder, executor: Executor) -> None:
        """Has the slices embedded, each as one of the threads comes to it."""
        texts = ([self.texts[place] for place in places] for places in self._slices)
        self._futures = [executor.submit(embedder.encode, each) for each in texts]

    def find(self, keys: Iterable[int]) -> Iterator[PendingPaper]:
        """The papers that have one of the keys."""
        for key in keys:
            yield from self._by_key.get(key, ())

    @property
    def done(self) -> bool:
        """Whether nothing would be waited for."""
        return all(each.done() for each in self._futures)

    def collect(self) -> Iterator[int]:
        """Waits for each slice, puts its vectors in place and says how many they are; raises what the model raised."""
        for places, embedded in zip(self._slices, self._futures, strict=True):
            self.vectors[places] = embedded.result().astype(np.float16)
            self.waiting -= len(places)
            yield len(places)
