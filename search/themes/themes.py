"""Themes: the relevant papers of an answer in groups of similar ones, each with a label."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.errors import InvalidValue
from search.index.backend import Backend
from search.papers.html import link_html, table_html
from search.papers.identifiers import id_url
from search.papers.json import Json
from search.query.counts import format_count
from search.ranking.relevance import RelevantSet
from search.themes.candidates import Candidates
from search.themes.clusters import CLUSTER_TUNING, Clusters

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_GROUPED = 2_000
"""Papers that are grouped, the nearest to the query; more of them would take longer than the search."""
_MIN_SCORE = 0.6
"""Score relative to the highest from which on a paper is grouped; those below are mostly on neighbouring subjects."""
_ALWAYS_GROUPED = 300
"""Best papers that are grouped whatever their score."""
_TYPICAL_PAPERS = 3
"""Papers that describe a theme."""
_COLUMNS = ("rank", "label", "papers", "share", "typical")
"""Columns of ``Themes.to_dataframe``."""
OTHERS = "other papers"
"""Label of the papers that no theme describes."""


@dataclass(frozen=True, slots=True)
class TypicalPaper:
    """A paper that fits the label of a theme.

    Attributes:
        id: its public ID.
        title: its title; empty if it has none.
    """

    id: str
    title: str

    def to_json(self) -> dict[str, Json]:
        """Returns the paper as a JSON object."""
        return {"id": self.id, "title": self.title}


@dataclass(frozen=True, slots=True)
class Theme:
    """A group of similar papers.

    Attributes:
        label: two to four words of the papers, unlike the label of any other theme of the answer; ``OTHERS`` of the
            papers that no theme describes.
        papers: number of grouped papers in it.
        share: their share of the grouped papers.
        typical: the papers that fit its label best, the best first.
    """

    label: str
    papers: int
    share: float
    typical: tuple[TypicalPaper, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the theme as a JSON object."""
        typical: list[Json] = [paper.to_json() for paper in self.typical]
        return {"label": self.label, "papers": self.papers, "share": round(self.share, 4), "typical": typical}


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Some papers in groups of similar ones.

    Attributes:
        rows: (n,) int64, the papers, in the order given.
        numbers: (n,) int64, the group of each, from 0.
        nearness: (n,) float32, from 0 to 1, how near each is to the papers that contain the label of its group.
        centres: (k, dim) float32, the mean vector of each group.
        labels: of k groups, the largest first and ``OTHERS`` last; none if the papers are too few to be grouped.
    """

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    nearness: NDArray[np.float32]
    centres: NDArray[np.float32]
    labels: tuple[str, ...]

    def rows_of(self, label: str) -> NDArray[np.int64]:
        """Returns the papers of a group in the order given; upper and lower case in its label are equal.

        Raises:
            InvalidValue: no group has the label; the error names those of the groups.
        """
        labels = [_fold(each) for each in self.labels]
        if _fold(label) not in labels:
            names = ", ".join(map(repr, self.labels))
            present = f"choose one of its themes: {names}" if names else "it has too few papers for themes; omit it"
            raise InvalidValue("theme", label, f"it is no theme of this answer; {present}")
        return np.asarray(self.rows[self.numbers == labels.index(_fold(label))])


@dataclass(frozen=True, slots=True, eq=False)
class Themes:
    """The themes of an answer. It has a length and iterates over its themes, the largest first.

    Attributes:
        themes: from 5 to 12 of them, fewer if few phrases describe the papers, and none of fewer than 20 papers; the
            papers that no theme describes are the last one.
        grouping: the grouped papers, nearest to the query first, each with the number of its theme.
        relevant: number of relevant papers.
        estimated: ``relevant`` is an estimate, within about one per cent.
        generation: name of the generation that answered.
        answered_query: the text of the search box that was answered.
        counted_over: see ``Facets``.
    """

    themes: tuple[Theme, ...]
    grouping: Grouping
    relevant: int
    estimated: bool
    generation: str
    answered_query: str
    counted_over: str = ""

    @classmethod
    def find(cls, relevant: RelevantSet) -> Self:
        """Groups the nearest relevant papers of a query that score well."""
        snapshot, papers = relevant.index.snapshot, relevant.papers
        budget.check()
        grouping = group_papers(snapshot, *_papers_on_subject(relevant), relevant.box)
        themes = tuple(_describe(snapshot, grouping, number) for number in range(len(grouping.labels)))
        generation, counted_over = snapshot.generation, papers.counted_over
        return cls(themes, grouping, len(papers.rows), papers.estimated, generation, relevant.box, counted_over)

    @property
    def grouped(self) -> int:
        """Number of papers that were grouped: the relevant ones, or those of them that match the query well."""
        return len(self.grouping.rows)

    def __len__(self) -> int:
        return len(self.themes)

    def __bool__(self) -> bool:
        """Always True, as that of ``Page``."""
        return True

    def __getitem__(self, position: int) -> Theme:
        return self.themes[position]

    def __iter__(self) -> Iterator[Theme]:
        return iter(self.themes)

    def __repr__(self) -> str:
        relevant = format_count(self.relevant, estimated=self.estimated, counted_over=self.counted_over)
        return f"<Themes of {self.answered_query!r}: {len(self.themes)} of {self.grouped:,} of {relevant}>"

    def to_json(self) -> dict[str, Json]:
        """Returns the themes as a JSON object."""
        return {
            "answered_query": self.answered_query,
            "relevant": self.relevant,
            "relevant_estimated": self.estimated,
            "counted_over": self.counted_over,
            "grouped": self.grouped,
            "generation": self.generation,
            "themes": [theme.to_json() for theme in self.themes],
        }

    def to_dataframe(self) -> "DataFrame":
        """Returns a pandas DataFrame with one row per theme.

        The columns are rank (from 1), label, papers, share and typical, which are titles joined by ``"; "``.

        Raises:
            ImportError: pandas is not installed.
        """
        from search.query.dataframe import make_dataframe

        rows = (
            (rank, each.label, each.papers, each.share, "; ".join(paper.title or paper.id for paper in each.typical))
            for rank, each in enumerate(self.themes, 1)
        )
        return make_dataframe(rows, _COLUMNS)

    def _repr_html_(self) -> str:
        """Returns the themes as notebooks display them: a table with one row per theme."""
        rows = [
            (
                escape(theme.label),
                f"{theme.papers:,}",
                f"{theme.share:.0%}",
                "<br>".join(link_html(paper.title or paper.id, id_url(paper.id) or "") for paper in theme.typical),
            )
            for theme in self.themes
        ]
        relevant = format_count(
            self.relevant, "relevant paper", estimated=self.estimated, counted_over=self.counted_over
        )
        caption = f"{self.answered_query}; themes of {self.grouped:,} of {relevant}"
        return table_html(caption, ("Theme", "Papers", "Share", "Typical papers"), rows)


def _papers_on_subject(relevant: RelevantSet) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns the nearest relevant papers of a query without those that only share its field, nearest first.

    Words and meaning together tell them apart; without either, all are returned.

    Returns:
        The rows; and (n,) float32, from 0 to 1, how much the subject of each is that of the query.
    """
    nearest, query = relevant.nearest(MAX_GROUPED), relevant.leg_input
    rows = nearest.rows
    if query is None or query.vector is None or query.text is None or not len(rows):
        return rows, np.ones(len(rows), np.float32)
    scores = relevant.fused_scores(nearest)
    best = np.sort(scores)[-_ALWAYS_GROUPED:]
    highest = float(best[-1])
    least = min(_MIN_SCORE * highest, float(best[0]))
    is_grouped = scores >= least
    importance = (scores[is_grouped] - least) / (highest - least) if highest > least else np.ones(len(rows))
    return rows[is_grouped], np.asarray(importance, np.float32)


def group_papers(
    snapshot: Backend, rows: NDArray[np.int64], importance: NDArray[np.float32] | None = None, known: str = ""
) -> Grouping:
    """Groups papers by the phrases that describe them.

    Args:
        snapshot: the generation.
        rows: (n,) int64, the papers.
        importance: (n,) float32, how much each counts when labels are chosen; None if all count the same.
        known: what all of them are about, such as the query: no label repeats it.
    """
    vectors = snapshot.vectors.get_vectors(rows)
    if len(rows) < CLUSTER_TUNING.min_papers:
        none = np.empty((0, vectors.shape[1]), np.float32)
        return Grouping(rows, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.float32), none, ())
    titles, abstracts = zip(*snapshot.store.titles_and_abstracts(rows.tolist()), strict=True)
    candidates = Candidates.find(titles, abstracts, known)
    budget.check()
    importance = np.ones(len(rows), np.float32) if importance is None else importance
    clusters = Clusters.find(snapshot.whitening.transform(vectors), candidates, importance)
    numbers, labels = clusters.numbers, clusters.labels
    if (numbers == len(labels)).any():
        labels = (*labels, OTHERS)
    is_member = np.asarray(numbers[:, None] == np.arange(len(labels)), np.float32)
    centres = is_member.T @ vectors / is_member.sum(axis=0)[:, None]
    return Grouping(rows, numbers, clusters.nearness, centres, labels)


def _fold(label: str) -> str:
    return " ".join(label.casefold().split())


def _describe(snapshot: Backend, grouping: Grouping, number: int) -> Theme:
    members = np.flatnonzero(grouping.numbers == number)
    order = np.argsort(-grouping.nearness[members], kind="stable")[:_TYPICAL_PAPERS]
    typical = grouping.rows[members[order]]
    papers = tuple(TypicalPaper(paper.id, paper.title or "") for paper in snapshot.store.get(typical.tolist()))
    return Theme(grouping.labels[number], len(members), len(members) / len(grouping.rows), papers)
