"""Wording: which phrases read as labels."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.language.generic_words import GENERIC_WORDS
from search.language.stop_words import STOP_WORDS
from search.themes.phrases import Phrase, PhraseLevel, TokenizedTexts, singular

_NO_HEAD = re.compile(r".*(?:ly|ed|-based|-driven|-aware|-guided|-free|-level|-specific|-agnostic)|exhibit|interact")
"""Adverbs, participles, adjectives and frequent verbs, with which no label ends."""
_NO_START = re.compile(r".*[^r]ly")
_HEADS = frozenset(("model", "system", "framework", "evaluation", "analysis", "mechanism", "task", "method"))
"""Generic words that may still end a label, as in "world model"."""
VAGUE = frozenset(
    frozenset(phrase.split())
    for phrase in (
        "ab initio", "agentic ai", "agentic artificial intelligence", "agentic framework", "agentic system",
        "artificial intelligence", "basis set", "complex interaction", "complex task", "comprehensive benchmark",
        "computational cost", "correct answer", "curated dataset", "data analysis", "data set", "deep learning",
        "deep learning method", "deep learning model", "deep neural network", "downstream task", "dynamic environment",
        "early universe", "external data", "failure mode", "final answer", "finite temperature", "first principle",
        "generative artificial intelligence", "internal mechanism", "international conference", "language model",
        "large language model", "machine learning", "material property", "medical task", "natural language",
        "natural language description", "neural architecture", "neural network", "paradigm shift", "physical property",
        "probability density function", "probability distribution", "real time", "real world", "reasoning capability",
        "reasoning model", "simultaneous localization", "time scale", "training data", "transfer knowledge",
        "underlying mechanism", "van der waal",
    )
)  # fmt: skip
"""Labels that say little in any answer, as sets of terms; they are used where there is no other."""
_QUALIFIERS = frozenset(("ai", "automatic", "deep", "year"))
"""Words that make no sub-topic of a query: of papers on speech recognition most are on automatic speech recognition."""
_SPLIT = re.compile(r"[\s-]+")


def may_begin(key: str) -> bool:
    """Returns whether a label may begin with a word in lower case and the singular."""
    if len(key) < 2 or key in STOP_WORDS or _NO_START.fullmatch(key):
        return False
    stems = (key, f"{key}s", f"{key}e", *((key[:-3], f"{key[:-3]}e") if key.endswith("ing") else ()))
    return GENERIC_WORDS.isdisjoint(stems)


def may_end(key: str) -> bool:
    """Returns whether a label may end with a word in lower case and the singular."""
    return key in _HEADS or (may_begin(key) and not _NO_HEAD.fullmatch(key))


def added_terms(terms: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Returns the words of a phrase that say more than is known."""
    return frozenset(term for term in terms - known if may_begin(term) and term not in _QUALIFIERS)


def are_well_formed(texts: TokenizedTexts, level: PhraseLevel) -> NDArray[np.bool_]:
    """Returns whether each phrase begins and ends as a label may."""
    may_be = [may_begin(texts.keys[each[0]]) and may_end(texts.keys[each[-1]]) for each in level.phrases]
    return np.array(may_be, bool)


def terms_of(text: str) -> frozenset[str]:
    """Returns the words of a text in lower case and the singular, without stop words."""
    words = (singular(word) for word in _SPLIT.split(re.sub(r"[^\w\s-]", " ", text.lower())))
    return frozenset(word for word in words if word and word not in STOP_WORDS)


def largest_wholes(levels: Sequence[PhraseLevel], shares: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Returns, of each phrase and group, the largest share of a phrase that is one word longer and contains it.

    Args:
        levels: the phrases of each length.
        shares: (groups, p) of each length, how many papers of each group contain each phrase.
    """
    wholes = [np.zeros_like(share) for share in shares]
    for shorter, longer, share, whole in zip(levels, levels[1:], shares[1:], wholes, strict=False):
        number_of: dict[Phrase, int] = {phrase: number for number, phrase in enumerate(shorter.phrases)}
        for number, phrase in enumerate(longer.phrases):
            for part in (phrase[:-1], phrase[1:]):
                if (at := number_of.get(part)) is not None:
                    np.maximum(whole[:, at], share[:, number], out=whole[:, at])
    return wholes
