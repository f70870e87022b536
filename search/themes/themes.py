"""Themes: the relevant papers of an answer in groups of similar ones, each with a label."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.errors import InvalidValue
from search.index.snapshot import Snapshot
from search.papers.html import link_html, table_html
from search.papers.identifiers import id_url
from search.papers.json import Json
from search.query.counts import format_count
from search.ranking.relevance import RelevantSet
from search.themes.clusters import CLUSTER_TUNING, Clusters
from search.themes.labels import label_groups

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_GROUPED = 2_000
"""Papers that are grouped, the nearest to the query; more of them would take longer than the search."""
_TYPICAL_PAPERS = 3
"""Papers that describe a theme."""
_COLUMNS = ("rank", "label", "papers", "share", "typical")
"""Columns of ``Themes.to_dataframe``."""
_OTHERS = "other papers"
"""Label of the papers whose groups have no phrase of their own."""


@dataclass(frozen=True, slots=True)
class TypicalPaper:
    """A paper near the centre of a theme.

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
        label: two to four words of the papers, unlike the label of any other theme of the answer.
        papers: number of grouped papers in it.
        share: their share of the grouped papers.
        typical: the papers nearest to its centre, nearest first.
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
        nearness: (n,) float32, from 0 to 1, how near each is to the centre of its group.
        centres: (k, dim) float32, the mean vector of each group.
        labels: of k groups, the largest first; none if the papers are too few to be grouped.
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
        themes: from 5 to 12 of them, fewer of few papers, and none of fewer than 20.
        grouping: the grouped papers, nearest to the query first, each with the number of its theme.
        relevant: number of relevant papers.
        estimated: ``relevant`` is an estimate, within about one per cent.
        generation: name of the generation that answered.
        answered_query: the text of the search box that was answered.
    """

    themes: tuple[Theme, ...]
    grouping: Grouping
    relevant: int
    estimated: bool
    generation: str
    answered_query: str

    @classmethod
    def find(cls, relevant: RelevantSet) -> Self:
        """Groups the nearest relevant papers of a query."""
        snapshot, papers = relevant.index.snapshot, relevant.papers
        budget.check()
        grouping = group_papers(snapshot, relevant.nearest(MAX_GROUPED).rows, relevant.box)
        themes = tuple(_describe(snapshot, grouping, number) for number in range(len(grouping.labels)))
        generation = snapshot.manifest.generation
        return cls(themes, grouping, len(papers.rows), papers.estimated, generation, relevant.box)

    @property
    def grouped(self) -> int:
        """Number of papers that were grouped: the relevant ones, or the nearest of them."""
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
        relevant = format_count(self.relevant, estimated=self.estimated)
        return f"<Themes of {self.answered_query!r}: {len(self.themes)} of {self.grouped:,} of {relevant}>"

    def to_json(self) -> dict[str, Json]:
        """Returns the themes as a JSON object."""
        return {
            "answered_query": self.answered_query,
            "relevant": self.relevant,
            "relevant_estimated": self.estimated,
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
        relevant = format_count(self.relevant, "relevant paper", estimated=self.estimated)
        caption = f"{self.answered_query}; themes of {self.grouped:,} of {relevant}"
        return table_html(caption, ("Theme", "Papers", "Share", "Typical papers"), rows)


def group_papers(snapshot: Snapshot, rows: NDArray[np.int64], known: str = "") -> Grouping:
    """Groups papers by their vectors, and labels the groups.

    Args:
        snapshot: the generation.
        rows: (n,) int64, the papers.
        known: what all of them are about, such as the query: no label repeats it.
    """
    vectors = snapshot.vectors.get_vectors(rows)
    if len(rows) < CLUSTER_TUNING.min_papers:
        none = np.empty((0, vectors.shape[1]), np.float32)
        return Grouping(rows, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.float32), none, ())
    clusters = Clusters.find(snapshot.whitening.transform(vectors))
    budget.check()
    titles, abstracts = zip(*snapshot.store.titles_and_abstracts(rows.tolist()), strict=True)
    weights = clusters.nearness.astype(np.float64) ** 2  # papers between two groups name neither
    found = label_groups(titles, abstracts, clusters.numbers, weights, known, clusters.points)
    numbers, labels = _with_unlabelled_last(clusters.numbers, found)
    is_member = np.asarray(numbers[:, None] == np.arange(len(labels)), np.float32)
    centres = is_member.T @ vectors / is_member.sum(axis=0)[:, None]
    return Grouping(rows, numbers, clusters.nearness, centres, labels)


def _fold(label: str) -> str:
    return " ".join(label.casefold().split())


def _with_unlabelled_last(
    numbers: NDArray[np.int64], labels: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Joins the groups that have no label into one, the last."""
    named = [number for number, label in enumerate(labels) if label]
    new_number = np.full(len(labels), len(named))
    new_number[named] = np.arange(len(named))
    others = (_OTHERS,) if len(named) < len(labels) else ()
    return new_number[numbers], (*(labels[number] for number in named), *others)


def _describe(snapshot: Snapshot, grouping: Grouping, number: int) -> Theme:
    members = np.flatnonzero(grouping.numbers == number)
    order = np.argsort(-grouping.nearness[members], kind="stable")[:_TYPICAL_PAPERS]
    typical = grouping.rows[members[order]]
    papers = tuple(TypicalPaper(paper.id, paper.title or "") for paper in snapshot.store.get(typical.tolist()))
    return Theme(grouping.labels[number], len(members), len(members) / len(grouping.rows), papers)
