"""The papers, vectors, filters and questions that ``benchmarks.systems`` gives to every system."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.papers.date import Date

Vector = NDArray[np.float32]
Encode = Callable[[str], Vector]
"""Returns the (dim,) unit vector of a question."""

PAPERS_FILE = "papers.jsonl"
VECTORS_FILE = "vectors.npy"
BATCH = 1_000
"""Papers per batch of an import."""


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of a paper that systems search and filter.

    Attributes:
        id: its ID.
        text: title and abstract, as ``Paper.text``.
        categories: codes of its categories.
        authors: names as the source has them.
        day: ordinal of the first day on which it can have been published; 0 without a date.
    """

    id: str
    text: str
    categories: tuple[str, ...]
    authors: tuple[str, ...]
    day: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter; a field that is None is not filtered.

    Attributes:
        category: among the categories of the paper.
        author: among its authors, spelled exactly so.
        first_day: ordinal of the first day.
        last_day: ordinal of the last day.
    """

    category: str | None = None
    author: str | None = None
    first_day: int | None = None
    last_day: int | None = None

    def matches(self, record: Record) -> bool:
        """Returns whether a paper matches."""
        return (
            self.category in (None, *record.categories)
            and self.author in (None, *record.authors)
            and (self.first_day is None or self.first_day <= record.day <= (self.last_day or 0))
        )


@dataclass(frozen=True)
class Corpus:
    """The papers of a folder and their vectors; row n of the vectors belongs to line n of the papers.

    Attributes:
        folder: contains ``PAPERS_FILE`` and ``VECTORS_FILE``.
    """

    folder: Path

    @property
    def papers_file(self) -> Path:
        return self.folder / PAPERS_FILE

    @cached_property
    def vectors(self) -> NDArray[np.float16]:
        """(papers, dim) float16, unit rows."""
        return np.asarray(np.load(self.folder / VECTORS_FILE, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.vectors)

    def iter_records(self) -> Iterator[Record]:
        """Yields the papers in order of their rows."""
        with self.papers_file.open(encoding="utf-8") as lines:
            yield from map(_parse, lines)

    def iter_batches(self) -> Iterator[tuple[range, list[Record], NDArray[np.float32]]]:
        """Yields row numbers, papers and (n, dim) float32 vectors of consecutive batches."""
        batch: list[Record] = []
        start = 0
        for record in self.iter_records():
            batch.append(record)
            if len(batch) == BATCH:
                yield self._as_batch(start, batch)
                start, batch = start + len(batch), []
        if batch:
            yield self._as_batch(start, batch)

    def nearest(self, vector: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        """Returns the k of some rows with the highest inner product, best first; every row is compared."""
        scores = np.asarray(self.vectors[rows], np.float32) @ vector
        return rows[np.argsort(-scores, kind="stable")[:k]]

    def _as_batch(self, start: int, batch: list[Record]) -> tuple[range, list[Record], NDArray[np.float32]]:
        rows = range(start, start + len(batch))
        return rows, batch, np.asarray(self.vectors[rows.start : rows.stop], np.float32)


def write_corpus(folder: Path, papers: Sequence[dict[str, object]], vectors: NDArray[np.float16]) -> Corpus:
    """Writes papers, as ``Paper.to_json`` returns them, and their vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(paper, ensure_ascii=False) + "\n" for paper in papers)
    with (folder / PAPERS_FILE).open("w", encoding="utf-8") as file:
        file.writelines(lines)
    np.save(folder / VECTORS_FILE, vectors)
    return Corpus(folder)


def _parse(line: str) -> Record:
    fields = json.loads(line)
    published = fields.get("published")
    return Record(
        str(fields["id"]),
        ". ".join(fields[name] for name in ("title", "abstract") if fields.get(name)),
        tuple(fields.get("categories", ())),
        tuple(fields.get("authors", ())),
        Date.parse(published).first_day if published else 0,
    )
