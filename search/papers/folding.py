"""Folding of letters: spellings with and without accents, and with umlauts written out, become comparable."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from search.papers.latex import decode_accents
from search.papers.normalization import compose
from search.papers.surnames import is_suffix
from search.papers.words import join_words

_LETTER_FOLDS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"}
)
_UMLAUT_EXPANSIONS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_UMLAUT_DIGRAPH = re.compile(
    r"(?<=[bcdfhjklmnprstvwxyz])([ou])e(?=h[b-df-hj-np-tv-z]|bler|bn|chn|ck[a-z]|d?ger$|[gk]l|l[kt]|ll[em]|mm|n[bfnrz]|"
    r"nd[le]|nig|nst|nsch|nth|ng|p[pf]|ppl|rg|rk|rner|rr|rst|sch|sner|ss|ster|ter$|t[tz]|ft|ff|deck|der$|m$(?<=stroem))"
)
"""Contexts in which oe and ue almost always spell ö and ü; they exclude Samuel, Coelho, Fuentes, Boer and Xue."""
_APOSTROPHES = re.compile("['’`´·]")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def fold(text: str) -> str:
    """Folds a text to lower case without diacritics, LaTeX accents or punctuation, its words separated by one space.

    Apostrophes and the point of l·l are removed (O'Brien becomes obrien); hyphens and other marks separate words.
    Letters of scripts other than Latin are kept.
    """
    text = decode_accents(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTER_FOLDS)
        text = "".join(character for character in text if not unicodedata.combining(character))
        text = unicodedata.normalize("NFC", text)
    text = _APOSTROPHES.sub("", text).casefold()
    return join_words(text)


def expand_umlauts(text: str) -> str:
    """The text with umlauts and similar letters written out, as in Mueller, Soerensen and Aangstroem."""
    text = unicodedata.normalize("NFC", decode_accents(text))
    if text.isascii():
        return text
    all_caps = text.isupper()
    for letter, expansion in _UMLAUT_EXPANSIONS.items():
        text = text.replace(letter, expansion).replace(letter.upper(), expansion.capitalize())
    return text.upper() if all_caps else text


def collapse_umlaut_digraphs(word: str) -> str:
    """The word without umlauts that are written out: ``muller`` for mueller, ``angstrom`` for aangstroem."""
    plain = _UMLAUT_DIGRAPH.sub(r"\1", word) if "oe" in word or "ue" in word else word
    return word if plain == word else plain.replace("aa", "a")


def normalize_whitespace(text: str | None) -> str:
    """Collapses white space to single spaces, removes control characters and surrogates, and composes letters (NFC)."""
    if not text:
        return ""
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cs"))
        text = " ".join(text.split())  # a removed character may have stood between two spaces
    return compose(text)


def is_plain(text: str) -> bool:
    """Whether a text has only printable ASCII without markup, references and LaTeX commands, and no white space to
    collapse: nothing that cleaning a text would change. Most texts are plain, and this is quick to tell.
    """
    return (
        text.isascii() and text.isprintable() and "  " not in text and "\\" not in text and "<" not in text
        and "&" not in text and text[:1] != " " != text[-1:]
    )  # fmt: skip


def put_given_name_first(name: str) -> str:
    """Rewrites "Zhou, Guorui" as "Guorui Zhou", and "King, Jr., Martin" or "King, Martin, Jr." as "Martin King Jr.".

    Other names are returned unchanged.
    """
    parts = [part.strip() for part in name.split(",")]
    return join_name_parts(parts) if len(parts) <= 3 else name.strip()


def join_name_parts(parts: Sequence[str]) -> str:
    """Joins the parts of a name between commas as ``put_given_name_first`` does; more than three keep their commas."""
    if len(parts) == 2 and is_suffix(parts[1]):  # King, Jr.
        return " ".join(parts)
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}".strip()
    if len(parts) != 3:
        return ", ".join(parts)
    last, first, suffix = parts if is_suffix(parts[2]) else (parts[0], *parts[:0:-1])
    return f"{first} {last} {suffix}".strip()


def single_edits(word: str) -> Iterator[str]:
    """Yields every word that is one insertion, substitution, deletion or transposition away."""
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        for letter in _ALPHABET:
            yield before + letter + after
            if after and after[0] != letter:
                yield before + letter + after[1:]
        if after:
            yield before + after[1:]
        if len(after) > 1 and after[0] != after[1]:
            yield before + after[1] + after[0] + after[2:]
