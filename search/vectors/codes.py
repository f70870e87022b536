"""Codes: scans the 4-bit codes of one generation for the rows nearest to a query.

A row is coded as its difference from the centroid of its cell, by a fast-scan product quantizer (a 4-bit code
for each two components; Andre, Kermarrec, Le Scouarnec, "Cache locality is not enough", VLDB 2015) over inverted lists
(``search.vectors.cells``). Centroids of a thousand rows each leave small differences to code, which reduces the number
of rows to re-rank by a third. ``search.vectors.code_writer`` writes the codes. Only this package imports faiss.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexDamaged
from search.files import load_array
from search.rows import NO_SCORES, Rows, mask_to_bitmap
from search.vectors.cells import DEFAULT_PROBE_TUNING, Cells, ProbePlan, ProbeTuning

if TYPE_CHECKING:
    import faiss

INDEX_FILE = "codes.faiss"
SPREAD_FILE = "spread.npy"
CELL_OF_ROW_FILE = "cell-of-row.npy"


@dataclass(frozen=True, slots=True)
class ScanTuning:
    """Tuning of the scan of the codes. Recall with these values: ``benchmarks/results/recall-*.json``."""

    max_missed_share: float = 0.004
    """Expected misses allowed in cells that are not scanned, and again among candidates that are not re-ranked, each as
    a share of k; docs/design/core.md."""
    exact_count_max_rows: int = 65_536
    """Matching rows up to which they are counted exactly by cell; above, estimated. Not measured separately."""
    probe: ProbeTuning = DEFAULT_PROBE_TUNING


DEFAULT_SCAN_TUNING = ScanTuning()


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Rows with approximate scores, best first.

    Attributes:
        rows: (n,) int64 row numbers.
        scores: (n,) float32, the scores of the rows' codes.
        cutoff: upper bound of the code scores of matching rows that were scanned but not kept.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cutoff: float

    def split(self, count: int) -> tuple["Candidates", "Candidates"]:
        """Splits off the first ``count`` candidates."""
        return (
            Candidates(self.rows[:count], self.scores[:count], self.cutoff),
            Candidates(self.rows[count:], self.scores[count:], self.cutoff),
        )

    def merge(self, other: "Candidates") -> "Candidates":
        """Merges two disjoint sets of candidates."""
        if not len(other.rows):
            return self
        rows, scores = np.concatenate((self.rows, other.rows)), np.concatenate((self.scores, other.scores))
        order = np.argsort(-scores, kind="stable")  # the stable sort merges two sorted runs in linear time
        return Candidates(rows[order], scores[order], max(self.cutoff, other.cutoff))


class Codes:
    """The codes of one generation, grouped by cell.

    Args:
        folder: the folder that ``write_codes`` wrote.
        tuning: see ``ScanTuning``.

    Attributes:
        faiss: the faiss module.
        ivf_index: the faiss index.
        cells: the cells.
        tuning: the argument.

    Raises:
        IndexDamaged: the codes cannot be read.
    """

    def __init__(self, folder: Path, tuning: ScanTuning = DEFAULT_SCAN_TUNING) -> None:
        import faiss

        self.faiss, self.tuning = faiss, tuning
        try:
            self._owner = faiss.read_index(str(folder / INDEX_FILE))  # keeps alive what ivf_index points to
            self.ivf_index = faiss.downcast_index(self._owner)
            self.cells = Cells(
                read_centroids(self.ivf_index),
                load_array(folder / SPREAD_FILE),
                load_array(folder / CELL_OF_ROW_FILE),
                tuning.probe,
            )
        except (RuntimeError, ValueError, EOFError, AttributeError) as error:
            raise IndexDamaged(folder, f"{error}; rebuild it with: papers doctor --repair") from None
        self._quantizer = self._replace_quantizer()

    def _replace_quantizer(self) -> "faiss.IndexFlatIP":
        """Lets range searches score every centroid. The trained quantizer finds the cell of a row, approximately."""
        quantizer = self.faiss.IndexFlatIP(self.ivf_index.d)
        quantizer.add(self.cells.centroids)
        trained = self.ivf_index.quantizer
        self.ivf_index.own_fields, self.ivf_index.quantizer = False, quantizer
        trained.this.own(True)  # deletes it with this variable
        return quantizer

    def __len__(self) -> int:
        return int(self.ivf_index.ntotal)

    def rows_above(
        self, vector: NDArray[np.float32], rows: Rows, score: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Scans all codes and returns the rows of a set whose code score is above ``score``, and these code scores.

        faiss rounds ``score`` to 16 bits between the lowest and the highest code score that is possible, and finds
        nothing if it is outside. So the result is None for a score below those of all centroids.
        """
        if score < self.centroid_scores(vector).min():
            return None
        unfiltered = len(rows) == rows.universe
        bitmap = None if unfiltered else rows.bitmap  # a reference, since faiss stores only a pointer
        selector = None if unfiltered else self.faiss.IDSelectorBitmap(bitmap)
        parameters = self.faiss.SearchParametersIVF(sel=selector, nprobe=len(self.cells))
        _, scores, found = self.ivf_index.range_search(vector[None], score, params=parameters)
        return found, scores

    def centroid_scores(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the score of each centroid, (cells,) float32.

        faiss computes them on one core. numpy would use all cores, for which concurrent queries would contend.
        """
        centroids, pointer = self.cells.centroids, self.faiss.swig_ptr
        count, dim = centroids.shape
        scores = np.empty(count, np.float32)
        self.faiss.fvec_inner_products_ny(pointer(scores), pointer(vector), pointer(centroids), dim, count)
        return scores

    def lowest_residual_score(self, vector: NDArray[np.float32]) -> float:
        """Returns the lowest possible difference of the score of a row's code and that of its centroid."""
        products = np.einsum("mjd,md->mj", self._sub_centroids, vector.reshape(len(self._sub_centroids), -1))
        return float(products.min(axis=1).sum())

    @cached_property
    def _sub_centroids(self) -> NDArray[np.float32]:
        """The centroids of the product quantizer, (sub-vectors, 16, components) float32."""
        quantizer = self.ivf_index.pq
        centroids: NDArray[np.float32] = self.faiss.vector_to_array(quantizer.centroids)
        return centroids.reshape(quantizer.M, quantizer.ksub, quantizer.dsub)


class Scan:
    """The scan of the codes for one query: first the nearest cells, then those that may contain better rows.

    Args:
        codes: the codes.
        vector: (dim,) float32, the query.
        rows: the matching rows.

    Attributes:
        match_count: number of matching rows.
    """

    def __init__(self, codes: Codes, vector: NDArray[np.float32], rows: Rows) -> None:
        self._codes, self._vector, self.match_count = codes, vector, len(rows)
        unfiltered = len(rows) == rows.universe
        self._bitmap = None if unfiltered else rows.bitmap  # a reference, since faiss stores only a pointer
        self._selector = None if unfiltered else codes.faiss.IDSelectorBitmap(self._bitmap)
        self._parameters = codes.faiss.SearchParametersIVF(sel=self._selector)
        self._centroid_scores = codes.centroid_scores(vector)
        match_counts = codes.cells.count_by_cell(rows, exact=len(rows) <= codes.tuning.exact_count_max_rows)
        self._probe_plan = ProbePlan(codes.cells, self._centroid_scores, match_counts)
        self._cells, self._new_cells = _NO_CELLS, _NO_CELLS

    @property
    def expected_misses(self) -> float:
        """Expected number of the k best rows in cells that are not scanned."""
        return self._probe_plan.expected_misses

    @property
    def scanned(self) -> int:
        """Number of codes in the cells that are scanned."""
        return int(self._codes.cells.sizes[self._cells].sum())

    def add_nearest_cells(self, k: int) -> None:
        """Scans the nearest cells."""
        self._add(self._probe_plan.nearest_cells(k))

    def add_remaining_cells(self, threshold: float, k: int) -> None:
        """Scans the other cells, too, that may contain rows with a score above the threshold."""
        self._add(self._probe_plan.remaining_cells(threshold, k, self._codes.tuning.max_missed_share * k))

    def _add(self, cells: NDArray[np.int64]) -> None:
        self._cells, self._new_cells = np.concatenate((self._cells, cells)), cells

    def best(self, count: int) -> Candidates:
        """Returns the rows with the best code scores in the cells that were added last, best first."""
        cells = self._new_cells
        if not len(cells):
            return Candidates(_NO_CELLS, NO_SCORES, -np.inf)
        pointer, centroid_scores = self._codes.faiss.swig_ptr, self._centroid_scores[cells]
        scores, found = np.empty(count, np.float32), np.empty(count, np.int64)
        self._parameters.nprobe = len(cells)
        arrays = pointer(cells), pointer(centroid_scores), pointer(scores), pointer(found)
        self._codes.ivf_index.search_preassigned_c(1, pointer(self._vector), count, *arrays, False, self._parameters)
        valid = count if found[-1] >= 0 else int(np.argmax(found < 0))
        return Candidates(found[:valid], scores[:valid], float(scores[-1]) if valid == count else -np.inf)

    def above(self, score: float) -> Candidates:
        """Returns all rows of the cells whose code score is above ``score``, in any order.

        faiss finds them in a quarter of the time that it takes to find as many best ones, since it does not rank them.
        """
        faiss, is_scanned = self._codes.faiss, np.zeros(len(self._codes.cells), bool)
        is_scanned[self._cells] = True
        bitmap = mask_to_bitmap(is_scanned)
        only_these = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        parameters = faiss.SearchParametersIVF(sel=self._selector, nprobe=len(self._cells), quantizer_params=only_these)
        minimum = max(score, self._lowest_score(score))
        _, scores, found = self._codes.ivf_index.range_search(self._vector[None], minimum, params=parameters)
        return Candidates(found, scores, minimum)

    def _lowest_score(self, score: float) -> float:
        """Returns a code score that all scanned rows exceed, unless ``score`` is greater in any case.

        faiss rounds a minimum to 16 bits between the lowest and the highest code score that is possible, and finds
        nothing if it is outside.
        """
        lowest = float(self._centroid_scores[self._cells].min())
        return lowest if lowest <= score else lowest + self._codes.lowest_residual_score(self._vector)


_NO_CELLS: NDArray[np.int64] = np.empty(0, np.int64)


def read_centroids(index: "faiss.IndexIVFPQFastScan") -> NDArray[np.float32]:
    """Returns the centroids of an index, (cells, dim) float32."""
    import faiss

    centroids: NDArray[np.float32] = faiss.downcast_index(index.quantizer).reconstruct_n(0, index.nlist)
    return centroids
