"""Names of authors in the parts that reference managers expect."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from search.papers import names
from search.papers.author_lists import split_comma_list
from search.papers.folding import fold, normalize_whitespace, put_given_name_first
from search.papers.surnames import EASTERN, is_suffix

_ORGANIZATION = re.compile(
    r"\b(team|collaborations?|consortium|group|project|initiative|institute|laboratory|lab|community|network|committee|"
    r"foundation|university|society|investigators|authors|(?-i:AI))$",
    re.IGNORECASE,
)
_LIST_CHARACTERS = frozenset(",;&")
"""Characters that separate names in lists."""
_LIST_WORDS = frozenset(("and", "others", "et"))
_CONJUNCTIONS = ("y", "i", "e")
_POINTED_INITIALS = re.compile(r"(?:[^\W\d_]\.-?)+")
"""``J.``, ``J.A.``, ``J.-P.``"""
_BARE_INITIALS = re.compile(r"[A-Z]{1,3}")
_JOINED_INITIAL = re.compile(r"(?<![^\W\d_])([^\W\d_]\.)(?=[^\W\d_]\.)")
"""An initial that another one follows without a space."""


@dataclass(frozen=True, slots=True)
class Person:
    """A name in parts.

    Attributes:
        name: The full name, given names first, as an importer reconstructs it from the parts.
        family: The family name with its particles; empty if the name has no parts, such as that of a team.
        given: The given names, with spaces between initials, because BibTeX abbreviates words.
        suffix: A suffix such as "Jr.".
    """

    name: str
    family: str = ""
    given: str = ""
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses "José García Márquez", "García Márquez, José", "Doe J.A.", "Doe JA" or "King, Jr., Martin"."""
        return cls(*_split_name(text))

    @property
    def inverted(self) -> str:
        """The family name first, as in BibTeX, ``King, Jr., Martin``; the full name if it has no parts."""
        return ", ".join(part for part in (self.family, self.suffix, self.given) if part) if self.family else self.name

    @property
    def suffix_last(self) -> str:
        """The family name first and the suffix last, as in RIS, ``King, Martin, Jr.``"""
        return ", ".join(part for part in (self.family, self.given, self.suffix) if part) if self.family else self.name


@lru_cache(maxsize=16_384)
def _split_name(text: str) -> tuple[str, str, str, str]:
    name = normalize_whitespace(put_given_name_first(text))
    words = name.split()
    suffix = words.pop() if len(words) > 2 and is_suffix(words[-1]) else ""
    if len(words) < 2 or _is_indivisible(name, words):
        return name, "", "", ""
    family, given = _split_words(words)
    given = _JOINED_INITIAL.sub(r"\1 ", given)
    person = Person(" ".join(part for part in (given, family, suffix) if part), family, given, suffix)
    is_restored = split_comma_list([part for part in (family, given) if part]) == [[family, given]]
    if is_restored and person.name == put_given_name_first(person.inverted) == put_given_name_first(person.suffix_last):
        return person.name, family, given, suffix
    return name, "", "", ""


def _is_indivisible(name: str, words: list[str]) -> bool:
    """Whether a name is that of an organization, or would be read as a list of names."""
    is_list = bool(_LIST_CHARACTERS & set(name)) or any(word.lower().rstrip(".") in _LIST_WORDS for word in words)
    return is_list or bool(_ORGANIZATION.search(name))


def _split_words(words: list[str]) -> tuple[str, str]:
    """The family name and the given names."""
    start = next((place for place, word in enumerate(words) if _is_initials(word)), len(words))
    if 0 < start < len(words) and all(map(_is_initials, words[start:])):  # Doe J.A.
        return " ".join(words[:start]), " ".join(map(_add_points, words[start:]))
    parsed = names.parse(" ".join(words))
    family = [*parsed.other_family_words, parsed.surname]
    start = next((n for n in range(1, len(words)) if _fold_words(words[n:]) == family), len(words) - 1)
    return " ".join(words[start:]), " ".join(words[:start])


def _is_initials(word: str) -> bool:
    """Whether a word can only be initials: ``J.A.``, ``JA``, but not LI, which is a surname."""
    is_bare = bool(_BARE_INITIALS.fullmatch(word)) and word.lower() not in EASTERN and not is_suffix(word)
    return is_bare or bool(_POINTED_INITIALS.fullmatch(word))


def _add_points(initials: str) -> str:
    """``J. A.`` for JA; initials with points stay."""
    return " ".join(f"{initial}." for initial in initials) if initials.isalpha() else initials


def _fold_words(words: list[str]) -> list[str]:
    """Folds words as ``search.papers.names`` does, which drops conjunctions between surnames."""
    return [word for word in fold(" ".join(words)).split() if word not in _CONJUNCTIONS]
