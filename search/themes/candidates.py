"""Candidates: the phrases that may describe some papers, and which papers contain each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search.themes.phrases import PHRASE_TUNING, PhraseLevel, PhraseTuning, TokenizedTexts
from search.themes.wording import VAGUE, added_terms, are_well_formed, largest_wholes, terms_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class CandidateTuning:
    """Constants of the candidates; ``docs/design/themes.md`` gives the reasons."""

    abstract_characters: int = 500
    """Characters of an abstract that are read: its first sentences name the subject."""
    title_weight: float = 2.0
    """Weight of a phrase in a title relative to one in an abstract."""
    min_papers: int = 6
    """Papers that contain a phrase, at least."""
    small_share: float = 0.06
    """Share of the papers that contain a phrase, at least, where that is fewer: in a small set."""
    min_share: float = 0.009
    """Share of the papers that contain a phrase, at least."""
    max_share: float = 0.5
    """Share of the papers that contain a phrase, at most; what more of them share divides them badly."""
    min_begins: float = 0.3
    """Share of the occurrences of a phrase that no other word precedes; a part of a term has a lower one."""
    min_ends: float = 0.35
    """Share of the occurrences of a phrase that no other word follows; an adjective at its end has a lower one."""
    whole_share: float = 0.5
    """Share of the weight of a phrase that a longer one with it has, from which on only that is a candidate."""
    phrases: PhraseTuning = PHRASE_TUNING
    """Constants of the phrases."""


CANDIDATE_TUNING = CandidateTuning()


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The phrases that may describe some papers.

    Attributes:
        papers: (m, n) float32, the weight of each phrase in each paper: more in a title than in an abstract.
        terms: the words of each phrase in lower case and the singular, compounds divided.
        added: those of its words that say more than the query, of each phrase.
        sources: the phrases of the same length and the number among them, of each phrase.
        texts: the words of the papers.
    """

    papers: "csr_array"
    terms: list[frozenset[str]]
    added: list[frozenset[str]]
    sources: list[tuple[PhraseLevel, int]]
    texts: TokenizedTexts

    @classmethod
    def find(
        cls,
        titles: Sequence[str],
        abstracts: Sequence[str],
        known: str,
        tuning: CandidateTuning = CANDIDATE_TUNING,
    ) -> Self:
        """Finds the phrases that read as labels and that neither few nor most papers contain.

        Args:
            titles: of n papers.
            abstracts: of the same papers; empty ones too.
            known: what all papers are about, such as the query; a candidate says more.
            tuning: constants.
        """
        from scipy.sparse import csr_array, vstack  # imported here: it takes as long as a search

        texts = TokenizedTexts.of(titles, [text[: tuning.abstract_characters] for text in abstracts])
        query = terms_of(known)
        levels = [level for level in texts.levels(tuning.phrases) if level.phrases]
        matrices = [_weights(level, len(titles), tuning) for level in levels]
        totals = [np.asarray(matrix.sum(axis=1), np.float64)[None] for matrix in matrices]
        found, terms, sources = [csr_array((0, len(titles)), dtype=np.float32)], list[frozenset[str]](), []
        for level, matrix, total, whole in zip(levels, matrices, totals, largest_wholes(levels, totals), strict=True):
            fits = are_well_formed(texts, level) & _are_frequent(matrix, tuning)
            fits &= (level.begins >= tuning.min_begins) & (level.ends >= tuning.min_ends)
            fits &= whole[0] < tuning.whole_share * total[0]
            of_level = {number: _terms(texts, level, number) for number in np.flatnonzero(fits).tolist()}
            chosen = [number for number, each in of_level.items() if each not in VAGUE and added_terms(each, query)]
            found.append(matrix[chosen])
            terms += [of_level[number] for number in chosen]
            sources += [(level, number) for number in chosen]
        added = [added_terms(each, query) for each in terms]
        return cls(csr_array(vstack(found)), terms, added, sources, texts)

    def spelling(self, number: int) -> str:
        """Returns a phrase as sentences most often write it."""
        return self.texts.spelling(*self.sources[number])


def _weights(level: PhraseLevel, count: int, tuning: CandidateTuning) -> "csr_array":
    """Returns the weight of each phrase of a length in each of some papers, whose titles come before the abstracts."""
    from scipy.sparse import csr_array

    texts, phrases = level.texts
    weights = np.where(texts < count, tuning.title_weight, 1).astype(np.float32)
    matrix = csr_array((weights, (phrases, texts % count)), shape=(len(level.phrases), count))
    matrix.sum_duplicates()
    return matrix


def _are_frequent(matrix: "csr_array", tuning: CandidateTuning) -> NDArray[np.bool_]:
    """Returns whether neither few nor most papers contain each phrase."""
    papers, count = np.diff(matrix.indptr), matrix.shape[1]
    least = max(min(tuning.min_papers, tuning.small_share * count), tuning.min_share * count)
    return np.asarray((papers >= least) & (papers <= tuning.max_share * count))


def _terms(texts: TokenizedTexts, level: PhraseLevel, number: int) -> frozenset[str]:
    return terms_of(" ".join(texts.keys[key] for key in level.phrases[number]))
