"""Names of authors: folded, parsed, and read in every spelling that people use.

A name consists of a surname, which is the last word of its family name ("Schaaf" of "van der Schaaf", "Márquez" of
"García Márquez"); the given names before it; and the other words of the family name.

An umlaut may be written out: Müller, Mueller and Muller find each other (``expand_umlauts``,
``collapse_umlaut_digraphs``). Ambiguity is resolved on both sides: a name from a source is indexed under all its
``index_keys``, a name in a query is looked up in all its ``interpretations``, and each of these is compared strictly
(``search.papers.name_matching``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from search.errors import InvalidValue
from search.papers import surnames
from search.papers.folding import collapse_umlaut_digraphs, expand_umlauts, fold
from search.papers.latex import decode_accents
from search.papers.surnames import EASTERN, FAMILY_NAME_FIRST, IBERIAN, KOREAN, PARTICLES, SUFFIXES, VIETNAMESE

MAX_NAME_LENGTH = 200
"""Number of characters allowed in the name of a query."""
_SIMPLE_NAME = re.compile(r"(?:[A-Z][a-z]+|[A-Z]\.)(?: (?:[A-Z][a-z]+|[A-Z]\.))*")
_ELIDED_PARTICLE = re.compile(r"\b(d|l|dell|dall)['’](?=\w{3})", re.IGNORECASE)
_SURNAME_CONJUNCTION = re.compile(r"(?<=\w) (?:y|i|e) (?=[^\W\da-z])")
"""A conjunction between two surnames, as in Ramón y Cajal; an initial would be a capital or have a point."""
_NUMBER_SUFFIX = re.compile(r"_\d+$")
"""The number that distinguishes namesakes in arXiv's author identifiers, such as warner_s_1."""
_CONSONANT_RUN = re.compile("[b-df-hj-np-tv-xz]{2,3}", re.IGNORECASE)
_LATER_CONSONANT_RUN = re.compile(r"(?<=[\s-])(?!(?:ng|lv|md|st|jr|sr)\b)[b-df-hj-np-tv-xz]{2,3}\b")
_ALL_CAPS = re.compile(r"(?<!\w)[A-Z]{2,3}(?!\w)")
_WORDS_OF_SEVERAL_READINGS = PARTICLES | IBERIAN | VIETNAMESE | SUFFIXES | {"and"}
"""Words by which the family name may have several words, or may be another one than the last word."""
_DETACHED_PREFIXES = frozenset(("d", "l", "mac", "mc", "o"))
"""Prefixes that may be separated from the rest of a surname, as in O Neil."""


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name.

    Attributes:
        surname: the last word of the family name.
        given: the given names or their initials, in order.
        other_family_words: the words of the family name before the last one.
    """

    surname: str
    given: tuple[str, ...] = ()
    other_family_words: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as one text, such as ``zhou|guorui`` or ``schoot|rens,van de``.

        In a sorted list of keys, names with the same surname are adjacent, and among these the names with the same
        first given name.
        """
        key = f"{self.surname}|{' '.join(self.given)}"
        return f"{key},{' '.join(self.other_family_words)}" if self.other_family_words else key

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Parses a key."""
        surname, _, rest = key.partition("|")
        given, _, family = rest.partition(",")
        return cls(surname, tuple(given.split()), tuple(family.split()))

    @property
    def forenames(self) -> tuple[str, ...]:
        """All words before the surname except particles, since the end of the given names is often a guess."""
        return (*self.given, *(word for word in self.other_family_words if word not in PARTICLES))


def parse(text: str) -> Name:
    """Parses "Guorui Zhou", "Zhou, Guorui", "G. Zhou", "Zhou GX", "zhou_g", "van de Schoot, Rens", "M. L. King Jr.".

    The surname is empty if the text has no letter or digit.
    """
    last, first = _split_at_comma(text)
    all_caps = text.isupper()
    family = _split_words(last, all_caps=all_caps or bool(first))
    if first:
        words = _split_words(first, all_caps=all_caps)
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
    """The keys under which to index a name from a source, the key of ``parse`` first.

    Covers a family name of several words, joined and separate; the first of two surnames; the first word, if that seems
    to be the family name; the possible surnames of 王小明; and all of these with umlauts spelled in every way.
    """
    if key := _plain_key(text):
        return (key,)
    own = parse(text)
    names = [own] if own.other_family_words else [own, *_family_name_first(text, own)]
    if not _SIMPLE_NAME.fullmatch(text):
        names += _alternative_spellings(text, own)
    forms = [form for name in names for form in _index_forms(name)]
    return tuple(dict.fromkeys(form.key for form in forms)) if len(forms) > 1 else (own.key,)


def _plain_key(text: str) -> str:
    """The only key of a name without anything that has several readings, as most names are; empty for any other name.

    The code for all names has the same result, but takes ten times as long.
    """
    if not _SIMPLE_NAME.fullmatch(text) or "oe" in text or "ue" in text:
        return ""
    words = text.replace(".", " ").lower().split()
    first, last = words[0], words[-1]
    if len(last) == 1 or not _WORDS_OF_SEVERAL_READINGS.isdisjoint(words):
        return ""
    if first in FAMILY_NAME_FIRST and len(words) > 1 and last not in EASTERN:
        return ""
    return f"{last}|{' '.join(words[:-1])}"


def _alternative_spellings(text: str, own: Name) -> list[Name]:
    names = []
    if _ELIDED_PARTICLE.search(text):  # d'Aspremont is also searched for as Aspremont
        names.append(parse(_ELIDED_PARTICLE.sub(r"\1 ", text)))
    if not text.isascii() or "\\" in text:
        names += [*_mix_spellings(own, parse(expand_umlauts(text))), *_join_cjk(text), *_split_cjk(text)]
    return [*names, *map(parse, _recapitalize(text))]


def _index_forms(name: Name) -> list[Name]:
    """Gabriel García Márquez, García Márquez, Gabriel Garcíamárquez and Gabriel García, for the first of these."""
    forms = [name]
    if name.other_family_words:
        forms += [replace(name, given=())] if name.given else []
        forms.append(Name("".join((*name.other_family_words, name.surname)), name.given))
        first = next((place for place, word in enumerate(name.other_family_words) if word not in PARTICLES), None)
        if first is not None:
            rest = (*name.other_family_words[:first], *name.other_family_words[first + 1 :], name.surname)
            forms.append(Name(name.other_family_words[first], name.given, rest))
    return [*forms, *(other for form in forms for other in _collapse_umlauts(form))]


def _mix_spellings(name: Name, other: Name) -> list[Name]:
    """The other spelling of a name, and the given names of each spelling with the surname of the other."""
    return [other, replace(name, given=other.given), replace(other, given=name.given)] if other != name else []


def _join_cjk(text: str) -> list[Name]:
    """A name in Chinese, Japanese or Korean script, without spaces."""
    return [parse("".join(text.split()))] if surnames.is_cjk_name(text) else []


def _split_cjk(text: str) -> list[Name]:
    """A name in Chinese, Japanese or Korean script without spaces, split after every possible surname."""
    if not surnames.is_cjk_name(text) or " " in (letters := fold(text)):
        return []
    return [Name(letters[:length], (letters[length:],)) for length in surnames.cjk_surname_lengths(letters)]


def _recapitalize(text: str) -> list[str]:
    """The name with other capitals, if the given ones hide which words are initials: ZHOU GX, zhou_gx, Wei LI."""
    spaced = _underscores_to_spaces(text)
    if text.islower() or text.isupper():
        other = _LATER_CONSONANT_RUN.sub(lambda match: match[0].upper(), spaced.lower())
    else:
        other = _ALL_CAPS.sub(
            lambda match: match[0] if _CONSONANT_RUN.fullmatch(match[0]) else match[0].title(), spaced
        )
    return [other] if other not in (spaced, spaced.lower()) else []


def _family_name_first(text: str, name: Name) -> list[Name]:
    """The name with its first word as surname, if only that is a known surname: Zhou Guorui, Kim Min-Jung."""
    first, *others = (*name.given, name.surname)
    if not others or "," in text:
        return []
    eastern = first in FAMILY_NAME_FIRST and name.surname not in EASTERN and all(len(word) > 1 for word in others)
    return _given_name_orders(first, others) if eastern or surnames.is_cjk_name(text) else []


def _given_name_orders(surname: str, given: Sequence[str]) -> list[Name]:
    """The given names as they are; for Vietnamese ones also with the last one first, as in Minh Van Nguyen."""
    orders = [Name(surname, tuple(given))]
    if surname in VIETNAMESE and len(given) > 1:
        orders.append(Name(surname, (given[-1], *given[:-1])))
    return orders


@lru_cache(1_024)
def interpretations(text: str) -> tuple[Name, ...]:
    """The possible meanings of a name in a query.

    A name with a comma has one. Another may have its surname last, its surname first, or be a family name as a whole.
    Each meaning is returned with its umlauts as written and written out, and with its family name joined to one word.

    Raises:
        InvalidValue: the name is longer than ``MAX_NAME_LENGTH``.
    """
    found, other = list(exact_interpretations(text)), _interpret(expand_umlauts(text))
    found += [*(name for both in zip(found, other, strict=False) for name in _mix_spellings(*both)), *other]
    found += [*_join_cjk(text), *(name for recapitalized in _recapitalize(text) for name in _interpret(recapitalized))]
    return tuple(dict.fromkeys(form for name in found for form in _query_forms(name)))


def exact_interpretations(text: str) -> tuple[Name, ...]:
    """The possible meanings of a name in a query in exactly this spelling.

    Raises:
        InvalidValue: the name is longer than ``MAX_NAME_LENGTH``.
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
    """Whether a name is nothing but words joined by hyphens, such as García-Bellido.

    It is then a family name, since nobody searches by given name alone.
    """
    return "-" in text and len(text.split()) == 1 and len(words) > 1 and all(len(word) > 1 for word in words)


def _hyphenated_family_first(text: str, words: list[str]) -> list[Name]:
    """The name with a hyphenated family name first: Miyabe-Nishiwaki Takako, García-Márquez G. J."""
    end = len(_split_words(text.split()[0], all_caps=True))
    return [Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1]))] if 1 < end < len(words) else []


def _compound_family_first(words: list[str]) -> list[Name]:
    """The names with a family name of several words first, or with one that contains "y"."""
    ends = []
    if len(words[0]) > 1 and len(words[-1]) == 1:  # Almansa Ballester A
        ends.append(next(place for place, word in enumerate(words) if len(word) == 1))
    ends.append(1 + next((place for place, word in enumerate(words) if word not in PARTICLES), len(words)))
    if words[0] in IBERIAN:  # García Márquez Gabriel
        ends.append(2)
    names = [
        Name(words[end - 1], tuple(words[end:]), tuple(words[: end - 1])) for end in ends if 1 < end < len(words)
    ]  # van de Schoot Rens
    if len(words) > 2 and words[-2] in ("y", "e", "i"):  # ramon y cajal
        names.append(Name(words[-1], tuple(words[:-3]), (words[-3],)))
    return names


def _query_forms(name: Name) -> list[Name]:
    """The name, also with its family name as one word, and each of these without umlauts that are written out."""
    forms = [name]
    if name.other_family_words:
        forms.append(Name("".join((*name.other_family_words, name.surname)), name.given))
    return [*forms, *(other for form in forms for other in _collapse_umlauts(form))]


def _collapse_umlauts(name: Name) -> list[Name]:
    """The other spellings of a name in which an umlaut of the surname or of a given name seems to be written out."""
    surname, given = (
        collapse_umlaut_digraphs(name.surname),
        tuple([collapse_umlaut_digraphs(word) for word in name.given]),
    )
    if surname == name.surname and given == name.given:
        return []
    return [replace(name, surname=surname), replace(name, surname=surname, given=given)]


def _split_at_comma(text: str) -> tuple[str, str]:
    """The parts before and after the comma, without suffixes; the second is empty if there is no comma."""
    text = surnames.separate_cjk_names(_SURNAME_CONJUNCTION.sub("-", _underscores_to_spaces(text)))
    if "," not in text:
        return text, ""
    parts = [part for part in text.split(",") if fold(part) not in SUFFIXES and part.strip()]
    return parts[0] if parts else "", " ".join(parts[1:])


def _underscores_to_spaces(text: str) -> str:
    """Converts an arXiv author identifier such as zhou_g_1 to a name, zhou g."""
    return _NUMBER_SUFFIX.sub("", text).replace("_", " ") if "_" in text else text


def _split_family_name(words: list[str], *, hyphenated: bool) -> tuple[list[str], list[str]]:
    """Splits words into given names and family name.

    The family name starts at the first particle, else at the last word, or at the last but one if a hyphen joins the
    two or the former is a surname that comes in pairs. Before trailing initials, all words belong to it.
    """
    if words and words[0] == "and":
        words = words[1:]
    full = next((place for place in range(len(words), 0, -1) if len(words[place - 1]) > 1), 0)
    if full and full < len(words) and len(words[0]) > 1:  # PubMed: surname, then initials
        start = full if words[0] in PARTICLES or words[0] in IBERIAN else 1
        return words[start:], words[:start]
    if len(words) > 2 and hyphenated and words[0] in KOREAN and len(words[-1]) < 6 > len(words[-2]):  # Kim Min-Jung
        return words[1:], words[:1]
    start = _family_name_start(words, hyphenated=hyphenated)
    return words[:start], words[start:]


def _family_name_start(words: list[str], *, hyphenated: bool) -> int:
    """The place at which a family name that ends with the last word starts."""
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
    if _SIMPLE_NAME.fullmatch(text):  # most names; the code below has the same result, but is five times slower
        words = text.replace(".", " ").lower().split()
        return [word for word in words if word not in SUFFIXES] or words
    words = []
    for raw in decode_accents(text).replace("-", " ").replace(".", " ").split():
        words += [*fold(raw)] if _is_initials(raw) and not all_caps else fold(raw).split()
    return [word for word in words if word not in SUFFIXES] or words


def _is_initials(word: str) -> bool:
    """Whether a word may consist of initials without points, as in "Zhou GX"."""
    return 2 <= len(word) <= 3 and word.isalpha() and word.isupper() and word.lower() not in SUFFIXES
