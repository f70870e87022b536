"""Normalization: spellings of a word that differ only in how Unicode writes its characters become one.

``normalize`` applies compatibility decomposition (Unicode Standard Annex 15, NFKD), removes accents and characters
without a shape, and composes again, so that ``forêt`` in NFC and NFD, full-width letters, half-width kana and the
ligature of ``ﬁeld`` are found by the plain spelling. Case is kept, because it tells an acronym from a word.

Compatibility decomposition alone would change the meaning of some numbers. Superscripts, subscripts and fractions
therefore join a letter, as in CO₂ (CO2), m² (m2) and ¹³C (13C), but not a digit: 10² is 10 and 2, as in 10^2, and
SO₄²⁻ is SO4 and 2.
"""

import re
import unicodedata

_SMALL_DIGIT = re.compile("(?<=[0-9₀-₉])(?=[⁰¹²³⁴-⁹ⁿ¼-¾⅐-⅞])|(?<=[0-9⁰¹²³⁴-⁹])(?=[₀-₉])")
"""Matches between a digit and a superscript, subscript or fraction after it."""
_FIRST_ACCENT_CLASS = 200
"""Least canonical combining class of accents, which Unicode has from 200 to 240."""
_POINT_CLASSES = range(10, 37)
"""Canonical combining classes of the points of Hebrew, Arabic and Syriac, which most texts omit. Lower classes, such as
the voicing marks of kana (8) and the virama of Indic scripts (9), distinguish letters."""
_FIRST_MARK, _LAST_MARK = 0x300, 0xFFFF
"""Code points in which ``MARKS`` are searched; combining marks beyond are of historic scripts."""

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Matches the characters of the Unicode categories Cc and Cs."""


def normalize(text: str) -> str:
    """Returns a text in NFKC without accents, points, variation selectors and format characters, its case unchanged.

    Idempotent. ASCII is returned unchanged.
    """
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", _SMALL_DIGIT.sub(" ", text))
    return unicodedata.normalize("NFC", "".join(filter(_has_meaning, decomposed)))


def compose(text: str) -> str:
    """Returns a text in NFC, the form in which papers are stored and queries are read."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def strip_control_characters(text: str) -> str:
    """Replaces control characters and lone surrogates with spaces, and strips the text."""
    return _CONTROL_CHARACTER.sub(" ", text).strip()


def combining_marks() -> str:
    """Returns all characters that continue a word although they are neither letters nor digits, in order.

    These are combining marks, as in decomposed letters and most scripts of Asia, and format characters, such as the
    soft hyphen. The result takes 10 ms to compute.
    """
    candidates = map(chr, (0xAD, *range(_FIRST_MARK, _LAST_MARK + 1)))
    return "".join(each for each in candidates if unicodedata.category(each) in ("Mn", "Mc", "Me", "Cf"))


def _has_meaning(character: str) -> bool:
    combining = unicodedata.combining(character)
    if combining in _POINT_CLASSES or combining >= _FIRST_ACCENT_CLASS:
        return False
    return not "\ufe00" <= character <= "\ufe0f" and unicodedata.category(character) != "Cf"
