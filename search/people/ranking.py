"""Ranking of authors: who works on the topic of a query.

Each relevant paper votes for its authors, and an author's score is the sum of the votes (Macdonald and Ounis, "Voting
for candidates", CIKM 2006). A vote weighs more the nearer the paper is to the query and the more recent it is; in a
collaboration, its authors share it. Of a name that several people may have, the papers of one person count.
"""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import date
from heapq import heappop, heappush
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.errors import InvalidValue
from search.index.backend_fields import Fields
from search.papers import names
from search.papers.date import NO_DAY
from search.papers.surnames import PARTICLES
from search.people.persons import split_by_person
from search.query.condition import Author
from search.query.people import MAX_RANKED_AUTHORS, NO_CORRECTIONS, People, PersonCorrections, RankedAuthor
from search.ranking.relevance import RelevantSet
from search.rows import PaperSet

_VOTING_PAPERS = 2_000
"""Relevant papers that vote: the nearest. In a larger set, those after them have the least weight anyway."""
_HALF_LIFE_DAYS = 4 * 365.25
"""Days in which the weight of a paper halves, before the newest paper of the index: four years, about the length of a
doctorate. Someone who left the topic a doctorate ago counts half as much as someone at work on it."""
_FULL_VOTES = 10
"""Authors whom a paper gives a full vote, so that the number of papers decides; the authors of a larger collaboration
share as many votes, or they would lead every topic that it works on."""
_MIN_NEARNESS = 0.05
"""Weight of the farthest relevant paper, relative to the nearest one: it is relevant, so it counts a little."""
_COMMON_NAMESAKES = 0.1
"""Expected namesakes (``AuthorTable.expected_namesakes``) from which on a name may be that of several people: of 30
random names with 0.1 to 0.3 and 8 papers or more, ``Persons`` splits all, of 30 with 0.03 to 0.1 it splits 24."""
_MOST_SPLIT = 1_500
"""Papers of common names that are grouped by person for one answer, best names first: half a second of CPU time."""
_TOP_PAPERS = 3
"""Papers that are listed per author."""
_SPELLINGS = 20
"""Papers of an author that are read for a spelling with capitals."""


@dataclass(frozen=True, slots=True, eq=False)
class _Votes:
    """The votes of the nearest relevant papers for their authors.

    Attributes:
        authors: (a,) int64, ascending author ids.
        scores: (a,) float64, the sum of the votes for each author.
        rows: (n,) int64, the author's papers of each (paper, author) pair, grouped by author, most weight first.
        weights: (n,) float64, the vote of each pair.
        starts: (a + 1,) int64, where the rows of each author start.
    """

    authors: NDArray[np.int64]
    scores: NDArray[np.float64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]
    starts: NDArray[np.int64]

    @classmethod
    def count(cls, columns: Fields, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> Self:
        """Counts the votes of papers, (n,) int64 rows with (n,) float64 weights."""
        position, author = columns.author_postings.pairs_of_rows(rows)
        votes = weights * np.minimum(1, _FULL_VOTES / np.maximum(np.bincount(position, minlength=len(rows)), 1))
        order = np.lexsort((position, -votes[position], author))
        position, author = position[order], author[order]
        authors, starts = np.unique(author, return_index=True)
        scores = np.add.reduceat(votes[position], starts) if len(authors) else np.empty(0)
        return cls(authors, scores, rows[position], votes[position], np.append(starts, len(order)))

    def of(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the papers of the author at an index of ``authors``, most weight first, and their votes."""
        span = slice(self.starts[number], self.starts[number + 1])
        return self.rows[span], self.weights[span]


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """An author in the ranking.

    Attributes:
        author: the author id.
        score: the sum of the votes.
        voting: (n,) int64, the papers that vote, most weight first.
        votes: (n,) float64, their votes.
        relevant: (m,) int64, all relevant papers.
        may_be_several: several people may have written them.
        is_one_of_several: they are those of one person, and the name is also that of others.
        papers_of_name: number of papers that were grouped for that; 0 for none.
    """

    author: int
    score: float
    voting: NDArray[np.int64]
    votes: NDArray[np.float64]
    relevant: NDArray[np.int64]
    may_be_several: bool = False
    is_one_of_several: bool = False
    papers_of_name: int = 0


def rank_authors(relevant: RelevantSet, limit: int, corrections: PersonCorrections = NO_CORRECTIONS) -> People:
    """Ranks the authors of the relevant papers.

    Args:
        relevant: the relevant papers.
        limit: number of authors, 1 to MAX_RANKED_AUTHORS.
        corrections: of the people behind names, by the user.

    Raises:
        InvalidValue: the limit is invalid.
    """
    if not 1 <= limit <= MAX_RANKED_AUTHORS:
        raise InvalidValue("limit", limit, f"use a whole number from 1 to {MAX_RANKED_AUTHORS}")
    ranking = _Ranking(relevant, corrections)
    best = ranking.best(limit)
    ranked = tuple(ranking.describe(each, each.score / best[0].score) for each in best)
    papers, generation = relevant.papers, relevant.index.snapshot.generation
    return People(relevant.box, ranked, len(papers.rows), papers.estimated, generation, papers.counted_over)


class _Ranking:
    """The authors of relevant papers, best first; see ``rank_authors``."""

    def __init__(self, relevant: RelevantSet, corrections: PersonCorrections) -> None:
        self._snapshot, self._relevant, self._corrections = relevant.index.snapshot, relevant.papers.rows, corrections
        nearest = relevant.nearest(_VOTING_PAPERS)
        weights = _nearness(relevant.fused_scores(nearest))
        weights *= _recency(self._snapshot.columns, nearest.rows, self._snapshot.live)
        self._votes = _Votes.count(self._snapshot.columns, nearest.rows, weights)

    def best(self, limit: int) -> list[_Candidate]:
        """Returns the authors with the highest scores.

        A name that comes first and may be that of several people is split; the person may then come later. So only
        names that could be in the answer are split.
        """
        votes, left = self._votes, _MOST_SPLIT
        papers = self._snapshot.columns.author_postings.count_by_value(self._relevant, votes.authors)
        names_left = deque(np.lexsort((votes.authors, -papers, -votes.scores)).tolist())
        found, split = list[_Candidate](), list[tuple[float, int, _Candidate]]()
        while len(found) < limit and (names_left or split):
            if split and (not names_left or -split[0][0] >= votes.scores[names_left[0]]):
                found.append(heappop(split)[2])
                continue
            candidate = self._candidate(names_left.popleft())
            if candidate.may_be_several and (person := self._find_person(candidate, left)):
                left -= person.papers_of_name
                heappush(split, (-person.score, len(names_left), person))
            else:
                found.append(candidate)
        return found

    def describe(self, candidate: _Candidate, score: float) -> RankedAuthor:
        """Returns an author of the answer, with the score relative to the first one."""
        snapshot = self._snapshot
        top = snapshot.store.get(candidate.voting[:_TOP_PAPERS].tolist())
        return RankedAuthor(
            self._spelling(candidate),
            len(candidate.relevant),
            *_years(snapshot.columns, candidate.relevant),
            score,
            candidate.may_be_several,
            top[0].id if candidate.is_one_of_several else None,
            tuple(top),
        )

    def _candidate(self, number: int) -> _Candidate:
        author, columns = int(self._votes.authors[number]), self._snapshot.columns
        voting, votes = self._votes.of(number)
        rows = columns.author_postings.ids_in(self._relevant, np.array([author]))
        is_common = columns.authors.expected_namesakes(author) >= _COMMON_NAMESAKES
        score = float(self._votes.scores[number])
        return _Candidate(author, score, voting, votes, rows, may_be_several=is_common)

    def _find_person(self, candidate: _Candidate, limit: int) -> _Candidate | None:
        """Returns the person with the highest score behind a name; None if the name has more papers than the limit."""
        columns = self._snapshot.columns
        name = Author(columns.authors.display_name(candidate.author))
        size = int(columns.author_postings.counts_of(columns.author_ids(name)).sum())
        groups = split_by_person(self._snapshot, name, self._corrections) if size <= limit else ()
        if not groups:
            return None
        shares = [np.isin(candidate.voting, rows) for rows in groups]
        best = max(range(len(groups)), key=lambda each: float(candidate.votes[shares[each]].sum()))
        return _Candidate(
            candidate.author,
            float(candidate.votes[shares[best]].sum()),
            candidate.voting[shares[best]],
            candidate.votes[shares[best]],
            groups[best][self._relevant.contains(groups[best])],
            is_one_of_several=len(groups) > 1,
            papers_of_name=size,
        )

    def _spelling(self, candidate: _Candidate) -> str:
        """Returns the name as the index writes it, or if that lacks capitals, in the most frequent spelling with them.

        The index has the first spelling, which may be "Rui li".
        """
        authors = self._snapshot.columns.authors
        own, key = authors.display_name(candidate.author), authors.key(candidate.author)
        if _has_capitals(own):
            return own
        rows = self._snapshot.columns.author_postings.ids(np.array([candidate.author]))[:_SPELLINGS]
        written = [name for paper in self._snapshot.store.get(rows.tolist()) for name in paper.authors]
        counts = Counter(name for name in written if _has_capitals(name) and names.parse(name).key == key)
        return counts.most_common(1)[0][0] if counts else own


def _has_capitals(name: str) -> bool:
    """Whether every word of a name starts with a capital, as far as its script has them, and some letter is small."""
    words = [word for word in name.split() if word.lower() not in PARTICLES]
    return not any(word[0].islower() for word in words) and not name.isupper()


def _nearness(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the weight of each paper by its score: 1 for the highest, ``_MIN_NEARNESS`` for the lowest.

    In between, it grows with the square of the score: a paper halfway to the threshold is much less about the query.
    """
    span = float(np.ptp(scores)) if len(scores) else 0.0
    if not span:
        return np.ones(len(scores))
    return np.asarray(_MIN_NEARNESS + (1 - _MIN_NEARNESS) * ((scores - scores.min()) / span) ** 2, np.float64)


def _recency(columns: Fields, rows: NDArray[np.int64], live: PaperSet) -> NDArray[np.float64]:
    """Returns the weight of each paper by its age; a paper without a date weighs as the oldest ones do."""
    days = columns.published.days(rows)[0].astype(np.int64)
    known, all_days = days != NO_DAY[0], columns.published.range_of(live)
    if not known.any() or not all_days:
        return np.ones(len(rows))
    age = all_days[1] - np.where(known, days, days[known].min())
    return np.asarray(0.5 ** (age / _HALF_LIFE_DAYS), np.float64)


def _years(columns: Fields, rows: NDArray[np.int64]) -> tuple[int | None, int | None]:
    """Returns the years of the first and the last of some papers; None if none has a date."""
    days = columns.published.days(rows)[0]
    days = days[days != NO_DAY[0]]
    if not len(days):
        return None, None
    return date.fromordinal(int(days.min())).year, date.fromordinal(int(days.max())).year
