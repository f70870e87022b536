"""Names of authors in the parts that reference managers expect."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from search.papers import names
from search.papers.folding import fold, normalize_whitespace, put_given_name_first
from search.papers.surnames import is_suffix

_ORGANIZATION = re.compile(
    r"\b(team|collaboration|consortium|group|project|initiative|institute|laboratory|lab|community|network|committee|"
    r"foundation|university|authors|ai)$",
    re.IGNORECASE,
)
_CONJUNCTIONS = ("y", "i", "e")


@dataclass(frozen=True, slots=True)
class Person:
    """A name in parts from which an importer reconstructs the same name.

    Attributes:
        name: the full name, given names first.
        family: the family name with its particles; empty if the name has no parts, such as that of a team.
        given: the given names.
        suffix: a suffix such as "Jr.".
    """

    name: str
    family: str = ""
    given: str = ""
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses "José García Márquez" or "García Márquez, José"."""
        return cls(*_split_name(text))

    @property
    def inverted(self) -> str:
        """The family name first, ``García Márquez, José``; the full name if it has no parts."""
        return ", ".join(part for part in (self.family, self.suffix, self.given) if part) if self.family else self.name


@lru_cache(maxsize=16_384)
def _split_name(text: str) -> tuple[str, str, str, str]:
    name = normalize_whitespace(put_given_name_first(text))
    words = name.split()
    suffix = words.pop() if len(words) > 2 and is_suffix(words[-1]) else ""
    if "," in name or ";" in name or len(words) < 2 or _ORGANIZATION.search(name) or "and" in map(str.lower, words):
        return name, "", "", ""
    parsed = names.parse(" ".join(words))
    family = [*parsed.other_family_words, parsed.surname]
    start = next((n for n in range(1, len(words)) if _fold_words(words[n:]) == family), len(words) - 1)
    parts = (" ".join(words[start:]), " ".join(words[:start]), suffix)
    return (name, *parts) if put_given_name_first(Person(name, *parts).inverted) == name else (name, "", "", "")


def _fold_words(words: list[str]) -> list[str]:
    """Folds words as ``search.papers.names`` does, which drops conjunctions between surnames."""
    return [word for word in fold(" ".join(words)).split() if word not in _CONJUNCTIONS]
