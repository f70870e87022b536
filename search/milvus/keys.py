"""Keys: the numbers by which a collection finds papers by category, kind, ID and author.

A key is the hash of a value and its kind. So a filter contains no text of a user, and a list of keys has a size that
does not depend on the names. Milvus has indexes for arrays; Milvus Lite evaluates a function of arrays in Python,
row by row, and a pattern of a text in C++, so there a list of keys is a text.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from search.papers import names
from search.papers.identifiers import hash_key
from search.papers.names import Name
from search.papers.paper import Paper
from search.papers.retraction import RETRACTED_ID, WITHDRAWN_ID

MAX_VARCHAR = 65_535
"""Bytes of a text in Milvus."""
MAX_ARRAY = 4_096
"""Elements of an array in Milvus."""
_MAX_KEYS_OF_TEXT = (MAX_VARCHAR - 1) // 12
"""Keys of a list that is a text."""
POSITIVE = 2**63 - 1
"""Mask that makes a key positive: the least signed number is no literal of an expression."""
NO_KEY = 0
"""A key that nothing has."""
NOTHING = "row < 0"
"""The expression that no paper meets."""


def key_of(kind: str, value: str) -> int:
    """Returns the key of a value of one kind."""
    return hash_key(f"milvus {kind}", value) & POSITIVE


def category_key(code: str) -> int:
    """Returns the key of the papers with a category or an archive, in any case."""
    return key_of("category", code.casefold())


def primary_key(code: str) -> int:
    """Returns the key of the papers whose first category is this one or one of this archive."""
    return key_of("primary", code.casefold())


def kind_key(kind: str) -> int:
    """Returns the key of the papers of a kind."""
    return key_of("kind", kind)


def id_key(paper_id: str) -> int:
    """Returns the key of the papers with a canonical ID or in a state, such as ``is:retracted``."""
    return key_of("id", paper_id)


def author_key(canonical: str) -> int:
    """Returns the key of an author by the first of ``names.index_keys``."""
    return key_of("author", canonical)


def surname_key(surname: str) -> int:
    """Returns the key of all authors with a surname."""
    return key_of("surname", surname)


def initial_key(surname: str, initial: str) -> int:
    """Returns the key of all authors with a surname whose first given name starts with a letter."""
    return key_of("initial", f"{surname}|{initial}")


def canonical_names(paper: Paper) -> list[str]:
    """Returns the canonical key of each author in order, without those whose name has no letter or digit."""
    keys = (names.index_keys(name)[0] for name in paper.authors)
    return [key for key in keys if not key.startswith("|")]


def categories_of(paper: Paper) -> list[str]:
    """Returns the categories of a paper and their archives, each once."""
    found: dict[str, None] = {}
    for code in paper.categories:
        archive, dot, _ = code.partition(".")
        found |= dict.fromkeys((code, archive) if dot and archive else (code,))
    return list(found)


def paper_keys(paper: Paper, kinds: Sequence[str]) -> list[int]:
    """Returns the keys of a paper other than those of its authors."""
    found = [id_key(paper_id) for paper_id in paper.ids]
    if paper.retraction:
        found.append(id_key(RETRACTED_ID))
    if paper.retraction == "withdrawn":
        found.append(id_key(WITHDRAWN_ID))
    found += map(kind_key, kinds)
    found += map(category_key, categories_of(paper))
    if paper.categories:
        parts = paper.categories[0].split(".")
        found += (primary_key(".".join(parts[:count])) for count in range(1, len(parts) + 1))
    return list(dict.fromkeys(found))


def group_keys(canonical: Iterable[str]) -> list[int]:
    """Returns the keys of authors by surname, and by surname and initial."""
    found: dict[int, None] = {}
    for key in canonical:
        name = Name.from_key(key)
        found[surname_key(name.surname)] = None
        if name.given:
            found[initial_key(name.surname, name.given[0][0])] = None
    return list(found)


class KeyLists(Protocol):
    """How a field has a list of keys."""

    @property
    def is_array(self) -> bool:
        """Whether it is an array, not a text."""
        ...

    def encode(self, keys: Sequence[int]) -> list[int] | str:
        """Returns the value of a field, of a list that is too long the first keys."""
        ...

    def decode(self, value: list[int] | str) -> list[int]:
        """Returns the keys that a value of ``encode`` has."""
        ...

    def has_any(self, field: str, keys: Sequence[int]) -> str:
        """Returns the expression that a field has at least one of some keys."""
        ...


@dataclass(frozen=True, slots=True)
class KeyArrays:
    """Lists of keys as arrays, for a server."""

    is_array: bool = True

    def encode(self, keys: Sequence[int]) -> list[int] | str:
        """See ``KeyLists``."""
        return list(keys[:MAX_ARRAY])

    def decode(self, value: list[int] | str) -> list[int]:
        """See ``KeyLists``."""
        return [int(key) for key in value]

    def has_any(self, field: str, keys: Sequence[int]) -> str:
        """See ``KeyLists``."""
        if len(keys) == 1:
            return f"array_contains({field}, {keys[0]})"
        return f"array_contains_any({field}, [{', '.join(map(str, keys))}])" if keys else NOTHING


@dataclass(frozen=True, slots=True)
class KeyTexts:
    """Lists of keys as texts, for Milvus Lite: a bar before and after each key."""

    is_array: bool = False

    def encode(self, keys: Sequence[int]) -> list[int] | str:
        """See ``KeyLists``."""
        return f"|{'|'.join(map(_key_text, keys[:_MAX_KEYS_OF_TEXT]))}|"

    def decode(self, value: list[int] | str) -> list[int]:
        """See ``KeyLists``."""
        texts = str(value).strip("|")
        return [int.from_bytes(b64decode(text + "="), "big") for text in texts.split("|")] if texts else []

    def has_any(self, field: str, keys: Sequence[int]) -> str:
        """See ``KeyLists``."""
        return any_of(f'{field} like "%|{_key_text(key)}|%"' for key in keys)


def any_of(parts: Iterable[str]) -> str:
    """Returns the disjunction of expressions; without any, one that no paper meets."""
    found = list(parts)
    return found[0] if len(found) == 1 else f"({' or '.join(found)})" if found else NOTHING


def all_of(parts: Iterable[str]) -> str:
    """Returns the conjunction of expressions; empty without any, which every paper meets."""
    found = [part for part in parts if part]
    return found[0] if len(found) == 1 else f"({' and '.join(found)})" if found else ""


def _key_text(key: int) -> str:
    """Returns a key in eleven characters, none of which has a meaning in a pattern."""
    return b64encode(key.to_bytes(8, "big"))[:-1].decode()
