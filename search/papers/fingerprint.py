"""Fingerprints of titles and abstracts: when two texts are nearly the same, and keys that such texts share."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from search.papers.identifiers import hash_key

_LATEX_ACCENT = re.compile(r"""\\(?:[`'^"~=.]|[uvHcdbkrt](?![a-zA-Z]))\s*""")
_LATEX_COMMAND = re.compile(r"\\[a-zA-Z]+\*?|\\.")
_WORD = re.compile(r"[^\W_]+")
_ASCII_FOLDING = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+")
_SHINGLE_LENGTH = 4
_MIN_CONTAINMENT = 0.8
_MIN_SENTENCE_WORDS = 6
"""Words a sentence needs to be a key: shorter ones stand in many abstracts."""
_MAX_SENTENCE_KEYS = 3


def normalize_words(text: str) -> list[str]:
    """The words of a text, folded: lower case, without diacritics, LaTeX accents, commands and punctuation."""
    if "\\" in text or "{" in text:
        text = _LATEX_COMMAND.sub(" ", _LATEX_ACCENT.sub("", text)).replace("{", "").replace("}", "")
    if text.isascii():  # the same as below, in half the time
        return text.translate(_ASCII_FOLDING).split()
    text = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(character for character in text if not unicodedata.combining(character)))


def are_near_duplicates(one: str, other: str) -> bool:
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
    return len(shorter & longer) >= _MIN_CONTAINMENT * len(shorter)


def title_key(title: str) -> int:
    """The key that equal folded titles share."""
    return hash_key("title", " ".join(normalize_words(title)))


def abstract_keys(abstract: str) -> frozenset[int]:
    """Keys of the first sentences long enough to tell papers apart; of a shorter abstract, of the whole."""
    found = []
    for sentence in _split_sentences(abstract):
        folded = normalize_words(sentence)
        if len(folded) >= _MIN_SENTENCE_WORDS:
            found.append(hash_key("sentence", " ".join(folded)))
            if len(found) == _MAX_SENTENCE_KEYS:
                break
    return frozenset(found or [hash_key("sentence", " ".join(normalize_words(abstract)))])


def _split_sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]


@lru_cache(maxsize=512)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    folded = normalize_words(text)
    return frozenset(zip(*(folded[start:] for start in range(_SHINGLE_LENGTH)), strict=False)) or frozenset(
        [tuple(folded)]
    )
