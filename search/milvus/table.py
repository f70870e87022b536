"""PaperTable: the papers that one session has read from a collection, and sets of papers of the collection.

The row of a paper is its primary key. Whatever ranks, counts or shows papers reads them here; papers that are missing
are read at once when they are needed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexUnavailable
from search.milvus.collection import Collection
from search.milvus.entities import FetchedPaper
from search.milvus.keys import NOTHING, all_of
from search.query.sort import FieldOrder
from search.rows import PaperSet, are_among

READ_BY_QUESTION = "{} papers closest to the question"
"""The papers that a search by words or by vector has read."""
READ_IN_ORDER: dict[FieldOrder, str] = {
    "newest": "{} newest papers",
    "oldest": "{} oldest papers",
    "citations": "{} most cited papers",
    "added": "{} papers that were added last",
}
"""The papers that were read in order of a field."""
MAX_WHOLE_SET = 400
"""Papers of a set up to which all are read to count their values; of a larger set, only those that were read count."""
_ROWS_PER_QUERY = 16_384
"""Primary keys that are listed at once."""


class PaperTable:
    """The papers that a session has read; safe to use from several threads.

    Args:
        collection: the collection.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._papers: dict[int, FetchedPaper] = {}
        self._matching: dict[str, set[int]] = {}
        self._tested: dict[str, set[int]] = {}
        self._lock = RLock()
        self.failed_leg = ""
        """Which of the two searches of a question Milvus has not answered, in words; empty if both were."""
        self.has_words = False
        """Whether it has answered the search by words, which comes first."""
        self._read_as = ""
        """Which papers of a large set were read first, in words with a place for their number."""

    def __len__(self) -> int:
        return len(self._papers)

    def add(self, papers: Iterable[FetchedPaper], expression: str) -> NDArray[np.int64]:
        """Adds papers that meet an expression, and returns their rows in the order given."""
        with self._lock:
            rows = []
            for paper in papers:
                self._papers.setdefault(paper.row, paper)
                rows.append(paper.row)
            self._matching.setdefault(expression, set()).update(rows)
            self._tested.setdefault(expression, set()).update(rows)
        return np.array(rows, np.int64)

    def note_kind(self, words: str) -> None:
        """Notes which papers of a set are about to be read, unless others were read before; see ``counted_over``."""
        self._read_as = self._read_as or words

    def counted_over(self, papers: PaperSet) -> str:
        """See ``search.index.backend.Backend``."""
        if not isinstance(papers, MatchingPapers) or len(papers) <= MAX_WHOLE_SET:
            return ""
        read = len(self.members(papers))
        without = f", without the search {self.failed_leg}, which Milvus did not answer" if self.failed_leg else ""
        return f"the {self._read_as.format(f'{read:,}')}{without}" if read < len(papers) else ""

    def get(self, rows: Iterable[int]) -> list[FetchedPaper]:
        """Returns papers, in the order of their rows.

        Raises:
            IndexUnavailable: a paper is no longer part of the collection.
        """
        wanted = list(rows)
        missing = [row for row in dict.fromkeys(wanted) if row not in self._papers]
        if missing:
            found = self.collection.get(missing)
            with self._lock:
                self._papers |= {paper.row: paper for paper in found if paper.row not in self._papers}
        try:
            return [self._papers[row] for row in wanted]
        except KeyError as error:
            problem = f"paper {error} was removed while it was read; ask again"
            raise IndexUnavailable(self.collection.name, problem) from None

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the vectors of papers, (n, dim) float32."""
        if not len(rows):
            return np.empty((0, self.collection.manifest.model.dim), np.float32)
        return np.stack([paper.vector for paper in self.get(rows.tolist())])

    def rows(self) -> NDArray[np.int64]:
        """Returns the rows of all papers that were read, ascending."""
        return np.array(sorted(self._papers), np.int64)

    def matches(self, rows: NDArray[np.int64], expression: str) -> NDArray[np.bool_]:
        """(len(rows),) bool: whether each paper meets an expression; asks for those of which this is not known."""
        if not expression:
            return np.ones(len(rows), bool)
        unknown = sorted(set(rows.tolist()).difference(self._tested.get(expression, ())))
        if unknown:
            among = f"row in [{', '.join(map(str, unknown))}]"
            found = {int(each["row"]) for each in self.collection.values(all_of((expression, among)), ["row"])}
            with self._lock:
                self._matching.setdefault(expression, set()).update(found)
                self._tested.setdefault(expression, set()).update(unknown)
        matching = self._matching[expression] if len(rows) else set()
        return np.array([row in matching for row in rows.tolist()], bool)

    def known(self, expression: str) -> NDArray[np.int64]:
        """Returns the rows, ascending, of papers that were read because they meet an expression, or tested for it."""
        return np.array(sorted(self._matching.get(expression, ())), np.int64)

    def members(self, papers: PaperSet) -> NDArray[np.int64]:
        """Returns the rows, ascending, of those papers of a set that count: all of a small one, else those read.

        If no paper of a large set was read, these are the newest.
        """
        if not isinstance(papers, MatchingPapers):
            return papers.ids
        known = self.known(papers.expression)
        if len(papers) <= MAX_WHOLE_SET:
            if len(known) < len(papers):
                self.add(self.collection.find(papers.whole_expression, MAX_WHOLE_SET), papers.expression)
                known = self.known(papers.expression)
        elif not len(known):
            known = self.rows()
            known = known[self.matches(known, papers.expression)]
            if not len(known):
                self.note_kind(READ_IN_ORDER["newest"])
                newest = self.collection.first_in_order("newest", MAX_WHOLE_SET, papers.whole_expression).papers
                known = np.sort(self.add(newest, papers.expression))
        return known[~are_among(known, np.array(papers.excluded, np.int64))]


@dataclass(frozen=True, eq=False)
class MatchingPapers:
    """The papers that meet an expression: a ``PaperSet`` that is computed when it is asked for.

    Attributes:
        table: the papers that were read.
        expression: the expression; empty for all papers.
        excluded: rows that are not in the set.
    """

    table: PaperTable
    expression: str
    excluded: tuple[int, ...] = field(default=())

    @property
    def whole_expression(self) -> str:
        """The expression that the papers without the excluded ones meet."""
        without = f"row not in [{', '.join(map(str, self.excluded))}]" if self.excluded else ""
        return all_of((self.expression, without))

    def __len__(self) -> int:
        excluded = self.table.matches(np.array(self.excluded, np.int64), self.expression).sum() if self.excluded else 0
        return self.table.collection.count(self.expression) - int(excluded)

    def note_size(self, papers: int) -> None:
        """Notes the number of papers, which a search has found."""
        if not self.excluded:
            self.table.collection.note_count(self.expression, papers)

    def __contains__(self, row: int) -> bool:
        return bool(self.contains(np.array([row], np.int64))[0])

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See ``PaperSet``."""
        return self.table.matches(ids, self.expression) & ~are_among(ids, np.array(self.excluded, np.int64))

    def without(self, row: int) -> "MatchingPapers":
        """See ``PaperSet``."""
        return replace(self, excluded=tuple(dict.fromkeys((*self.excluded, row))))

    @property
    def ids(self) -> NDArray[np.int64]:
        """See ``PaperSet``; one round trip per 16,384 rows of the collection."""
        collection, found = self.table.collection, []
        for first in range(0, collection.manifest.rows, _ROWS_PER_QUERY):
            part = f"(row >= {first} and row < {first + _ROWS_PER_QUERY})"
            found += [int(each["row"]) for each in collection.values(all_of((self.whole_expression, part)), ["row"])]
        return np.array(sorted(found), np.int64)


@dataclass(frozen=True, eq=False)
class ListedPapers:
    """Some papers by row: a ``PaperSet``.

    Attributes:
        ids: (n,) int64, ascending.
    """

    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, row: int) -> bool:
        return bool(self.contains(np.array([row], np.int64))[0])

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See ``PaperSet``."""
        return are_among(ids, self.ids)

    def without(self, row: int) -> "ListedPapers":
        """See ``PaperSet``."""
        return ListedPapers(self.ids[self.ids != row])


def expression_of(papers: PaperSet) -> str:
    """Returns the expression that the papers of a set meet."""
    if isinstance(papers, MatchingPapers):
        return papers.whole_expression
    rows: Sequence[int] = papers.ids.tolist()
    return f"row in [{', '.join(map(str, rows))}]" if rows else NOTHING
