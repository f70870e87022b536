"""Names of authors: folded, parsed, and matched as people write them.

A name is a surname, the last word of its family name ("Schaaf" of "van der Schaaf", "Márquez" of "García Márquez");
the given names before it; and the other words of the family name. Two names match when the surnames are equal and no
given name contradicts: an initial stands for any name that starts with it, a name that one side lacks is no
contradiction, and a hyphen may be a space or nothing.

An umlaut may be written out: of Müller, Mueller and Muller each finds the others (``transliterated``,
``_without_written_umlauts``).
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from search.errors import InvalidValue

LONGEST = 200
"""Characters of a name that can be asked for."""
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_PARTICLES = frozenset(
    ("al", "ap", "ben", "bin", "da", "dal", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la",
     "le", "st", "ten", "ter", "van", "von", "zu", "zur")
)  # fmt: skip
_PAIRED = frozenset(
    """
    aguilar alonso alvarez alves barbosa castillo castro costa cruz delgado diaz dominguez fernandes fernandez
    ferreira flores garcia gomes gomez goncalves gonzalez gutierrez hernandez herrera jimenez lopes lopez marin martin
    martinez martins medina mendez mendoza molina morales moreno munoz navarro nunez oliveira ortega ortiz pereira
    perez pinto ramirez ramos reyes ribeiro rivera rodrigues rodriguez rojas romero rubio ruiz saez salazar sanchez
    santos serrano silva soares sousa souza suarez torres valencia vargas vasquez vazquez vega velasco vieira
    """.split()  # noqa: SIM905
)
"""Frequent surnames of Spain, Portugal and Latin America: before the last word of a name they are the first of two."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"})
_WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_WRITTEN_UMLAUT = re.compile(r"(?<=[bcdfhjklmnprstvwxyz])([ou])e(?=[bcdfghjkmnpqrstvwxyz]|l[^\W])")
_LATEX_LETTERS = {"aa": "å", "ae": "æ", "i": "i", "j": "j", "l": "ł", "o": "ø", "oe": "œ", "ss": "ß"}
_LATEX_ACCENTS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328",
    "r": "\u030a",
}  # fmt: skip
"""The combining mark of each."""
_LATEX = re.compile(
    r"""\\(?:(?P<mark>[`'^"~=.]|[uvHcdbkr](?![a-zA-Z]))\s*\{?\\?(?P<on>[a-zA-Z])\}?"""
    r"""|(?P<letter>aa|ae|oe|ss|[oOlLij])(?![a-zA-Z])\s*|(?=[a-zA-Z]))|[{}]"""
)
_PLAIN = re.compile(r"(?:[A-Z][a-z]+|[A-Z]\.)(?: (?:[A-Z][a-z]+|[A-Z]\.))*")
_NOT_WORD = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile("['’`´·]")


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name: the last word of the family name, the given names, and the other words of the family name."""

    surname: str
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``zhou|guorui``, ``schoot|rens|van de``: names with one surname are neighbours when keys are sorted."""
        parts = (self.surname, " ".join(self.given), " ".join(self.family))
        return "|".join(parts if self.family else parts[:2])

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Reads a key back."""
        surname, given, family = (*key.split("|"), "")[:3]
        return cls(surname, tuple(given.split()), tuple(family.split()))

    @property
    def forenames(self) -> tuple[str, ...]:
        """What stands before the surname, without particles: where given names end is often a guess."""
        return (*self.given, *(word for word in self.family if word not in _PARTICLES))


def fold(text: str) -> str:
    """Lower case, without diacritics, LaTeX accents or punctuation; words parted by single spaces.

    Apostrophes and the point of l·l vanish (O'Brien is obrien), hyphens and other marks part words; scripts other
    than Latin stay.
    """
    text = _latex(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
        text = "".join(character for character in text if not unicodedata.combining(character))
        text = unicodedata.normalize("NFC", text)
    text = _APOSTROPHES.sub("", text).casefold()
    return _NOT_WORD.sub(" ", text).strip()


def parse(text: str) -> Name:
    """Reads "Guorui Zhou", "Zhou, Guorui", "G. Zhou", "Zhou GX", "van de Schoot, Rens", "M. L. King Jr.".

    The surname is empty where the text holds no letter or digit.
    """
    last, first = _halves(text)
    words, family = _words(first), _words(last)
    if not first:
        words, family = _split(family, hyphened="-" in text.split()[-1] if text.split() else False)
    if not family:
        return Name("")
    while first and len(words) > 1 and words[-1] in _PARTICLES:  # "Schoot, Rens van de"
        words, family = words[:-1], [words[-1], *family]
    return Name(_without_written_umlauts(family[-1]), tuple(words), tuple(family[:-1]))


def keys(text: str) -> tuple[str, ...]:
    """The keys a name in a source is found under: its own; by its family name of several words, and by the first of
    two surnames; and the same with umlauts written out."""
    found = _ways(parse(text))
    if not text.isascii() or "\\" in text:
        found += _ways(parse(transliterated(text)))
    return tuple(dict.fromkeys(name.key for name in found)) if len(found) > 1 else (found[0].key,)


def _ways(name: Name) -> list[Name]:
    """Gabriel García Márquez, García Márquez, and Gabriel García."""
    if not name.family:
        return [name]
    ways = [name, replace(name, given=())] if name.given else [name]
    for place, word in enumerate(name.family):
        if word not in _PARTICLES:
            rest = (*name.family[:place], *name.family[place + 1 :], name.surname)
            return [*ways, Name(_without_written_umlauts(word), name.given, rest)]
    return ways


@lru_cache(1_024)
def readings(text: str) -> tuple[Name, ...]:
    """The ways a name in a question can be meant: with a comma one, else surname last, surname first, and all of it a
    family name; each with umlauts and with these written out.

    Raises:
        InvalidValue: it is longer than LONGEST.
    """
    if len(text) > LONGEST:
        raise InvalidValue("author", text, f"a name has at most {LONGEST} characters; give one name")
    spelled = dict.fromkeys((text, transliterated(text)))
    return tuple(dict.fromkeys(name for each in spelled for name in _readings(each)))


def _readings(text: str) -> list[Name]:
    name, words = parse(text), _words(text)
    if _halves(text)[1] or len(words) < 2 or any(len(word) == 1 for word in words):
        return [name]
    swapped = Name(_without_written_umlauts(words[0]), tuple(words[1:]))
    whole = Name(_without_written_umlauts(words[-1]), (), tuple(words[:-1]))
    return [name, swapped, whole]


def matches(query: str, name: Name) -> bool:
    """Whether a name in a question can mean this name; only where a reading of it has the same surname."""
    return any(fits(reading, name) for reading in readings(query))


def compatible(one: Name, other: Name) -> bool:
    """Whether two names in sources can be one person's; symmetric."""
    return fits(one, other) or fits(other, one)


def fits(query: Name, name: Name) -> bool:
    """Whether a reading of a name in a question can mean this name.

    Only names whose first given name starts with the same letter can, unless the question has no given name; what it
    has of a family name must then be part of the other's.
    """
    if query.surname != name.surname or not name.surname:
        return False
    if not query.given:
        return set(name.family).issuperset(query.family)
    asked, held_names = query.forenames, name.forenames
    return bool(name.given) and (_agree(asked, held_names) or _joined(query.given, name.given))


def transliterated(text: str) -> str:
    """The text with umlauts and their like written out, as in Mueller, Soerensen and Aangstroem."""
    text = unicodedata.normalize("NFC", _latex(text))
    if text.isascii():
        return text
    for letter, written in _WRITTEN_OUT.items():
        text = text.replace(letter, written).replace(letter.upper(), written.capitalize())
    return text


def _without_written_umlauts(surname: str) -> str:
    """``muller`` of mueller; not of Bauer, Samuel, Maeda, Ueda or Boer, whose letters are no umlauts.

    Where both stand between consonants and the word has five letters or more, oe and ue are hardly ever anything else.
    """
    return _WRITTEN_UMLAUT.sub(r"\1", surname) if len(surname) >= _LONG_SURNAME else surname


_LONG_SURNAME = 5


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """First names agree, and so do the others."""
    return _same_given(one[0], other[0]) and _further_agree(one[1:], other[1:])


def _further_agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The shorter list's names are found in order in the longer one's."""
    shorter, longer = sorted((one, other), key=len)
    rest = iter(longer)
    return all(any(_same_given(each, candidate) for candidate in rest) for each in shorter)


def _same_given(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "Chao Lin" and "Chaolin": the first names of one, written together, are the first name of the other."""
    return any(
        "".join(longer[:count]) == shorter[0] and _further_agree(shorter[1:], longer[count:])
        for shorter, longer in ((one, other), (other, one))
        if shorter
        for count in range(2, len(longer) + 1)
    )


def _halves(text: str) -> tuple[str, str]:
    """Before and after the comma; suffixes are none, and without a comma, or with nothing after it, all is before."""
    parts = (
        [part for part in text.split(",") if fold(part) not in _SUFFIXES and part.strip()] if "," in text else [text]
    )
    return parts[0] if parts else "", " ".join(parts[1:])


def _split(words: list[str], *, hyphened: bool) -> tuple[list[str], list[str]]:
    """Given names, and the words of the family name: from the first particle on, else the last word; the last two where
    a hyphen joins them, or the first of them is known to come in pairs."""
    if words and words[0] == "and":
        words = words[1:]
    if len(words) > 1 and len(words[-1]) == 1 and len(words[0]) > 1:  # PubMed: surname, then initials
        return words[1:], words[:1]
    start = next((place for place, word in enumerate(words[1:-1], 1) if word in _PARTICLES), len(words) - 1)
    if len(words) > 2 and words[0] in _PARTICLES and words[1] in _PARTICLES:
        start = 0
    if start == len(words) - 1 and len(words) > 2 and (hyphened or words[-2] in _PAIRED):
        start -= 1
    return words[:start], words[start:]


def _words(text: str) -> list[str]:
    if _PLAIN.fullmatch(text):  # most names: what follows gives the same, and takes five times as long
        words = text.replace(".", " ").lower().split()
        return [word for word in words if word not in _SUFFIXES] or words
    shouted = text.isupper()  # in "WEI LI" two letters are a name, in "Zhou GX" they are initials
    words = []
    for raw in _latex(text).replace("-", " ").replace(".", " ").split():
        glued = _glued(raw) and not shouted and raw.lower() not in _SUFFIXES
        words += [*fold(raw)] if glued else fold(raw).split()
    return [word for word in words if word not in _SUFFIXES] or words


def _glued(word: str) -> bool:
    """Whether a word may be initials without points, as in "Zhou GX"."""
    return 2 <= len(word) <= 3 and word.isascii() and word.isalpha() and word.isupper()


def _latex(text: str) -> str:
    """LaTeX's accents and letters as characters, without its braces."""
    return _LATEX.sub(_character, text) if "\\" in text or "{" in text else text


def _character(match: "re.Match[str]") -> str:
    if mark := match["mark"]:
        return unicodedata.normalize("NFC", match["on"] + _LATEX_ACCENTS[mark])
    letter = match["letter"] or ""
    shown = _LATEX_LETTERS.get(letter.lower(), "")
    return shown.upper() if letter.isupper() else shown
