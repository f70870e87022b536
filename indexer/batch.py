"""A batch of papers, embedded while the next batch is read and the previous one is written."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexer.added_times import AddedTime
from search.embedding.embedder import Embedder
from search.errors import ModelUnavailable
from search.papers.paper import Paper
from search.papers.retraction import find_retracted_ids

LENGTH_TOLERANCE = 0.01
"""Maximum deviation of a vector's length from 1."""
_SLICE_TEXTS = 128
"""Texts embedded between two reports of progress; a slow machine embeds two slices in about 15 s."""


@dataclass(slots=True, eq=False)
class PendingPaper:
    """A paper that is not written yet.

    Attributes:
        records: Its records by their JSON text.
        keys: The keys of all its records; see ``identity.keys``.
        shared_ids: Those of its IDs that other papers have too.
        has_notice: Whether the notice of another paper retracts it.
        replaced_rows: Rows of the store that it replaces, or that a paper written with it replaces.
        added: When the paper was added to the index (``indexer.added_times``); None if it is new.
    """

    records: dict[str, Paper]
    keys: frozenset[int]
    shared_ids: frozenset[str] = frozenset()
    has_notice: bool = False
    replaced_rows: set[int] = field(default_factory=set)
    added: AddedTime = None

    @property
    def ids(self) -> frozenset[str]:
        """The IDs of all its records."""
        return frozenset(paper_id for record in self.records.values() for paper_id in record.ids)

    @property
    def retracted_ids(self) -> frozenset[str]:
        """The IDs of the papers that it retracts, if it is a notice."""
        return frozenset[str]().union(*(find_retracted_ids(record.extra) for record in self.records.values()))


class PendingPapers:
    """Papers that are not written yet, in order, found by their keys."""

    def __init__(self) -> None:
        self._papers: dict[PendingPaper, None] = {}
        self._by_key: dict[int, tuple[PendingPaper, ...]] = {}

    def __len__(self) -> int:
        return len(self._papers)

    def __iter__(self) -> Iterator[PendingPaper]:
        return iter(self._papers)

    def add(self, paper: PendingPaper) -> None:
        self._papers[paper] = None
        for key in paper.keys:
            self._by_key[key] = (*self._by_key.get(key, ()), paper)

    def remove(self, paper: PendingPaper) -> None:
        del self._papers[paper]
        for key in paper.keys:
            self._by_key[key] = tuple(each for each in self._by_key[key] if each is not paper)

    def find(self, keys: Iterable[int]) -> dict[PendingPaper, None]:
        """Returns the distinct papers that have one of the keys."""
        return {paper: None for found in filter(None, map(self._by_key.get, keys)) for paper in found}


class EmbeddingBatch:
    """A batch that is being embedded.

    Args:
        pending_papers: The n papers.
        papers: Each of them with its records merged.
        vectors: (n, dim) float16; the vectors of texts that the index already has are filled in.
        missing: Positions of the vectors to compute, 0 to n - 1.

    Attributes:
        texts: The text of each paper.
        waiting: Texts that ``collect`` has not yet yielded.
    """

    def __init__(
        self,
        pending_papers: PendingPapers,
        papers: Sequence[Paper],
        vectors: NDArray[np.float16],
        missing: Sequence[int],
    ) -> None:
        self.pending_papers = pending_papers
        self.papers = papers
        self.vectors = vectors
        self.texts = [paper.text for paper in papers]
        self.waiting = len(missing)
        by_length = sorted(missing, key=lambda position: len(self.texts[position]))  # saves padding
        self._slices = [by_length[start : start + _SLICE_TEXTS] for start in range(0, len(by_length), _SLICE_TEXTS)]
        self._futures: list[Future[NDArray[np.float32]]] = []

    def start(self, embedder: Embedder, executor: Executor) -> None:
        """Submits the slices to the executor."""
        slices = ([self.texts[position] for position in positions] for positions in self._slices)
        self._futures = [executor.submit(embedder.encode, texts) for texts in slices]

    @property
    def done(self) -> bool:
        """Whether ``collect`` would return without waiting."""
        return all(future.done() for future in self._futures)

    def collect(self) -> Iterator[int]:
        """Waits for each slice, stores its vectors and yields their number.

        Raises:
            Exception: Whatever the embedder raised.
        """
        for positions, future in zip(self._slices, self._futures, strict=True):
            self.vectors[positions] = future.result().astype(np.float16)
            self.waiting -= len(positions)
            yield len(positions)

    def check_lengths(self, model: str) -> None:
        """Checks that the vectors have length 1.

        Args:
            model: Name of the model, for the error message.

        Raises:
            ModelUnavailable: A vector has another length, or is not finite.
        """
        lengths = np.linalg.norm(self.vectors.astype(np.float32), axis=1)
        invalid = np.flatnonzero(~(np.abs(lengths - 1) < LENGTH_TOLERANCE))  # true for NaN as well
        if len(invalid):
            raise ModelUnavailable(
                f"{model} returned a vector of length {lengths[invalid[0]]:.3g} instead of 1 for "
                f"{self.texts[invalid[0]][:60]!r}; remove that paper from the input, or use another --model"
            )
