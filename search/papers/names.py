"""Names of authors: folded, parsed, and matched as people write them.

A name is a surname, the last word of its family name ("Schaaf" of "van der Schaaf", "Márquez" of "García Márquez");
the given names before it; and the other words of the family name. Two names match when the surnames are equal and no
given name contradicts: an initial stands for any name that starts with it, a name that one side lacks is no
contradiction, and a hyphen may be a space or nothing.

An umlaut may be written out: of Müller, Mueller and Muller each finds the others (``transliterated``,
``_without_written_umlauts``). What may be read or written in several ways is so on both sides: a source's name is
found under all its ``keys``, a question's is looked up in all its ``readings``, and each of them is strict.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from search.errors import InvalidValue
from search.papers.folding import fold, latex, transliterated, without_written_umlauts
from search.papers.surnames import EASTERN, FAMILY_FIRST, KOREAN, PAIRED, PARTICLES, VIETNAMESE

LONGEST = 200
"""Characters of a name that can be asked for."""
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_PLAIN = re.compile(r"(?:[A-Z][a-z]+|[A-Z]\.)(?: (?:[A-Z][a-z]+|[A-Z]\.))*")
_ELIDED = re.compile(r"\b(d|l|dell|dall)['’](?=\w{3})", re.IGNORECASE)
_AND = re.compile(r"(?<=\w) (?:y|i|e) (?=[^\W\da-z])")
"""Between two surnames, as in Ramón y Cajal: an initial is a capital, or has a point."""
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:\s+[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)*")
_NUMBERED = re.compile(r"_\d+$")
"""What tells namesakes apart in arXiv's identifiers of authors, warner_s_1."""
_CONSONANTS = re.compile("[b-df-hj-np-tv-xz]{2,3}", re.IGNORECASE)
_LATER_CONSONANTS = re.compile(r"(?<=[\s-])(?!(?:ng|lv|md|st|jr|sr)\b)[b-df-hj-np-tv-xz]{2,3}\b")
_SHOUTED = re.compile(r"(?<!\w)[A-Z]{2,3}(?!\w)")
_LOOSE = frozenset(("d", "l", "mac", "mc", "o"))
"""What may stand apart from the rest of a surname, as in O Neil."""


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name: the last word of the family name, the given names, and the other words of the family name."""

    surname: str
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``zhou|guorui``, ``schoot|rens,van de``: names with one surname are neighbours when keys are sorted, and so
        are those of them with one first given name."""
        key = f"{self.surname}|{' '.join(self.given)}"
        return f"{key},{' '.join(self.family)}" if self.family else key

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Reads a key back."""
        surname, _, rest = key.partition("|")
        given, _, family = rest.partition(",")
        return cls(surname, tuple(given.split()), tuple(family.split()))

    @property
    def forenames(self) -> tuple[str, ...]:
        """What stands before the surname, without particles: where given names end is often a guess."""
        return (*self.given, *(word for word in self.family if word not in PARTICLES))


def parse(text: str) -> Name:
    """Reads "Guorui Zhou", "Zhou, Guorui", "G. Zhou", "Zhou GX", "zhou_g", "van de Schoot, Rens", "M. L. King Jr.".

    The surname is empty where the text holds no letter or digit.
    """
    last, first = _halves(text)
    shouted = text.isupper()
    family = _words(last, shouted=shouted or bool(first))
    if first:
        words = _words(first, shouted=shouted)
    elif _is_hyphened(last, family):
        words = []
    else:
        words, family = _split(family, hyphened="-" in last and "-" in last.split()[-1])
    if not family:
        return Name("")
    while first and len(words) > 1 and words[-1] in PARTICLES:  # "Schoot, Rens van de"
        words, family = words[:-1], [words[-1], *family]
    return Name(family[-1], tuple(words), tuple(family[:-1]))


def keys(text: str) -> tuple[str, ...]:
    """The keys a name in a source is found under, its own first: by its family name of several words, together and
    apart, and by the first of two surnames; by the first word where that seems to be the family name; and the same with
    umlauts written out and otherwise."""
    own = parse(text)
    names = [own] if own.family else [own, *_family_first(text, own)]
    if not _PLAIN.fullmatch(text):
        names += _other_spellings(text, own)
    ways = [way for name in names for way in _ways(name)]
    return tuple(dict.fromkeys(name.key for name in ways)) if len(ways) > 1 else (own.key,)


def _other_spellings(text: str, own: Name) -> list[Name]:
    names = []
    if _ELIDED.search(text):  # d'Aspremont is asked for as Aspremont, too
        names.append(parse(_ELIDED.sub(r"\1 ", text)))
    if not text.isascii() or "\\" in text:
        names += [*_written_out(own, parse(transliterated(text))), *_together(text)]
    return [*names, *map(parse, _capitals(text))]


def _ways(name: Name) -> list[Name]:
    """Gabriel García Márquez, García Márquez, Gabriel García, and Gabriel Garcíamárquez."""
    ways = [name]
    if name.family:
        ways += [replace(name, given=())] if name.given else []
        ways.append(Name("".join((*name.family, name.surname)), name.given))
        first = next((place for place, word in enumerate(name.family) if word not in PARTICLES), None)
        if first is not None:
            rest = (*name.family[:first], *name.family[first + 1 :], name.surname)
            ways.append(Name(name.family[first], name.given, rest))
    return [*ways, *(plain for way in ways for plain in _plain(way))]


def _written_out(name: Name, other: Name) -> list[Name]:
    """The other way to write a name, and given names of one way with the surname of the other."""
    return [other, replace(name, given=other.given), replace(other, given=name.given)] if other != name else []


def _together(text: str) -> list[Name]:
    """A name in scripts without spaces, without spaces."""
    return [parse("".join(text.split()))] if _HAN.fullmatch(text) else []


def _capitals(text: str) -> list[str]:
    """The name in other capitals, where these hide what are initials and what are not: ZHOU GX, zhou_gx, Wei LI."""
    spaced = _spaced(text)
    if text.islower() or text.isupper():
        other = _LATER_CONSONANTS.sub(lambda match: match[0].upper(), spaced.lower())
    else:
        other = _SHOUTED.sub(lambda match: match[0] if _CONSONANTS.fullmatch(match[0]) else match[0].title(), spaced)
    return [other] if other not in (spaced, spaced.lower()) else []


def _family_first(text: str, name: Name) -> list[Name]:
    """Zhou Guorui, Nguyen Van Minh and Kim Min-Jung, whose first word is a family name as the last one is not."""
    first, *others = (*name.given, name.surname)
    if not others or "," in text:
        return []
    eastern = first in FAMILY_FIRST and name.surname not in EASTERN and all(len(word) > 1 for word in others)
    return _swapped(first, others) if eastern or _HAN.fullmatch(text) else []


def _swapped(surname: str, given: Sequence[str]) -> list[Name]:
    """Of Vietnamese given names the last one is the first elsewhere: Minh Van Nguyen."""
    ways = [Name(surname, tuple(given))]
    if surname in VIETNAMESE and len(given) > 1:
        ways.append(Name(surname, (given[-1], *given[:-1])))
    return ways


@lru_cache(1_024)
def readings(text: str) -> tuple[Name, ...]:
    """The ways a name in a question can be meant: with a comma one, else surname last, surname first, and all of it a
    family name; each with umlauts and with these written out, and with its family name in one word.

    Raises:
        InvalidValue: it is longer than LONGEST.
    """
    found, other = list(exact_readings(text)), _readings(transliterated(text))
    found += [*(way for both in zip(found, other, strict=False) for way in _written_out(*both)), *other]
    found += [*_together(text), *(reading for other_text in _capitals(text) for reading in _readings(other_text))]
    return tuple(dict.fromkeys(way for reading in found for way in _asked(reading)))


def exact_readings(text: str) -> tuple[Name, ...]:
    """Those of a name as it is spelled.

    Raises:
        InvalidValue: it is longer than LONGEST.
    """
    if len(text) > LONGEST:
        raise InvalidValue("author", text, f"a name has at most {LONGEST} characters; give one name")
    return tuple(_readings(text))


def _readings(text: str) -> list[Name]:
    name = parse(text)
    last, first = _halves(text)
    words = _words(last, shouted=text.isupper())
    if first:
        return [name, *_swapped(name.surname, name.given)[1:]]
    if len(words) == 2 and words[0] in _LOOSE and "." not in text:
        return [name, Name(words[1], (), (words[0],))]
    if any(len(word) == 1 for word in words):
        return [name, *_parted(words), *_hyphened_first(last, words)]
    if len(words) < 2:
        return [name]
    whole = Name(words[-1], (), tuple(words[:-1]))
    if _is_hyphened(last, words):
        return [whole]
    return [name, *_swapped(words[0], words[1:]), *_parted(words), *_hyphened_first(last, words), whole]


def _is_hyphened(text: str, words: Sequence[str]) -> bool:
    """Whether all of a name is two or more words joined by hyphens, García-Bellido: a family name, as nobody is asked
    for by a given name."""
    return "-" in text and len(text.split()) == 1 and len(words) > 1 and all(len(word) > 1 for word in words)


def _hyphened_first(text: str, words: list[str]) -> list[Name]:
    """Miyabe-Nishiwaki Takako, and García-Márquez G. J."""
    end = len(_words(text.split()[0], shouted=True))
    return [Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1]))] if 1 < end < len(words) else []


def _parted(words: list[str]) -> list[Name]:
    """Readings with the family name first, of several words, or with a "y" in it."""
    ends = []
    if len(words[0]) > 1 and len(words[-1]) == 1:  # Almansa Ballester A
        ends.append(next(place for place, word in enumerate(words) if len(word) == 1))
    ends.append(1 + next((place for place, word in enumerate(words) if word not in PARTICLES), len(words)))
    if words[0] in PAIRED:  # García Márquez Gabriel
        ends.append(2)
    ways = [
        Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1])) for end in ends if 1 < end < len(words)
    ]  # van de Schoot Rens
    if len(words) > 2 and words[-2] in ("y", "e", "i"):  # ramon y cajal
        ways.append(Name(words[-1], tuple(words[:-3]), (words[-3],)))
    return ways


def _asked(reading: Name) -> list[Name]:
    """A reading, with its family name as one word, and without umlauts that are written out."""
    ways = [reading]
    if reading.family:
        ways.append(Name("".join((*reading.family, reading.surname)), reading.given))
    return [*ways, *(plain for way in ways for plain in _plain(way))]


def matches(query: str, name: Name) -> bool:
    """Whether a name in a question can mean this name; only where a reading of it has the same surname."""
    return any(fits(reading, name) for reading in readings(query))


def compatible(one: Name, other: Name) -> bool:
    """Whether two names in sources can be one person's; symmetric."""
    if one.surname != other.surname:
        one, other = (replace(name, surname=without_written_umlauts(name.surname)) for name in (one, other))
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
    asked, held = query.forenames, name.forenames
    return bool(name.given) and (_agree(asked, held) or _joined(asked, held))


def _plain(name: Name) -> list[Name]:
    """The other ways to write it where an umlaut of the surname, or of a given name, seems to be written out."""
    surname, given = (
        without_written_umlauts(name.surname),
        tuple([without_written_umlauts(word) for word in name.given]),
    )
    if surname == name.surname and given == name.given:
        return []
    return [replace(name, surname=surname), replace(name, surname=surname, given=given)]


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """First names agree, and so do the others."""
    return _same_given(one[0], other[0]) and (_further_agree(one[1:], other[1:]) or _joined(one[1:], other[1:]))


def _further_agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The shorter list's names are found in order in the longer one's."""
    shorter, longer = sorted((one, other), key=len)
    rest = iter(longer)
    return all(any(_same_given(each, candidate) for candidate in rest) for each in shorter)


def _same_given(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "Chao Lin" and "Chaolin", "J B" and "JB": the first names of one, written together, are the first name of the
    other; an initial after a name is part of it only where nothing else follows, as in Hyeong-U."""
    return any(
        "".join(longer[:count]) == shorter[0]
        and (len({len(word) > 1 for word in longer[:count]}) == 1 or (count == len(longer) and len(shorter) == 1))
        and _further_agree(shorter[1:], longer[count:])
        for shorter, longer in ((one, other), (other, one))
        if shorter
        for count in range(2, len(longer) + 1)
    )


def _halves(text: str) -> tuple[str, str]:
    """Before and after the comma; suffixes are none, and without a comma, or with nothing after it, all is before."""
    text = _AND.sub("-", _spaced(text))
    if "," not in text:
        return text, ""
    parts = [part for part in text.split(",") if fold(part) not in _SUFFIXES and part.strip()]
    return parts[0] if parts else "", " ".join(parts[1:])


def _spaced(text: str) -> str:
    """arXiv's zhou_g_1 is zhou g."""
    return _NUMBERED.sub("", text).replace("_", " ") if "_" in text else text


def _split(words: list[str], *, hyphened: bool) -> tuple[list[str], list[str]]:
    """Given names, and the words of the family name: from the first particle on, else the last word; the last two where
    a hyphen joins them, or the first of them is known to come in pairs; all before initials."""
    if words and words[0] == "and":
        words = words[1:]
    written = next((place for place in range(len(words), 0, -1) if len(words[place - 1]) > 1), 0)
    if written and written < len(words) and len(words[0]) > 1:  # PubMed: surname, then initials
        start = written if words[0] in PARTICLES or words[0] in PAIRED else 1
        return words[start:], words[:start]
    if len(words) > 2 and hyphened and words[0] in KOREAN and len(words[-1]) < 6 > len(words[-2]):  # Kim Min-Jung
        return words[1:], words[:1]
    start = _family_start(words, hyphened=hyphened)
    return words[:start], words[start:]


def _family_start(words: list[str], *, hyphened: bool) -> int:
    """Where the family name starts that ends with the last word."""
    last = len(words) - 1
    if last < 2 or (words[0] in VIETNAMESE and words[-1] not in EASTERN):  # Nguyen Van Minh
        return last
    if words[0] in PARTICLES and words[1] in PARTICLES and words[0] not in ("al", "ben"):
        return 0
    start = next((place for place, word in enumerate(words[1:-1], 1) if word in PARTICLES), last)
    if (start == last and hyphened) or (start > 1 and words[start - 1] in PAIRED):
        return start - 1
    return start


def _words(text: str, *, shouted: bool) -> list[str]:
    if _PLAIN.fullmatch(text):  # most names: what follows gives the same, and takes five times as long
        words = text.replace(".", " ").lower().split()
        return [word for word in words if word not in _SUFFIXES] or words
    words = []
    for raw in latex(text).replace("-", " ").replace(".", " ").split():
        words += [*fold(raw)] if _glued(raw) and not shouted else fold(raw).split()
    return [word for word in words if word not in _SUFFIXES] or words


def _glued(word: str) -> bool:
    """Whether a word may be initials without points, as in "Zhou GX"."""
    return 2 <= len(word) <= 3 and word.isalpha() and word.isupper() and word.lower() not in _SUFFIXES
