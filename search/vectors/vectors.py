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

from search.cores import cores
from search.errors import InvalidValue
from search.rows import Ranked, Rows
from search.vectors.cells import normal_tail
from search.vectors.codes import MOST_MISSED, Candidates, Codes, Scan

CODED_FROM = 20_000
"""Rows from which an index has codes; below, every search is exact (an exact scan takes 3 ms there)."""
EXACT_UP_TO, EXACT_SHARE = 10_000, 200
"""Passing rows up to which they are scored exactly rather than by their codes, and the same as one row in so many: what
costs less, ``benchmarks/results/roads-1000000.json``."""
_FIRST_RERANKED = 128
"""Rows re-ranked before it is known how many need be."""
_NEARLY_ALL, _MOST_BEYOND = 0.75, 0.012
"""Share of the candidates that have to be scored for more to be kept, if late ones were among the k best; and of the k
best that lie beyond them at most, if none was."""
_STEP = 4
"""Of so many candidates in order one is looked at to tell how many are to be scored."""
_KEPT, _KEPT_A_ROW = 512, 1_400
"""Candidates kept for ten results, and one more for so many rows."""
_PRIOR_SLOPE, _PRIOR_WEIGHT = 1.0, 0.3
"""Slope of the line from codes' scores to scores before any are known, and how much it weighs, in squared scores."""
_HEAVIER = 1.28
"""By which the deviation of errors is raised, as few scores tell it only so well (``docs/design/core.md``)."""
_LATE, _WIDER = 0.03, 1.3
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
        self._check(vectors, k, rows)
        if len(vectors) == 1:
            return [self._nearest(vectors[0], k, rows)]
        return list(self._cores.map(lambda vector: self._nearest(vector, k, rows), vectors))

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The exact inner product of a (dim,) vector with each row: (len(ids),) float32, in the order given."""
        return self._scratch.scores(self._vectors, ids, vector)

    def stored(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of rows, (len(ids), dim) float32, in the order given."""
        return np.asarray(self._vectors[ids], np.float32)

    def vector(self, row: int) -> NDArray[np.float32]:
        """The vector of one row, (dim,) float32."""
        return np.asarray(self._vectors[row], np.float32)

    @property
    def coded(self) -> int:
        """Rows that have codes."""
        return len(self._codes) if self._codes_path else 0

    def not_unit(self, start: int, end: int) -> NDArray[np.int64]:
        """The rows from start to before end whose vector is not of length 1."""
        block = np.asarray(self._vectors[start:end], np.float32)
        return start + np.flatnonzero(~(np.abs(np.einsum("nd,nd->n", block, block) - 1) < _NOT_UNIT))

    def _nearest(self, vector: NDArray[np.float32], k: int, rows: Rows) -> Ranked:
        scratch = self._scratch  # first, since it keeps faiss to one thread
        if not self._codes_path or len(rows) <= max(EXACT_UP_TO, len(self) // EXACT_SHARE):
            return scratch.nearest(self._vectors, rows.ids, vector, k)
        k, keep = min(k, len(rows)), _kept(k, len(self) + len(rows))
        while (ranked := self._reranked(vector, k, Scan(self._codes, vector, rows, keep))) is None:
            keep *= 3
        return ranked

    def _reranked(self, vector: NDArray[np.float32], k: int, scan: Scan) -> Ranked | None:
        """Scores the best codes of the nearest cells; from these follows which other cells are scanned, and how many of
        all candidates are scored then, so that few of the k best are expected among the others.

        None: late candidates belonged among them, so that more are needed.
        """
        found = scan.first(k)
        if len(found.rows) < k:
            found = found.merged(scan.rest(-np.inf, k))
        first, rest = found.split(max(_FIRST_RERANKED, 2 * k))
        rows, exact = first.rows, self.scores(vector, first.rows)
        errors, threshold = _Errors.of(first.scores, exact), _kth(exact, k)
        rest = rest.merged(scan.rest(threshold, k))
        scored, wide, widened = 0, True, False
        while wide and (needed := errors.needed(rest.scores, threshold, MOST_MISSED * k)) > scored:
            places, scores = self._scratch.best(self._vectors, rest.rows[scored:needed], vector, k)
            late = np.count_nonzero((places >= (needed - scored) // 2) & (scores > threshold))
            wide = bool(late > _LATE * k)
            errors, widened = (errors.wider(), True) if wide else (errors, widened)
            rows, exact = np.concatenate((rows, rest.rows[scored:needed][places])), np.concatenate((exact, scores))
            scored, threshold = needed, _kth(exact, k)
        if widened and rest.floor > -np.inf and scored > _NEARLY_ALL * len(rest.rows):
            return None
        missed, beyond = errors.missed(rest, scored, threshold)
        recall = max(0.0, 1 - (scan.missed + missed + min(beyond, _MOST_BEYOND * k)) / k)
        looked = np.concatenate((first.rows, rest.rows[:scored]))
        best = Ranked.best(rows, exact, k, complete=False, looked=looked)
        return replace(best, scanned=scan.scanned, expected_recall=recall)

    def _check(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> None:
        dim = self._vectors.shape[1]
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dim:
            raise InvalidValue("vectors", f"{vectors.dtype} {vectors.shape}", f"give float32 of shape (n, {dim})")
        for vector in vectors:
            if not abs(float(vector @ vector) - 1) < _NOT_UNIT:  # of NaN, too
                length = sqrt(vector @ vector)
                raise InvalidValue("vectors", f"length {length}", "give finite vectors of length 1")
        if k < 1:
            raise InvalidValue("k", k, "ask for at least 1 row")
        if rows.universe != len(self):
            raise InvalidValue("rows", f"out of {rows.universe:,}", f"give a set of rows out of these {len(self):,}")

    @property
    def _scratch(self) -> "_Scratch":
        """One a thread."""
        if not hasattr(self._local, "scratch"):
            self._local.scratch = _Scratch(self._vectors.shape[1])
        return self._local.scratch  # type: ignore[no-any-return]

    @cached_property
    def _codes(self) -> "Codes":
        return Codes(self._codes_path)  # type: ignore[arg-type]  # asked only where there are some

    @cached_property
    def _cores(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(cores(), thread_name_prefix="nearest")


_NOT_UNIT = 0.02
"""How far the square of a vector's length may be from 1: bf16 and float16 round."""


def _kept(k: int, rows: int) -> int:
    """Candidates that a scan keeps: more of more rows, all and passing, and for more results, as measured."""
    return int((_KEPT + rows / _KEPT_A_ROW) * max(k / 10, 1) ** 0.7)


def _kth(scores: NDArray[np.float32], k: int) -> float:
    """The k-th best score; minus infinity where there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else -np.inf


@dataclass(frozen=True, slots=True)
class _Errors:
    """What some exact scores tell of those of other codes: they are normal around a line of the code's score.

    The line is a ridge regression: few codes lie too close together to tell the slope.
    """

    middle: float
    mean: float
    slope: float
    deviation: float

    @classmethod
    def of(cls, codes: NDArray[np.float32], exact: NDArray[np.float32]) -> Self:
        count = len(codes)
        middle, mean = float(codes.sum()) / count, float(exact.sum()) / count
        codes, exact = codes - middle, exact - mean
        squares, products = float(codes @ codes), float(codes @ exact)
        slope = (products + _PRIOR_WEIGHT * _PRIOR_SLOPE) / (squares + _PRIOR_WEIGHT)
        variance = (float(exact @ exact) - slope * (2 * products - slope * squares)) / count
        return cls(middle, mean, slope, max(_HEAVIER * sqrt(max(variance, 0.0)), 1e-6))

    def wider(self) -> Self:
        """For a question whose late candidates are better than they should be."""
        return replace(self, deviation=_WIDER * self.deviation)

    def needed(self, codes: NDArray[np.float32], threshold: float, most: float) -> int:
        """Of the codes, best first, how many are to be scored so that at most so many of the others are expected above
        the threshold."""
        missing = np.cumsum(self._chance(codes[::-_STEP], threshold)) * _STEP
        return max(0, len(codes) - _STEP * int(np.searchsorted(missing, most)))

    def missed(self, rest: Candidates, scored: int, threshold: float) -> tuple[float, float]:
        """How many rows are expected above the threshold among the candidates after those scored, and beyond all
        candidates, where each is less likely than the last that was kept."""
        chance = self._chance(np.append(rest.scores[scored::_STEP], np.float32(rest.floor)), threshold)
        return float(chance[:-1].sum()) * _STEP, len(rest.scores) * float(chance[-1])

    def _chance(self, codes: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
        return normal_tail((threshold - self.mean - self.slope * (codes - self.middle)) / self.deviation)


class _Scratch:
    """Where one thread scores rows exactly.

    faiss reads float16 rows as they are, several times as fast as numpy, which casts them first. The rows are
    gathered into memory that is kept: fresh memory would cost more than the scoring.
    """

    def __init__(self, dim: int) -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread: a question is one core's work
        self._faiss = faiss
        fp16, product = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        self._scorer = faiss.IndexScalarQuantizer(dim, fp16, product)
        self._scorer.is_trained = True
        self._rows: NDArray[np.float16] = np.empty((0, dim), np.float16)

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
        places, scores = self.best(vectors, ids, vector, k)
        return Ranked.best(ids[places], scores, k, complete=True, looked=ids)

    def best(
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
        if count > len(self._rows):
            self._grow(max(1_024, count + count // 4))
        np.take(_whole(vectors), ids, out=_whole(self._rows[:count]), mode="clip")
        object.__setattr__(self._scorer, "ntotal", count)  # faiss' own way looks for the name among all others first
        scores, places, pointer = np.empty(k, np.float32), np.empty(k, np.int64), self._faiss.swig_ptr
        self._scorer.search_c(1, pointer(vector), k, pointer(scores), pointer(places), None)
        return scores, places

    def _grow(self, count: int) -> None:
        dim = self._scorer.d
        self._scorer.codes.resize(count * dim * 2)
        memory = self._faiss.rev_swig_ptr(self._scorer.codes.data(), count * dim * 2)
        self._rows = memory.view(np.float16).reshape(count, dim)


def _whole(rows: NDArray[np.float16]) -> NDArray[np.void]:
    """(n,) each row as one element: few of them are copied in half the time."""
    return rows.view(f"V{rows.shape[1] * 2}")[:, 0]


_NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)
