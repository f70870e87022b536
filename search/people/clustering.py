"""Clustering: papers with one author's name, grouped by person.

First, papers are linked whose coauthors in common are hardly a coincidence. Then the two groups that are most likely by
the same person are joined, again and again, as long as that is likelier than the name's frequency warrants.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from search.people.evidence import FEATURES, NO_LINK, PairEvidence

_MIN_LINK = 3.0
"""Log odds from which two papers are linked by their coauthors, of a name that ``_USUAL_PEOPLE`` bear. Of pairs alone,
a lower one would do, but a wrong link joins two groups (docs/design/people.md)."""
_TOPIC_IN_LINKS = 0.25
"""Weight of the other features in a link: a part, because they are not independent of the coauthors."""
_USUAL_PEOPLE = 12
"""Number of people with the names that the constants were chosen on."""
_PAPERS_PER_PERSON = 3
"""Papers of a common name per person, about."""
_MAX_MIN_ODDS = 1.7
"""Log odds down to which two groups of a common name are joined."""
_MIN_MIN_ODDS = -4.0
"""Log odds down to which two groups of the rarest names are joined, which is nearly always."""
_ODDS_PER_DECADE = 2.8
"""Increase of the former with each power of ten of the expected namesakes, up to 1."""
_FORBIDDEN = -np.inf
_MIN_DIAGONAL = 1e-6


@dataclass(frozen=True, slots=True)
class GroupWeights:
    """Weights of the log odds that two groups are by one person, from a logistic regression and a search around it.

    Attributes:
        means: of the mean of each feature over the pairs of papers, in the order of ``FEATURES``.
        centroids: of the same sums as cosines of the two groups: of the vectors, centred and within the category, and
            of the categories.
        network: of the logarithm of the papers by coauthors of both.
        smaller: of the logarithm of the size of the smaller group.
        product: of the logarithm of the product of the sizes.
        intercept: added.
    """

    means: tuple[float, ...] = (1.12, 1.62, -2.33, 0.57, 0.57, -0.05, -1.0)
    centroids: tuple[float, ...] = (3.09, 3.0, 3.63)
    network: float = 0.2
    smaller: float = -0.98
    product: float = -0.38
    intercept: float = -2.0


GROUP_WEIGHTS = GroupWeights()


def group_by_person(
    evidence: PairEvidence,
    namesakes: float,
    same: Iterable[tuple[int, int]] = (),
    different: Iterable[tuple[int, int]] = (),
    weights: GroupWeights = GROUP_WEIGHTS,
) -> NDArray[np.int64]:
    """Groups n papers by person.

    Args:
        evidence: of the pairs of papers.
        namesakes: how many others are expected to have the name (``AuthorTable.expected_namesakes``): a rare name is
            presumably that of one person.
        same: pairs of papers that are by the same person, whatever the evidence.
        different: pairs of papers of which the first is not by the person of the second. ``same`` takes precedence.
        weights: of the features.

    Returns:
        (n,) int64, the number of the group of each paper.
    """
    people = 1 + len(evidence.links) * min(1.0, namesakes) / _PAPERS_PER_PERSON
    different = list(different)
    odds = np.where(evidence.contradicts, NO_LINK, _link_odds(evidence, weights))
    first = _link(odds, _MIN_LINK + float(np.log(people / _USUAL_PEOPLE)), list(same), different)
    groups = _Groups(evidence, first, different, weights)
    min_odds = np.clip(_MAX_MIN_ODDS + _ODDS_PER_DECADE * np.log10(max(namesakes, 1e-9)), _MIN_MIN_ODDS, _MAX_MIN_ODDS)
    while groups.join_likeliest(float(min_odds)):
        pass
    return groups.numbers[first]


def _link_odds(evidence: PairEvidence, weights: GroupWeights) -> NDArray[np.float32]:
    """Returns the log odds of each pair of papers with coauthors in common; NO_LINK for the others."""
    topic = weights.intercept + np.tensordot(np.array(weights.means, np.float32), evidence.features, 1)
    topic += np.tensordot(np.array(weights.centroids, np.float32), evidence.features[: len(weights.centroids)], 1)
    topic += weights.network * np.log1p(evidence.features[FEATURES.index("network")])
    return np.where(evidence.links > NO_LINK, evidence.links + _TOPIC_IN_LINKS * topic, NO_LINK)


def _link(
    odds: NDArray[np.float32], min_odds: float, same: list[tuple[int, int]], different: list[tuple[int, int]]
) -> NDArray[np.int64]:
    """Returns the group of each paper by links.

    A paper that is not by a certain person joins only the group that it has the strongest link with, unless that is
    the person's: through a chain of links it would come back.
    """
    is_same = np.zeros(odds.shape, bool)
    for one, other in same:
        is_same[one, other] = True
    stated = _components(is_same)
    is_apart = np.isin(stated, stated[[paper for paper, _ in different]])
    numbers = _components(is_same | ((odds > min_odds) & ~is_apart[:, None] & ~is_apart[None]))
    pairs = [*different, *((other, paper) for paper, other in different)]
    for paper in sorted({paper for paper, _ in different}):
        own = stated == stated[paper]
        others = numbers[[other for one, other in pairs if own[one]]]
        strongest = np.where(own | np.isin(numbers, others), NO_LINK, odds[own].max(axis=0))
        if strongest.max() > min_odds:
            numbers[own] = numbers[strongest.argmax()]
    return np.unique(numbers, return_inverse=True)[1]


def _components(is_linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.asarray(connected_components(sparse.csr_matrix(is_linked), directed=False)[1], np.int64)


class _Groups:
    """Groups that are joined one by one. All log odds derive from sums over pairs of papers, which add up.

    Args:
        evidence: of the pairs of papers.
        first: (n,) int64, the group of each paper from 0.
        different: pairs of papers that are not by the same person.
        weights: of the features.
    """

    def __init__(
        self, evidence: PairEvidence, first: NDArray[np.int64], different: list[tuple[int, int]], weights: GroupWeights
    ) -> None:
        self._weights = weights
        self._sizes = np.bincount(first).astype(np.float32)
        count = len(self._sizes)
        self.numbers = np.arange(count)
        """(groups,) int64: the group that each of the first groups belongs to at present."""
        member = sparse.csr_matrix((np.ones(len(first), np.float32), (first, np.arange(len(first)))))
        self._sums = np.stack([member @ (member @ each).T for each in evidence.features])
        self._is_forbidden = (member @ (member @ evidence.contradicts.astype(np.float32)).T) > 0
        np.fill_diagonal(self._is_forbidden, val=True)
        for one, other in different:
            self._is_forbidden[first[[one, other]], first[[other, one]]] = True
        self._odds = np.stack([self._row_odds(number) for number in range(count)])

    def join_likeliest(self, min_odds: float) -> bool:
        """Joins the two groups with the highest log odds, unless these are lower; returns whether it did."""
        one, other = divmod(int(self._odds.argmax()), len(self._odds))
        if self._odds[one, other] < min_odds:
            return False
        one, other = sorted((one, other))
        self._sums[:, one] += self._sums[:, other]
        self._sums[:, :, one] += self._sums[:, :, other]
        self._sizes[one] += self._sizes[other]
        self._is_forbidden[one] |= self._is_forbidden[other]
        self._is_forbidden[:, one] = self._is_forbidden[one]
        self._is_forbidden[other] = self._is_forbidden[:, other] = True
        self.numbers[self.numbers == other] = one
        self._odds[other] = self._odds[:, other] = _FORBIDDEN
        self._odds[one] = self._odds[:, one] = self._row_odds(one)
        return True

    def _row_odds(self, number: int) -> NDArray[np.float32]:
        """Returns the log odds that a group and each other one are by the same person."""
        weights, sums, sizes = self._weights, self._sums[:, number], self._sizes
        pairs = sizes[number] * sizes
        odds = weights.intercept + np.asarray(weights.means) @ (sums / pairs)
        for weight, feature in zip(weights.centroids, (0, 1, 2), strict=True):
            own = np.maximum(self._sums[feature].diagonal(), _MIN_DIAGONAL)
            odds += weight * sums[feature] / np.sqrt(own[number] * own)
        odds += weights.network * np.log1p(sums[FEATURES.index("network")])
        odds += weights.smaller * np.log(np.minimum(sizes[number], sizes)) + weights.product * np.log(pairs)
        return np.where(self._is_forbidden[number], _FORBIDDEN, odds).astype(np.float32)
