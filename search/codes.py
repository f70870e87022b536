"""Codes: 4 bits for every four components of a vector, in cells, scanned for one question or written for all rows.

A fast-scan product quantizer (96 sub-vectors of 4 bits; Andre, Kermarrec, Le Scouarnec, "Cache locality is not
enough", VLDB 2015) over inverted lists (``search.cells``). This module and ``search.vectors`` alone import faiss.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.cells import Cells, Probing
from search.errors import IndexDamaged
from search.machine import cores
from search.rows import Rows

if TYPE_CHECKING:
    import faiss

MOST_MISSED = 0.004
"""Share of the k best that may be expected in cells not scanned, and again in rows scanned but not re-ranked."""
ROWS_A_CELL = 8_192
"""Live rows for which there is a cell."""
ONE_CELL_UP_TO = 200_000
"""Live rows up to which all are one cell: scanning them costs less than choosing among them."""

_LISTED_UP_TO = 65_536
"""Passing rows up to which they are listed to count them by cell."""
_INDEX, _SPREAD, _OF_ROW = "codes.faiss", "spread.npy", "cell-of-row.npy"
_TRAINING_ROWS = 32_768
_BLOCK_ROWS = 65_536
_SEED = 20_251
_SPREAD_A_RADIUS = 1.25
"""Above 1 because they are not alike, and tails are heavier than normal ones. At a million rows 1.1 finds .988 of the
ten nearest and scans 28% of the rows, 1.25 .993 and 34% (``docs/design/core.md``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Rows with the scores of their codes, best first. ``whole``: no passing row of the scanned cells is left out.
    ``missed``: rows expected among the k best in other cells. ``scanned``: codes looked at."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    whole: bool
    missed: float
    scanned: int


class Codes:
    """The codes of one generation, in cells.

    Raises:
        IndexDamaged: they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        import faiss

        self._faiss = faiss
        try:
            self._loaded = faiss.read_index(str(folder / _INDEX))  # owns what it is seen as
        except RuntimeError as error:
            raise IndexDamaged(folder / _INDEX, f"{error}; make it again with: papers doctor --repair") from None
        self._index = faiss.downcast_index(self._loaded)
        self.cells = _cells_of(self._index, np.load(folder / _OF_ROW), np.load(folder / _SPREAD))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def scan(self, vector: NDArray[np.float32], k: int, keep: int, rows: Rows) -> Candidates:
        """The rows of the best codes among those that pass: at most ``keep`` of them."""
        passing = self.cells.passing(rows, listed=len(rows) <= _LISTED_UP_TO)
        probing = Probing(self.cells, vector, passing)
        selector = None if len(rows) == rows.universe else self._faiss.IDSelectorBitmap(rows.bitmap)
        rows_found: NDArray[np.int64] = np.empty(0, np.int64)
        scores: NDArray[np.float32] = np.empty(0, np.float32)
        whole = True
        cells = probing.first(k)
        while len(cells):
            found, found_scores = self._best(vector, keep, cells, selector)
            rows_found, scores = np.concatenate((rows_found, found)), np.concatenate((scores, found_scores))
            order = np.argsort(-scores, kind="stable")[:keep]
            rows_found, scores = rows_found[order], scores[order]
            whole = whole and len(order) < keep
            cells = probing.more(float(scores[k - 1]) if len(scores) >= k else -np.inf, k, MOST_MISSED * k)
        return Candidates(rows_found, scores, whole, probing.missed, int(self.cells.sizes[probing.scanned].sum()))

    def _best(
        self, vector: NDArray[np.float32], keep: int, cells: NDArray[np.int64], selector: "faiss.IDSelector | None"
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores of the best codes in these cells, best first. faiss keeps a pointer to the selector only."""
        pointer = self._faiss.swig_ptr
        scores, found = np.empty(keep, np.float32), np.empty(keep, np.int64)
        parameters = self._faiss.SearchParametersIVF(nprobe=len(cells), sel=selector)
        unused = np.zeros(len(cells), np.float32)
        arrays = pointer(cells), pointer(unused), pointer(scores), pointer(found)
        self._index.search_preassigned_c(1, pointer(vector), keep, *arrays, False, parameters)
        valid = int(np.searchsorted(found < 0, True)) if found[-1] < 0 else keep
        return found[:valid], scores[:valid]


def _cells_of(
    codes: "faiss.IndexIVFPQFastScan", of_row: NDArray[np.uint16], spread: NDArray[np.float32] | None = None
) -> Cells:
    import faiss

    means = faiss.downcast_index(codes.quantizer).reconstruct_n(0, codes.nlist)
    return Cells(means, np.ones(len(means), np.float32) if spread is None else spread, of_row)


def write_codes(vectors: NDArray[np.float16], live: NDArray[np.int64], folder: Path, before: Path | None) -> None:
    """Writes the codes of every row into a new folder, appending to those of the generation before where given.

    Args:
        vectors: (rows, dim) float16 unit rows. live: the rows that codebooks, cells and their spread are learnt from.
        before: the folder of the codes of a prefix of the rows.
    """
    import faiss

    folder.mkdir()
    faiss.omp_set_num_threads(cores())
    loaded = faiss.read_index(str(before / _INDEX)) if before else _trained(vectors, live)
    codes = faiss.downcast_index(loaded)
    reader = _reader(vectors.shape[1])
    for start in range(codes.ntotal, len(vectors), _BLOCK_ROWS):
        block = reader.sa_decode(np.ascontiguousarray(vectors[start : start + _BLOCK_ROWS]).view(np.uint8))
        codes.add_with_ids(block, np.arange(start, start + len(block)))
    of_row = np.empty(len(vectors), np.uint16)
    for cell in range(codes.nlist):
        size = codes.invlists.list_size(cell)
        of_row[faiss.rev_swig_ptr(codes.invlists.get_ids(cell), size)] = cell
    faiss.write_index(codes, str(folder / _INDEX))
    np.save(folder / _OF_ROW, of_row)
    np.save(folder / _SPREAD, np.load(before / _SPREAD) if before else _spread(codes, of_row, vectors, live))


def _reader(dim: int) -> "faiss.IndexScalarQuantizer":
    """Decodes float16 rows in a third of the time that numpy takes."""
    import faiss

    reader = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    reader.is_trained = True
    return reader


def _trained(vectors: NDArray[np.float16], live: NDArray[np.int64]) -> "faiss.IndexIVFPQFastScan":
    import faiss

    dim, cells = vectors.shape[1], len(live) // ROWS_A_CELL if len(live) > ONE_CELL_UP_TO else 1
    sample = vectors[_sample(live)].astype(np.float32)
    codes = faiss.IndexIVFPQFastScan(faiss.IndexFlatL2(dim), dim, cells, dim // 4, 4, faiss.METRIC_INNER_PRODUCT)
    codes.by_residual = False
    codes.train(sample)
    return codes


def _sample(live: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows that are learnt from, ascending."""
    return np.sort(np.random.default_rng(_SEED).choice(live, min(_TRAINING_ROWS, len(live)), replace=False))


def _spread(
    codes: "faiss.IndexIVFPQFastScan", of_row: NDArray[np.uint16], vectors: NDArray[np.float16], live: NDArray[np.int64]
) -> NDArray[np.float32]:
    """``Cells.spread``: in proportion to the radius of a cell, ``_SPREAD_A_RADIUS`` times what it were if
    all directions were alike."""
    cells = _cells_of(codes, of_row)
    sample = _sample(live)
    offsets = vectors[sample].astype(np.float32) - cells.means[of_row[sample]]
    squares = np.bincount(of_row[sample], (offsets**2).sum(axis=1), len(cells))
    counts = np.bincount(of_row[sample], minlength=len(cells))
    radius = np.sqrt(np.where(counts > 0, squares / np.maximum(counts, 1), squares.sum() / len(sample)))
    return np.asarray(radius * _SPREAD_A_RADIUS / np.sqrt(vectors.shape[1]), np.float32)
