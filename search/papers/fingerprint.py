"""Fingerprints of titles and abstracts: near-duplicate detection, and hash keys that equal texts share."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import filterfalse

from search.papers.identifiers import hash_key
from search.papers.latex import strip_latex
from search.papers.words import split_ascii_words, split_words

_SENTENCE_END = re.compile(r"[.!?;:]\s+")
_SHINGLE_LENGTH = 4
"""Number of words in a shingle."""
_MIN_SHINGLES = 20
"""Number of shingles below which two texts must be equal."""
_MAX_LENGTH_RATIO = 3
"""Ratio of the numbers of shingles above which two texts are not compared."""
_MIN_CONTAINMENT = 0.8
"""Share of the shorter text's shingles that the longer one must contain."""
_MIN_SENTENCE_WORDS = 6
"""Number of words a sentence needs to become a key: shorter ones occur in many abstracts."""
_MAX_SENTENCE_KEYS = 3
"""Number of keys per abstract."""


def normalize_words(text: str) -> list[str]:
    """The words of a text in lower case, without diacritics, punctuation, LaTeX accents and commands."""
    text = strip_latex(text)
    if text.isascii():
        return split_ascii_words(text)
    text = unicodedata.normalize("NFKD", text.casefold())
    return split_words("".join(filterfalse(unicodedata.combining, text)))


def are_near_duplicates(one: str, other: str) -> bool:
    """Whether two abstracts are versions of one, edited or truncated: the longer contains most of the shorter.

    Symmetric. Compares the containment of word 4-grams (Broder, "On the resemblance and containment of documents",
    1997) with 0.8. Texts of fewer than 20 different 4-grams must have the same ones.
    """
    a, b = _shingles(one), _shingles(other)
    if a == b:
        return True
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _MIN_SHINGLES or len(shorter) < len(longer) / _MAX_LENGTH_RATIO:
        return False
    return containment(one, other) >= _MIN_CONTAINMENT


def containment(one: str, other: str) -> float:
    """Returns the share of the shorter text's word 4-grams that the longer one contains, from 0 to 1."""
    shorter, longer = sorted((_shingles(one), _shingles(other)), key=len)
    return len(shorter & longer) / len(shorter)


def title_key(title: str) -> int:
    """The key of a title; titles with the same normalized words share it."""
    return hash_key("title", " ".join(normalize_words(title)))


def abstract_keys(abstract: str) -> frozenset[int]:
    """The keys of the first sentences that are long enough to identify a paper, or of the whole abstract if none is."""
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
        yield text[start : end.start() + 1]
        start = end.end()
    yield text[start:]


@lru_cache(maxsize=512)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    folded = normalize_words(text)
    return frozenset(zip(*(folded[start:] for start in range(_SHINGLE_LENGTH)), strict=False)) or frozenset(
        [tuple(folded)]
    )
