"""Vectors: nearest neighbours among Rows.

Few rows are scored exactly. Of many the codes are scanned (``search.vectors.codes``), and the best re-ranked with the
exact vectors until no row left out is likely to belong among the k best.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.errors import InvalidValue
from search.rows import Ranked, Rows
from search.vectors.cells import normal_tail
from search.vectors.codes import MAX_MISSED_SHARE, Candidates, Codes, Scan

MIN_CODED_ROWS = 20_000
"""Rows from which an index has codes; below, every search is exact (an exact scan takes 3 ms there)."""
EXACT_MAX_ROWS, EXACT_ROW_DIVISOR = 10_000, 200
"""Passing rows up to which they are scored exactly rather than by their codes, and the same as one row in so many: what
costs less, ``benchmarks/results/roads-1000000.json``."""
_INITIAL_RERANK = 128
"""Rows re-ranked before it is known how many need be."""
_RESCAN_SHARE, _MAX_OUTSIDE_MISSES = 0.75, 0.012
"""Share of the candidates that have to be scored for more to be kept, if late ones were among the k best; and of the k
best that lie beyond them at most, if none was."""
_SAMPLE_STRIDE = 4
"""Of so many candidates in order one is looked at to tell how many are to be scored."""
_BASE_CANDIDATES, _ROWS_PER_CANDIDATE = 512, 1_400
"""Candidates kept for ten results, and one more for so many rows."""
_PRIOR_SLOPE, _PRIOR_WEIGHT = 1.0, 0.3
"""Slope of the line from codes' scores to scores before any are known, and how much it weighs, in squared scores."""
_DEVIATION_FACTOR = 1.28
"""By which the deviation of errors is raised, as few scores tell it only so well (``docs/design/core.md``)."""
_MAX_LATE_SHARE, _WIDEN_FACTOR = 0.03, 1.3
"""Share of the k best that may come from the later half of what was scored; else the deviation is raised so much."""


class VectorIndex:
    """Nearest neighbours by inner product among the first ``rows`` rows of a vectors file; safe from many threads.

    Args:
        path: the vectors file: row-major float16, unit rows.
        rows: how many of its rows belong to this generation. dim: components a row.
        codes: the folder of the codes of the same rows, or None to score exactly always.
    """

    def __init__(self, path: Path, rows: int, dim: int, codes: Path | None) -> None:
        self._vectors: NDArray[np.float16] = (
            np.memmap(path, np.float16, "r", shape=(rows, dim)) if rows else np.empty((0, dim), np.float16)
        ).view(np.ndarray)
        self._codes_path = codes
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self._vectors)

    def nearest(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> list[Ranked]:
        """For each of (n, dim) unit vectors, the k passing rows of highest inner product.

        Always min(k, passing) rows. ``complete`` says that every passing row was scored exactly; where not,
        ``expected_recall`` says how many of the true k best are expected among them. Several vectors are shared
        out to all cores. Rows are taken as given: a tombstone that they name is scored like any other row.

        Raises:
            InvalidValue: vectors of another shape or dtype, not finite or not of length 1; k below 1; rows of
                another universe.
        """
        self._validate(vectors, k, rows)
        if len(vectors) == 1:
            return [self._nearest(vectors[0], k, rows)]
        return list(self._pool.map(lambda vector: self._nearest(vector, k, rows), vectors))

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The exact inner product of a (dim,) vector with each row: (len(ids),) float32, in the order given."""
        return self._exact_scorer.scores(self._vectors, ids, vector)

    def get_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of rows, (len(ids), dim) float32, in the order given."""
        return np.asarray(self._vectors[ids], np.float32)

    def get_vector(self, row: int) -> NDArray[np.float32]:
        """The vector of one row, (dim,) float32."""
        return np.asarray(self._vectors[row], np.float32)

    @property
    def coded_rows(self) -> int:
        """Rows that have codes."""
        return len(self._codes) if self._codes_path else 0

    def find_non_unit(self, start: int, end: int) -> NDArray[np.int64]:
        """The rows from start to before end whose vector is not of length 1."""
        block = np.asarray(self._vectors[start:end], np.float32)
        return start + np.flatnonzero(~(np.abs(np.einsum("nd,nd->n", block, block) - 1) < _UNIT_TOLERANCE))

    def _nearest(self, vector: NDArray[np.float32], k: int, rows: Rows) -> Ranked:
        scratch = self._exact_scorer  # first, since it keeps faiss to one thread
        if not self._codes_path or len(rows) <= max(EXACT_MAX_ROWS, len(self) // EXACT_ROW_DIVISOR):
            return scratch.nearest(self._vectors, rows.ids, vector, k)
        k, keep = min(k, len(rows)), _candidate_count(k, len(self) + len(rows))
        while (ranked := self._rerank(vector, k, Scan(self._codes, vector, rows, keep))) is None:
            keep *= 3
        return ranked

    def _rerank(self, vector: NDArray[np.float32], k: int, scan: Scan) -> Ranked | None:
        """Scores the best codes of the nearest cells; from these follows which other cells are scanned, and how many of
        all candidates are scored then, so that few of the k best are expected among the others.

        None: late candidates belonged among them, so that more are needed.
        """
        found = scan.scan_nearest(k)
        if len(found.rows) < k:
            found = found.merge(scan.scan_remaining(-np.inf, k))
        first, rest = found.split(max(_INITIAL_RERANK, 2 * k))
        rows, exact = first.rows, self.scores(vector, first.rows)
        errors, threshold = _ErrorModel.fit(first.scores, exact), _kth_best(exact, k)
        rest = rest.merge(scan.scan_remaining(threshold, k))
        scored, wide, widened = 0, True, False
        while wide and (needed := errors.rerank_depth(rest.scores, threshold, MAX_MISSED_SHARE * k)) > scored:
            places, scores = self._exact_scorer.top_positions(self._vectors, rest.rows[scored:needed], vector, k)
            late = np.count_nonzero((places >= (needed - scored) // 2) & (scores > threshold))
            wide = bool(late > _MAX_LATE_SHARE * k)
            errors, widened = (errors.widen(), True) if wide else (errors, widened)
            rows, exact = np.concatenate((rows, rest.rows[scored:needed][places])), np.concatenate((exact, scores))
            scored, threshold = needed, _kth_best(exact, k)
        if widened and rest.cutoff > -np.inf and scored > _RESCAN_SHARE * len(rest.rows):
            return None
        missed, beyond = errors.expected_misses(rest, scored, threshold)
        recall = max(0.0, 1 - (scan.expected_misses + missed + min(beyond, _MAX_OUTSIDE_MISSES * k)) / k)
        looked = np.concatenate((first.rows, rest.rows[:scored]))
        best = Ranked.top_k(rows, exact, k, complete=False, scored_rows=looked)
        return replace(best, scanned=scan.scanned, expected_recall=recall)

    def _validate(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> None:
        dim = self._vectors.shape[1]
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dim:
            raise InvalidValue("vectors", f"{vectors.dtype} {vectors.shape}", f"give float32 of shape (n, {dim})")
        for vector in vectors:
            if not abs(float(vector @ vector) - 1) < _UNIT_TOLERANCE:  # of NaN, too
                length = sqrt(vector @ vector)
                raise InvalidValue("vectors", f"length {length}", "give finite vectors of length 1")
        if k < 1:
            raise InvalidValue("k", k, "ask for at least 1 row")
        if rows.universe != len(self):
            raise InvalidValue("rows", f"out of {rows.universe:,}", f"give a set of rows out of these {len(self):,}")

    @property
    def _exact_scorer(self) -> "_ExactScorer":
        """One a thread."""
        if not hasattr(self._local, "scratch"):
            self._local.scratch = _ExactScorer(self._vectors.shape[1])
        return self._local.scratch  # type: ignore[no-any-return]

    @cached_property
    def _codes(self) -> "Codes":
        return Codes(self._codes_path)  # type: ignore[arg-type]  # asked only where there are some

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(available_cores(), thread_name_prefix="nearest")


_UNIT_TOLERANCE = 0.02
"""How far the square of a vector's length may be from 1: bf16 and float16 round."""


def _candidate_count(k: int, rows: int) -> int:
    """Candidates that a scan keeps: more of more rows, all and passing, and for more results, as measured."""
    return int((_BASE_CANDIDATES + rows / _ROWS_PER_CANDIDATE) * max(k / 10, 1) ** 0.7)


def _kth_best(scores: NDArray[np.float32], k: int) -> float:
    """The k-th best score; minus infinity where there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else -np.inf


@dataclass(frozen=True, slots=True)
class _ErrorModel:
    """What some exact scores tell of those of other codes: they are normal around a line of the code's score.

    The line is a ridge regression: few codes lie too close together to tell the slope.
    """

    code_mean: float
    exact_mean: float
    slope: float
    deviation: float

    @classmethod
    def fit(cls, codes: NDArray[np.float32], exact: NDArray[np.float32]) -> Self:
        count = len(codes)
        middle, mean = float(codes.sum()) / count, float(exact.sum()) / count
        codes, exact = codes - middle, exact - mean
        squares, products = float(codes @ codes), float(codes @ exact)
        slope = (products + _PRIOR_WEIGHT * _PRIOR_SLOPE) / (squares + _PRIOR_WEIGHT)
        variance = (float(exact @ exact) - slope * (2 * products - slope * squares)) / count
        return cls(middle, mean, slope, max(_DEVIATION_FACTOR * sqrt(max(variance, 0.0)), 1e-6))

    def widen(self) -> Self:
        """For a question whose late candidates are better than they should be."""
        return replace(self, deviation=_WIDEN_FACTOR * self.deviation)

    def rerank_depth(self, codes: NDArray[np.float32], threshold: float, most: float) -> int:
        """Of the codes, best first, how many are to be scored so that at most so many of the others are expected above
        the threshold."""
        missing = np.cumsum(self._tail_probability(codes[::-_SAMPLE_STRIDE], threshold)) * _SAMPLE_STRIDE
        return max(0, len(codes) - _SAMPLE_STRIDE * int(np.searchsorted(missing, most)))

    def expected_misses(self, rest: Candidates, scored: int, threshold: float) -> tuple[float, float]:
        """How many rows are expected above the threshold among the candidates after those scored, and beyond all
        candidates, where each is less likely than the last that was kept."""
        chance = self._tail_probability(
            np.append(rest.scores[scored::_SAMPLE_STRIDE], np.float32(rest.cutoff)), threshold
        )
        return float(chance[:-1].sum()) * _SAMPLE_STRIDE, len(rest.scores) * float(chance[-1])

    def _tail_probability(self, codes: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
        return normal_tail((threshold - self.exact_mean - self.slope * (codes - self.code_mean)) / self.deviation)


class _ExactScorer:
    """Where one thread scores rows exactly.

    faiss reads float16 rows as they are, several times as fast as numpy, which casts them first. The rows are
    gathered into memory that is kept: fresh memory would cost more than the scoring.
    """

    def __init__(self, dim: int) -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread: a question is one core's work
        self._faiss = faiss
        fp16, product = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        self._index = faiss.IndexScalarQuantizer(dim, fp16, product)
        self._index.is_trained = True
        self._buffer: NDArray[np.float16] = np.empty((0, dim), np.float16)

    def scores(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(len(ids),) float32, in the order given."""
        result = np.empty(len(ids), np.float32)
        scores, places = self._search(vectors, ids, vector, len(ids))
        result[places] = scores
        return result

    def nearest(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> Ranked:
        """The k best of these rows, in order."""
        places, scores = self.top_positions(vectors, ids, vector, k)
        return Ranked.top_k(ids[places], scores, k, complete=True, scored_rows=ids)

    def top_positions(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places of the k best of these rows, and their scores: to keep few takes an eighth of the time of putting
        10,000 in order."""
        scores, places = self._search(vectors, ids, vector, min(k, len(ids)))
        return places, scores

    def _search(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        count = len(ids)
        if not k:
            return _NO_SCORES, np.empty(0, np.int64)
        if count > len(self._buffer):
            self._grow(max(1_024, count + count // 4))
        np.take(_as_void_rows(vectors), ids, out=_as_void_rows(self._buffer[:count]), mode="clip")
        object.__setattr__(self._index, "ntotal", count)  # faiss' own way looks for the name among all others first
        scores, places, pointer = np.empty(k, np.float32), np.empty(k, np.int64), self._faiss.swig_ptr
        self._index.search_c(1, pointer(vector), k, pointer(scores), pointer(places), None)
        return scores, places

    def _grow(self, count: int) -> None:
        dim = self._index.d
        self._index.codes.resize(count * dim * 2)
        memory = self._faiss.rev_swig_ptr(self._index.codes.data(), count * dim * 2)
        self._buffer = memory.view(np.float16).reshape(count, dim)


def _as_void_rows(rows: NDArray[np.float16]) -> NDArray[np.void]:
    """(n,) each row as one element: few of them are copied in half the time."""
    return rows.view(f"V{rows.shape[1] * 2}")[:, 0]


_NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)
