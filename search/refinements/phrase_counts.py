"""Counts of phrases: the words, and the sequences of two and three of them, that several of a few texts contain.

A longer phrase is counted only if its words are frequent enough (Agrawal and Srikant, "Fast algorithms for mining
association rules", VLDB 1994). The words of all texts are hashes in one array, so that Python code runs only for those
that are frequent: 25 abstracts, with 6,000 words, take a third of the time of dictionaries.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from search.language.byte_windows import FIRST_BYTES, WIDTH, find_windows
from search.language.stop_words import STOP_WORDS

Phrase = tuple[str, ...]

_WORD = re.compile(r"(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_STOP_WORDS = frozenset(STOP_WORDS)
_MARKS = b".,;:()[]!?\"'$/"
"""Marks that end a phrase; so do the quotes beyond ASCII."""
_QUOTES = re.compile("[’“”]")
_SPACES = b" \t\n\r\f\v\x1c\x1d\x1e\x1f"
_TEXT_END = b"\0"
"""A mark that ends each text."""
_IN_WORD, _IN_SPACE, _IN_MARK, _IN_END = range(4)
_KINDS = bytes(
    _IN_END * (each in _TEXT_END) + _IN_MARK * (each in _MARKS) + _IN_SPACE * (each in _SPACES) for each in range(256)
)
"""The kind of each byte; all but these are of words."""
_MAX_LENGTH = 64
"""Bytes of a word; nothing longer is one."""
_CACHED_WORDS = 16_384
"""Words of which is cached whether they are words of a phrase; those of abstracts recur."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Of Fibonacci hashing (Knuth, "The Art of Computer Programming", volume 3, section 6.4)."""
_TEXT_BITS = np.uint64(6)
"""Lower bits of a hash in place of which is the number of the text."""
_COMMON_BITS = 14
"""Upper bits of a hash at which the table of common words has it."""
_COMMON_SHIFT = np.uint64(64 - _COMMON_BITS)
_TABLE_BITS = np.uint64(12)
"""Upper bits of a hash that tell most rare words."""


def count_phrases(texts: Sequence[str], min_texts: int) -> dict[Phrase, int]:
    """Returns the number of texts that contain each phrase of one to three words, without those of few texts.

    Args:
        texts: at most 63 texts in lower case.
        min_texts: texts from which on a phrase is returned.
    """
    data = _encode(texts)
    kinds = np.frombuffer(data.translate(_KINDS), np.uint8)
    starts, ends = _find_words(kinds)
    hashes = _hash(data, starts, ends - starts)
    is_common = _common_hashes()[hashes >> _COMMON_SHIFT] == hashes
    places = np.flatnonzero(~is_common & (ends - starts <= _MAX_LENGTH))
    hashes = hashes[places]
    marks = np.flatnonzero(kinds >= _IN_MARK)
    words_before = starts[places].searchsorted(marks[kinds[marks] == _IN_END])
    word_counts = np.diff(words_before, prepend=0, append=len(places))
    text_of = np.repeat(np.arange(len(word_counts), dtype=np.uint64), word_counts)
    frequent, counts = _count_texts(hashes, text_of, min_texts)
    if not len(frequent):
        return {}
    found, ids = _find_numbers(hashes >> _TEXT_BITS, frequent)
    places, text_of = places[found], text_of[found]
    examples = np.zeros(len(frequent), np.int64)
    examples[ids] = places
    spans = zip(starts[examples].tolist(), ends[examples].tolist(), strict=True)
    words = [data[start:end].decode("utf-8", "replace") for start, end in spans]
    is_word = np.array(list(map(_is_word, words)), bool)
    phrases: dict[Phrase, int] = {(words[each],): int(counts[each]) for each in np.flatnonzero(is_word).tolist()}
    places, text_of, ids = (column[is_word[ids]] for column in (places, text_of, ids.astype(np.uint64)))
    pairs = np.flatnonzero(places[1:] - places[:-1] == 1)
    first_end, second_start = ends[places[pairs]], starts[places[pairs + 1]]
    pairs = pairs[marks.searchsorted(first_end) == marks.searchsorted(second_start)]  # no mark is in between
    return phrases | _count_sequences(pairs, text_of, ids, words, min_texts)


def _count_sequences(
    pairs: NDArray[np.int64], text_of: NDArray[np.uint64], ids: NDArray[np.uint64], words: list[str], min_texts: int
) -> dict[Phrase, int]:
    """Returns the number of texts that contain each sequence of two or three words, without those of few texts.

    Args:
        pairs: (m,) positions in the following arrays, ascending, of each word that the next one follows directly.
        text_of: (n,) the text that each word is in.
        ids: (n,) the number of each in ``words``.
        words: the distinct words.
        min_texts: texts from which on a sequence is returned.
    """
    phrases: dict[Phrase, int] = {}
    triples = pairs[:-1][pairs[1:] - pairs[:-1] == 1]
    size = len(words)
    for length, begins in ((2, pairs), (3, triples)):
        keys = reduce(lambda key, offset: key * np.uint64(size) + ids[begins + offset], range(1, length), ids[begins])
        sequences, counts = _count_texts(keys << _TEXT_BITS, text_of[begins], min_texts)
        for key, count in zip(sequences.tolist(), counts.tolist(), strict=True):
            phrases[tuple(words[key // size**place % size] for place in reversed(range(length)))] = count
    return phrases


@lru_cache(_CACHED_WORDS)
def _is_word(text: str) -> bool:
    """Returns whether what is between spaces and marks may be a word of a phrase."""
    return text not in _STOP_WORDS and bool(_WORD.fullmatch(text))


@cache
def _common_hashes() -> NDArray[np.uint64]:
    """Returns a table of the hashes of most stop words, each at the place that its upper bits give."""
    data = _encode(STOP_WORDS)
    starts, ends = _find_words(np.frombuffer(data.translate(_KINDS), np.uint8))
    hashes = _hash(data, starts, ends - starts)
    table = np.zeros(1 << _COMMON_BITS, np.uint64)
    table[hashes >> _COMMON_SHIFT] = hashes
    return table


def _find_words(kinds: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns start and end of each word, given the kind of each byte; the first and the last are not of a word."""
    is_word = kinds == _IN_WORD
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    return edges[::2], edges[1::2]


def _encode(texts: Iterable[str]) -> bytes:
    """Returns texts in UTF-8, each with a mark at its end, between spaces."""
    simple = (text if text.isascii() else _QUOTES.sub(".", " ".join(text.split())) for text in texts)
    encoded = [text.replace("\0", " ").encode("utf-8", "surrogatepass") + _TEXT_END for text in simple]
    return b" %b%b" % (b"".join(encoded), b" " * WIDTH)


def _hash(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns a hash of each word, (n,) uint64."""
    eights = find_windows(data)
    hashes = (eights[starts] & FIRST_BYTES[np.minimum(lengths, WIDTH)]) * _MULTIPLIER
    longer = np.flatnonzero(lengths > WIDTH)
    for offset in range(WIDTH, _MAX_LENGTH, WIDTH):
        longer = longer[lengths[longer] > offset]
        if not len(longer):
            break
        rest = eights[starts[longer] + offset] & FIRST_BYTES[np.minimum(lengths[longer] - offset, WIDTH)]
        hashes[longer] = (hashes[longer] ^ (hashes[longer] >> np.uint64(32)) ^ rest) * _MULTIPLIER
    return hashes


def _count_texts(
    keys: NDArray[np.uint64], text_of: NDArray[np.uint64], min_texts: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Returns the keys, ascending and without their lower bits, that are in enough texts, and their numbers of texts.

    Args:
        keys: (n,) uint64.
        text_of: (n,) uint64, the text that each key is in.
        min_texts: the least number of texts.
    """
    pairs = np.sort((keys >> _TEXT_BITS << _TEXT_BITS) | text_of)
    distinct = pairs[_find_first(pairs)] >> _TEXT_BITS
    begins = _find_first(distinct)
    counts = np.append(begins[1:], len(distinct)) - begins
    is_frequent = counts >= min_texts
    return distinct[begins[is_frequent]], counts[is_frequent]


def _find_first(ascending: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Returns where each number occurs first."""
    is_first = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)


def _find_numbers(
    hashes: NDArray[np.uint64], frequent: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns which words are frequent, ascending, and the number of each among the frequent words."""
    shift = np.uint64(64) - _TEXT_BITS - _TABLE_BITS
    may_be_frequent = np.zeros(1 << int(_TABLE_BITS), bool)
    may_be_frequent[frequent >> shift] = True
    places = np.flatnonzero(may_be_frequent[hashes >> shift])
    found = hashes[places]
    ids = np.minimum(np.searchsorted(frequent, found), len(frequent) - 1)
    is_frequent = frequent[ids] == found
    return places[is_frequent], ids[is_frequent]
