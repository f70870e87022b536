"""What moves between backends: papers with their records and vectors, and what the index knows besides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer import identity
from indexer.written import to_json_text
from search.embedding.model import ModelIdentity
from search.errors import IndexUnavailable
from search.papers.json import Json
from search.papers.paper import Paper

BATCH_PAPERS = 8_192
"""Papers of a batch: 6 MiB of vectors at 384 dimensions, and about as much of compressed text."""
MAX_ADDED = int(np.iinfo(np.uint32).max)
"""The latest time at which a paper can have been added (``indexer.added_times``)."""

Value = str | int | None
"""A value of a table."""


@dataclass(frozen=True, slots=True)
class MovedPaper:
    """A paper as an index stores it.

    Attributes:
        paper: The paper as JSON text (``Paper.to_json``), its records merged.
        records: Its records as the JSON text of a list; None if it has one record, which is equal to it.
        added: When it was added, in seconds since 1970 (UTC); 0 if that is not known.
    """

    paper: str
    records: str | None
    added: int

    def to_line(self) -> bytes:
        """Returns the paper as one line of JSON, with a line feed."""
        return f'{{"added":{self.added},"paper":{self.paper},"records":{self.records or "null"}}}\n'.encode()


@dataclass(frozen=True, slots=True)
class ParsedPaper:
    """A paper as a writer takes it.

    Attributes:
        paper: The paper, its records merged.
        records: Its records by their JSON text.
        added: See ``MovedPaper``.
    """

    paper: Paper
    records: dict[str, Paper]
    added: int

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Reads the output of ``MovedPaper.to_line``.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: The line is another one.
        """
        fields = orjson.loads(line)
        added = fields["added"]
        if type(added) is not int or not 0 <= added <= MAX_ADDED:
            raise ValueError(f"the time {added} is not a whole number from 0 to {MAX_ADDED}")
        paper = Paper.from_json(fields["paper"], added)
        records = [Paper.from_json(each) for each in fields["records"] or ()] or [paper]
        if not all(record.ids for record in (paper, *records)):
            raise ValueError("it has no ID")
        return cls(paper, {to_json_text(record): record for record in records}, added)


def find_keys(records: Mapping[str, Paper]) -> frozenset[int]:
    """Returns the keys of all records of a paper; see ``indexer.identity.keys``."""
    return frozenset[int]().union(*map(identity.keys, records.values()))


@dataclass(frozen=True, slots=True)
class Batch:
    """Papers that move together.

    Attributes:
        papers: The n papers, in order of their rows.
        vectors: Their vectors, (n, dim) float16.
    """

    papers: Sequence[MovedPaper]
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A batch of an archive.

    Attributes:
        papers: The n papers.
        vectors: Their vectors, (n, dim) float16.
    """

    papers: Sequence[ParsedPaper]
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of an index about something else than rows: decisions, removed papers, the log of imports.

    Attributes:
        name: Its name in the database of an index in a folder.
        columns: The names of its columns.
        rows: Its rows.
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[Value]]

    def select(self, *columns: str) -> Iterator[tuple[Value, ...]]:
        """Yields the values of some columns, in this order.

        Raises:
            ValueError: The table does not have them.
        """
        places = [self.columns.index(column) for column in columns]
        for row in self.rows:
            yield tuple(row[place] for place in places)


@dataclass(frozen=True, slots=True)
class Header:
    """What an archive says of the index that was exported.

    Attributes:
        source: Identifies the exported generation: no other generation of any index has the same.
        generation: The name of that generation.
        model: The model of the vectors.
        papers: The number of papers.
        newest_added: The time at which the last paper was added, of removed ones too; 0 if that is not known.
        calibration: The thresholds of the bands (``Calibration.to_json``); None without any.
        batch_papers: The papers of each batch but the last.
    """

    source: str
    generation: str
    model: ModelIdentity
    papers: int
    newest_added: int
    calibration: Mapping[str, Json] | None
    batch_papers: int = BATCH_PAPERS

    @property
    def batches(self) -> int:
        """The number of batches."""
        return -(-self.papers // self.batch_papers)

    def batch_size(self, number: int) -> int:
        """Returns the number of papers of a batch; batches are numbered from 0, and only the last may be smaller."""
        return min(self.batch_papers, self.papers - number * self.batch_papers)


class ArchiveDamaged(IndexUnavailable):
    """A file of an archive is missing, or is not what was written."""


def describe_mismatch(known: ModelIdentity, model: ModelIdentity) -> str:
    """Says that an index has vectors of another model than an archive, and what to do."""
    one, other = (f"{each.name} ({each.precision}, weights {each.weights_sha256[:8]})" for each in (known, model))
    return (
        f"its vectors were made with {one}, those of the archive with {other}; use a new index with --index, or move "
        f"the index to the model of the archive with: papers reindex --model {model.name} --precision {model.precision}"
    )
