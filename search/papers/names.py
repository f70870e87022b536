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
from search.papers.folding import collapse_umlaut_digraphs, decode_latex, expand_umlauts, fold
from search.papers.surnames import EASTERN, FAMILY_NAME_FIRST, IBERIAN, KOREAN, PARTICLES, VIETNAMESE

MAX_NAME_LENGTH = 200
"""Characters of a name that can be asked for."""
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_SIMPLE_NAME = re.compile(r"(?:[A-Z][a-z]+|[A-Z]\.)(?: (?:[A-Z][a-z]+|[A-Z]\.))*")
_ELIDED_PARTICLE = re.compile(r"\b(d|l|dell|dall)['’](?=\w{3})", re.IGNORECASE)
_SURNAME_CONJUNCTION = re.compile(r"(?<=\w) (?:y|i|e) (?=[^\W\da-z])")
"""Between two surnames, as in Ramón y Cajal: an initial is a capital, or has a point."""
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:\s+[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)*")
_NUMBER_SUFFIX = re.compile(r"_\d+$")
"""What tells namesakes apart in arXiv's identifiers of authors, warner_s_1."""
_CONSONANT_RUN = re.compile("[b-df-hj-np-tv-xz]{2,3}", re.IGNORECASE)
_LATER_CONSONANT_RUN = re.compile(r"(?<=[\s-])(?!(?:ng|lv|md|st|jr|sr)\b)[b-df-hj-np-tv-xz]{2,3}\b")
_ALL_CAPS = re.compile(r"(?<!\w)[A-Z]{2,3}(?!\w)")
_DETACHED_PREFIXES = frozenset(("d", "l", "mac", "mc", "o"))
"""What may stand apart from the rest of a surname, as in O Neil."""


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name: the last word of the family name, the given names, and the other words of the family name."""

    surname: str
    given: tuple[str, ...] = ()
    other_family_words: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``zhou|guorui``, ``schoot|rens,van de``: names with one surname are neighbours when keys are sorted, and so
        are those of them with one first given name."""
        key = f"{self.surname}|{' '.join(self.given)}"
        return f"{key},{' '.join(self.other_family_words)}" if self.other_family_words else key

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Reads a key back."""
        surname, _, rest = key.partition("|")
        given, _, family = rest.partition(",")
        return cls(surname, tuple(given.split()), tuple(family.split()))

    @property
    def forenames(self) -> tuple[str, ...]:
        """What stands before the surname, without particles: where given names end is often a guess."""
        return (*self.given, *(word for word in self.other_family_words if word not in PARTICLES))


def parse(text: str) -> Name:
    """Reads "Guorui Zhou", "Zhou, Guorui", "G. Zhou", "Zhou GX", "zhou_g", "van de Schoot, Rens", "M. L. King Jr.".

    The surname is empty where the text holds no letter or digit.
    """
    last, first = _split_at_comma(text)
    shouted = text.isupper()
    family = _split_words(last, all_caps=shouted or bool(first))
    if first:
        words = _split_words(first, all_caps=shouted)
    elif _is_hyphenated(last, family):
        words = []
    else:
        words, family = _split_family_name(family, hyphenated="-" in last and "-" in last.split()[-1])
    if not family:
        return Name("")
    while first and len(words) > 1 and words[-1] in PARTICLES:  # "Schoot, Rens van de"
        words, family = words[:-1], [words[-1], *family]
    return Name(family[-1], tuple(words), tuple(family[:-1]))


def index_keys(text: str) -> tuple[str, ...]:
    """The keys a name in a source is found under, its own first: by its family name of several words, together and
    apart, and by the first of two surnames; by the first word where that seems to be the family name; and the same with
    umlauts written out and otherwise."""
    own = parse(text)
    names = [own] if own.other_family_words else [own, *_family_name_first(text, own)]
    if not _SIMPLE_NAME.fullmatch(text):
        names += _alternative_spellings(text, own)
    ways = [way for name in names for way in _index_forms(name)]
    return tuple(dict.fromkeys(name.key for name in ways)) if len(ways) > 1 else (own.key,)


def _alternative_spellings(text: str, own: Name) -> list[Name]:
    names = []
    if _ELIDED_PARTICLE.search(text):  # d'Aspremont is asked for as Aspremont, too
        names.append(parse(_ELIDED_PARTICLE.sub(r"\1 ", text)))
    if not text.isascii() or "\\" in text:
        names += [*_mix_spellings(own, parse(expand_umlauts(text))), *_join_cjk(text)]
    return [*names, *map(parse, _recapitalize(text))]


def _index_forms(name: Name) -> list[Name]:
    """Gabriel García Márquez, García Márquez, Gabriel García, and Gabriel Garcíamárquez."""
    ways = [name]
    if name.other_family_words:
        ways += [replace(name, given=())] if name.given else []
        ways.append(Name("".join((*name.other_family_words, name.surname)), name.given))
        first = next((place for place, word in enumerate(name.other_family_words) if word not in PARTICLES), None)
        if first is not None:
            rest = (*name.other_family_words[:first], *name.other_family_words[first + 1 :], name.surname)
            ways.append(Name(name.other_family_words[first], name.given, rest))
    return [*ways, *(plain for way in ways for plain in _collapse_umlauts(way))]


def _mix_spellings(name: Name, other: Name) -> list[Name]:
    """The other way to write a name, and given names of one way with the surname of the other."""
    return [other, replace(name, given=other.given), replace(other, given=name.given)] if other != name else []


def _join_cjk(text: str) -> list[Name]:
    """A name in scripts without spaces, without spaces."""
    return [parse("".join(text.split()))] if _CJK.fullmatch(text) else []


def _recapitalize(text: str) -> list[str]:
    """The name in other capitals, where these hide what are initials and what are not: ZHOU GX, zhou_gx, Wei LI."""
    spaced = _underscores_to_spaces(text)
    if text.islower() or text.isupper():
        other = _LATER_CONSONANT_RUN.sub(lambda match: match[0].upper(), spaced.lower())
    else:
        other = _ALL_CAPS.sub(
            lambda match: match[0] if _CONSONANT_RUN.fullmatch(match[0]) else match[0].title(), spaced
        )
    return [other] if other not in (spaced, spaced.lower()) else []


def _family_name_first(text: str, name: Name) -> list[Name]:
    """Zhou Guorui, Nguyen Van Minh and Kim Min-Jung, whose first word is a family name as the last one is not."""
    first, *others = (*name.given, name.surname)
    if not others or "," in text:
        return []
    eastern = first in FAMILY_NAME_FIRST and name.surname not in EASTERN and all(len(word) > 1 for word in others)
    return _given_name_orders(first, others) if eastern or _CJK.fullmatch(text) else []


def _given_name_orders(surname: str, given: Sequence[str]) -> list[Name]:
    """Of Vietnamese given names the last one is the first elsewhere: Minh Van Nguyen."""
    ways = [Name(surname, tuple(given))]
    if surname in VIETNAMESE and len(given) > 1:
        ways.append(Name(surname, (given[-1], *given[:-1])))
    return ways


@lru_cache(1_024)
def interpretations(text: str) -> tuple[Name, ...]:
    """The ways a name in a question can be meant: with a comma one, else surname last, surname first, and all of it a
    family name; each with umlauts and with these written out, and with its family name in one word.

    Raises:
        InvalidValue: it is longer than LONGEST.
    """
    found, other = list(exact_interpretations(text)), _interpret(expand_umlauts(text))
    found += [*(way for both in zip(found, other, strict=False) for way in _mix_spellings(*both)), *other]
    found += [*_join_cjk(text), *(reading for other_text in _recapitalize(text) for reading in _interpret(other_text))]
    return tuple(dict.fromkeys(way for reading in found for way in _query_forms(reading)))


def exact_interpretations(text: str) -> tuple[Name, ...]:
    """Those of a name as it is spelled.

    Raises:
        InvalidValue: it is longer than LONGEST.
    """
    if len(text) > MAX_NAME_LENGTH:
        raise InvalidValue("author", text, f"a name has at most {MAX_NAME_LENGTH} characters; give one name")
    return tuple(_interpret(text))


def _interpret(text: str) -> list[Name]:
    name = parse(text)
    last, first = _split_at_comma(text)
    words = _split_words(last, all_caps=text.isupper())
    if first:
        return [name, *_given_name_orders(name.surname, name.given)[1:]]
    if len(words) == 2 and words[0] in _DETACHED_PREFIXES and "." not in text:
        return [name, Name(words[1], (), (words[0],))]
    if any(len(word) == 1 for word in words):
        return [name, *_compound_family_first(words), *_hyphenated_family_first(last, words)]
    if len(words) < 2:
        return [name]
    whole = Name(words[-1], (), tuple(words[:-1]))
    if _is_hyphenated(last, words):
        return [whole]
    return [
        name,
        *_given_name_orders(words[0], words[1:]),
        *_compound_family_first(words),
        *_hyphenated_family_first(last, words),
        whole,
    ]


def _is_hyphenated(text: str, words: Sequence[str]) -> bool:
    """Whether all of a name is two or more words joined by hyphens, García-Bellido: a family name, as nobody is asked
    for by a given name."""
    return "-" in text and len(text.split()) == 1 and len(words) > 1 and all(len(word) > 1 for word in words)


def _hyphenated_family_first(text: str, words: list[str]) -> list[Name]:
    """Miyabe-Nishiwaki Takako, and García-Márquez G. J."""
    end = len(_split_words(text.split()[0], all_caps=True))
    return [Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1]))] if 1 < end < len(words) else []


def _compound_family_first(words: list[str]) -> list[Name]:
    """Readings with the family name first, of several words, or with a "y" in it."""
    ends = []
    if len(words[0]) > 1 and len(words[-1]) == 1:  # Almansa Ballester A
        ends.append(next(place for place, word in enumerate(words) if len(word) == 1))
    ends.append(1 + next((place for place, word in enumerate(words) if word not in PARTICLES), len(words)))
    if words[0] in IBERIAN:  # García Márquez Gabriel
        ends.append(2)
    ways = [
        Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1])) for end in ends if 1 < end < len(words)
    ]  # van de Schoot Rens
    if len(words) > 2 and words[-2] in ("y", "e", "i"):  # ramon y cajal
        ways.append(Name(words[-1], tuple(words[:-3]), (words[-3],)))
    return ways


def _query_forms(reading: Name) -> list[Name]:
    """A reading, with its family name as one word, and without umlauts that are written out."""
    ways = [reading]
    if reading.other_family_words:
        ways.append(Name("".join((*reading.other_family_words, reading.surname)), reading.given))
    return [*ways, *(plain for way in ways for plain in _collapse_umlauts(way))]


def matches(query: str, name: Name) -> bool:
    """Whether a name in a question can mean this name; only where a reading of it has the same surname."""
    return any(interpretation_matches(reading, name) for reading in interpretations(query))


def are_compatible(one: Name, other: Name) -> bool:
    """Whether two names in sources can be one person's; symmetric."""
    if one.surname != other.surname:
        one, other = (replace(name, surname=collapse_umlaut_digraphs(name.surname)) for name in (one, other))
    return interpretation_matches(one, other) or interpretation_matches(other, one)


def interpretation_matches(query: Name, name: Name) -> bool:
    """Whether a reading of a name in a question can mean this name.

    Only names whose first given name starts with the same letter can, unless the question has no given name; what it
    has of a family name must then be part of the other's.
    """
    if query.surname != name.surname or not name.surname:
        return False
    if not query.given:
        return set(name.other_family_words).issuperset(query.other_family_words)
    asked, held = query.forenames, name.forenames
    return bool(name.given) and (_given_names_agree(asked, held) or _match_when_joined(asked, held))


def _collapse_umlauts(name: Name) -> list[Name]:
    """The other ways to write it where an umlaut of the surname, or of a given name, seems to be written out."""
    surname, given = (
        collapse_umlaut_digraphs(name.surname),
        tuple([collapse_umlaut_digraphs(word) for word in name.given]),
    )
    if surname == name.surname and given == name.given:
        return []
    return [replace(name, surname=surname), replace(name, surname=surname, given=given)]


def _given_names_agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """First names agree, and so do the others."""
    return _given_name_matches(one[0], other[0]) and (
        _match_in_order(one[1:], other[1:]) or _match_when_joined(one[1:], other[1:])
    )


def _match_in_order(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The shorter list's names are found in order in the longer one's."""
    shorter, longer = sorted((one, other), key=len)
    rest = iter(longer)
    return all(any(_given_name_matches(each, candidate) for candidate in rest) for each in shorter)


def _given_name_matches(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _match_when_joined(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "Chao Lin" and "Chaolin", "J B" and "JB": the first names of one, written together, are the first name of the
    other; an initial after a name is part of it only where nothing else follows, as in Hyeong-U."""
    return any(
        "".join(longer[:count]) == shorter[0]
        and (len({len(word) > 1 for word in longer[:count]}) == 1 or (count == len(longer) and len(shorter) == 1))
        and _match_in_order(shorter[1:], longer[count:])
        for shorter, longer in ((one, other), (other, one))
        if shorter
        for count in range(2, len(longer) + 1)
    )


def _split_at_comma(text: str) -> tuple[str, str]:
    """Before and after the comma; suffixes are none, and without a comma, or with nothing after it, all is before."""
    text = _SURNAME_CONJUNCTION.sub("-", _underscores_to_spaces(text))
    if "," not in text:
        return text, ""
    parts = [part for part in text.split(",") if fold(part) not in _SUFFIXES and part.strip()]
    return parts[0] if parts else "", " ".join(parts[1:])


def _underscores_to_spaces(text: str) -> str:
    """arXiv's zhou_g_1 is zhou g."""
    return _NUMBER_SUFFIX.sub("", text).replace("_", " ") if "_" in text else text


def _split_family_name(words: list[str], *, hyphenated: bool) -> tuple[list[str], list[str]]:
    """Given names, and the words of the family name: from the first particle on, else the last word; the last two where
    a hyphen joins them, or the first of them is known to come in pairs; all before initials."""
    if words and words[0] == "and":
        words = words[1:]
    written = next((place for place in range(len(words), 0, -1) if len(words[place - 1]) > 1), 0)
    if written and written < len(words) and len(words[0]) > 1:  # PubMed: surname, then initials
        start = written if words[0] in PARTICLES or words[0] in IBERIAN else 1
        return words[start:], words[:start]
    if len(words) > 2 and hyphenated and words[0] in KOREAN and len(words[-1]) < 6 > len(words[-2]):  # Kim Min-Jung
        return words[1:], words[:1]
    start = _family_name_start(words, hyphenated=hyphenated)
    return words[:start], words[start:]


def _family_name_start(words: list[str], *, hyphenated: bool) -> int:
    """Where the family name starts that ends with the last word."""
    last = len(words) - 1
    if last < 2 or (words[0] in VIETNAMESE and words[-1] not in EASTERN):  # Nguyen Van Minh
        return last
    if words[0] in PARTICLES and words[1] in PARTICLES and words[0] not in ("al", "ben"):
        return 0
    start = next((place for place, word in enumerate(words[1:-1], 1) if word in PARTICLES), last)
    if (start == last and hyphenated) or (start > 1 and words[start - 1] in IBERIAN):
        return start - 1
    return start


def _split_words(text: str, *, all_caps: bool) -> list[str]:
    if _SIMPLE_NAME.fullmatch(text):  # most names: what follows gives the same, and takes five times as long
        words = text.replace(".", " ").lower().split()
        return [word for word in words if word not in _SUFFIXES] or words
    words = []
    for raw in decode_latex(text).replace("-", " ").replace(".", " ").split():
        words += [*fold(raw)] if _is_initials(raw) and not all_caps else fold(raw).split()
    return [word for word in words if word not in _SUFFIXES] or words


def _is_initials(word: str) -> bool:
    """Whether a word may be initials without points, as in "Zhou GX"."""
    return 2 <= len(word) <= 3 and word.isalpha() and word.isupper() and word.lower() not in _SUFFIXES
