"""CollectionVectors: nearest papers of a collection. Milvus finds the candidates; their scores are computed here."""

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexUnavailable
from search.milvus.table import MAX_WHOLE_SET, READ_BY_QUESTION, MatchingPapers, PaperTable
from search.rows import NO_ROWS, NO_SCORES, PaperSet, Ranked
from search.vectors.threshold import RowsAbove

CANDIDATES = MAX_WHOLE_SET
"""Papers that a question reads, more than it ranks, so that feedback can move others up; of a smaller set, all."""
BY_MEANING = "by meaning"
"""The search by vector, in words."""
_GRAPH_RECALL = 0.98
"""Expected share of the nearest papers that a graph finds; not measured on a server."""


class CollectionVectors:
    """The vectors of one collection (``search.index.backend.VectorSearch``).

    Args:
        table: the papers that were read.
    """

    def __init__(self, table: PaperTable) -> None:
        self._table = table
        self._expected_recall = 1.0 if table.collection.dialect.vector_index == "FLAT" else _GRAPH_RECALL

    def nearest(self, vectors: NDArray[np.float32], k: int, papers: PaperSet) -> list[Ranked]:
        """See ``VectorSearch``."""
        return [self._nearest(vector, k, papers) for vector in vectors]

    def _nearest(self, vector: NDArray[np.float32], k: int, papers: PaperSet) -> Ranked:
        if not isinstance(papers, MatchingPapers):
            return Ranked.top_k(papers.ids, self.scores(vector, papers.ids), k, complete=True)
        wanted = max(k, CANDIDATES)
        self._table.note_kind(READ_BY_QUESTION)
        try:
            with self._table.collection.counting(papers.expression):
                found = self._table.collection.nearest(vector, wanted, papers.whole_expression)
        except IndexUnavailable:
            if not self._table.has_words:
                raise
            self._table.failed_leg = BY_MEANING
            return Ranked(NO_ROWS, NO_SCORES, False, NO_ROWS, expected_recall=0.0)
        rows = self._table.add(found.papers, papers.expression)
        is_complete = len(rows) < wanted
        if is_complete and self._expected_recall == 1:
            papers.note_size(len(rows))
        ranked = Ranked.top_k(rows, self.scores(vector, rows), k, complete=is_complete)
        recall = 1.0 if is_complete else self._expected_recall
        return Ranked(
            ranked.rows, ranked.scores, is_complete, rows, len(rows), recall, scored_scores=ranked.scored_scores
        )

    def rows_above(self, vector: NDArray[np.float32], threshold: float, papers: PaperSet) -> RowsAbove:
        """See ``VectorSearch``; of a large set, only papers that were read."""
        rows = self._table.members(papers)
        return RowsAbove(rows[self.scores(vector, rows) >= threshold], complete=len(rows) == len(papers))

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``VectorSearch``."""
        return np.asarray(self._table.vectors(ids) @ vector, np.float32)

    def get_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``VectorSearch``."""
        return self._table.vectors(ids)

    def get_vector(self, row: int) -> NDArray[np.float32]:
        """See ``VectorSearch``."""
        return np.asarray(self._table.vectors(np.array([row]))[0])
