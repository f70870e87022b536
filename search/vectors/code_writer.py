"""Writes the codes of a generation: trains cells and codebooks on live rows, then encodes all rows.

``search.vectors.codes`` describes the codes and reads them.
"""

from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.files import load_array, save_array
from search.vectors.codes import CELL_OF_ROW_FILE, INDEX_FILE, SPREAD_FILE, read_centroids

if TYPE_CHECKING:
    import faiss

_MAX_CELLS = 2**16
"""The number of cells that ``Cells.cell_of_row``, uint16, can tell apart."""
_MIN_RADIUS = 1e-3
"""Radius of a cell whose rows are all equal, so that no spread is 0."""
_SEED = 20_251


@dataclass(frozen=True, slots=True)
class CodesTuning:
    """Tuning of the codes at build time. Build times: ``benchmarks/results/scaling.json``."""

    min_rows: int = 20_000
    """Rows from which an index has codes. Below, every search is exact: scoring 20,000 rows takes 3.4 ms
    (strategy_crossover-1000000.json)."""
    rows_per_cell: int = 1_000
    """Live rows per cell; docs/design/core.md."""
    training_rows: int = 32_768
    """Rows that the codebooks are trained on; as in synthetic_vectors-1000000.json."""
    training_rows_per_cell: int = 48
    """Rows per cell that the cells are trained on; build times in scaling.json."""
    kmeans_iterations: int = 6
    """Iterations of k-means that train the cells; build times in scaling.json."""
    pca_dimensions: int = 96
    """Principal components that rows are clustered in. All 384 components take three times as long, and queries scan 8%
    fewer rows; docs/design/core.md."""
    pca_training_rows: int = 16_384
    """Rows that the principal components are computed from; not measured separately."""
    coarse_ivf_min_cells: int = 256
    """Cells from which a row's cell is searched in groups of cells; not measured separately."""
    coarse_ivf_nprobe: int = 4
    """Groups of cells that are searched for a row's cell; docs/design/core.md."""
    components_per_code: int = 2
    """Components of a vector that share a 4-bit code. Codes of four components take half the memory and scanning time,
    and twice as many rows have to be scored exactly for the same recall; docs/design/core.md."""
    encode_block_rows: int = 16_384
    """Rows encoded per step: 24 MiB of float32 at 384 dimensions."""


DEFAULT_CODES_TUNING = CodesTuning()


def write_codes(
    vectors: NDArray[np.float16],
    live: NDArray[np.int64],
    folder: Path,
    previous: Path | None,
    tuning: CodesTuning = DEFAULT_CODES_TUNING,
) -> None:
    """Writes the codes of all rows into a new folder.

    Args:
        vectors: (rows, dim) float16 unit rows.
        live: the rows that codebooks, cells and spreads are learnt from.
        folder: the folder to create.
        previous: the folder of codes of a prefix of the rows, which are extended; None to train new ones.
        tuning: see ``CodesTuning``.
    """
    import faiss

    folder.mkdir()
    faiss.omp_set_num_threads(available_cores())
    trainer = _Trainer(vectors, live, tuning)
    loaded = _read_index(previous / INDEX_FILE) if previous else trainer.train()
    index = faiss.downcast_index(loaded)
    _encode(index, vectors, tuning.encode_block_rows)
    cell_of_row = np.empty(len(vectors), np.uint16)
    for cell in range(index.nlist):
        size = index.invlists.list_size(cell)
        if size:
            cell_of_row[faiss.rev_swig_ptr(index.invlists.get_ids(cell), size)] = cell
    with (folder / INDEX_FILE).open("wb") as file:  # not by name, so that a failed write is an OSError with errno
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    save_array(folder / CELL_OF_ROW_FILE, cell_of_row)
    spread = load_array(previous / SPREAD_FILE) if previous else trainer.measure_spread(index, cell_of_row)
    save_array(folder / SPREAD_FILE, spread)


def _read_index(path: Path) -> "faiss.Index":
    import faiss

    with path.open("rb") as file:
        return faiss.read_index(faiss.PyCallbackIOReader(file.read))


def _encode(index: "faiss.IndexIVFPQFastScan", vectors: NDArray[np.float16], block_rows: int) -> None:
    """Appends the codes of all rows that the index does not contain."""
    import faiss

    dim = vectors.shape[1]
    index.pq.sync_transposed_centroids()  # reduces the time to encode by a third
    decoder = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    decoder.is_trained = True  # decodes float16 in a third of the time that numpy takes
    buffer = np.empty((block_rows, dim), np.float32)  # reused, since allocating memory takes as long as decoding
    for start in range(index.ntotal, len(vectors), block_rows):
        raw = np.ascontiguousarray(vectors[start : start + block_rows]).view(np.uint8)
        block = decoder.sa_decode(raw, buffer[: len(raw)])
        index.add_with_ids(block, np.arange(start, start + len(block)))


class _Trainer:
    """Learns cells, codebooks and spreads from a seeded sample of the live rows."""

    def __init__(self, vectors: NDArray[np.float16], live: NDArray[np.int64], tuning: CodesTuning) -> None:
        self._vectors, self._live, self._tuning = vectors, live, tuning

    def train(self) -> "faiss.IndexIVFPQFastScan":
        """Returns an index without rows."""
        import faiss

        dim, cells = self._vectors.shape[1], min(max(1, len(self._live) // self._tuning.rows_per_cell), _MAX_CELLS)
        sample = self._vectors[self._sample_rows()].astype(np.float32)
        quantizer = self._build_coarse_quantizer(self._cluster_centroids(sample, cells))
        index = faiss.IndexIVFPQFastScan(
            quantizer, dim, cells, dim // self._tuning.components_per_code, 4, faiss.METRIC_INNER_PRODUCT
        )
        index.by_residual = True
        index.train(_subsample(sample, self._tuning.training_rows))
        return index

    def measure_spread(self, index: "faiss.IndexIVFPQFastScan", cell_of_row: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Returns ``Cells.spread`` under the assumption that cells are spherical: root mean square radius / √dim."""
        centroids, sample = read_centroids(index), self._sample_rows()
        offsets = self._vectors[sample].astype(np.float32) - centroids[cell_of_row[sample]]
        squares = np.bincount(cell_of_row[sample], (offsets**2).sum(axis=1), len(centroids))
        counts = np.bincount(cell_of_row[sample], minlength=len(centroids))
        radius = np.sqrt(np.where(counts > 0, squares / np.maximum(counts, 1), squares.sum() / len(sample)))
        return np.asarray(np.maximum(radius, _MIN_RADIUS) / np.sqrt(self._vectors.shape[1]), np.float32)

    def _sample_rows(self) -> NDArray[np.int64]:
        """Returns the training rows, ascending."""
        tuning, live = self._tuning, self._live
        wanted = max(tuning.training_rows, tuning.training_rows_per_cell * (len(live) // tuning.rows_per_cell))
        return np.sort(np.random.default_rng(_SEED).choice(live, min(wanted, len(live)), replace=False))

    def _cluster_centroids(self, sample: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
        """Clusters the sample by k-means on principal components and returns the (cells, dim) means of the clusters."""
        import faiss

        dim = sample.shape[1]
        pca = faiss.PCAMatrix(dim, min(dim, self._tuning.pca_dimensions))
        pca.train(_subsample(sample, self._tuning.pca_training_rows))
        reduced = pca.apply(sample)
        clusters = faiss.Kmeans(
            pca.d_out,
            cells,
            niter=self._tuning.kmeans_iterations,
            seed=_SEED,
            min_points_per_centroid=1,
            max_points_per_centroid=len(sample),
        )
        clusters.train(reduced)
        cell = clusters.index.search(reduced, 1)[1][:, 0]
        sums = np.zeros((cells, dim), np.float32)
        np.add.at(sums, cell, sample)
        return sums / np.maximum(np.bincount(cell, minlength=cells), 1).astype(np.float32)[:, None]

    def _build_coarse_quantizer(self, centroids: NDArray[np.float32]) -> "faiss.Index":
        """Returns the index that finds a row's cell.

        It compares all centroids. If there are many, it compares those in the nearest groups of centroids only.
        """
        import faiss

        count, dim = centroids.shape
        if count < self._tuning.coarse_ivf_min_cells:
            flat = faiss.IndexFlatL2(dim)
            flat.add(centroids)
            return flat
        groups = faiss.Kmeans(dim, 2 * isqrt(count), seed=_SEED, min_points_per_centroid=1)
        groups.train(centroids)
        grouped = faiss.IndexIVFFlat(groups.index, dim, groups.k, faiss.METRIC_L2)
        groups.index.this.disown()  # ownership passes to ``grouped``
        grouped.own_fields, grouped.is_trained, grouped.nprobe = True, True, self._tuning.coarse_ivf_nprobe
        grouped.add(centroids)
        grouped.make_direct_map()  # required by ``read_centroids``
        return grouped


def _subsample(sample: NDArray[np.float32], max_rows: int) -> NDArray[np.float32]:
    """Returns at most ``max_rows`` evenly spaced rows."""
    return np.ascontiguousarray(sample[:: -(-len(sample) // max_rows)])
