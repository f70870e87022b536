"""ExactScorer: inner products of one vector and stored rows."""

import numpy as np
from numpy.typing import NDArray

from search.rows import Ranked

_BLOCK_ROWS = 1_024
"""Rows that are gathered and scored at once; their 0.8 MB stay in the cache of a core."""
_MIN_RETAINED_ROWS = 401
"""Rows that are retained at least. A question first scores 400 rows that it does not score again, then those that
feedback scores again, and in between some 200 of the other leg."""
_MAX_RETAINED_ROWS = 4_096
"""Rows that are retained at most, 3 MB: more than feedback scores again (``LegsTuning.rescored_papers``)."""


class ExactScorer:
    """Scores rows exactly, for one thread.

    faiss reads float16 rows directly and is several times as fast as numpy, which converts them first. The rows are
    gathered into a buffer that is reused, since allocating memory would take longer than scoring. A scanner of inverted
    lists scores them, because a search of a flat index also sorts, which takes as long again. The vectors of the last
    large set of rows are retained: if the same array of row numbers is scored again, as by feedback, they are not
    gathered again, which would take most of the time.
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
        self._retained: NDArray[np.float16] = np.empty((_MAX_RETAINED_ROWS, dim), np.float16)
        self._retained_ids = np.empty(0, np.int64)
        self._positions, self._labels = np.arange(_BLOCK_ROWS), np.empty(_BLOCK_ROWS, np.int64)
        self._found = faiss.RangeSearchResult(1)
        self._found.buffer_size = _BLOCK_ROWS  # of results; faiss would allocate 3 MB for each block

    def scores(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns the score of each row, (len(ids),) float32; minus infinity where it is not a number."""
        result = np.full(len(ids), -np.inf, np.float32)
        self._scanner.set_query(self._faiss.swig_ptr(vector))
        retains, is_gathered = _MIN_RETAINED_ROWS <= len(ids) <= _MAX_RETAINED_ROWS, ids is self._retained_ids
        if retains and not is_gathered:
            self._retained_ids = np.empty(0, np.int64)
        for start in range(0, len(ids), _BLOCK_ROWS):
            block = ids[start : start + _BLOCK_ROWS]
            buffer = (self._retained[start:] if retains else self._buffer)[: len(block)]
            if not is_gathered:
                np.take(_as_void_rows(vectors), block, out=_as_void_rows(buffer), mode="clip")
            self._score_block(buffer, result[start : start + _BLOCK_ROWS])
        if retains:
            self._retained_ids = ids
        return result

    def nearest(
        self, vectors: NDArray[np.float16], ids: NDArray[np.int64], vector: NDArray[np.float32], k: int
    ) -> Ranked:
        """Returns the ranking of the k best rows."""
        return Ranked.top_k(ids, self.scores(vectors, ids, vector), k, complete=True)

    def _score_block(self, buffer: NDArray[np.float16], result: NDArray[np.float32]) -> None:
        """Writes the scores of up to ``_BLOCK_ROWS`` gathered rows for the query of the scanner."""
        pointer, part = self._faiss.swig_ptr, self._faiss.RangeSearchPartialResult(self._found)
        rows, labels, found = pointer(buffer.view(np.uint8)), self._labels, part.new_result(0)
        self._scanner.scan_codes_range(len(buffer), rows, pointer(self._positions), -np.inf, found)
        if found.nres == len(buffer):
            part.copy_range(0, len(buffer), pointer(labels), pointer(result))  # in the order of the rows
        else:  # some are not numbers
            scores = np.empty(found.nres, np.float32)
            part.copy_range(0, found.nres, pointer(labels), pointer(scores))
            result[labels[: found.nres]] = scores


def _as_void_rows(rows: NDArray[np.float16]) -> NDArray[np.void]:
    """Returns a view of (n, dim) rows as (n,) void elements: numpy gathers a few of these in half the time."""
    return rows.view(f"V{rows.shape[1] * 2}")[:, 0]
