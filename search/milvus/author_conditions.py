"""Authors that a name in a query means, decided by the same code as on one machine over the names of a few surnames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from search.columns.author_table import AuthorKey
from search.columns.authors import AuthorNames
from search.columns.name_order import drop_namesakes_in_other_order
from search.columns.other_given_names import drop_other_given_names
from search.milvus import keys
from search.milvus.author_buckets import IndexedName
from search.milvus.collection import Collection
from search.milvus.counts import Counts, first_name_key
from search.papers import names
from search.papers.names import Name
from search.papers.paper import Paper
from search.query.condition import Author
from search.weak_methods import weak_method

_CACHED_NAMES = 1_000
"""Names whose authors are cached."""


@dataclass(frozen=True, eq=False)
class SurnameTable(AuthorNames):
    """The names of a few surnames of a collection.

    Attributes:
        first_names: returns how many names of the collection have a first given name.
        size: number of names in the collection.
    """

    first_names: Callable[[str], int] = lambda name: 0  # noqa: ARG005
    size: int = 1

    @classmethod
    def build(cls, found: Sequence[IndexedName], counts: Counts, size: int) -> "SurnameTable":
        """Creates the table of some names."""
        written = {name.canonical: name.written for name in found}
        numbers = {canonical: number for number, canonical in enumerate(written)}
        own = [AuthorKey(number, canonical, written[canonical] or "?") for canonical, number in numbers.items()]
        others = [AuthorKey(numbers[name.canonical], name.key) for name in found if name.key != name.canonical]
        table = cls.empty().with_keys([*own, *others])
        return replace(table, first_names=lambda name: counts.get(first_name_key(name)), size=size)

    def count_keys_like(self, name: Name) -> tuple[int, int]:
        """See ``AuthorTable``."""
        with_surname = len(self._positions_with_prefix(f"{name.surname}|"))
        return with_surname, self.first_names(name.given[0]) if name.given else 0

    def expected_namesakes(self, author: int) -> float:
        """See ``AuthorTable``."""
        name = Name.from_key(self.key(author))
        with_surname, with_first_name = self.count_keys_like(name)
        return float(with_surname * with_first_name / self.size) if name.given else float(with_surname)


class _FetchedAuthorPapers:
    """The papers of some authors, as ``AuthorPapers``.

    Args:
        papers: the papers.
        numbers: the numbers of authors by canonical key.
    """

    def __init__(self, papers: Sequence[Paper], numbers: dict[str, int]) -> None:
        self._authors = [sorted({numbers[key] for key in keys.canonical_names(paper)}) for paper in papers]

    def ids(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        wanted = set(values.tolist())
        return np.array([row for row, found in enumerate(self._authors) if wanted.intersection(found)], np.int64)

    def pairs_of_rows(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pairs = [(place, author) for place, row in enumerate(rows.tolist()) for author in self._authors[row]]
        places, authors = zip(*pairs, strict=True) if pairs else ((), ())
        return np.array(places, np.int64), np.array(authors, np.int64)


class AuthorConditions:
    """Finds the authors of conditions in one collection.

    Args:
        collection: the collection.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.written: dict[str, str] = {}
        """The authors that ``match`` has returned, as their first sources write them."""
        self.match = lru_cache(_CACHED_NAMES)(weak_method(self._match))
        """Returns the canonical keys, ascending, of the authors that a name means."""

    def expression(self, condition: Author) -> str:
        """Returns the expression of a condition.

        Raises:
            InvalidValue: the name is too long.
        """
        found = self.match(condition.name, condition.exact)
        if condition.position != "any":
            numbers = ", ".join(str(keys.author_key(key)) for key in found)
            return f"{condition.position}_author in [{numbers}]" if found else keys.NOTHING
        has_any, (groups, others) = self._collection.dialect.keys.has_any, self._group(found)
        parts = [has_any("groups", groups)] if groups else []
        parts += [has_any("authors", [keys.author_key(key) for key in others])] if others else []
        return keys.any_of(parts)

    def expected_namesakes(self, canonical: str) -> float:
        """Returns how many authors would have this name if surname and first given name were independent."""
        table = self._table({Name.from_key(canonical).surname})
        author = table.find(canonical)
        return 0.0 if author is None else table.expected_namesakes(author)

    def _match(self, text: str, exact: bool) -> tuple[str, ...]:
        surnames = {name.surname for name in (*names.interpretations(text), *names.exact_interpretations(text))}
        parsed = names.parse(text)
        surnames |= {parsed.surname, *parsed.given[:1]}
        table = self._table(surnames)
        found = table.match(text, exact=exact)
        others = [table.key(author) for author in found.tolist()]
        papers: Sequence[Paper] = ()
        if parsed.given and any(Name.from_key(key).surname == parsed.given[0] for key in others):
            papers = self._papers_of(others)
            coauthors = {key for paper in papers for key in keys.canonical_names(paper)}
            table = self._table(surnames, {Name.from_key(key).surname for key in coauthors})
        numbers = {table.key(author): author for author in range(len(table))}
        of_authors = _FetchedAuthorPapers(papers, numbers)
        found = drop_namesakes_in_other_order(table, of_authors, text, found)
        found = found if exact else drop_other_given_names(table, text, found)
        matched = sorted((table.key(author), table.display_name(author)) for author in found.tolist())
        self.written |= dict(matched)
        return tuple(key for key, _ in matched)

    def _table(self, surnames: set[str], others: set[str] = frozenset()) -> SurnameTable:  # type: ignore[assignment]
        """Returns the names of some surnames, and after them those of others."""
        authors = self._collection.authors
        found = [*authors.with_surnames(surnames), *authors.with_surnames(others - surnames)]
        return SurnameTable.build(found, self._collection.counts, authors.buckets.names)

    def _papers_of(self, canonical: Sequence[str]) -> list[Paper]:
        has_any = self._collection.dialect.keys.has_any
        expression = has_any("authors", [keys.author_key(key) for key in canonical])
        return [fetched.paper for fetched in self._collection.find(expression)]

    def _group(self, canonical: Sequence[str]) -> tuple[list[int], list[str]]:
        """Returns keys of all authors with a surname, or with an initial, and the authors in no such group."""
        left, groups = set(canonical), []
        by_surname = {name.surname for name in map(Name.from_key, canonical)}
        known = {name.canonical for name in self._collection.authors.with_surnames(by_surname)}
        members: dict[tuple[str, str], set[str]] = {}
        for key in known:
            name = Name.from_key(key)
            for initial in {"", name.given[0][0] if name.given else ""}:
                members.setdefault((name.surname, initial), set()).add(key)
        for (surname, initial), group in sorted(members.items(), key=lambda item: -len(item[1])):
            if len(group) > 1 and group <= left:
                left -= group
                groups.append(keys.initial_key(surname, initial) if initial else keys.surname_key(surname))
        return groups, sorted(left)
