"""Ranking of authors: who works on the topic of a query.

Each relevant paper votes for its authors, and an author's score is the sum of the votes (Macdonald and Ounis, "Voting
for candidates", CIKM 2006). A vote weighs more the nearer the paper is to the query and the more recent it is, and is
shared among the authors of the paper.
"""

from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns
from search.columns.dates import NO_DAY
from search.errors import InvalidValue
from search.query.people import MAX_RANKED_AUTHORS, People, RankedAuthor
from search.ranking.relevance import RelevantSet
from search.rows import Rows

_VOTING_PAPERS = 2_000
"""Relevant papers that vote: the nearest. In a larger set, those after them have the least weight anyway."""
_HALF_LIFE_DAYS = 4 * 365.25
"""Days in which the weight of a paper halves, before the newest paper of the index: four years, about the length of a
doctorate. Someone who left the topic a doctorate ago counts half as much as someone at work on it."""
_SHARED_AUTHORS = 4
"""Added to the number of authors by which a vote is divided. Equal parts alone would favour single authors over groups
of five, the usual size, fivefold; full votes would favour the members of collaborations."""
_MIN_NEARNESS = 0.05
"""Weight of the farthest relevant paper, relative to the nearest one: it is relevant, so it counts a little."""
_COMMON_NAMESAKES = 0.1
"""Expected namesakes (``AuthorTable.expected_namesakes``) from which on a name may be that of several people: of 30
random names with 0.1 to 0.3 and 8 papers or more, ``Persons`` splits all, of 30 with 0.03 to 0.1 it splits 24."""
_TOP_PAPERS = 3
"""Papers that are listed per author."""


@dataclass(frozen=True, slots=True, eq=False)
class _Votes:
    """The votes of the nearest relevant papers for their authors.

    Attributes:
        authors: (a,) int64, ascending author ids.
        scores: (a,) float64, the sum of the votes for each author.
        rows: (n,) int64, the author's papers of each (paper, author) pair, grouped by author, most weight first.
        starts: (a + 1,) int64, where the rows of each author start.
    """

    authors: NDArray[np.int64]
    scores: NDArray[np.float64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def count(cls, columns: Columns, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> Self:
        """Counts the votes of papers, (n,) int64 rows with (n,) float64 weights."""
        position, author = columns.author_postings.pairs_of_rows(rows)
        divisor = np.bincount(position, minlength=len(rows)) + _SHARED_AUTHORS
        order = np.lexsort((position, -weights[position], author))
        position, author = position[order], author[order]
        authors, starts = np.unique(author, return_index=True)
        scores = np.add.reduceat((weights / divisor)[position], starts) if len(authors) else np.empty(0)
        return cls(authors, scores, rows[position], np.append(starts, len(order)))

    def rows_of(self, number: int) -> NDArray[np.int64]:
        """Returns the papers of the author at an index of ``authors``, most weight first."""
        return self.rows[self.starts[number] : self.starts[number + 1]]


def rank_authors(relevant: RelevantSet, limit: int) -> People:
    """Ranks the authors of the relevant papers.

    Args:
        relevant: the relevant papers.
        limit: number of authors, 1 to MAX_RANKED_AUTHORS.

    Raises:
        InvalidValue: the limit is invalid.
    """
    if not 1 <= limit <= MAX_RANKED_AUTHORS:
        raise InvalidValue("limit", limit, f"use a whole number from 1 to {MAX_RANKED_AUTHORS}")
    snapshot, rows = relevant.index.snapshot, relevant.papers.rows
    columns, nearest = snapshot.columns, relevant.nearest(_VOTING_PAPERS)
    weights = _nearness(relevant.fused_scores(nearest)) * _recency(columns, nearest.rows, snapshot.live)
    votes = _Votes.count(columns, nearest.rows, weights)
    papers = columns.author_postings.count_by_value(rows, votes.authors)
    best = np.lexsort((votes.authors, -papers, -votes.scores))[:limit]
    ranked = []
    for number, name in zip(best.tolist(), columns.authors.display_names(votes.authors[best]), strict=True):
        first, last = _years(columns, rows, int(votes.authors[number]))
        top = snapshot.store.get(votes.rows_of(number)[:_TOP_PAPERS].tolist())
        score = float(votes.scores[number] / votes.scores[best[0]])
        is_common = columns.authors.expected_namesakes(int(votes.authors[number])) >= _COMMON_NAMESAKES
        ranked.append(RankedAuthor(name, int(papers[number]), first, last, score, is_common, tuple(top)))
    return People(relevant.box, tuple(ranked), len(rows), relevant.papers.estimated, snapshot.manifest.generation)


def _nearness(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the weight of each paper by its score: 1 for the highest, ``_MIN_NEARNESS`` for the lowest.

    In between, it grows with the square of the score: a paper halfway to the threshold is much less about the query.
    """
    span = float(np.ptp(scores)) if len(scores) else 0.0
    if not span:
        return np.ones(len(scores))
    return np.asarray(_MIN_NEARNESS + (1 - _MIN_NEARNESS) * ((scores - scores.min()) / span) ** 2, np.float64)


def _recency(columns: Columns, rows: NDArray[np.int64], live: Rows) -> NDArray[np.float64]:
    """Returns the weight of each paper by its age; a paper without a date weighs as the oldest ones do."""
    days = columns.published.days(rows)[0].astype(np.int64)
    known = days != NO_DAY[0]
    if not known.any():
        return np.ones(len(rows))
    all_days = columns.published.days(live.ids)[0]
    newest = int(all_days[all_days != NO_DAY[0]].max())
    age = newest - np.where(known, days, days[known].min())
    return np.asarray(0.5 ** (age / _HALF_LIFE_DAYS), np.float64)


def _years(columns: Columns, relevant: Rows, author: int) -> tuple[int | None, int | None]:
    """Returns the years of an author's first and last relevant paper; None if none has a date."""
    rows = columns.author_postings.ids(np.array([author]))
    days = columns.published.days(rows[relevant.contains(rows)])[0]
    days = days[days != NO_DAY[0]]
    if not len(days):
        return None, None
    return date.fromordinal(int(days.min())).year, date.fromordinal(int(days.max())).year
