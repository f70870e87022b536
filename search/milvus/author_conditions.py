"""Authors that a name in a query means, decided by the same code as on one machine over the names of a few surnames."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from search.columns.author_table import AuthorKey
from search.columns.authors import AuthorNames
from search.columns.name_order import drop_namesakes_in_other_order
from search.columns.other_given_names import drop_other_given_names
from search.errors import InvalidValue
from search.milvus import keys
from search.milvus.author_buckets import IndexedName
from search.milvus.collection import MAX_RESULTS, Collection
from search.milvus.counts import Counts, first_name_key
from search.milvus.entities import unpack_paper
from search.papers import names
from search.papers.names import Name
from search.query.condition import Author
from search.weak_methods import weak_method

_CACHED_NAMES = 1_000
"""Names whose authors are cached."""
_ALL_NAMES = 100_000
"""Names of a collection up to which similar ones are sought among all, those of some 30,000 papers."""
_CACHED_CANDIDATES = 16
"""Names whose candidates are kept, since several steps need them."""
_CACHED_PAPERS = 16
"""Names whose papers are kept until their authors are cached."""


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
    def build(
        cls, found: Sequence[IndexedName], counts: Counts, size: int, repeats: Mapping[int, int] = MappingProxyType({})
    ) -> "SurnameTable":
        """Creates the table of some names.

        Args:
            found: the names.
            counts: has the numbers of names by first given name.
            size: number of names in the collection.
            repeats: how often names of this table are counted there again, by the key of the first given name.
        """
        written = {name.canonical: name.written for name in found}
        numbers = {canonical: number for number, canonical in enumerate(written)}
        own = [AuthorKey(number, canonical, written[canonical] or "?") for canonical, number in numbers.items()]
        others = [AuthorKey(numbers[name.canonical], name.key) for name in found if name.key != name.canonical]
        table = cls.empty().with_keys([*own, *others])

        def count(first_name: str) -> int:
            key = first_name_key(first_name)
            return counts.get(key) - repeats.get(key, 0)

        return replace(table, first_names=count, size=size)

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
        papers: the canonical keys of the authors of each paper.
        numbers: the numbers of authors by canonical key.
    """

    def __init__(self, papers: Iterable[Iterable[str]], numbers: dict[str, int]) -> None:
        self._authors = [sorted({numbers[key] for key in found}) for found in papers]

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
        self._matched: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._papers: dict[tuple[str, ...], list[list[str]]] = {}
        """The authors of each paper of some authors."""
        self._papers_matched: dict[tuple[str, ...], int] = {}
        """The number of papers of some authors that were told apart by their papers."""
        self._candidates = lru_cache(_CACHED_CANDIDATES)(weak_method(self._find_candidates))

    def meanings_of(self, conditions: Iterable[Author]) -> list[Name]:
        """Returns what the names of conditions may mean; nothing for a name that is too long."""
        found: list[Name] = []
        for condition in conditions:
            try:
                found += _meanings(condition.name)
            except InvalidValue:  # its expression reports it
                continue
        return found

    def requests(self, conditions: Iterable[Author]) -> list[Callable[[], None]]:
        """Returns the requests for the papers that tell whose names some conditions mean, one for each such name."""
        names_of = dict.fromkeys((each.name, each.exact) for each in conditions if self.meanings_of([each]))
        found = dict.fromkeys(self._ambiguous(*each) for each in names_of if each not in self._matched)
        return [partial(self._read_papers, each) for each in found if each and each not in self._papers]

    def match(self, text: str, exact: bool) -> tuple[str, ...]:
        """Returns the canonical keys, ascending, of the authors that a name means."""
        found = self._matched.get((text, exact))
        if found is None:
            found = self._match(text, exact)
            if len(self._matched) >= _CACHED_NAMES:
                self._matched, self._papers_matched = {}, {}
            self._matched[text, exact] = found
        return found

    def expression(self, condition: Author) -> str:
        """Returns the expression of a condition.

        Raises:
            InvalidValue: the name is too long.
        """
        found = self.match(condition.name, condition.exact)
        if condition.position != "any":
            numbers = ", ".join(str(keys.author_key(key)) for key in found)
            return f"{condition.position}_author in [{numbers}]" if found else keys.NOTHING
        expression = self.expression_of(found)
        papers = self._papers_matched.get(found)
        if papers is not None:
            self._collection.note_count(expression, papers)
        return expression

    def expression_of(self, canonical: Sequence[str]) -> str:
        """Returns the expression of the papers by at least one of some authors."""
        has_any, (groups, others) = self._collection.dialect.keys.has_any, self._group(canonical)
        parts = [has_any("groups", groups)] if groups else []
        parts += [has_any("authors", [keys.author_key(key) for key in others])] if others else []
        return keys.any_of(parts)

    def count_papers(self, canonical: Sequence[str]) -> list[int]:
        """Returns the number of papers of each author in the whole collection."""
        found = self._collection.authors.with_surnames({Name.from_key(key).surname for key in canonical})
        papers = {name.canonical: name.papers for name in found if name.key == name.canonical}
        return [papers.get(key, 0) for key in canonical]

    def expected_namesakes(self, canonical: str) -> float:
        """Returns how many authors would have this name if surname and first given name were independent."""
        table = self._table([Name.from_key(canonical)])
        author = table.find(canonical)
        return 0.0 if author is None else table.expected_namesakes(author)

    def _match(self, text: str, exact: bool) -> tuple[str, ...]:
        self._collection.read_data(names=(meanings := _meanings(text)))
        table, found = self._candidates(text, exact)
        papers = self._papers_of(self._ambiguous(text, exact))
        if papers:  # of coauthors, those of several papers tell whether they are of one person
            papers_of = Counter(key for paper in papers for key in set(paper))
            coauthors = [Name.from_key(key) for key, count in papers_of.items() if count > 1]
            self._collection.read_data(names=coauthors)
            table = self._table(meanings, coauthors)
        numbers = {table.key(author): author for author in range(len(table))}
        for key in (key for paper in papers for key in paper):
            numbers.setdefault(key, len(numbers))
        of_authors = _FetchedAuthorPapers(papers, numbers)
        found = drop_namesakes_in_other_order(table, of_authors, text, found)
        found = found if exact else drop_other_given_names(table, text, found)
        matched = self._note_written(table, found)
        if 0 < len(papers) < MAX_RESULTS and all(0 < len(paper) <= keys.MAX_ARRAY for paper in papers):
            self._papers_matched[matched] = sum(not set(matched).isdisjoint(paper) for paper in papers)
        return matched

    def match_similar(self, text: str) -> tuple[str, ...]:
        """Returns the canonical keys, ascending, of the authors with a similar name: in another spelling by one edit.

        In a large collection, they have the same surname.
        """
        meanings = _meanings(text)
        self._collection.read_data(names=meanings)
        is_small = self._collection.authors.size <= _ALL_NAMES
        table = self._all_names if is_small else self._table(meanings)
        return self._note_written(table, table.match_fuzzy(text))

    @cached_property
    def _all_names(self) -> SurnameTable:
        authors = self._collection.authors
        return SurnameTable.build(authors.all(), self._collection.counts, authors.size)

    def _note_written(self, table: SurnameTable, found: NDArray[np.int64]) -> tuple[str, ...]:
        """Notes how authors are written, and returns their canonical keys, ascending."""
        matched = sorted((table.key(author), table.display_name(author)) for author in found.tolist())
        self.written |= dict(matched)
        return tuple(key for key, _ in matched)

    def _table(self, meanings: Sequence[Name], others: Sequence[Name] = ()) -> SurnameTable:
        """Returns all names with the surnames of some names, and after them those with the surnames of others."""
        authors, surnames = self._collection.authors, {name.surname for name in meanings}
        more = {name.surname for name in others} - surnames
        found = [*authors.with_surnames(surnames), *authors.with_surnames(more)]
        repeats = authors.repeated_first_names(surnames | more)
        return SurnameTable.build(found, self._collection.counts, authors.size, repeats)

    def _ambiguous(self, text: str, exact: bool) -> tuple[str, ...]:
        """Returns the authors whose papers tell whether a name in the other order is another person's; maybe none."""
        given, (table, found) = names.parse(text).given, self._candidates(text, exact)
        keys_found = tuple(table.key(author) for author in found.tolist())
        return keys_found if given and any(Name.from_key(key).surname == given[0] for key in keys_found) else ()

    def _find_candidates(self, text: str, exact: bool) -> tuple[SurnameTable, NDArray[np.int64]]:
        """Returns the names with the surnames of a name, and the numbers of those that it may mean."""
        table = self._table(_meanings(text))
        return table, table.match(text, exact=exact)

    def _papers_of(self, canonical: tuple[str, ...]) -> list[list[str]]:
        if canonical and canonical not in self._papers:
            self._read_papers(canonical)
        return self._papers.get(canonical, [])

    def _read_papers(self, canonical: tuple[str, ...]) -> None:
        expression = self._collection.dialect.keys.has_any("authors", [keys.author_key(key) for key in canonical])
        found = sorted(self._collection.values(expression, ["row", "paper"]), key=lambda paper: int(paper["row"]))
        if len(self._papers) >= _CACHED_PAPERS:
            self._papers = {}
        self._papers[canonical] = [keys.canonical_names(unpack_paper(paper["paper"], 0)) for paper in found]

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


def _meanings(text: str) -> list[Name]:
    """Returns what a name may mean, also with its words in the other order.

    Raises:
        InvalidValue: the name is too long.
    """
    parsed = names.parse(text)
    reverse = [Name(parsed.given[0], (*parsed.given[1:], parsed.surname))] if parsed.given else []
    return [*names.interpretations(text), *names.exact_interpretations(text), parsed, *reverse]
