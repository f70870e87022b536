"""Names of authors: folded, parsed, and matched as people write them.

A name is a surname, the last word of it ("Schaaf" of "van der Schaaf"), and the words before it. Two names match
when the surnames are equal and no given name contradicts: an initial stands for any name that starts with it, a
name that one side lacks is no contradiction, and a hyphen may be a space or nothing.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_PARTICLES = frozenset(
    ("al", "ap", "ben", "bin", "da", "dal", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la",
     "le", "st", "ten", "ter", "van", "von", "zu", "zur")
)  # fmt: skip
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"})
_LATEX = re.compile(r"""\\(?:[`'^"~=.]|[uvHcdbkrt](?![a-zA-Z]))\s*|[{}]|\\(?=[a-zA-Z])""")
_PLAIN = re.compile(r"(?:[A-Z][a-z]+|[A-Z]\.)(?: (?:[A-Z][a-z]+|[A-Z]\.))*")
_NOT_WORD = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile("['’`´·]")


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name: the last word of the surname, and the words before it in order."""

    surname: str
    given: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``zhou|guorui``: names with one surname are neighbours when keys are sorted."""
        return f"{self.surname}|{' '.join(self.given)}"

    @property
    def initial(self) -> str:
        """The first letter of the first given name that is no particle; nothing where there is none."""
        return next((word[0] for word in self.given if word not in _PARTICLES), "")

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Reads a key back."""
        surname, _, given = key.partition("|")
        return cls(surname, tuple(given.split()))


def fold(text: str) -> str:
    """Lower case, without diacritics, LaTeX accents or punctuation; words parted by single spaces.

    Apostrophes and the point of l·l vanish (O'Brien is obrien), hyphens and other marks part words; scripts other
    than Latin stay.
    """
    if "\\" in text or "{" in text:
        text = _LATEX.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
        text = "".join(character for character in text if not unicodedata.combining(character))
        text = unicodedata.normalize("NFC", text)
    text = _APOSTROPHES.sub("", text).casefold()
    return _NOT_WORD.sub(" ", text).strip()


def parse(text: str) -> Name:
    """Reads "Guorui Zhou", "Zhou, Guorui", "G. Zhou", "Zhou GX", "Schoot, Rens van de", "M. L. King Jr.".

    The surname is empty where the text holds no letter or digit.
    """
    if "," in text:
        last, _, first = text.partition(",")
        words = [*_words(first), *_words(last)]
    else:
        words = _words(text)
        if len(words) > 1 and len(words[-1]) == 1 and len(words[0]) > 1:  # PubMed: surname, then initials
            words = [*words[1:], words[0]]
    return Name(words[-1], _particles_last(words[:-1])) if words else Name("")


@lru_cache(1_024)
def readings(text: str) -> tuple[Name, ...]:
    """The ways a name in a question can be meant: with a comma one, else surname last and surname first."""
    name = parse(text)
    words = _words(text)
    if "," in text or len(words) < 2 or any(len(word) == 1 for word in words):
        return (name,)
    return tuple(dict.fromkeys((name, Name(words[0], tuple(words[1:])))))


def matches(query: str, name: Name) -> bool:
    """Whether a name in a question can mean this name; only where a reading of it has the same surname."""
    return any(fits(reading, name) for reading in readings(query))


def compatible(one: Name, other: Name) -> bool:
    """Whether two names in sources can be one person's; symmetric."""
    return fits(one, other) or fits(other, one)


def fits(query: Name, name: Name) -> bool:
    """Whether a reading of a name in a question can mean this name.

    Only names whose first given name starts with the same letter can, unless the question has none but particles.
    """
    if query.surname != name.surname or not name.surname:
        return False
    asked, held = _without_particles(query.given), _without_particles(name.given)
    if not asked:
        return set(query.given) <= set(name.given)
    return bool(held) and (_agree(asked, held) or _joined(asked, held))


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """First names agree, and the shorter list's further names are found in order in the longer one's."""
    if not _same_given(one[0], other[0]):
        return False
    shorter, longer = sorted((one[1:], other[1:]), key=len)
    rest = iter(longer)
    return all(any(_same_given(each, candidate) for candidate in rest) for each in shorter)


def _same_given(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "Chao Lin" and "Chaolin": written together they are equal, or one is the other's initials."""
    a, b = "".join(one), "".join(other)
    return a == b and (len(one) == 1 or len(other) == 1)


def _particles_last(given: list[str]) -> tuple[str, ...]:
    """So that names with one surname are neighbours by their first given name."""
    if given and given[0] in _PARTICLES:
        return (*_without_particles(given), *(word for word in given if word in _PARTICLES))
    return tuple(given)


def _without_particles(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in given if word not in _PARTICLES)


def _words(text: str) -> list[str]:
    if _PLAIN.fullmatch(text):  # most names: what follows gives the same, and takes five times as long
        words = text.replace(".", " ").lower().split()
        return [word for word in words if word not in _SUFFIXES] or words
    shouted = text.isupper()  # in "WEI LI" two letters are a name, in "Zhou GX" they are initials
    words = []
    for raw in text.replace("-", " ").replace(".", " ").split():
        words += [*fold(raw)] if _glued(raw) and not shouted else fold(raw).split()
    return [word for word in words if word not in _SUFFIXES] or words


def _glued(word: str) -> bool:
    """Whether a word may be initials without points, as in "Zhou GX"."""
    return 2 <= len(word) <= 3 and word.isascii() and word.isalpha() and word.isupper()
