"""VectorIndex: finds the nearest neighbours of a vector among a set of rows.

A small set is scored exactly. For a large set, codes are scanned (``search.vectors.codes``) and the best candidates are
re-ranked with the exact vectors until the remaining candidates are unlikely to be among the k best.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import sqrt
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.errors import InvalidValue
from search.rows import Ranked, Rows
from search.vectors.cells import normal_tail
from search.vectors.codes import DEFAULT_SCAN_TUNING, Candidates, Codes, Scan, ScanTuning
from search.vectors.exact import ExactScorer
from search.vectors.half_precision import to_float32
from search.vectors.row_checks import RowChecks
from search.vectors.threshold import DEFAULT_THRESHOLD_TUNING, RowsAbove, ThresholdTuning, search_above


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
    batch_size: int = 5
    """Candidates scored before the number to score is computed again, as a multiple of the first candidates; twice as
    many each further time. Not measured separately."""
    lowest_code_deviations: float = 3.5
    """Candidates are rows whose predicted score is at most this many deviations below the k-th best;
    docs/design/core.md."""
    max_outside_share: float = 0.012
    """Upper bound of the expected misses among rows that were not kept as candidates, as a share of k;
    docs/design/core.md."""
    base_limit: int = 768
    """Candidates scored at most for ten results; recall-*.json."""
    rows_per_candidate: int = 933
    """Rows, all plus matching, per additional candidate; recall-*.json."""
    limit_exponent: float = 0.7
    """The limit grows with (k / 10) to this power; recall-*.json, k=10 and k=100."""
    widened_limit_factor: int = 3
    """Factor by which the limit increases whenever the estimated error does; docs/design/core.md."""
    prior_slope: float = 1.0
    """Prior slope of the exact score over the code score: codes without bias."""
    prior_weight: float = 0.3
    """Weight of the prior slope, in squared scores; not measured separately."""
    deviation_factor: float = 1.28
    """Correction of a standard deviation that is estimated from 128 rows; docs/design/core.md."""
    scan: ScanTuning = DEFAULT_SCAN_TUNING
    threshold: ThresholdTuning = DEFAULT_THRESHOLD_TUNING

    def max_scored(self, k: int, rows: int) -> int:
        """Returns the number of candidates that are scored at most, where codes hardly tell rows apart.

        Args:
            k: number of results.
            rows: number of all rows plus number of matching rows.
        """
        return int((self.base_limit + rows / self.rows_per_candidate) * max(k / 10, 1) ** self.limit_exponent)


DEFAULT_SEARCH_TUNING = SearchTuning()


class VectorIndex:
    """Nearest neighbours by inner product among the first ``rows`` rows of a vectors file. Thread-safe.

    Args:
        path: the vectors file, row-major float16 unit rows.
        rows: number of rows of the file that belong to this generation.
        dim: components per row.
        codes: the folder of the codes of the same rows; None to always search exactly.
        tuning: see ``SearchTuning``.
        checksums: (rows,) uint32, CRC-32 with which each row that is read is compared; None without comparison.
    """

    def __init__(
        self,
        path: Path,
        rows: int,
        dim: int,
        codes: Path | None,
        tuning: SearchTuning = DEFAULT_SEARCH_TUNING,
        *,
        checksums: NDArray[np.uint32] | None = None,
    ) -> None:
        self._vectors: NDArray[np.float16] = (
            np.memmap(path, np.float16, "r", shape=(rows, dim)) if rows else np.empty((0, dim), np.float16)
        ).view(np.ndarray)
        self._row_checks = None if checksums is None else RowChecks(path, self._vectors, checksums)
        self._codes_path, self._tuning = codes, tuning
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self._vectors)

    def nearest(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> list[Ranked]:
        """Finds the k rows of a set with the highest inner product, for each of several vectors.

        Several vectors are distributed over all cores. A replaced row that is in the set is scored like any other.

        Args:
            vectors: (n, dim) float32 unit vectors.
            k: number of results per vector, at least 1.
            rows: the set of rows to search.

        Returns:
            One ranking of min(k, len(rows)) rows per vector.

        Raises:
            InvalidValue: ``vectors`` has another shape or dtype, or is not finite or not of length 1; ``k`` is less
                than 1; or ``rows`` has another universe.
        """
        self._validate(vectors, k, rows)
        if len(vectors) == 1:
            return [self._nearest(vectors[0], k, rows)]
        return list(self._pool.map(lambda vector: self._nearest(vector, k, rows), vectors))

    def rows_above(self, vector: NDArray[np.float32], threshold: float, rows: Rows) -> RowsAbove:
        """Finds all rows of a set whose inner product with a vector is at least a threshold.

        A large set is searched with the codes, so that a few rows near the threshold may be missing or wrong.

        Args:
            vector: (dim,) float32, unit.
            threshold: the minimum inner product.
            rows: the set of rows to search.

        Raises:
            InvalidValue: see ``nearest``.
        """
        self._validate(vector[None], 1, rows)
        tuning, score = self._tuning.threshold, partial(self.scores, vector)
        if self._codes_path and len(rows) > tuning.exact_max_rows:
            scan = partial(self._codes.rows_above, vector, rows)
            if found := search_above(scan, threshold, score, tuning):
                return found
        return RowsAbove(rows.ids[score(rows.ids) >= threshold])

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Computes exact scores.

        Args:
            vector: (dim,) float32.
            ids: (n,) int64 row numbers.

        Returns:
            (n,) float32, the inner product of the vector with each row.
        """
        return self._exact_scorer.scores(self._checked(ids), ids, vector)

    def get_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the vectors of some rows, (len(ids), dim) float32."""
        return to_float32(self._checked(ids)[ids])

    def get_vector(self, row: int) -> NDArray[np.float32]:
        """Returns the vector of one row, (dim,) float32."""
        return np.asarray(self._checked(np.array([row]))[row], np.float32)

    @property
    def coded_rows(self) -> int:
        """Number of rows that have codes."""
        return len(self._codes) if self._codes_path else 0

    def find_non_unit(self, start: int, end: int) -> NDArray[np.int64]:
        """Returns the rows from ``start`` up to, but not including, ``end`` whose vector is not of length 1."""
        block = np.asarray(self._vectors[start:end], np.float32)
        return start + np.flatnonzero(~(np.abs(np.einsum("nd,nd->n", block, block) - 1) < _UNIT_TOLERANCE))

    def _nearest(self, vector: NDArray[np.float32], k: int, rows: Rows) -> Ranked:
        scorer, tuning = self._exact_scorer, self._tuning  # creating the scorer also limits faiss to one thread
        if not self._codes_path or len(rows) <= max(tuning.exact_max_rows, len(self) // tuning.exact_row_divisor):
            return scorer.nearest(self._checked(rows.ids), rows.ids, vector, k)
        return self._rerank(vector, min(k, len(rows)), Scan(self._codes, vector, rows))

    def _rerank(self, vector: NDArray[np.float32], k: int, scan: Scan) -> Ranked:
        """Scans the codes and re-ranks the candidates.

        The exact scores of the best candidates in the nearest cells determine which other cells are scanned and which
        rows are candidates. They also determine how many candidates are scored so that few of the k best are expected
        among the rest.
        """
        tuning = self._tuning
        count = max(tuning.initial_rerank, 2 * k)
        scan.add_nearest_cells(k)
        first = scan.best(count)
        if len(first.rows) < k:
            scan.add_remaining_cells(-np.inf, k)
            first = scan.best(count)
        return self._score_candidates(vector, k, scan, first)

    def _score_candidates(self, vector: NDArray[np.float32], k: int, scan: Scan, first: Candidates) -> Ranked:
        """Scores the candidates with the best codes.

        Args:
            vector: (dim,) float32.
            k: number of results.
            scan: the scan of the nearest cells.
            first: the best candidates in these cells, which determine the error of the codes.
        """
        tuning, max_misses = self._tuning, self._tuning.scan.max_missed_share * k
        exact = self.scores(vector, first.rows)
        errors, threshold = _ErrorModel.fit(first.scores, exact, tuning), _kth_best(exact, k)
        scan.add_remaining_cells(threshold, k)
        first_code, batch_size = float(first.scores[-1]), tuning.batch_size * len(first.rows)
        limit = tuning.max_scored(k, len(self) + scan.match_count)
        rows, codes, exact, lowest, scored_from = _NO_ROWS, _NO_SCORES, _NO_SCORES, np.inf, np.inf
        while True:
            if (code := errors.lowest_code(threshold)) < lowest:
                lowest = min(code, first_code - _CODE_STEP)
                found = scan.above(lowest)
                ascending = np.sort(found.scores)
            target = min(first_code, errors.rerank_from(ascending, threshold, max_misses))
            target = max(target, float(ascending[max(0, len(ascending) - limit)]))
            if target >= scored_from:
                break
            start = float(ascending[max(0, len(ascending) - max(batch_size, 2 * len(rows)))])
            start = max(target, start) if start < scored_from else target
            batch = (found.scores >= start) & (found.scores < scored_from)
            scores = self.scores(vector, found.rows[batch])
            rows, codes = np.concatenate((rows, found.rows[batch])), np.concatenate((codes, found.scores[batch]))
            exact, scored_from = np.concatenate((exact, scores)), start
            threshold = _kth_best(exact, k)
            if start > target:
                continue
            late = np.count_nonzero((exact >= threshold) & (codes < _middle(ascending, start, first_code)))
            if late <= tuning.max_late_share * k:
                break
            errors, limit = errors.widen(), limit * tuning.widened_limit_factor
        left_out = ascending[: int(np.searchsorted(ascending, scored_from))]
        inside, outside = errors.expected_misses(left_out, lowest, threshold)
        misses = scan.expected_misses + inside + min(outside * len(ascending), tuning.max_outside_share * k)
        best = Ranked.top_k(rows, exact, k, complete=False)
        return replace(best, scanned=scan.scanned, expected_recall=max(0.0, 1 - misses / k))

    def _checked(self, ids: NDArray[np.int64]) -> NDArray[np.float16]:
        """Returns the vectors of all rows, once those of some rows are compared with their checksums.

        Raises:
            IndexDamaged: one of these rows differs.
        """
        if self._row_checks is not None:
            self._row_checks.check(ids)
        return self._vectors

    def _validate(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> None:
        dim = self._vectors.shape[1]
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dim:
            raise InvalidValue("vectors", f"{vectors.dtype} {vectors.shape}", f"give float32 of shape (n, {dim})")
        for vector in vectors:
            if not abs(float(vector @ vector) - 1) < _UNIT_TOLERANCE:  # also rejects NaN
                length = sqrt(vector @ vector)
                raise InvalidValue("vectors", f"length {length}", "give finite vectors of length 1")
        if k < 1:
            raise InvalidValue("k", k, "give a whole number of at least 1")
        if rows.universe != len(self):
            raise InvalidValue("rows", f"universe of {rows.universe:,}", f"give rows of a universe of {len(self):,}")

    @property
    def _exact_scorer(self) -> ExactScorer:
        """One per thread."""
        if not hasattr(self._local, "scorer"):
            self._local.scorer = ExactScorer(self._vectors.shape[1])
        return self._local.scorer  # type: ignore[no-any-return]

    @cached_property
    def _codes(self) -> "Codes":
        return Codes(self._codes_path, self._tuning.scan)  # type: ignore[arg-type]  # callers check for None

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(available_cores(), thread_name_prefix="nearest")


_UNIT_TOLERANCE = 0.02
"""Allowed difference of a vector's squared length from 1, to admit the rounding of bfloat16 and float16."""


_MIN_SLOPE = 0.1
"""Minimum slope of exact scores over code scores, for candidates whose exact scores are nearly equal."""
_CODE_STEP = 1e-3
"""A difference of code scores above the precision, 16 bits, with which faiss compares them."""
_NO_ROWS: NDArray[np.int64] = np.empty(0, np.int64)
_NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)


def _middle(ascending: NDArray[np.float32], low: float, high: float) -> float:
    """Returns the median of the values from ``low`` to ``high``, both of which are among them."""
    first, last = np.searchsorted(ascending, (low, high))
    return float(ascending[(first + last) // 2])


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

    def rerank_from(self, ascending: NDArray[np.float32], threshold: float, max_misses: float) -> float:
        """Returns the code score from which candidates are scored; infinity if none is.

        Args:
            ascending: (n,) float32, the candidates' code scores.
            threshold: the k-th best exact score so far.
            max_misses: maximum expected number of exact scores above the threshold among the other candidates.
        """
        stride = self.tuning.sample_stride
        misses = np.cumsum(self._tail_probability(ascending[::stride], threshold)) * stride
        left_out = stride * int(np.searchsorted(misses, max_misses))
        return float(ascending[left_out]) if left_out < len(ascending) else np.inf

    def lowest_code(self, threshold: float) -> float:
        """Returns the code score of the worst candidates.

        Args:
            threshold: the k-th best exact score so far.
        """
        below = self.tuning.lowest_code_deviations * self.deviation
        return self.code_mean + (threshold - self.exact_mean - below) / self.slope

    def expected_misses(self, left_out: NDArray[np.float32], lowest: float, threshold: float) -> tuple[float, float]:
        """Returns the expected number of rows above the threshold that are not scored.

        Args:
            left_out: the code scores of the candidates that are not scored, in ascending order.
            lowest: the code score above which rows are candidates.
            threshold: the k-th best exact score.

        Returns:
            The expected number among these candidates, and the probability of a row with the lowest code score.
        """
        stride = self.tuning.sample_stride
        codes = np.append(left_out[::-stride], np.float32(lowest))
        probability = self._tail_probability(codes, threshold)
        return float(probability[:-1].sum()) * stride, float(probability[-1])

    def _tail_probability(self, codes: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
        return normal_tail((threshold - self.exact_mean - self.slope * (codes - self.code_mean)) / self.deviation)
