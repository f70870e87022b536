"""Vectors: nearest neighbours among Rows.

Few rows are scored exactly. Of many the codes are scanned (``search.codes``), and the best re-ranked with the exact
vectors until no row left out is likely to belong among the k best.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.cells import normal_tail
from search.codes import MOST_MISSED, Candidates, Codes
from search.errors import InvalidValue
from search.machine import cores
from search.rows import Ranked, Rows

CODED_FROM = 20_000
"""Rows from which an index has codes; below, every search is exact (an exact scan takes 3 ms there)."""
EXACT_UP_TO, EXACT_SHARE = 10_000, 50
"""Passing rows up to which they are scored exactly rather than by their codes, and the same as one row in so many: what
costs less, ``benchmarks/results/roads.json``."""
_LEAST_RERANKED = 64
"""Rows re-ranked before it is known how many need be."""
_LEAST_CANDIDATES, _CANDIDATES_A_RESULT = 1_024, 24
"""Rows of best codes that a scan keeps, and as many for each row asked for."""
_PRIOR_SLOPE, _PRIOR_WEIGHT = 1.3, 0.05
"""Codes shorten vectors, so that scores differ more than their codes': by a third near the best, measured."""
_HEAVIER = 1.1
"""By which the deviation of errors is raised: where rows lie in tight groups their tails are heavier than normal."""


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
        if not self._codes_path or len(rows) <= max(EXACT_UP_TO, len(self) // EXACT_SHARE):
            return self._scratch.nearest(self._vectors, rows.ids, vector, k)
        k, keep = min(k, len(rows)), max(_LEAST_CANDIDATES, _CANDIDATES_A_RESULT * k)
        while (ranked := self._reranked(vector, k, self._codes.scan(vector, k, keep, rows))) is None:
            keep *= 4
        return ranked

    def _reranked(self, vector: NDArray[np.float32], k: int, found: "Candidates") -> Ranked | None:
        """Scores candidates exactly, best codes first, until few of the k best are expected among the others.

        None: even the last candidates may belong among them, so that more are needed.
        """
        most, further = MOST_MISSED * k, min(len(found.rows), max(_LEAST_RERANKED, 2 * k))
        exact, missed = _NO_SCORES, most
        while further:
            known = len(exact) + further
            exact = np.concatenate((exact, self.scores(vector, found.rows[len(exact) : known])))
            missing = _missing(found, exact, k)
            if missing[-1] > most:
                return None
            needed = int(np.argmax(missing <= most))
            missed, further = float(missing[0]), min(needed, known)
        best = Ranked.best(found.rows[: len(exact)], exact, k, complete=False)
        return replace(best, scanned=found.scanned, expected_recall=max(0.0, 1 - (found.missed + missed) / k))

    def _check(self, vectors: NDArray[np.float32], k: int, rows: Rows) -> None:
        dim = self._vectors.shape[1]
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dim:
            raise InvalidValue("vectors", f"{vectors.dtype} {vectors.shape}", f"give float32 of shape (n, {dim})")
        lengths = np.einsum("nd,nd->n", vectors, vectors)
        if not (np.abs(lengths - 1) < _NOT_UNIT).all():  # false for NaN, too
            raise InvalidValue("vectors", f"lengths {np.sqrt(lengths)}", "give finite vectors of length 1")
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


def _missing(found: Candidates, exact: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """How many of the k best are expected beyond the scored candidates, and beyond each that is scored next.

    A score is taken as normal around a line of its code's score, fitted to those known (ridge regression: few codes
    lie too close together to tell the slope).
    """
    codes, rest = found.scores[: len(exact)], found.scores[len(exact) :]
    middle, mean = codes.mean(), exact.mean()
    offsets = codes - middle
    slope = (offsets @ (exact - mean) + _PRIOR_WEIGHT * _PRIOR_SLOPE) / (offsets @ offsets + _PRIOR_WEIGHT)
    error = max(_HEAVIER * float((exact - mean - slope * offsets).std()), 1e-6)
    threshold = float(np.partition(exact, len(exact) - k)[len(exact) - k])
    chance = normal_tail((threshold - mean - slope * (rest - middle)) / error)
    missing = np.append(np.cumsum(chance[::-1], dtype=np.float64)[::-1], 0.0)
    if not found.whole:  # what comes after the last candidate is less likely than that one
        missing += len(chance) * float(chance[-1]) if len(chance) else np.inf
    return missing


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
        """The k best of these rows: to keep few takes an eighth of the time of putting 10,000 in order."""
        scores, places = self._search(vectors, ids, vector, min(k, len(ids)))
        return replace(Ranked.best(ids[places], scores, k, complete=True), scored=len(ids))

    def _search(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if not k:
            return _NO_SCORES, np.empty(0, np.int64)
        if len(ids) > len(self._rows):
            self._grow(max(1_024, 2 * len(ids)))
        np.take(vectors, ids, axis=0, out=self._rows[: len(ids)], mode="clip")
        self._scorer.ntotal = len(ids)
        scores, places = self._scorer.search(vector[None], k)
        return scores[0], places[0]

    def _grow(self, count: int) -> None:
        dim = self._scorer.d
        self._scorer.codes.resize(count * dim * 2)
        memory = self._faiss.rev_swig_ptr(self._scorer.codes.data(), count * dim * 2)
        self._rows = memory.view(np.float16).reshape(count, dim)


_NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)
