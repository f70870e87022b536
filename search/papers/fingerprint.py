"""Fingerprints of titles and abstracts: when two texts are nearly the same, and keys that such texts share."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from search.papers.identifiers import key_of

_ACCENT = re.compile(r"""\\(?:[`'^"~=.]|[uvHcdbkrt](?![a-zA-Z]))\s*""")
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?|\\.")
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORDS = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_SHINGLE = 4
_SAME = 0.8
_LEAST_WORDS = 6
"""Words a sentence needs to be a key: shorter ones stand in many abstracts."""
_SENTENCE_KEYS = 3


def words(text: str) -> list[str]:
    """The words of a text, folded: lower case, without diacritics, LaTeX accents, commands and punctuation."""
    if "\\" in text or "{" in text:
        text = _COMMAND.sub(" ", _ACCENT.sub("", text)).replace("{", "").replace("}", "")
    if text.isascii():  # the same as below, in half the time
        return text.translate(_ASCII_WORDS).split()
    text = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(character for character in text if not unicodedata.combining(character)))


def nearly_equal(one: str, other: str) -> bool:
    """Whether two abstracts are one, as it was edited or cut: most of the shorter one stands in the longer one.

    Symmetric. The measure is the containment of word 4-grams (Broder, "On the resemblance and containment of
    documents", 1997), at least .8; a text of fewer than 20 words must be equal instead.
    """
    a, b = _shingles(one), _shingles(other)
    if a == b:
        return True
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < 20 or len(shorter) < len(longer) / 3:
        return False
    return len(shorter & longer) >= _SAME * len(shorter)


def title_key(title: str) -> int:
    """The key that equal folded titles share."""
    return key_of("title", " ".join(words(title)))


def abstract_keys(abstract: str) -> frozenset[int]:
    """Keys of the first sentences long enough to tell papers apart; of a shorter abstract, of the whole."""
    found = []
    for sentence in _sentences(abstract):
        folded = words(sentence)
        if len(folded) >= _LEAST_WORDS:
            found.append(key_of("sentence", " ".join(folded)))
            if len(found) == _SENTENCE_KEYS:
                break
    return frozenset(found or [key_of("sentence", " ".join(words(abstract)))])


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]


@lru_cache(maxsize=512)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    folded = words(text)
    return frozenset(zip(*(folded[start:] for start in range(_SHINGLE)), strict=False)) or frozenset([tuple(folded)])
