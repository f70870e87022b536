"""ExactScorer: inner products of one vector and stored rows."""

import numpy as np
from numpy.typing import NDArray

from search.rows import Ranked

_BLOCK_ROWS = 1_024
"""Rows that are gathered and scored at once; their 0.8 MB stay in the cache of a core."""


class ExactScorer:
    """Scores rows exactly, for one thread.

    faiss reads float16 rows directly and is several times as fast as numpy, which converts them first. The rows are
    gathered into a buffer that is reused, since allocating memory would take longer than scoring. A scanner of inverted
    lists scores them, because a search of a flat index also sorts, which takes as long again.
    """

    def __init__(self, dim: int) -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # applies to this thread: a query runs on one core
        self._faiss = faiss
        self._quantizer = faiss.ScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16)
        self._scanner = self._quantizer.select_InvertedListScanner(
            faiss.METRIC_INNER_PRODUCT,
            None,
            False,
            None,
            False,  # no coarse quantizer, no selection, no residuals
        )
        self._scanner.set_list(0, 0.0)
        self._buffer: NDArray[np.float16] = np.empty((_BLOCK_ROWS, dim), np.float16)
        self._positions = np.arange(_BLOCK_ROWS)

    def scores(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns the score of each row, (len(ids),) float32; minus infinity where it is not a number."""
        result = np.full(len(ids), -np.inf, np.float32)
        self._scanner.set_query(self._faiss.swig_ptr(vector))
        for start in range(0, len(ids), _BLOCK_ROWS):
            self._score_block(vectors, ids[start : start + _BLOCK_ROWS], result[start : start + _BLOCK_ROWS])
        return result

    def nearest(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> Ranked:
        """Returns the ranking of the k best rows."""
        return Ranked.top_k(ids, self.scores(vectors, ids, vector), k, complete=True)

    def _score_block(self, vectors: NDArray[np.float16], ids: NDArray[np.int64], result: NDArray[np.float32]) -> None:
        """Writes the scores of up to ``_BLOCK_ROWS`` rows for the query of the scanner."""
        faiss, count = self._faiss, len(ids)
        np.take(_as_void_rows(vectors), ids, out=_as_void_rows(self._buffer[:count]), mode="clip")
        found = faiss.RangeSearchResult(1)
        part = faiss.RangeSearchPartialResult(found)
        arrays = faiss.swig_ptr(self._buffer.view(np.uint8)), faiss.swig_ptr(self._positions)
        self._scanner.scan_codes_range(count, *arrays, -np.inf, part.new_result(0))
        part.finalize()
        total = int(faiss.rev_swig_ptr(found.lims, 2)[1])
        result[faiss.rev_swig_ptr(found.labels, total)] = faiss.rev_swig_ptr(found.distances, total)


def _as_void_rows(rows: NDArray[np.float16]) -> NDArray[np.void]:
    """Returns a view of (n, dim) rows as (n,) void elements: numpy gathers a few of these in half the time."""
    return rows.view(f"V{rows.shape[1] * 2}")[:, 0]
