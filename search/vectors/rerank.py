"""Re-ranking: scores the best candidates of a scan of the codes exactly, until hardly any result is missing.

rerank          scores candidates that the scan has ranked, for few results
rerank_above    scores all candidates above a code score, in any order, for many results
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.rows import NO_ROWS, NO_SCORES, Ranked
from search.vectors.cells import normal_tail
from search.vectors.codes import DEFAULT_SCAN_TUNING, Candidates, Scan, ScanTuning
from search.vectors.threshold import DEFAULT_THRESHOLD_TUNING, ThresholdTuning

Scorer = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Returns the exact scores of (n,) rows, (n,) float32."""


@dataclass(frozen=True, slots=True)
class SearchTuning:
    """Tuning of exact search and of re-ranking. Recall and time with these values:
    ``benchmarks/results/recall-100000.json``, ``recall-1000000.json`` and ``recall-3000000.json``.
    """

    exact_max_rows: int = 10_000
    """Matching rows up to which all are scored exactly; strategy_crossover-1000000.json."""
    exact_row_divisor: int = 200
    """The same limit as a share of all rows, 1/200, whichever is greater; strategy_crossover-1000000.json."""
    initial_rerank: int = 128
    """Candidates scored before the error of the codes is estimated; docs/design/core.md."""
    sample_stride: int = 4
    """Stride at which candidates are sampled when choosing the re-rank depth; not measured separately."""
    max_late_share: float = 0.03
    """Share of the k best found in the later half of the scored candidates above which the estimated error is
    increased; docs/design/core.md."""
    widen_factor: float = 1.3
    """Factor by which the estimated error is increased; not measured separately."""
    rescan_share: float = 0.75
    """Share of the candidates re-ranked, after the error was increased, above which the scan is repeated with more
    candidates; not measured separately."""
    rescan_factor: int = 3
    """Factor by which the number of candidates grows in a repeated scan; docs/design/core.md."""
    max_ranked: int = 2_000
    """Candidates up to which faiss ranks them in less time than a second scan takes; docs/design/core.md."""
    lowest_code_deviations: float = 3.5
    """Candidates of a second scan are rows whose predicted score is at most this many deviations below the k-th best;
    docs/design/core.md."""
    max_outside_share: float = 0.012
    """Upper bound of the expected misses among rows that were not kept as candidates, as a share of k;
    docs/design/core.md."""
    base_candidates: int = 512
    """Candidates kept for ten results; recall-*.json."""
    rows_per_candidate: int = 1_400
    """Rows, all plus matching, per additional candidate; recall-*.json."""
    candidates_exponent: float = 0.7
    """The number of candidates grows with (k / 10) to this power; recall-*.json, k=10 and k=100."""
    prior_slope: float = 1.0
    """Prior slope of the exact score over the code score: codes without bias."""
    prior_weight: float = 0.3
    """Weight of the prior slope, in squared scores; not measured separately."""
    deviation_factor: float = 2.0
    """Correction of a standard deviation that is estimated from 128 rows, of errors with heavy tails;
    docs/design/core.md."""
    scan: ScanTuning = DEFAULT_SCAN_TUNING
    threshold: ThresholdTuning = DEFAULT_THRESHOLD_TUNING

    def candidate_count(self, k: int, rows: int) -> int:
        """Returns the number of candidates that a scan keeps.

        Args:
            k: number of results.
            rows: number of all rows plus number of matching rows.
        """
        return int((self.base_candidates + rows / self.rows_per_candidate) * max(k / 10, 1) ** self.candidates_exponent)


DEFAULT_SEARCH_TUNING = SearchTuning()


def rerank(scan: Scan, score: Scorer, k: int, keep: int, tuning: SearchTuning) -> Ranked | None:
    """Scans the codes and re-ranks the candidates, which faiss has ranked by their codes.

    The exact scores of the best candidates in the nearest cells determine which other cells are scanned. They also
    determine how many candidates are scored so that few of the k best are expected among the rest.

    Args:
        scan: the scan, of no cells yet.
        score: returns exact scores.
        k: number of results.
        keep: number of candidates kept of each of the two scans.
        tuning: see ``SearchTuning``.

    Returns:
        The ranking, or None if too few candidates were kept.
    """
    scan.add_nearest_cells(k)
    found = scan.best(keep)
    if len(found.rows) < k:
        scan.add_remaining_cells(-np.inf, k)
        found = found.merge(scan.best(keep))
    first, rest = found.split(max(tuning.initial_rerank, 2 * k))
    rows, exact = first.rows, score(first.rows)
    errors, threshold = _ErrorModel.fit(first.scores, exact, tuning), _kth_best(exact, k)
    scan.add_remaining_cells(threshold, k)
    rest = rest.merge(scan.best(keep))
    scored, repeat, widened = 0, True, False
    max_misses = tuning.scan.max_missed_share * k
    while repeat and (needed := errors.rerank_depth(rest.scores, threshold, max_misses)) > scored:
        batch = rest.rows[scored:needed]
        scores = score(batch)
        late = np.count_nonzero(scores[len(batch) // 2 :] > max(threshold, _kth_best(scores, k + 1)))
        repeat = bool(late > tuning.max_late_share * k)
        errors, widened = (errors.widen(), True) if repeat else (errors, widened)
        rows, exact = np.concatenate((rows, batch)), np.concatenate((exact, scores))
        scored, threshold = needed, _kth_best(exact, k)
    if widened and rest.cutoff > -np.inf and scored > tuning.rescan_share * len(rest.rows):
        return None
    inside, outside = errors.expected_misses(rest, scored, threshold)
    misses = scan.expected_misses + inside + min(outside, tuning.max_outside_share * k)
    best = Ranked.top_k(rows, exact, k, complete=False)
    return replace(best, scanned=scan.scanned, expected_recall=max(0.0, 1 - misses / k))


def rerank_above(scan: Scan, score: Scorer, k: int, limit: int, tuning: SearchTuning) -> Ranked:
    """Scans the codes and re-ranks the candidates above a code score, which are in no order.

    The best candidates in the nearest cells determine the other cells, as for ``rerank``, and the code score. All these
    cells are then scanned: it takes less time to find many candidates twice than to rank them once.

    Args:
        scan: the scan, of no cells yet.
        score: returns exact scores.
        k: number of results.
        limit: number of candidates scored at most, unless the errors of the codes are larger than estimated.
        tuning: see ``SearchTuning``.
    """
    scan.add_nearest_cells(k)
    first = scan.best(max(tuning.initial_rerank, 2 * k))
    if len(first.rows) < k:
        scan.add_remaining_cells(-np.inf, k)
        first = first.merge(scan.best(max(tuning.initial_rerank, 2 * k)))
    exact, first_code = score(first.rows), float(first.scores[-1])
    errors, threshold = _ErrorModel.fit(first.scores, exact, tuning), _kth_best(exact, k)
    scan.add_remaining_cells(threshold, k)
    max_misses, lowest, scored_from = tuning.scan.max_missed_share * k, np.inf, np.inf
    rows, codes, exact = NO_ROWS, NO_SCORES, NO_SCORES  # the second scan finds the first candidates again
    while True:
        if (code := min(errors.lowest_code(threshold), first_code - _CODE_STEP)) < lowest:
            lowest, found = code, scan.above(code)
            descending = -np.sort(-found.scores)
        depth = min(errors.rerank_depth(descending, threshold, max_misses), limit)
        start = min(first_code, float(descending[depth - 1]) if depth else np.inf)
        if start >= scored_from:
            break
        batch = np.flatnonzero((found.scores >= start) & (found.scores < scored_from))
        batch_rows, batch_codes = found.rows[batch], found.scores[batch]
        scores, later = score(batch_rows), batch_codes < min(first_code, scored_from)
        late, scored_from = _count_late(batch_codes[later], scores[later], threshold, k), start
        if len(rows):
            rows, codes = np.concatenate((rows, batch_rows)), np.concatenate((codes, batch_codes))
            exact = np.concatenate((exact, scores))
        else:  # the scorer knows this array again
            rows, codes, exact = batch_rows, batch_codes, scores
        threshold = _kth_best(exact, k)
        if late <= tuning.max_late_share * k:
            break
        errors, limit = errors.widen(), limit * tuning.rescan_factor
    candidates = Candidates(NO_ROWS, descending, lowest)
    inside, outside = errors.expected_misses(candidates, len(rows), threshold)
    misses = scan.expected_misses + inside + min(outside, tuning.max_outside_share * k)
    best = Ranked.top_k(rows, exact, k, complete=False)
    recall = max(0.0, 1 - misses / k)
    return replace(best, scanned=scan.scanned, expected_recall=recall, scored_codes=codes)


_MIN_SLOPE = 0.1
"""Minimum slope of exact scores over code scores, for candidates whose exact scores are nearly equal."""
_CODE_STEP = 1e-3
"""A difference of code scores above the precision, 16 bits, with which faiss compares them."""


def _count_late(codes: NDArray[np.float32], exact: NDArray[np.float32], bar: float, k: int) -> int:
    """Returns how many of the k best exact scores above a bar belong to the half of the candidates with lower codes."""
    middle = _kth_best(codes, max(1, len(codes) // 2))
    return int(np.count_nonzero(exact[codes < middle] > max(bar, _kth_best(exact, k + 1))))


def _kth_best(scores: NDArray[np.float32], k: int) -> float:
    """Returns the k-th best score, or minus infinity if there are fewer than k."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else -np.inf


@dataclass(frozen=True, slots=True)
class _ErrorModel:
    """Predicts exact scores from code scores: normally distributed around a line.

    The line is fitted by ridge regression, since the code scores of a few candidates are too close together to
    determine the slope.

    Attributes:
        code_mean: mean code score of the sample.
        exact_mean: mean exact score of the sample.
        slope: slope of the exact score over the code score.
        deviation: standard deviation of the exact scores around the line.
        tuning: see ``SearchTuning``.
    """

    code_mean: float
    exact_mean: float
    slope: float
    deviation: float
    tuning: SearchTuning

    @classmethod
    def fit(cls, codes: NDArray[np.float32], exact: NDArray[np.float32], tuning: SearchTuning) -> Self:
        """Fits the model to the code scores and exact scores of some candidates."""
        count = len(codes)
        code_mean, exact_mean = float(codes.sum()) / count, float(exact.sum()) / count
        codes, exact = codes - code_mean, exact - exact_mean
        squares, products = float(codes @ codes), float(codes @ exact)
        slope = max((products + tuning.prior_weight * tuning.prior_slope) / (squares + tuning.prior_weight), _MIN_SLOPE)
        variance = (float(exact @ exact) - slope * (2 * products - slope * squares)) / count
        deviation = max(tuning.deviation_factor * sqrt(max(variance, 0.0)), 1e-6)
        return cls(code_mean, exact_mean, slope, deviation, tuning)

    def widen(self) -> Self:
        """Returns a model with a larger error, for a query whose late candidates are better than predicted."""
        return replace(self, deviation=self.tuning.widen_factor * self.deviation)

    def rerank_depth(self, codes: NDArray[np.float32], threshold: float, max_misses: float) -> int:
        """Returns how many candidates to score.

        Args:
            codes: the candidates' code scores, best first.
            threshold: the k-th best exact score so far.
            max_misses: maximum expected number of exact scores above the threshold among the other candidates.
        """
        stride = self.tuning.sample_stride
        misses = np.cumsum(self._tail_probability(codes[::-stride], threshold)) * stride
        return max(0, len(codes) - stride * int(np.searchsorted(misses, max_misses)))

    def lowest_code(self, threshold: float) -> float:
        """Returns the code score of the worst candidates.

        Args:
            threshold: the k-th best exact score so far.
        """
        below = self.tuning.lowest_code_deviations * self.deviation
        return self.code_mean + (threshold - self.exact_mean - below) / self.slope

    def expected_misses(self, rest: Candidates, scored: int, threshold: float) -> tuple[float, float]:
        """Returns the expected numbers of rows above the threshold that are not scored.

        Args:
            rest: the candidates.
            scored: how many of them are scored.
            threshold: the k-th best exact score.

        Returns:
            The expected number among the other candidates, and an estimate for rows that were not kept as candidates:
            as many rows as there are candidates, each as likely to exceed the threshold as a code at the cutoff.
        """
        stride = self.tuning.sample_stride
        codes = np.append(rest.scores[scored::stride], np.float32(rest.cutoff))
        probability = self._tail_probability(codes, threshold)
        return float(probability[:-1].sum()) * stride, len(rest.scores) * float(probability[-1])

    def _tail_probability(self, codes: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
        return normal_tail((threshold - self.exact_mean - self.slope * (codes - self.code_mean)) / self.deviation)
