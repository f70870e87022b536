"""Detects the encoding of a text: by byte order mark, as UTF-8 or UTF-16, else by which encoding yields words.

charset-normalizer tells scripts apart, but not the encodings of one script, which it finds equally coherent. So of its
candidates and the usual Latin ones, that one is chosen in which most words consist of the letters of one language.
"""

import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE, getincrementaldecoder
from collections import Counter
from itertools import pairwise

SAMPLE_BYTES = 2**20
"""Bytes from the start of a file by which its encoding is detected."""
FALLBACK = "cp1252"
"""The encoding that is assumed where the bytes do not tell: the most frequent one among those that are not Unicode."""
ENCODING_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "iso8859_2": "ISO 8859-2",
    "cp1254": "Windows-1254",
    "cp1257": "Windows-1257",
    "cp850": "code page 850",
    "mac_roman": "Mac OS Roman",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp866": "code page 866",
    "cp1253": "Windows-1253",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
}
"""The encodings that are told apart, in Python's spelling, with the names that people know them by."""

_LATIN_ENCODINGS = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "cp850", "mac_roman")
"""Those for Latin letters, the most frequent one first."""
_BYTE_ORDER_MARKS = (
    (BOM_UTF8, "utf-8-sig"), (BOM_UTF32_LE, "utf-32"), (BOM_UTF32_BE, "utf-32"), (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""UTF-32 precedes UTF-16, whose mark its own starts with."""
_LANGUAGE_LETTERS = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúñü", "àáâãçéêíóôõúü", "àèéìíîòóùú", "æøåéèóòâôê", "åäöéáàü", "áðéíóúýþæö",
    "àçèéíïòóúü", "äëïöüéèêáóúíôç", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž",
    "ăâîşţșț", "çğıöşü\u0307", "ąčęėįšųūž", "āčēģīķļņšūž",
)  # fmt: skip
"""The letters beyond ASCII of German, French, Spanish, Portuguese, Italian, Danish and Norwegian, Swedish and Finnish,
Icelandic, Catalan, Dutch, Polish, Czech, Slovak, Hungarian, Croatian, Romanian, Turkish (the dot is that of a
lower-case İ), Lithuanian and Latvian."""
_EAST_ASIAN_SCRIPTS = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"))
"""Scripts, as in Unicode's names of characters, that one word may mix."""
_WORD = re.compile(r"[^\s\d_\x00-\x40\[-`{-\x7f–—‘’“”„‚…«»•·¿]+")
"""A run of letters and of symbols beyond ASCII; dashes, quotes and the like separate words."""
_MISREAD = re.compile(r"[^\W\d_][“”„‚«»•¿][^\W\d_]")
"""A quotation mark within a word, which is a misread letter."""
_SYMBOLS = "°±µ×§©®™€£¥¼½¾¹²³ªº†‡‰¡"
"""Symbols that are no part of a word; next to a word of three letters or more, they are misread letters."""
_ZIP_MAGIC = b"PK\x03\x04"
_NOT_ICELANDIC = re.compile(r"\bð|[aeiouyáéíóúýöæ]þ")
"""Letters of Turkish and Lithuanian, read as those of Icelandic, which has them elsewhere."""
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_MAX_EVIDENCE_BYTES = 2**14
"""Bytes of lines with non-ASCII characters by which an encoding that is not Unicode is detected."""
_MIN_NUL_SHARE = 0.2
"""Share of pairs of bytes with one NUL, on the same side, in UTF-16 without mark: its ASCII characters, such as the
spaces and tags of a bibliography. Texts in other encodings have no NUL."""


def detect_encoding(sample: bytes) -> str:
    """The encoding of a text, as a name of Python's codecs.

    Args:
        sample: The first SAMPLE_BYTES of the text.
    """
    if sample.startswith(_ZIP_MAGIC):
        return FALLBACK  # not a text; each byte is a character
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\0" in sample and (encoding := _detect_utf16(sample)):
        return encoding
    if _is_utf8(sample) or _is_mostly_utf8(sample):
        return "utf-8-sig"
    return _detect_legacy_encoding(b"".join(_lines_with_evidence(sample)))


def _detect_utf16(sample: bytes) -> str:
    """The byte order of UTF-16 without mark; empty if the sample is something else."""
    pairs = len(sample) // 2
    first, second = (sample[side : 2 * pairs : 2].count(0) for side in (0, 1))
    if max(first, second) < _MIN_NUL_SHARE * pairs or min(first, second) > max(first, second) / 10:
        return ""
    return "utf-16-le" if second > first else "utf-16-be"


def _is_utf8(sample: bytes) -> bool:
    try:
        getincrementaldecoder("utf-8")().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether at least half of the characters beyond ASCII are those of UTF-8: the others are damaged."""
    sequences = _UTF8_SEQUENCE.findall(sample)
    return len(sequences) >= len(_NON_ASCII.findall(sample)) - sum(map(len, sequences))


def _lines_with_evidence(sample: bytes) -> list[bytes]:
    lines, size = list[bytes](), 0
    for line in sample.splitlines(keepends=True):
        if size < _MAX_EVIDENCE_BYTES and not line.isascii():
            lines.append(line[:_MAX_EVIDENCE_BYTES])
            size += len(line)
    return lines


def _detect_legacy_encoding(sample: bytes) -> str:
    """The encoding with the largest share of words, of several equal ones the most frequent."""
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(ENCODING_NAMES))
    names = [name for match in found for name in match.could_be_from_charset]
    latin = [name for name in _LATIN_ENCODINGS if name in names]
    candidates = dict.fromkeys([FALLBACK, *latin, *(name for name in names if name in ENCODING_NAMES)])
    shares = {name: _shares_of_words(sample.decode(name, "replace")) for name in candidates}
    best = max(share for share, _ in shares.values())
    if shares[FALLBACK][0] == best:
        return FALLBACK  # names of several languages are frequent in it
    return max(candidates, key=shares.__getitem__)


def _shares_of_words(text: str) -> tuple[float, float]:
    """The shares of the words, of those that are not ASCII, that are words of any language, and of one language."""
    words = Counter(word for word in _WORD.findall(text) if not word.isascii() and word.strip(_SYMBOLS))
    total = words.total() + len(_MISREAD.findall(text))
    if not total:
        return 1.0, 1.0
    good, by_language = 0, Counter[str]()
    for word, count in words.items():
        if languages := _find_languages(word):
            good += count
            by_language.update(dict.fromkeys(languages, count))
    return round(good / total, 2), round(max(by_language.values(), default=0) / total, 2)


def _find_languages(word: str) -> list[str]:
    """The languages that a word can be of: the letters of each; for scripts other than Latin, the script."""
    plain = word.strip(_SYMBOLS)
    if plain != word and len(plain) >= 3:
        return []
    if any(before.islower() and after.isupper() and not after.isascii() for before, after in pairwise(word)):
        return []
    letters = [letter for letter in plain if not letter.isascii()]
    if not all(map(str.isalpha, letters)):
        return []
    scripts = {unicodedata.name(letter).split(" ")[0] for letter in letters}
    if scripts <= {"LATIN"}:
        if _NOT_ICELANDIC.search(plain.lower()):
            return []
        used = {letter for letter in "".join(letters).lower() if not letter.isascii()}
        return [language for language in _LANGUAGE_LETTERS if used <= set(language)]
    if scripts <= _EAST_ASIAN_SCRIPTS:
        scripts = {"CJK"}
    return list(scripts) if len(letters) == len(plain) and len(scripts) == 1 else []
