"""CategoryColumn: the categories of every row, and the ids that a category in a query can mean."""

import json
from array import array
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import NO_ID, NewPostings, Postings, load_array
from search.files import save_array
from search.papers.categories import resolve_codes
from search.papers.paper import Paper

_NAME = "categories"
"""Name of the codes and of their posting lists in the directory of the columns."""
_PRIMARY = "primary"
"""Name of the file of first categories."""


@dataclass(frozen=True)
class CategoryColumn:
    """The categories of every row.

    Attributes:
        codes: category codes as the sources write them, and their archives, in order of first appearance. The index of
            a code is its id.
        postings: the rows of each category id.
        primary: (rows,) uint32, the id of each row's first category, or NO_ID.
    """

    codes: tuple[str, ...]
    postings: Postings
    primary: NDArray[np.uint32]

    @classmethod
    def open(cls, directory: Path, rows: int) -> Self:
        """Opens the files that ``CategoryColumnBuilder.save`` wrote."""
        codes = tuple(json.loads((directory / f"{_NAME}.json").read_text("utf-8")))
        return cls(codes, Postings.open(directory, _NAME, rows), load_array(directory, _PRIMARY))

    @classmethod
    def empty(cls) -> Self:
        """Returns a column without rows."""
        return cls((), Postings.empty(), np.empty(0, np.uint32))

    def ids_of(self, text: str) -> list[int]:
        """Returns the ids, ascending, of the category or archive with a code or name.

        Raises:
            InvalidValue: it exists neither in arXiv's taxonomy nor in this index.
        """
        return sorted({number for code in resolve_codes(text, self.codes) for number in self.ids_for_code(code)})

    def ids_for_code(self, code: str) -> list[int]:
        """Returns the ids, ascending, of all spellings of a code; spellings differ in case."""
        return self._ids_by_folded_code.get(code.casefold(), [])

    def primary_ids_of(self, text: str) -> list[int]:
        """Returns the ids that a primary category can have: those of the category, or of the archive's categories.

        Raises:
            InvalidValue: see ``ids_of``.
        """
        wanted = [code.casefold() for code in resolve_codes(text, self.codes)]
        return [
            number
            for number, code in enumerate(self.codes)
            if any(code.casefold() == each or code.casefold().startswith(f"{each}.") for each in wanted)
        ]

    def primary_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the id of the first category of some rows, (n,) int64; NO_ID for a row without one."""
        return self.primary[rows].astype(np.int64)

    def is_archive(self, category: int) -> bool:
        """Whether a category id is that of an archive with categories, such as ``cs``."""
        return category in self._archives

    @cached_property
    def _archives(self) -> frozenset[int]:
        archives = {archive for code in self.codes for archive in _archive(code)}
        return frozenset(number for number, code in enumerate(self.codes) if code in archives)

    @cached_property
    def _ids_by_folded_code(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, code in enumerate(self.codes):
            found.setdefault(code.casefold(), []).append(number)
        return found


class CategoryColumnBuilder:
    """Extends a column with new rows.

    Args:
        previous: the column of the previous generation.
    """

    def __init__(self, previous: CategoryColumn) -> None:
        self._previous = previous
        self._ids = {code: number for number, code in enumerate(previous.codes)}
        self._new = NewPostings()
        self._primary = array("I")
        self._ids_of: dict[tuple[str, ...], tuple[tuple[int, ...], int]] = {}  # most papers share their categories

    def add(self, ids: tuple[int, ...], primary: int) -> None:
        """Adds the next row with the ids of its categories and that of the first."""
        self._new.add(ids)
        self._primary.append(primary)

    def ids_of(self, paper: Paper) -> tuple[tuple[int, ...], int]:
        """Returns the ids of a paper's categories and their archives, ascending, and the id of the first category.

        Codes that are new get new ids.
        """
        found = self._ids_of.get(paper.categories)
        if found is None:
            codes = dict.fromkeys(code for each in paper.categories for code in (each, *_archive(each)))
            ids = [self._ids.setdefault(code, len(self._ids)) for code in codes]
            found = self._ids_of[paper.categories] = tuple(sorted(ids)), ids[0] if ids else NO_ID
        return found

    def save(self, directory: Path) -> None:
        """Writes the column of all rows into a directory."""
        (directory / f"{_NAME}.json").write_text(json.dumps(list(self._ids), ensure_ascii=False), "utf-8")
        self._new.append_to(self._previous.postings, len(self._ids)).save(directory, _NAME)
        primary = np.concatenate((self._previous.primary, np.frombuffer(self._primary, np.uint32)))
        save_array(directory / f"{_PRIMARY}.npy", primary)


def _archive(code: str) -> tuple[str, ...]:
    """Returns the archive of a category, ``cs`` for cs.CL; empty for hep-th, which is an archive itself."""
    archive, dot, _ = code.partition(".")
    return (archive,) if dot and archive else ()
