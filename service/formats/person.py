"""Person: an author's name in the parts that reference managers ask for."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from search.papers import names
from search.papers.folding import fold, normalize_whitespace, put_given_name_first

_ORGANIZATION = re.compile(
    r"\b(team|collaboration|consortium|group|project|initiative|institute|laboratory|lab|community|network|committee|"
    r"foundation|university|authors|ai)$",
    re.IGNORECASE,
)
_CONJUNCTIONS = ("y", "i", "e")
_SUFFIX = re.compile(r"(?:[js]r|ii|iii|iv)\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """A name in parts that, read again, are the name.

    Attributes:
        name: given name first. family: with its particles; empty where the name has no parts, as a team's.
        given: the given names. suffix: "Jr." and its like.
    """

    name: str
    family: str = ""
    given: str = ""
    suffix: str = ""

    @classmethod
    def parse(cls, written: str) -> Self:
        """The parts of "José García Márquez", also where it is written "García Márquez, José"."""
        return cls(*_split_name(written))

    @property
    def inverted(self) -> str:
        """``García Márquez, José``; the name itself where it has no parts."""
        return ", ".join(part for part in (self.family, self.suffix, self.given) if part) if self.family else self.name


@lru_cache(maxsize=16_384)
def _split_name(written: str) -> tuple[str, str, str, str]:
    name = normalize_whitespace(put_given_name_first(written))
    words = name.split()
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""
    if "," in name or ";" in name or len(words) < 2 or _ORGANIZATION.search(name) or "and" in map(str.lower, words):
        return name, "", "", ""
    parsed = names.parse(" ".join(words))
    family = [*parsed.other_family_words, parsed.surname]
    start = next((n for n in range(1, len(words)) if _fold_words(words[n:]) == family), len(words) - 1)
    parts = (" ".join(words[start:]), " ".join(words[:start]), suffix)
    return (name, *parts) if put_given_name_first(Person(name, *parts).inverted) == name else (name, "", "", "")


def _fold_words(words: list[str]) -> list[str]:
    """As ``names`` has them: what joins two surnames is in neither."""
    return [word for word in fold(" ".join(words)).split() if word not in _CONJUNCTIONS]
