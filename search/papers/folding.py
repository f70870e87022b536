"""Letters as people type and typeset them: without accents, with umlauts written out, in LaTeX."""

import re
import unicodedata
from collections.abc import Iterator

_LETTER_FOLDS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"}
)
_UMLAUT_EXPANSIONS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_UMLAUT_DIGRAPH = re.compile(
    r"(?<=[bcdfhjklmnprstvwxyz])([ou])e(?=h[b-df-hj-np-tv-z]|bler|bn|chn|ck[a-z]|d?ger$|[gk]l|l[kt]|ll[em]|mm|n[bfnrz]|"
    r"nd[le]|nig|nst|nsch|nth|ng|p[pf]|ppl|rg|rk|rner|rr|rst|sch|sner|ss|ster|ter$|t[tz]|ft|ff|deck|der$|m$(?<=stroem))"
)
"""Where oe and ue are hardly ever anything but ö and ü: not in Samuel, Coelho, Fuentes, Boer or Xue."""
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
_NON_WORD = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile("['’`´·]")


def fold(text: str) -> str:
    """Lower case, without diacritics, LaTeX accents or punctuation; words parted by single spaces.

    Apostrophes and the point of l·l vanish (O'Brien is obrien), hyphens and other marks part words; scripts other
    than Latin stay.
    """
    text = decode_latex(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTER_FOLDS)
        text = "".join(character for character in text if not unicodedata.combining(character))
        text = unicodedata.normalize("NFC", text)
    text = _APOSTROPHES.sub("", text).casefold()
    return _NON_WORD.sub(" ", text).strip()


def expand_umlauts(text: str) -> str:
    """The text with umlauts and their like written out, as in Mueller, Soerensen and Aangstroem."""
    text = unicodedata.normalize("NFC", decode_latex(text))
    if text.isascii():
        return text
    shouted = text.isupper()
    for letter, written in _UMLAUT_EXPANSIONS.items():
        text = text.replace(letter, written).replace(letter.upper(), written.capitalize())
    return text.upper() if shouted else text


def collapse_umlaut_digraphs(word: str) -> str:
    """``muller`` of mueller, ``angstrom`` of aangstroem; the word itself where no umlaut seems to be written out."""
    plain = _UMLAUT_DIGRAPH.sub(r"\1", word) if "oe" in word or "ue" in word else word
    return word if plain == word else plain.replace("aa", "a")


def decode_latex(text: str) -> str:
    """LaTeX's accents and letters as characters, without its braces."""
    return _LATEX.sub(_decode_match, text) if "\\" in text or "{" in text else text


def _decode_match(match: "re.Match[str]") -> str:
    if mark := match["mark"]:
        return unicodedata.normalize("NFC", match["on"] + _LATEX_ACCENTS[mark])
    letter = match["letter"] or ""
    shown = _LATEX_LETTERS.get(letter.lower(), "")
    return shown.upper() if letter.isupper() else shown


_SUFFIX = re.compile(r"(?:[js]r|ii|iii|iv)\.?", re.IGNORECASE)


def normalize_whitespace(text: str | None) -> str:
    """The text with white space folded to single spaces and control characters dropped."""
    if not text:
        return ""
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cs"))
        text = " ".join(text.split())  # what was dropped may have stood between two spaces
    return text


def put_given_name_first(name: str) -> str:
    """ "Zhou, Guorui" as "Guorui Zhou", "King, Jr., Martin" and "King, Martin, Jr." as "Martin King Jr."; other names
    as they are."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}".strip()
    if len(parts) != 3:
        return name.strip()
    last, first, suffix = (parts[0], parts[1], parts[2]) if _SUFFIX.fullmatch(parts[2]) else (parts[0], *parts[:0:-1])
    return f"{first} {last} {suffix}".strip()


_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def single_edits(word: str) -> Iterator[str]:
    """Every word one edit away."""
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
