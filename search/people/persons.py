"""Persons: the people behind one name, told apart by their papers."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.errors import InvalidValue
from search.index.backend import Backend
from search.papers import names
from search.papers.categories import find_category_name
from search.papers.date import NO_DAY
from search.papers.html import table_html
from search.papers.json import Json
from search.query.condition import Author
from search.query.people import NO_CORRECTIONS, PersonCorrections
from search.themes.labels import label_groups

if TYPE_CHECKING:
    from search.papers.paper import Paper

MAX_PAPERS = 1_000
"""Papers of a name that are told apart; the time and memory grow with their square."""
_MIN_LABELLED = 3
"""Papers of a person from which on a phrase of theirs labels the person."""
_COAUTHORS = 3
"""Coauthors that are named per person."""
_CACHED_NAMES = 64
"""Names per generation whose papers stay grouped, at 16 bytes per paper: a page and its search need them repeatedly."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One of the people behind a name.

    Attributes:
        id: the ID of the person's earliest paper, which stands for the person.
        rows: (n,) int64, ascending: the person's papers.
        label: what the papers are about: a phrase of theirs, or their most frequent category; may be empty.
        coauthors: the most frequent ones.
        first_year: year of the earliest paper; None if none has a date.
        last_year: year of the latest paper; None if none has a date.
    """

    id: str
    rows: NDArray[np.int64]
    label: str
    coauthors: tuple[str, ...]
    first_year: int | None
    last_year: int | None

    @property
    def years(self) -> str:
        """The years, such as ``2024`` or ``2021–2026``; empty without any."""
        return "–".join(dict.fromkeys(str(year) for year in (self.first_year, self.last_year) if year))

    @property
    def papers(self) -> int:
        """The number of papers."""
        return len(self.rows)

    def to_json(self) -> dict[str, Json]:
        """Returns the person as a JSON object."""
        return {
            "id": self.id,
            "papers": self.papers,
            "label": self.label,
            "coauthors": list(self.coauthors),
            "first_year": self.first_year,
            "last_year": self.last_year,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """The people behind a name, most papers first. It has a length and iterates over them.

    Attributes:
        name: the name.
        people: the people; none if the name has no papers, too many, or no given name that could tell it from others.
    """

    name: str
    people: tuple[Person, ...]

    @classmethod
    def find(cls, snapshot: Backend, author: Author, corrections: PersonCorrections = NO_CORRECTIONS) -> Self:
        """Tells the people behind a name apart.

        Args:
            snapshot: the generation.
            author: the name.
            corrections: by the user.
        """
        grouping = _Grouping.find(snapshot, author, corrections)
        if not grouping.is_complete:
            return cls(author.name, ())
        return cls(author.name, tuple(_describe(snapshot, grouping)))

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def __getitem__(self, position: int) -> Person:
        return self.people[position]

    def __repr__(self) -> str:
        return f"<Persons named {self.name!r}: {len(self.people):,}>"

    def _repr_html_(self) -> str:
        """Returns the people as notebooks display them: a table with one row per person."""
        rows = [
            (escape(each.label), f"{each.papers:,}", each.years, escape(", ".join(each.coauthors)), escape(each.id))
            for each in self.people
        ]
        return table_html(f"People named {self.name}", ("Subject", "Papers", "Years", "Coauthors", "A paper"), rows)

    def person_of(self, row: int) -> Person | None:
        """Returns the person who wrote the paper of a row; None if none of them did."""
        return next((person for person in self.people if row in person.rows), None)


def find_person_rows(snapshot: Backend, author: Author, corrections: PersonCorrections) -> NDArray[np.int64]:
    """Returns the papers of the person of a condition with a paper.

    Args:
        snapshot: the generation.
        author: the name, and a paper of the person.
        corrections: by the user.

    Raises:
        InvalidValue: no author of the paper has the name, or the paper is not in the index.
    """
    row = snapshot.find_row(author.paper)
    grouping = _Grouping.find(snapshot, author, corrections)
    if row is None or row not in grouping.rows:
        problem = "no such paper is in the index" if row is None else f"it has no author {author.name!r}"
        raise InvalidValue("author", f"{author.name} @ {author.paper}", f"{problem}; give a paper of the person")
    if not grouping.is_complete:
        return grouping.rows
    return np.asarray(grouping.rows[grouping.numbers == grouping.numbers[grouping.rows == row]])


def split_by_person(snapshot: Backend, author: Author, corrections: PersonCorrections) -> tuple[NDArray[np.int64], ...]:
    """Returns the papers of each person with a name, none if they cannot be distinguished.

    Args:
        snapshot: the generation.
        author: the name.
        corrections: by the user.
    """
    grouping = _Grouping.find(snapshot, author, corrections)
    if not grouping.is_complete:
        return ()
    return tuple(grouping.rows[grouping.numbers == number] for number in np.unique(grouping.numbers).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class _Grouping:
    """The papers of a name, grouped by person.

    Attributes:
        authors: the author ids that the name matches.
        rows: (n,) int64, ascending: the papers.
        numbers: (n,) int64, the number of the person of each paper.
        is_complete: whether they were grouped; else they are too many, or the name has no given name.
    """

    authors: NDArray[np.int64]
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    is_complete: bool

    @classmethod
    def find(cls, snapshot: Backend, author: Author, corrections: PersonCorrections) -> "_Grouping":
        """Returns the grouping of a name, which is computed once per generation."""
        with _cache_lock:
            entries = _cache.setdefault(snapshot.shared, OrderedDict())
            if found := entries.get((author.name, author.exact, corrections)):
                entries.move_to_end((author.name, author.exact, corrections))
                return found
        grouping = cls._compute(snapshot, author, corrections)
        with _cache_lock:
            entries[author.name, author.exact, corrections] = grouping
            while len(entries) > _CACHED_NAMES:
                entries.popitem(last=False)
        return grouping

    @classmethod
    def _compute(cls, snapshot: Backend, author: Author, corrections: PersonCorrections) -> Self:
        authors = snapshot.columns.author_ids(author)
        rows = snapshot.columns.author_postings.ids_in(snapshot.live, authors)
        is_complete = 0 < len(rows) <= MAX_PAPERS and _can_be_split(author.name)
        numbers = np.zeros(len(rows), np.int64)
        if is_complete and len(rows) > 1:
            budget.check()
            numbers = _group(snapshot, authors, rows, corrections)
        return cls(authors, rows, numbers, is_complete)


_cache: "WeakKeyDictionary[Backend, OrderedDict[Hashable, _Grouping]]" = WeakKeyDictionary()
_cache_lock = threading.Lock()


def _can_be_split(name: str) -> bool:
    """Whether a name has a full given name: a surname or initials are those of too many people."""
    return any(len(word) > 1 for word in names.parse(name).given)


def _group(
    snapshot: Backend, authors: NDArray[np.int64], rows: NDArray[np.int64], corrections: PersonCorrections
) -> NDArray[np.int64]:
    """Returns the number of the person of each row."""
    from search.people.clustering import group_by_person  # imported here: scipy takes as long as a search
    from search.people.evidence import PairEvidence

    columns = snapshot.columns
    papers = columns.author_postings.count_by_value(snapshot.live, authors)
    namesakes = columns.authors.expected_namesakes(int(authors[papers.argmax()]))
    evidence = PairEvidence.gather(snapshot, rows, authors)
    same, different = (_positions(snapshot, rows, pairs) for pairs in (corrections.same, corrections.different))
    return group_by_person(evidence, namesakes, same, different)


def _positions(snapshot: Backend, rows: NDArray[np.int64], pairs: tuple[tuple[str, str], ...]) -> list[tuple[int, int]]:
    """Returns the positions of the papers of each pair in the rows, without pairs that are not both among them."""
    found = []
    for pair in pairs:
        places = [np.flatnonzero(rows == row) for paper in pair if (row := snapshot.find_row(paper)) is not None]
        if sum(map(len, places)) == 2:
            found.append((int(places[0][0]), int(places[1][0])))
    return found


def _describe(snapshot: Backend, grouping: _Grouping) -> Iterator[Person]:
    """Yields the people, most papers first; of equal ones, the one with the paper that was imported first."""
    rows = grouping.rows
    _, first, inverse, sizes = np.unique(grouping.numbers, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    labels = _labels(snapshot, rows, inverse, sizes)
    days = snapshot.columns.published.days(rows)[0]
    papers = snapshot.store.get(rows.tolist())
    for number in order.tolist():
        members = np.flatnonzero(inverse == number)
        dated = members[days[members] != NO_DAY[0]]
        earliest = papers[int(members[np.lexsort((rows[members], days[members]))[0]])]
        years = sorted(papers[place].published.year for place in dated.tolist() if papers[place].published)
        label = labels[number] or _main_category([papers[place] for place in members.tolist()])
        coauthors = _main_coauthors(snapshot, grouping.authors, rows[members])
        yield Person(
            earliest.id, rows[members], label, coauthors, years[0] if years else None, years[-1] if years else None
        )


def _labels(
    snapshot: Backend, rows: NDArray[np.int64], numbers: NDArray[np.int64], sizes: NDArray[np.int64]
) -> list[str]:
    """Returns the label of each person by number; empty for people with few papers."""
    labels = [""] * len(sizes)
    large = np.flatnonzero(sizes >= _MIN_LABELLED)
    if len(sizes) < 2 or not len(large):
        return labels
    group = np.full(len(sizes), -1)
    group[large] = np.arange(len(large))
    chosen = np.flatnonzero(group[numbers] >= 0)
    titles, abstracts = zip(*snapshot.store.titles_and_abstracts(rows[chosen].tolist()), strict=True)
    found = label_groups(titles, abstracts, group[numbers[chosen]])
    for number, label in zip(large.tolist(), found, strict=True):
        labels[number] = label
    return labels


def _main_category(papers: "list[Paper]") -> str:
    counts = Counter(paper.categories[0] for paper in papers if paper.categories)
    if not counts:
        return ""
    code = min(counts, key=lambda each: (-counts[each], each))
    return find_category_name(code) or code


def _main_coauthors(snapshot: Backend, authors: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[str, ...]:
    """Returns the names of the most frequent coauthors; of equal ones, of those with the fewest other papers."""
    postings = snapshot.columns.author_postings
    _, author = postings.pairs_of_rows(rows)
    coauthors, counts = np.unique(author[~np.isin(author, authors)], return_counts=True)
    papers = postings.counts_of(coauthors)
    best = coauthors[np.lexsort((coauthors, papers, -counts))[:_COAUTHORS]]
    return tuple(snapshot.columns.authors.display_names(best))
