"""KindColumn: the rows of the papers of each kind, which columns of earlier versions lack."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import NewPostings, Postings
from search.errors import InvalidValue
from search.papers.kinds import KINDS, Kind
from search.papers.paper import Paper

_NAME = "kinds"
"""Name of the field in the directory of the columns."""


@dataclass(frozen=True)
class KindColumn:
    """The kinds of every row.

    Attributes:
        names: the kinds that the column knows; none if an earlier version wrote the columns. The index of a kind is its
            id.
        postings: the rows of each kind id.
    """

    names: tuple[str, ...]
    postings: Postings

    @classmethod
    def open(cls, directory: Path, rows: int) -> Self:
        """Opens the files that ``KindColumnBuilder.save`` wrote, if there are any."""
        path = directory / f"{_NAME}.json"
        if not path.exists():
            return cls((), Postings.empty())
        return cls(tuple(json.loads(path.read_text("utf-8"))), Postings.open(directory, _NAME, rows))

    @classmethod
    def empty(cls) -> Self:
        """Returns a column without rows."""
        return cls(KINDS, Postings.empty())

    @property
    def is_complete(self) -> bool:
        """Whether the column knows every kind of this version."""
        return set(KINDS) <= set(self.names)

    def of_rows(self, rows: NDArray[np.int64]) -> list[tuple[Kind, ...] | None]:
        """Returns the kinds of some rows, each in the order of ``KINDS``; None where the column is not complete."""
        if not self.is_complete:
            return [None] * len(rows)
        return list(map(self._combination, self._bits[rows].tolist()))

    @cached_property
    def _bits(self) -> NDArray[np.uint32]:
        """(universe,) uint32, one bit for each kind id of a row. It is computed once, in a millisecond."""
        bits, offsets = np.zeros(self.postings.universe, np.uint32), self.postings.offsets.tolist()
        for kind, (start, end) in enumerate(pairwise(offsets)):
            bits[self.postings.rows[start:end]] |= np.uint32(1 << kind)
        return bits

    @cached_property
    def _combination(self) -> Callable[[int], tuple[Kind, ...]]:
        """Returns the kinds of some bits, in the order of ``KINDS``; rows share few combinations."""
        places = {kind: self.names.index(kind) for kind in KINDS}
        return cache(lambda bits: tuple(kind for kind, place in places.items() if bits >> place & 1))

    def id_of(self, kind: str) -> int:
        """Returns the id of a kind.

        Raises:
            InvalidValue: an earlier version wrote the columns, without the kind.
        """
        if kind not in self.names:
            problem = "an earlier version wrote this index without it; to add it, run papers compact"
            raise InvalidValue("kind", kind, problem)
        return self.names.index(kind)


class KindColumnBuilder:
    """Extends a column with new rows.

    Args:
        previous: the column of the previous generation. Kinds that it does not know are not added, since its rows may
            be of them.
    """

    def __init__(self, previous: KindColumn) -> None:
        self._previous = previous
        self._new = NewPostings()

    def add(self, ids: tuple[int, ...]) -> None:
        """Adds the next row with the ids of its kinds."""
        self._new.add(ids)

    def ids_of(self, paper: Paper) -> tuple[int, ...]:
        """Returns the ids, ascending, of the kinds of a paper."""
        from search.papers.kind_rules import find_kinds  # compiling the rules takes as long as a search

        names = self._previous.names
        return tuple(sorted(names.index(kind) for kind in find_kinds(paper) if kind in names)) if names else ()

    def save(self, directory: Path) -> None:
        """Writes the column of all rows into a directory; nothing if it knows no kind."""
        names = self._previous.names
        if names:
            (directory / f"{_NAME}.json").write_text(json.dumps(names), "utf-8")
            self._new.append_to(self._previous.postings, len(names)).save(directory, _NAME)
