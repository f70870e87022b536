"""People: the authors of the papers that are relevant to a query."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from search.papers.html import table_html
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.counts import format_count

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_RANKED_AUTHORS = 100
"""Most authors of one answer."""


@dataclass(frozen=True, slots=True)
class PersonCorrections:
    """What a user says about the people behind names; all are pairs of paper IDs.

    Attributes:
        same: two papers that are by one person.
        different: a paper, and one of a person who did not write it.
    """

    same: tuple[tuple[str, str], ...] = ()
    different: tuple[tuple[str, str], ...] = ()


NO_CORRECTIONS = PersonCorrections()


@dataclass(frozen=True, slots=True)
class RankedAuthor:
    """An author of relevant papers.

    Attributes:
        name: as the index writes it; its spellings count as one author.
        papers: number of relevant papers.
        first_year: year of the earliest of them; None if none has a date.
        last_year: year of the latest of them; None if none has a date.
        score: sum of the weights of the papers, relative to the author with the highest sum, which is 1.
        may_be_several: the name is so common that several people may have written them (``Session.persons``).
        person: the ID of one of them, by which ``au:"NAME @ ID"`` finds the papers of the one person who wrote them
            all, if others have the name too; else None.
        top_papers: the papers with the most weight, best first.
    """

    name: str
    papers: int
    first_year: int | None
    last_year: int | None
    score: float
    may_be_several: bool
    person: str | None
    top_papers: tuple[Paper, ...]

    @property
    def years(self) -> str:
        """The years, such as ``2024`` or ``2021–2026``; empty without any."""
        return (
            str(self.first_year or "") if self.first_year == self.last_year else f"{self.first_year}–{self.last_year}"
        )

    def to_json(self) -> dict[str, Json]:
        """Returns the author as a JSON object."""
        return {
            "name": self.name,
            "papers": self.papers,
            "first_year": self.first_year,
            "last_year": self.last_year,
            "score": round(self.score, 4),
            "may_be_several": self.may_be_several,
            "person": self.person,
            "top_papers": [_summarize(paper) for paper in self.top_papers],
        }


@dataclass(frozen=True, slots=True, repr=False)
class People:
    """The authors of the papers that are relevant to a query, best first. It has a length and iterates over them.

    Attributes:
        query: the text of the search box that was answered.
        authors: the authors.
        papers: number of relevant papers.
        estimated: the number is an estimate, within about one per cent.
        generation: name of the generation that answered.
        counted_over: see ``Facets``.
    """

    query: str
    authors: tuple[RankedAuthor, ...]
    papers: int
    estimated: bool
    generation: str
    counted_over: str = ""

    def __len__(self) -> int:
        return len(self.authors)

    def __getitem__(self, position: int) -> RankedAuthor:
        return self.authors[position]

    def __iter__(self) -> Iterator[RankedAuthor]:
        return iter(self.authors)

    def __repr__(self) -> str:
        return f"<People {self.query!r}: {len(self.authors):,} authors of {self._count}, {self.generation}>"

    def to_json(self) -> dict[str, Json]:
        """Returns the people as a JSON object."""
        return {
            "query": self.query,
            "papers": self.papers,
            "papers_estimated": self.estimated,
            "counted_over": self.counted_over,
            "generation": self.generation,
            "authors": [author.to_json() for author in self.authors],
        }

    def to_dataframe(self) -> "DataFrame":
        """Returns a pandas DataFrame with one row per author.

        The columns are rank (from 1), name, papers, first_year, last_year, score and top_papers, which are titles
        joined by ``"; "``.

        Raises:
            ImportError: pandas is not installed.
        """
        from search.query.dataframe import people_dataframe

        return people_dataframe(self.authors)

    def _repr_html_(self) -> str:
        """Returns the people as notebooks display them: a table with one row per author."""
        rows = [
            (
                escape(author.name),
                f"{author.papers:,}",
                author.years,
                "<br>".join(paper.title_html for paper in author.top_papers),
            )
            for author in self.authors
        ]
        headings = ("Author", "Relevant papers", "Years", "Top papers")
        return table_html(f"{self.query}; authors of {self._count}", headings, rows)

    @property
    def _count(self) -> str:
        return format_count(self.papers, "relevant paper", estimated=self.estimated, counted_over=self.counted_over)


def _summarize(paper: Paper) -> dict[str, Json]:
    fields = paper.to_dict()
    return {name: fields[name] for name in ("id", "title", "published", "url")}
