"""Codes: 4 bits for every four components of a vector, in cells, scanned for one question or written for all rows.

What is coded is a row less the mean of its cell: with a mean for every thousand rows little is left to code, and the
re-rank needs a third fewer rows. A fast-scan product quantizer (96 sub-vectors of 4 bits; Andre, Kermarrec, Le
Scouarnec, "Cache locality is not enough", VLDB 2015) over inverted lists (``search.vectors.cells``). This module and
``search.vectors`` alone import faiss.
"""

from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.errors import IndexDamaged
from search.rows import Rows
from search.vectors.cells import Cells, ProbePlan

if TYPE_CHECKING:
    import faiss

MAX_MISSED_SHARE = 0.004
"""Share of the k best that may be expected in cells not scanned, and again in rows scanned but not re-ranked."""
ROWS_PER_CELL = 1_000
"""Live rows for which there is a cell."""
_MAX_CELLS = 2**16
"""As many as two bytes a row can tell apart."""

_EXACT_COUNT_MAX_ROWS = 65_536
"""Passing rows up to which they are listed to count them by cell."""
_INDEX_FILE, _SPREAD_FILE, _CELL_OF_ROW_FILE = "codes.faiss", "spread.npy", "cell-of-row.npy"
_TRAINING_ROWS, _TRAINING_ROWS_PER_CELL, _KMEANS_ITERATIONS = 32_768, 48, 6
"""Rows that codebooks are learnt from, rows a cell that cells are learnt from, and rounds of k-means for these."""
_PCA_DIMENSIONS, _PCA_TRAINING_ROWS = 96, 16_384
"""Principal directions in which rows are clustered, and rows these are learnt from. In all 384 it takes three times as
long, and questions scan 8% fewer rows (``docs/design/core.md``)."""
_COARSE_IVF_MIN_CELLS, _COARSE_IVF_NPROBE = 256, 4
"""Cells from which a row's cell is looked for among those of the few nearest groups of cells, and how many groups."""
_ENCODE_BLOCK_ROWS = 16_384
_MIN_RADIUS = 1e-3
"""Of a cell whose rows are all the same."""
_SEED = 20_251
_RESERVOIR_IMPLEM = 11
"""faiss' way to keep the best of a scan that takes least time for hundreds of them: unordered until the end."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Rows with the scores of their codes, best first. ``floor``: no passing row of the cells scanned whose code has a
    higher score is left out."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cutoff: float

    def split(self, count: int) -> tuple["Candidates", "Candidates"]:
        """The first so many, and the others."""
        return (
            Candidates(self.rows[:count], self.scores[:count], self.cutoff),
            Candidates(self.rows[count:], self.scores[count:], self.cutoff),
        )

    def merge(self, other: "Candidates") -> "Candidates":
        """Those of both."""
        if not len(other.rows):
            return self
        rows, scores = np.concatenate((self.rows, other.rows)), np.concatenate((self.scores, other.scores))
        order = np.argsort(-scores, kind="stable")  # which finds that it has two ordered runs to merge
        return Candidates(rows[order], scores[order], max(self.cutoff, other.cutoff))


class Codes:
    """The codes of one generation, in cells.

    Raises:
        IndexDamaged: they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        import faiss

        self.faiss = faiss
        try:
            self._owner = faiss.read_index(str(folder / _INDEX_FILE))  # owns what it is seen as
        except RuntimeError as error:
            raise IndexDamaged(folder / _INDEX_FILE, f"{error}; make it again with: papers doctor --repair") from None
        self.ivf_index = faiss.downcast_index(self._owner)
        self.ivf_index.implem = _RESERVOIR_IMPLEM
        self.cells = Cells(
            _read_centroids(self.ivf_index), np.load(folder / _SPREAD_FILE), np.load(folder / _CELL_OF_ROW_FILE)
        )

    def __len__(self) -> int:
        return int(self.ivf_index.ntotal)

    def centroid_scores(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """(cells,) float32: those of the cells' means. By one core: numpy's product takes all, and threads that ask for
        it at once wait for each other."""
        means, pointer = self.cells.centroids, self.faiss.swig_ptr
        scores = np.empty(len(means), np.float32)
        self.faiss.fvec_inner_products_ny(pointer(scores), pointer(vector), pointer(means), means.shape[1], len(means))
        return scores


class Scan:
    """One question's way through the codes: the cells nearest to it, then those that may hold better rows.

    Args:
        codes: of the generation. vector: the question, (dim,) float32. rows: those that may answer.
        keep: rows kept of each of the two parts.
    Attributes:
        scanned: codes looked at. missed: rows expected among the k best in other cells.
    """

    def __init__(self, codes: Codes, vector: NDArray[np.float32], rows: Rows, keep: int) -> None:
        self._codes, self._vector, self._keep = codes, vector, keep
        every = len(rows) == rows.universe
        self._bitmap = None if every else rows.bitmap  # faiss keeps a pointer to it only
        selector = None if every else codes.faiss.IDSelectorBitmap(self._bitmap)
        self._parameters = codes.faiss.SearchParametersIVF(sel=selector)
        self._centroid_scores = codes.centroid_scores(vector)
        passing = codes.cells.count_by_cell(rows, exact=len(rows) <= _EXACT_COUNT_MAX_ROWS)
        self._probe_plan = ProbePlan(codes.cells, self._centroid_scores, passing)
        self.scanned = 0

    @property
    def expected_misses(self) -> float:
        return self._probe_plan.expected_misses

    def scan_nearest(self, k: int) -> Candidates:
        """The best codes of the nearest cells."""
        return self._scan_cells(self._probe_plan.nearest_cells(k))

    def scan_remaining(self, threshold: float, k: int) -> Candidates:
        """The best codes of the cells that may hold rows of a score above the threshold."""
        return self._scan_cells(self._probe_plan.remaining_cells(threshold, k, MAX_MISSED_SHARE * k))

    def _scan_cells(self, cells: NDArray[np.int64]) -> Candidates:
        if not len(cells):
            return Candidates(_NO_ROWS, _NO_SCORES, -np.inf)
        self.scanned += int(self._codes.cells.sizes[cells].sum())
        pointer, keep, means = self._codes.faiss.swig_ptr, self._keep, self._centroid_scores[cells]
        scores, found = np.empty(keep, np.float32), np.empty(keep, np.int64)
        self._parameters.nprobe = len(cells)
        arrays = pointer(cells), pointer(means), pointer(scores), pointer(found)
        self._codes.ivf_index.search_preassigned_c(1, pointer(self._vector), keep, *arrays, False, self._parameters)
        valid = keep if found[-1] >= 0 else int(np.argmax(found < 0))
        return Candidates(found[:valid], scores[:valid], float(scores[-1]) if valid == keep else -np.inf)


_NO_ROWS: NDArray[np.int64] = np.empty(0, np.int64)
_NO_SCORES: NDArray[np.float32] = np.empty(0, np.float32)


def _read_centroids(codes: "faiss.IndexIVFPQFastScan") -> NDArray[np.float32]:
    """(cells, dim) float32."""
    import faiss

    means: NDArray[np.float32] = faiss.downcast_index(codes.quantizer).reconstruct_n(0, codes.nlist)
    return means


def write_codes(vectors: NDArray[np.float16], live: NDArray[np.int64], folder: Path, previous: Path | None) -> None:
    """Writes the codes of every row into a new folder, appending to those of the generation before where given.

    Args:
        vectors: (rows, dim) float16 unit rows. live: the rows that codebooks, cells and their spread are learnt from.
        before: the folder of the codes of a prefix of the rows.
    """
    import faiss

    folder.mkdir()
    faiss.omp_set_num_threads(available_cores())
    loaded = faiss.read_index(str(previous / _INDEX_FILE)) if previous else _train(vectors, live)
    codes = faiss.downcast_index(loaded)
    codes.pq.sync_transposed_centroids()  # with which rows are coded in two thirds of the time
    reader, decoded = _fp16_decoder(vectors.shape[1]), np.empty((_ENCODE_BLOCK_ROWS, vectors.shape[1]), np.float32)
    for start in range(codes.ntotal, len(vectors), _ENCODE_BLOCK_ROWS):
        raw = np.ascontiguousarray(vectors[start : start + _ENCODE_BLOCK_ROWS]).view(np.uint8)
        block = reader.sa_decode(raw, decoded[: len(raw)])  # into the same memory: fresh memory takes as long again
        codes.add_with_ids(block, np.arange(start, start + len(block)))
    of_row = np.empty(len(vectors), np.uint16)
    for cell in range(codes.nlist):
        size = codes.invlists.list_size(cell)
        if not size:
            continue
        of_row[faiss.rev_swig_ptr(codes.invlists.get_ids(cell), size)] = cell
    faiss.write_index(codes, str(folder / _INDEX_FILE))
    np.save(folder / _CELL_OF_ROW_FILE, of_row)
    np.save(
        folder / _SPREAD_FILE,
        np.load(previous / _SPREAD_FILE) if previous else _measure_spread(codes, of_row, vectors, live),
    )


def _fp16_decoder(dim: int) -> "faiss.IndexScalarQuantizer":
    """Decodes float16 rows in a third of the time that numpy takes."""
    import faiss

    reader = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    reader.is_trained = True
    return reader


def _train(vectors: NDArray[np.float16], live: NDArray[np.int64]) -> "faiss.IndexIVFPQFastScan":
    import faiss

    dim, cells = vectors.shape[1], min(max(1, len(live) // ROWS_PER_CELL), _MAX_CELLS)
    sample = vectors[_sample_rows(live)].astype(np.float32)
    quantizer = _build_coarse_quantizer(_cluster_centroids(sample, cells))
    codes = faiss.IndexIVFPQFastScan(quantizer, dim, cells, dim // 4, 4, faiss.METRIC_INNER_PRODUCT)
    codes.by_residual = True
    codes.train(_subsample(sample, _TRAINING_ROWS))
    return codes


def _cluster_centroids(sample: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """(cells, dim) means of the clusters that k-means finds in the principal directions."""
    import faiss

    dim = sample.shape[1]
    principal = faiss.PCAMatrix(dim, min(dim, _PCA_DIMENSIONS))
    principal.train(_subsample(sample, _PCA_TRAINING_ROWS))
    reduced = principal.apply(sample)
    clusters = faiss.Kmeans(
        principal.d_out,
        cells,
        niter=_KMEANS_ITERATIONS,
        seed=_SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    clusters.train(reduced)
    cell = clusters.index.search(reduced, 1)[1][:, 0]
    sums = np.zeros((cells, dim), np.float32)
    np.add.at(sums, cell, sample)
    return sums / np.maximum(np.bincount(cell, minlength=cells), 1).astype(np.float32)[:, None]


def _build_coarse_quantizer(means: NDArray[np.float32]) -> "faiss.Index":
    """Finds the cell of a row: among all, or, where they are many, among those of the nearest groups of cells."""
    import faiss

    count, dim = means.shape
    if count < _COARSE_IVF_MIN_CELLS:
        every = faiss.IndexFlatL2(dim)
        every.add(means)
        return every
    groups = faiss.Kmeans(dim, 2 * isqrt(count), seed=_SEED, min_points_per_centroid=1)
    groups.train(means)
    grouped = faiss.IndexIVFFlat(groups.index, dim, groups.k, faiss.METRIC_L2)
    groups.index.this.disown()  # what it is part of frees it
    grouped.own_fields, grouped.is_trained, grouped.nprobe = True, True, _COARSE_IVF_NPROBE
    grouped.add(means)
    grouped.make_direct_map()  # means are read back by their numbers
    return grouped


def _sample_rows(live: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows that are learnt from, ascending."""
    wanted = max(_TRAINING_ROWS, _TRAINING_ROWS_PER_CELL * (len(live) // ROWS_PER_CELL))
    return np.sort(np.random.default_rng(_SEED).choice(live, min(wanted, len(live)), replace=False))


def _subsample(sample: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """At most so many of the rows, from all over."""
    return np.ascontiguousarray(sample[:: -(-len(sample) // rows)])


def _measure_spread(
    codes: "faiss.IndexIVFPQFastScan", of_row: NDArray[np.uint16], vectors: NDArray[np.float16], live: NDArray[np.int64]
) -> NDArray[np.float32]:
    """``Cells.spread``: what it were if all directions were alike."""
    means, sample = _read_centroids(codes), _sample_rows(live)
    offsets = vectors[sample].astype(np.float32) - means[of_row[sample]]
    squares = np.bincount(of_row[sample], (offsets**2).sum(axis=1), len(means))
    counts = np.bincount(of_row[sample], minlength=len(means))
    radius = np.sqrt(np.where(counts > 0, squares / np.maximum(counts, 1), squares.sum() / len(sample)))
    return np.asarray(np.maximum(radius, _MIN_RADIUS) / np.sqrt(vectors.shape[1]), np.float32)
