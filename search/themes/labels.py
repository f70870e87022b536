"""Labels: the phrase that distinguishes each group of papers from the others."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.language.generic_words import GENERIC_WORDS
from search.language.stop_words import STOP_WORDS
from search.themes.phrases import PHRASE_TUNING, Phrase, PhraseLevel, PhraseTuning, TokenizedTexts, singular

_NO_HEAD = re.compile(r".*(?:ly|ed|-based|-driven|-aware|-guided|-free|-level|-specific|-agnostic)")
"""Adverbs, participles and adjectives, with which no label ends."""
_NO_START = re.compile(r".*[^r]ly")
_HEADS = frozenset(("model", "system", "framework", "evaluation", "analysis", "mechanism", "task", "method"))
"""Generic words that may still end a label, as in "world model"."""
_VAGUE = frozenset(
    frozenset(phrase.split())
    for phrase in (
        "ab initio", "artificial intelligence", "complex task", "computational cost", "curated dataset", "data set",
        "deep learning", "deep neural network", "dynamic environment", "early universe", "finite temperature",
        "first principle", "international conference", "language model", "large language model", "machine learning",
        "natural language", "neural network", "paradigm shift", "physical property", "real time",
        "reasoning capability", "simultaneous localization", "time scale", "training data", "van der waal",
    )
)  # fmt: skip
"""Labels that say little in any answer, as sets of terms; they are used where there is no other."""
_PER_LENGTH = 10
"""Best phrases of each length that are candidates; other groups may have those with all words of their labels."""
_SPLIT = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class LabelTuning:
    """Constants of the labels; ``docs/design/themes.md`` gives the reasons."""

    abstract_characters: int = 500
    """Characters of an abstract that are read: its first sentences name the subject."""
    title_weight: float = 2.0
    """Weight of a phrase in a title relative to one in an abstract."""
    min_begins: float = 0.2
    """Share of the occurrences of a label that no other word precedes; a part of a term has a lower one."""
    min_ends: float = 0.25
    """Share of the occurrences of a label that no other word follows; an adjective at its end has a lower one."""
    whole_share: float = 0.5
    """Share of the papers with a shorter phrase that contain the longer one, from which on only that is a label."""
    phrases: PhraseTuning = PHRASE_TUNING
    """Constants of the phrases."""


LABEL_TUNING = LabelTuning()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A phrase that may be the label of a group.

    Attributes:
        score: the higher, the better.
        group: the group.
        level: the phrases of its length.
        number: its number among them.
        terms: its words in lower case and the singular, compounds divided.
    """

    score: float
    group: int
    level: PhraseLevel
    number: int
    terms: frozenset[str]


def label_groups(
    titles: Sequence[str],
    abstracts: Sequence[str],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
    known: str,
    points: NDArray[np.float32] | None = None,
    tuning: LabelTuning = LABEL_TUNING,
) -> list[str]:
    """Returns the label of each group; no two are alike, and an empty one is that of a group without a phrase.

    The score of a phrase is that of class-based tf-idf (Grootendorst, "BERTopic: Neural topic modeling with a
    class-based TF-IDF procedure", 2022), with the share of the papers of a group that contain it as its frequency: a
    phrase that an abstract repeats does not count more. It is multiplied by the cosine of the mean of all papers with
    the phrase and the centre of the group, so that what a few of its papers share with others does not name it.

    Args:
        titles: of n papers.
        abstracts: of the same papers; empty ones too.
        groups: (n,) int64, the group of each paper from 0.
        weights: (n,) float64, how much each paper counts, such as its nearness to the centre of its group.
        known: the query; a label has another word.
        points: (n, dim) float32, the papers' vectors around the mean of all of them; None to label by words alone.
        tuning: constants.
    """
    texts = TokenizedTexts.of(titles, [text[: tuning.abstract_characters] for text in abstracts])
    known_terms = _terms(known)
    found = [each for each in _candidates(texts, groups, weights, points, tuning) if not each.terms <= known_terms]
    found.sort(key=lambda each: (each.terms in _VAGUE, -each.score))
    labels, used = [""] * (int(groups.max(initial=-1)) + 1), list[frozenset[str]]()
    for each in found:
        if not labels[each.group] and not any(each.terms <= terms or terms <= each.terms for terms in used):
            labels[each.group] = texts.spelling(each.level, each.number)
            used.append(each.terms)
    return labels


def _candidates(
    texts: TokenizedTexts,
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
    points: NDArray[np.float32] | None,
    tuning: LabelTuning,
) -> Iterator[_Candidate]:
    """Yields the phrases that may be labels, with their scores in each group."""
    levels, count = texts.levels(tuning.phrases), int(groups.max(initial=-1)) + 1
    centres = None if points is None else _mean_directions(groups, np.arange(len(groups)), points, count)
    sizes = np.bincount(groups, weights, minlength=count)
    weights = np.concatenate((tuning.title_weight * weights, weights)) / (1 + tuning.title_weight)
    both = np.concatenate((groups, groups))
    shares = [level.sum_by_group(both, weights, count) / np.maximum(sizes, 1e-9)[:, None] for level in levels]
    wholes = _wholes(levels, shares)
    for level, share, whole in zip(levels, shares, wholes, strict=True):
        if not level.phrases:
            continue
        may_be = [_may_begin(texts.keys[each[0]]) and _may_end(texts.keys[each[-1]]) for each in level.phrases]
        fits = np.array(may_be) & (level.begins >= tuning.min_begins) & (level.ends >= tuning.min_ends)
        every = (share * sizes[:, None]).sum(axis=0) / sizes.sum()
        scores = share * np.log(np.maximum(share, 1e-9) / every)
        if points is not None and centres is not None:
            means = _mean_directions(level.texts[1], level.texts[0] % len(points), points, len(level.phrases))
            scores *= np.maximum(centres @ means.T, 0)
        scores = np.where(fits & (whole < tuning.whole_share * share), scores, 0)
        for group in range(count):
            for number in np.argsort(-scores[group])[:_PER_LENGTH].tolist():
                if scores[group, number] > 0:
                    terms = _terms(" ".join(texts.keys[key] for key in level.phrases[number]))
                    yield _Candidate(float(scores[group, number]), group, level, number, terms)


def _mean_directions(
    sets: NDArray[np.int64], papers: NDArray[np.int64], points: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """Returns the direction of the mean of each set of papers, (count, dim) float32 of length 1.

    Args:
        sets: (m,) int64, the set of each pair.
        papers: (m,) int64, the paper of each pair.
        points: (n, dim) float32.
        count: number of sets.
    """
    from scipy.sparse import csr_array  # imported here: it takes as long as a search

    sums = csr_array((np.ones(len(sets), np.float32), (sets, papers)), shape=(count, len(points))) @ points
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def _wholes(levels: Sequence[PhraseLevel], shares: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Returns, of each phrase and group, the largest share of a phrase that is one word longer and contains it."""
    wholes = [np.zeros_like(share) for share in shares]
    for shorter, longer, share, whole in zip(levels, levels[1:], shares[1:], wholes, strict=False):
        number_of: dict[Phrase, int] = {phrase: number for number, phrase in enumerate(shorter.phrases)}
        for number, phrase in enumerate(longer.phrases):
            for part in (phrase[:-1], phrase[1:]):
                if (at := number_of.get(part)) is not None:
                    np.maximum(whole[:, at], share[:, number], out=whole[:, at])
    return wholes


def _may_begin(key: str) -> bool:
    if len(key) < 2 or key in STOP_WORDS or _NO_START.fullmatch(key):
        return False
    stems = (key, f"{key}s", f"{key}e", *((key[:-3], f"{key[:-3]}e") if key.endswith("ing") else ()))
    return GENERIC_WORDS.isdisjoint(stems)


def _may_end(key: str) -> bool:
    return key in _HEADS or (_may_begin(key) and not _NO_HEAD.fullmatch(key))


def _terms(text: str) -> frozenset[str]:
    """Returns the words of a text in lower case and the singular, without stop words."""
    words = (singular(word) for word in _SPLIT.split(re.sub(r"[^\w\s-]", " ", text.lower())))
    return frozenset(word for word in words if word and word not in STOP_WORDS)
