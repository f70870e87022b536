"""Recommend: ranks papers by their nearness to a library, and builds the page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.index.calibration import Evidence, Thresholds
from search.papers.paper import Paper
from search.query.counts import format_count
from search.query.explanation import Explanation, Strategy
from search.query.hit import Hit
from search.query.library import Near
from search.query.page import Page
from search.ranking.filtered_index import FilteredIndex
from search.recommendations.interests import Interests
from search.recommendations.shares import limit_to_shares
from search.recommendations.tuning import RECOMMENDATION_TUNING, RecommendationTuning
from search.recommendations.words import score_words

_JUDGED_HITS = 20
"""Hits by which a page says whether any paper is close to the library, whatever its limit."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedLibrary:
    """The papers of a library, with their vectors.

    Attributes:
        papers: n papers, at least 1.
        vectors: (n, dim) float32, unit.
    """

    papers: Sequence[Paper]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Papers that may be recommended.

    Attributes:
        rows: (m,) int64.
        densities: (m, k) float32, the density of each interest at each paper.
        exact: whether these are all that match the filter.
        recall: expected share of the nearest papers among them.
        scanned: number of codes scanned.
        scored: number of papers compared with the library.
    """

    rows: NDArray[np.int64]
    densities: NDArray[np.float32]
    exact: bool
    recall: float
    scanned: int
    scored: int

    def best(self, count: int) -> "_Candidates":
        """Returns those of highest density, best first."""
        total = self.densities.sum(axis=1)
        order = np.lexsort((self.rows, -total))[:count]
        return _Candidates(self.rows[order], self.densities[order], self.exact, self.recall, self.scanned, self.scored)


def recommend(
    index: FilteredIndex, library: EmbeddedLibrary, limit: int, tuning: RecommendationTuning = RECOMMENDATION_TUNING
) -> Page:
    """Returns the papers nearest to a library, with no more of an interest than its share of the library.

    1. The papers of the library are grouped into interests.
    2. The candidates are the papers of highest density of the library (``Interests``).
    3. They are ranked by that density together with their words (``score_words``); each belongs to the interest of
       highest density.

    Args:
        index: the papers that match the filter, without those of the library.
        library: the library.
        limit: number of papers.
        tuning: see ``RecommendationTuning``.
    """
    with index.time_stage("interests"):
        whitened = index.snapshot.whitening.transform(library.vectors)
        interests = Interests.find(whitened, tuning.max_interest_distance, tuning.concentration)
    candidates = _find_candidates(index, interests, tuning).best(tuning.reranked_papers)
    papers, scores = _score(index, library, candidates, tuning)
    with index.time_stage("shares"):
        order = np.lexsort((candidates.rows, -scores))
        own = candidates.densities.argmax(axis=1)
        count = max(limit, _JUDGED_HITS)
        chosen = order[limit_to_shares(own[order].tolist(), interests.sizes.tolist(), count)]
    nearest, similarities = _find_nearest(index, library, candidates.rows[chosen])
    thresholds, evidence = _thresholds(index), Evidence(similarities)
    bands = thresholds.assign_bands(evidence) if thresholds else [None] * len(chosen)
    hits = [
        Hit(papers[position], float(scores[position]), band=band, near=_near(paper, similarity, int(own[position])))
        for position, paper, similarity, band in zip(
            chosen.tolist(), nearest, similarities.tolist(), bands, strict=True
        )
    ]
    strategy: Strategy = "exact" if candidates.exact else "approximate"
    return Page(
        tuple(hits[:limit]),
        len(index.rows),
        candidates.exact,
        candidates.recall,
        index.snapshot.generation,
        Explanation(strategy, candidates.scanned, candidates.scored, tuple(index.stages)),
        interpretation=_describe(len(library.papers), len(interests.sizes)),
        has_close_match=not thresholds or not hits or thresholds.has_answer(evidence, len(index.rows)),
    )


def _describe(papers: int, interests: int) -> str:
    """Describes a library: ``near 40 papers of 3 interests``."""
    of_papers = format_count(papers)
    return f"near {of_papers} of {'1 interest' if interests == 1 else f'{interests:,} interests'}"


def _find_candidates(index: FilteredIndex, interests: Interests, tuning: RecommendationTuning) -> _Candidates:
    """Compares all papers that match the filter with the library, or those nearest to each interest if they are many.

    Those are found by the mean of each interest, as any nearest papers are.
    """
    vectors, whitening = index.snapshot.vectors, index.snapshot.whitening
    recall, scanned = 1.0, 0
    exact = len(index.rows) <= tuning.exact_rows
    if exact:
        rows = index.rows.ids
    else:
        count = max(tuning.min_nearest, tuning.nearest_papers // len(interests.sizes))
        with index.time_stage("semantic"):
            ranked = vectors.nearest(whitening.queries(interests.means), count, index.rows)
        rows = np.unique(np.concatenate([each.rows for each in ranked]))
        recall = float(np.mean([each.expected_recall for each in ranked]))
        scanned = sum(each.scanned for each in ranked)
    with index.time_stage("density"):
        densities = interests.densities(whitening.transform(vectors.get_vectors(rows)))
    return _Candidates(rows, densities, exact, recall, scanned, len(rows))


def _score(
    index: FilteredIndex, library: EmbeddedLibrary, candidates: _Candidates, tuning: RecommendationTuning
) -> tuple[list[Paper], NDArray[np.float32]]:
    """Returns the candidates as papers, and their scores: the mean of both standardised scores, weighted."""
    with index.time_stage("load_papers"):
        papers = index.snapshot.store.get(candidates.rows.tolist())
    if not papers:
        return papers, np.empty(0, np.float32)
    with index.time_stage("words"):
        texts = [paper.text for paper in library.papers], [paper.text for paper in papers]
        words = score_words(*texts, tuning.svm_cost)
    density = np.log(candidates.densities.sum(axis=1) + np.finfo(np.float32).tiny)
    scores = (_standardise(density) + tuning.words_weight * _standardise(words)) / (1 + tuning.words_weight)
    return papers, np.asarray(scores, np.float32)


def _standardise(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales values to mean 0 and standard deviation 1; equal values become 0."""
    centred = values - values.mean()
    deviation = float(centred.std())
    return np.asarray(centred / deviation if deviation > 0 else np.zeros_like(values), np.float32)


def _find_nearest(
    index: FilteredIndex, library: EmbeddedLibrary, rows: NDArray[np.int64]
) -> tuple[list[Paper], NDArray[np.float32]]:
    """Returns the paper of the library with the highest cosine to each of n rows, and the cosines, (n,) float32."""
    if not len(rows):
        return [], np.empty(0, np.float32)
    cosines = index.snapshot.vectors.get_vectors(rows) @ library.vectors.T
    return [library.papers[each] for each in cosines.argmax(axis=1).tolist()], cosines.max(axis=1)


def _near(paper: Paper, similarity: float, interest: int) -> Near:
    return Near(paper.id if paper.ids else None, paper.title, similarity, interest + 1)


def _thresholds(index: FilteredIndex) -> Thresholds | None:
    """Returns the thresholds of the bands, by which the nearest paper of the library rates a hit."""
    calibration = index.snapshot.calibration
    return calibration.texts if calibration else None
