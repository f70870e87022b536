"""VectorIndex: finds the nearest neighbours of a vector among a set of rows.

A small set is scored exactly. For a large set, codes are scanned (``search.vectors.codes``) and the best candidates are
re-ranked with the exact vectors until the remaining candidates are unlikely to be among the k best.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.errors import InvalidValue
from search.rows import PaperSet, Ranked, Rows, as_rows
from search.vectors.codes import Codes, Scan
from search.vectors.exact import ExactScorer
from search.vectors.half_precision import to_float32
from search.vectors.rerank import DEFAULT_SEARCH_TUNING as DEFAULT_SEARCH_TUNING
from search.vectors.rerank import SearchTuning as SearchTuning
from search.vectors.rerank import rerank, rerank_above
from search.vectors.row_checks import RowChecks
from search.vectors.threshold import RowsAbove, search_above


class VectorIndex:
    """Nearest neighbours by inner product among the first ``rows`` rows of a vectors file. Thread-safe.

    Args:
        path: the vectors file, row-major float16 unit rows.
        rows: number of rows of the file that belong to this generation.
        dim: components per row.
        codes: the folder of the codes of the same rows; None to always search exactly.
        tuning: see ``SearchTuning``.
        checksums: (rows,) uint32, with which each row that is read is compared (``search.vectors.row_checks``); None
            without comparison.
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

    def nearest(self, vectors: NDArray[np.float32], k: int, papers: PaperSet) -> list[Ranked]:
        """Finds the k rows of a set with the highest inner product, for each of several vectors.

        Several vectors are distributed over all cores. A replaced row that is in the set is scored like any other.

        Args:
            vectors: (n, dim) float32 unit vectors.
            k: number of results per vector, at least 1.
            papers: the set of rows to search.

        Returns:
            One ranking of min(k, len(rows)) rows per vector.

        Raises:
            InvalidValue: ``vectors`` has another shape or dtype, or is not finite or not of length 1; ``k`` is less
                than 1; or ``papers`` has another universe.
        """
        rows = as_rows(papers)
        self._validate(vectors, k, rows)
        if len(vectors) == 1:
            return [self._nearest(vectors[0], k, rows)]
        return list(self._pool.map(lambda vector: self._nearest(vector, k, rows), vectors))

    def rows_above(self, vector: NDArray[np.float32], threshold: float, papers: PaperSet) -> RowsAbove:
        """Finds all rows of a set whose inner product with a vector is at least a threshold.

        A large set is searched with the codes, so that a few rows near the threshold may be missing or wrong.

        Args:
            vector: (dim,) float32, unit.
            threshold: the minimum inner product.
            papers: the set of rows to search.

        Raises:
            InvalidValue: see ``nearest``.
        """
        rows = as_rows(papers)
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
        k, score = min(k, len(rows)), partial(self.scores, vector)
        keep = tuning.candidate_count(k, len(self) + len(rows))
        if keep > tuning.max_ranked:
            return rerank_above(Scan(self._codes, vector, rows), score, k, 2 * keep, tuning)
        while (ranked := rerank(Scan(self._codes, vector, rows), score, k, keep, tuning)) is None:
            keep *= tuning.rescan_factor
        return ranked

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
