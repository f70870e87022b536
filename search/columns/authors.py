"""AuthorNames: finds the authors that a name can mean, by surname, initials and spelling variants."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.columns.author_table import AuthorKey, AuthorTable, initials_mask, other_names
from search.columns.postings import sorted_unique
from search.papers import names
from search.papers.folding import single_edits
from search.papers.name_matching import interpretation_matches
from search.papers.names import Name

_LINEAR_SCAN_LIMIT = 16
"""Keys up to which all candidates are parsed one by one instead of being narrowed by lookups. Not tuned."""


@dataclass(frozen=True, eq=False)
class AuthorNames(AuthorTable):
    """The author table with the matching rules for names in queries (``names.interpretations``)."""

    def match(self, query: str, *, exact: bool = False) -> NDArray[np.int64]:
        """Finds the authors that a name can mean.

        Args:
            query: a name.
            exact: match only names spelled as in the query: no initial for a full name, no missing name, and no
                other spelling of umlauts.

        Returns:
            Author ids, int64, ascending.

        Raises:
            InvalidValue: see ``names.interpretations``.
        """
        if exact:
            found = (self.find(interpretation.key) for interpretation in names.exact_interpretations(query))
            return np.array(sorted({author for author in found if author is not None}), np.int64)
        return self._authors_at([self._match(interpretation) for interpretation in names.interpretations(query)])

    def match_fuzzy(self, query: str) -> NDArray[np.int64]:
        """Finds the authors that match a name except for one edit in the surname or in one given name.

        An edit inserts, deletes, replaces or transposes letters (``single_edits``). A first given name that the query
        spells out does not match an initial.

        Args:
            query: a name.

        Returns:
            Author ids, int64, ascending.

        Raises:
            InvalidValue: see ``names.interpretations``.
        """
        interpretations = names.interpretations(query)
        surnames = {name.surname for name in interpretations}
        similar = {surname: self._existing_words("", list(single_edits(surname)), "|") for surname in surnames}
        found = []
        for name in interpretations:
            found += [self._match_full_given_name(replace(name, surname=each)) for each in similar[name.surname]]
            found += [self._match_full_given_name(each) for each in self._similar_given_names(name)]
        return self._authors_at(found)

    def _authors_at(self, positions: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        found = self.order[np.concatenate(positions)] if positions else self.order[:0]
        return sorted_unique(self.author_of_key[found]).astype(np.int64)

    def _match_full_given_name(self, name: Name) -> NDArray[np.int64]:
        """Returns the positions of matching keys, without those that abbreviate a given name that ``name`` spells."""
        if not name.given or len(name.given[0]) == 1:
            return self._match(name)
        return self._filter_by_other_names(name, self._positions_with_first_name(name.surname, name.given[0]))

    def _similar_given_names(self, name: Name) -> list[Name]:
        """Returns the name with one given name replaced by a similar one that occurs with the surname."""
        start, (first, *others) = f"{name.surname}|", name.given or ("",)
        if len(first) < 2 or not len(self._positions_with_prefix(start)):
            return []
        similar_first = self._existing_words(start, list(single_edits(first)), "")
        variants = [(word, *others) for word in similar_first if len(word) > 1]
        keys = [
            Name.from_key(self._key_text(int(number)))
            for number in self.order[self._positions_with_first_name(name.surname, first)]
        ]
        known = {word for key in keys for word in key.forenames[1:] if len(word) > 1}
        for index, other in enumerate(others) if known else ():
            similar = known.intersection(single_edits(other)) if len(other) > 1 else set()
            variants += [(first, *others[:index], word, *others[index + 1 :]) for word in sorted(similar)]
        return [replace(name, given=given) for given in variants]

    def _match(self, name: Name) -> NDArray[np.int64]:
        """Returns the positions of keys with the surname whose given names do not contradict the name.

        The first given names agree if they are equal, if one is the initial of the other, or if one is the other
        written as several words.
        """
        surname, given = name.surname, name.given
        if not given:
            return self._match_surname(name)
        candidates = self._positions_with_prefix(f"{surname}|{given[0][0]}")
        if not len(candidates) or (len(given) == len(given[0]) == 1 and not name.other_family_words):
            return candidates
        if len(candidates) <= _LINEAR_SCAN_LIMIT:
            return self._filter_by_name(name, candidates)
        words = name.forenames
        joined = ["".join(words[:count]) for count in range(2, len(words) + 1)]
        if len(given[0]) == 1:
            same_start, other_starts = [candidates], joined
        else:
            same_start = [self._positions_with_first_name(surname, word) for word in (given[0], given[0][0])]
            other_starts = [*_proper_prefixes(given[0]), *joined]
        return np.concatenate(
            (
                *(self._filter_by_other_names(name, each) for each in same_start),
                *(self._filter_by_name(name, self._positions_with_first_name(surname, word)) for word in other_starts),
            )
        )

    def _match_surname(self, name: Name) -> NDArray[np.int64]:
        """Returns the positions of keys that match a name without given names.

        These are all keys with the surname, or, if the name has other family words, the keys that contain them.
        """
        if not name.other_family_words:
            return self._positions_with_prefix(f"{name.surname}|")
        without_given = self._positions_with_prefix(f"{name.surname}|,")
        mask = np.uint32(initials_mask(name.other_family_words))
        without_given = without_given[self.initials[without_given] & mask == mask]
        equal = self._positions_of_key(name.key)
        return np.append(equal, self._filter_by_name(name, without_given[~np.isin(without_given, equal)]))

    def _filter_by_other_names(self, name: Name, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Selects keys whose names after the first given name do not contradict the name.

        Keys without such names always match. The others are parsed only if an initial is in common.

        Args:
            name: the name.
            positions: positions of keys whose first given name is equal to that of the name, or its initial.
        """
        others = other_names(name)
        if not others:
            return positions
        initials = self.initials[positions]
        mask = np.uint32(initials_mask((*others, *name.given[0][1:])))
        return np.append(positions[initials == 0], self._filter_by_name(name, positions[initials & mask != 0]))

    def _filter_by_name(self, name: Name, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Selects the keys that the name can mean, by parsing each."""
        keys = (Name.from_key(self._key_text(number)) for number in self.order[positions].tolist())
        matching: NDArray[np.bool_] = np.fromiter(
            (interpretation_matches(name, key) for key in keys), bool, len(positions)
        )
        return np.compress(matching, positions)


class AuthorsBuilder:
    """Collects the authors of new rows on top of those of the previous generation.

    Args:
        previous: the author names of the previous generation.
    """

    def __init__(self, previous: AuthorNames) -> None:
        self._previous = previous
        self._ids: dict[str, int | None] = {}  # by name as written, since parsing a name costs more than this lookup
        self._new_authors: dict[str, int] = {}  # by canonical key
        self._display_names: list[str] = []  # of the new authors
        self._alternative_keys: dict[tuple[int, str], None] = {}

    def add(self, written: str) -> int | None:
        """Registers a name as a source writes it.

        Returns:
            The author's id, or None if the name contains no letter or digit.
        """
        if written not in self._ids:
            canonical, *alternatives = names.index_keys(written)
            self._ids[written] = (
                None if canonical.startswith("|") else self._author_id(written, canonical, alternatives)
            )
        return self._ids[written]

    def build(self) -> AuthorNames:
        """Returns the names of the previous generation and the new ones."""
        new_keys = [
            AuthorKey(author, key, display_name)
            for (key, author), display_name in zip(self._new_authors.items(), self._display_names, strict=True)
        ]
        alternatives = [AuthorKey(author, key) for author, key in self._alternative_keys]
        return self._previous.with_keys([*new_keys, *alternatives])

    def _author_id(self, written: str, canonical: str, alternatives: Sequence[str]) -> int:
        first_new = len(self._previous)
        author = self._new_authors.get(canonical)
        if author is None:
            author = self._previous.find(canonical) if first_new else None
        if author is None:
            author = self._new_authors[canonical] = first_new + len(self._new_authors)
            self._display_names.append(written)
        elif author >= first_new and self._display_names[author - first_new].isupper() and not written.isupper():
            self._display_names[author - first_new] = written  # all capitals only if no source writes it otherwise
        for key in alternatives:
            if author >= first_new or not self._previous.has_key(author, key):
                self._alternative_keys[author, key] = None
        return author


def _proper_prefixes(word: str) -> list[str]:
    """Returns the prefixes of two letters or more, which are the first word if the name is written as several."""
    return [word[:length] for length in range(2, len(word))]
