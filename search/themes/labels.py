"""Labels: the phrase that distinguishes each group of papers from the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.themes.phrases import PHRASE_TUNING, PhraseLevel, PhraseTuning, TokenizedTexts
from search.themes.wording import VAGUE, are_well_formed, largest_wholes, terms_of

_PER_LENGTH = 10
"""Best phrases of each length that are candidates; other groups may have those with all words of their labels."""


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
    tuning: LabelTuning = LABEL_TUNING,
) -> list[str]:
    """Returns the label of each group; no two are alike, and an empty one is that of a group without a phrase.

    The score of a phrase is that of class-based tf-idf (Grootendorst, "BERTopic: Neural topic modeling with a
    class-based TF-IDF procedure", 2022), with the share of the papers of a group that contain it as its frequency: a
    phrase that an abstract repeats does not count more.

    Args:
        titles: of n papers.
        abstracts: of the same papers; empty ones too.
        groups: (n,) int64, the group of each paper from 0.
        tuning: constants.
    """
    texts = TokenizedTexts.of(titles, [text[: tuning.abstract_characters] for text in abstracts])
    found = [each for each in _candidates(texts, groups, tuning) if each.terms]
    found.sort(key=lambda each: (each.terms in VAGUE, -each.score))
    labels, used = [""] * (int(groups.max(initial=-1)) + 1), list[frozenset[str]]()
    for each in found:
        if not labels[each.group] and not any(each.terms <= terms or terms <= each.terms for terms in used):
            labels[each.group] = texts.spelling(each.level, each.number)
            used.append(each.terms)
    return labels


def _candidates(texts: TokenizedTexts, groups: NDArray[np.int64], tuning: LabelTuning) -> Iterator[_Candidate]:
    """Yields the phrases that may be labels, with their scores in each group."""
    levels, count = texts.levels(tuning.phrases), int(groups.max(initial=-1)) + 1
    sizes = np.bincount(groups, minlength=count)
    weights = np.repeat([tuning.title_weight, 1.0], len(groups)) / (1 + tuning.title_weight)
    both = np.concatenate((groups, groups))
    shares = [level.sum_by_group(both, weights, count) / np.maximum(sizes, 1e-9)[:, None] for level in levels]
    wholes = largest_wholes(levels, shares)
    for level, share, whole in zip(levels, shares, wholes, strict=True):
        if not level.phrases:
            continue
        fits = are_well_formed(texts, level) & (level.begins >= tuning.min_begins) & (level.ends >= tuning.min_ends)
        every = (share * sizes[:, None]).sum(axis=0) / sizes.sum()
        scores = share * np.log(np.maximum(share, 1e-9) / every)
        scores = np.where(fits & (whole < tuning.whole_share * share), scores, 0)
        for group in range(count):
            for number in np.argsort(-scores[group])[:_PER_LENGTH].tolist():
                if scores[group, number] > 0:
                    terms = terms_of(" ".join(texts.keys[key] for key in level.phrases[number]))
                    yield _Candidate(float(scores[group, number]), group, level, number, terms)
