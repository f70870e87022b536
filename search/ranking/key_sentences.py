"""Key sentences: those of an abstract that say what the paper contributes.

A sentence scores by its cue phrases, as in Edmundson ("New methods in automatic extracting", 1969), and by how many of
its words the title and the rest of the abstract use, as the centroid of Radev et al. ("Centroid-based summarization of
multiple documents", 2004). The weights were chosen by reading 30 abstracts, and checked on 30 others.
"""

import math
import re
from collections import Counter
from typing import NamedTuple

from search.language.stop_words import STOP_WORDS
from search.papers.fingerprint import normalize_words
from search.papers.paper import Paper
from search.query.hit import Span
from search.ranking.highlights import split_sentences

_MAX_KEY_SENTENCES = 2
"""More would no longer stand out."""
_MIN_SENTENCES_OF_TWO = 5
"""Sentences from which an abstract has two key sentences."""
_MIN_WORDS = 5
"""Words of a key sentence without stop words; shorter ones say little."""
_CENTROID_WEIGHT = 2.0
"""Score of a sentence with exactly the words of the title and the abstract."""


class _Cue(NamedTuple):
    """A phrase and what it adds to the score of a sentence that has it."""

    pattern: re.Pattern[str]
    weight: float


def _cue(pattern: str, weight: float) -> _Cue:
    return _Cue(re.compile(pattern, re.IGNORECASE), weight)


_SUBJECT = r"\b(?:we|i|(?:this|the present|our|the) (?:\w+ )?(?:paper|work|article|study|letter|thesis|survey|review))"
_CUES = (
    _cue(
        _SUBJECT + r"\b,? (?:\w+,? ){0,3}?(?:propos|introduc|present|develop|design|construct|formulat|prov|deriv|"
        r"establish|releas|creat|devis|build|contribut|generali[sz]|extend|describ|overview|offer)\w*",
        2.0,
    ),
    _cue(
        _SUBJECT + r"\b,? (?:\w+,? ){0,3}?(?:show|demonstrat|find|found|report|reveal|identif|discover|argu|conclud|"
        r"study|studie|investigat|examin|analy[sz]|explor|address|evaluat|survey|review|focus|compar|assess|"
        r"measur|perform)\w*",
        1.4,
    ),
    _cue(r"\b(?:we|our|here|herein)\b", 0.6),
    _cue(r"\b(?:in|with) this (?:\w+ )?(?:paper|work|article|study|letter|survey|review)\b|^here,", 0.8),
    _cue(r"\b(?:is|are|was|were) (?:\w+ )?(?:proposed|introduced|presented|developed|proved|derived)\b", 1.2),
    _cue(r"\b(?:we|which we) (?:call|term|name|dub)\b|\b(?:called|named|dubbed|termed)\b", 0.6),
    _cue(r"\b(?:novel|first|main (?:result|contribution)|key (?:idea|insight|finding)s?)\b", 0.4),
    _cue(r"\b(?:outperform\w*|state[- ]of[- ]the[- ]art|our (?:results|findings|experiments|analysis))\b", 0.5),
    _cue(
        r"^(?:however|although|though|despite|while|recent(?:ly)?|in recent|existing|previous|prior|traditional|"
        r"current|to date|yet|unfortunately)\b",
        -1.0,
    ),
    _cue(r"\b(?:has|have) (?:\w+ )?(?:been|become|shown|emerged)\b|\bremains?\b", -0.6),
    _cue(r"https?://|\b(?:code|data|dataset|implementation)\b.{0,60}\bavailable\b", -2.0),
)
"""Phrases of contributions and results, and of background, which counts against a sentence."""


def find_key_sentences(paper: Paper) -> tuple[Span, ...]:
    """Returns the spans of the abstract that say what the paper contributes, in order.

    Returns:
        Two sentences, one of a short abstract, and none of an abstract of one sentence.
    """
    abstract = paper.abstract or ""
    sentences = split_sentences(abstract)
    if len(sentences) < 2:
        return ()
    words = [_content_words(abstract[each.start : each.end]) for each in sentences]
    centroid = sum(words, _content_words(paper.title or ""))
    scored = [
        (_cue_score(abstract[span.start : span.end]) + _CENTROID_WEIGHT * _cosine(own, centroid), -place)
        for place, (span, own) in enumerate(zip(sentences, words, strict=True))
        if own.total() >= _MIN_WORDS
    ]
    count = _MAX_KEY_SENTENCES if len(sentences) >= _MIN_SENTENCES_OF_TWO else 1
    best = sorted(scored, reverse=True)[:count]
    return tuple(sentences[place] for place in sorted(-place for _, place in best))


def _content_words(text: str) -> Counter[str]:
    return Counter(word for word in normalize_words(text) if word not in STOP_WORDS)


def _cue_score(sentence: str) -> float:
    return sum(weight for pattern, weight in _CUES if pattern.search(sentence))


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    product = sum(count * other[word] for word, count in one.items())
    return product / math.sqrt(_square_sum(one) * _square_sum(other)) if product else 0.0


def _square_sum(counts: Counter[str]) -> int:
    return sum(count * count for count in counts.values())
