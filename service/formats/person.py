"""Person: an author's name in the parts that reference managers ask for."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from search.papers import names
from search.papers.folding import fold, one_line, turned

_GROUP = re.compile(
    r"\b(team|collaboration|consortium|group|project|initiative|institute|laboratory|lab|community|network|committee|"
    r"foundation|university|authors|ai)$",
    re.IGNORECASE,
)
_JOINING = ("y", "i", "e")
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
    def of(cls, written: str) -> Self:
        """The parts of "José García Márquez", also where it is written "García Márquez, José"."""
        return cls(*_parts(written))

    @property
    def inverted(self) -> str:
        """``García Márquez, José``; the name itself where it has no parts."""
        return ", ".join(part for part in (self.family, self.suffix, self.given) if part) if self.family else self.name


@lru_cache(maxsize=16_384)
def _parts(written: str) -> tuple[str, str, str, str]:
    name = one_line(turned(written))
    words = name.split()
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""
    if "," in name or ";" in name or len(words) < 2 or _GROUP.search(name) or "and" in map(str.lower, words):
        return name, "", "", ""
    parsed = names.parse(" ".join(words))
    family = [*parsed.family, parsed.surname]
    start = next((n for n in range(1, len(words)) if _folded(words[n:]) == family), len(words) - 1)
    parts = (" ".join(words[start:]), " ".join(words[:start]), suffix)
    return (name, *parts) if turned(Person(name, *parts).inverted) == name else (name, "", "", "")


def _folded(words: list[str]) -> list[str]:
    """As ``names`` has them: what joins two surnames is in neither."""
    return [word for word in fold(" ".join(words)).split() if word not in _JOINING]
