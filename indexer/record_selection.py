"""Record selection: which records of files an import takes: of categories, from a date on, or a sample.

A sample of N consists of the records with the N smallest hashes of their IDs. So it is the same each time, does not
depend on the order of the files, and a larger one contains the smaller ones. The files are read twice: the N smallest
hashes are known when all records were read.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer import identity
from indexer.build import ImportOptions
from indexer.inputs import Inputs, source_files
from search.papers.date import Date
from search.papers.identifiers import id_key
from search.papers.paper import Paper

OnSampled = Callable[[int, float], None]
"""Called after each record of the first reading with the records so far and the share of the files, 0 to 1."""

_MIN_BUFFER = 65_536
"""Hashes that are collected at least before the smallest are selected."""


@dataclass(frozen=True, slots=True)
class RecordSelection:
    """Conditions that records must meet.

    Attributes:
        categories: Codes of categories and archives, of which a record must have one; empty for any.
        published_from: The first date of publication; None for any. A record without a date does not meet it.
        largest_hash: The largest hash of an ID in a sample; None for all records.
    """

    categories: tuple[str, ...] = ()
    published_from: Date | None = None
    largest_hash: int | None = None

    def __call__(self, record: Paper) -> bool:
        """Whether a record meets all conditions."""
        first = self.published_from
        if first and not (record.published and record.published.last_day >= first.first_day):
            return False
        if self.categories and not any(map(self._has_category, record.categories)):
            return False
        return self.largest_hash is None or _hash(record) <= self.largest_hash

    def _has_category(self, code: str) -> bool:
        return any(code == each or code.startswith(each + ".") for each in self.categories)


def find_largest_hash(
    files: Iterable[Path],
    options: ImportOptions,
    size: int,
    on_sampled: OnSampled = lambda records, done: None,  # noqa: ARG005
) -> int | None:
    """Reads files and returns the largest hash of a sample; None if there are no more records than that.

    Args:
        files: The files.
        options: How to read them; only records that it accepts count.
        size: Records of the sample; records with equal IDs count once.
        on_sampled: See ``OnSampled``.
    """
    smallest = _Smallest(size)
    inputs = Inputs(source_files(files, options.as_of, options.format))
    for number, record in enumerate(inputs.records(), 1):
        if isinstance(record, Paper) and options.accepts(record):
            smallest.add(_hash(record))
        on_sampled(number, inputs.fraction_read)
    return smallest.largest()


class _Smallest:
    """The smallest of many numbers, each counted once.

    Args:
        size: How many of them.
    """

    def __init__(self, size: int) -> None:
        self._size, self._has_more = size, False
        self._numbers = array("q")

    def add(self, number: int) -> None:
        self._numbers.append(number)
        if len(self._numbers) >= max(2 * self._size, _MIN_BUFFER):
            self._select()

    def largest(self) -> int | None:
        """Returns the largest of them; None if there were no more numbers."""
        self._select()
        return self._numbers[-1] if self._has_more else None

    def _select(self) -> None:
        distinct = np.unique(np.frombuffer(self._numbers, np.int64))
        self._has_more |= len(distinct) > self._size
        self._numbers = array("q", distinct[: self._size].tobytes())


def _hash(record: Paper) -> int:
    """Hashes the public ID, or that which all files of Semantic Scholar's data sets have for a paper."""
    shared = (each for each in record.ids if each.startswith("corpusid:"))
    return id_key(next(shared, identity.ensure_id(record).id))
