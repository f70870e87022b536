"""Vectors: the append-only file of unit vectors, the 4-bit codes beside it, and nearest neighbours among Rows.

The only module that imports faiss. Codes are a flat fast-scan product quantizer (96 sub-vectors of 4 bits;
Andre, Kermarrec, Le Scouarnec, "Cache locality is not enough", VLDB 2015), scanned whole and re-ranked with
the exact vectors: every code is looked at, so no filter can lose the answer.
"""

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexDamaged
from search.rows import Ranked, Rows

if TYPE_CHECKING:
    import faiss

CODED_FROM = 20_000
"""Rows from which an index has codes; below, every search is exact (an exact scan takes 3 ms there)."""
EXACT_UP_TO = 10_000
"""Passing rows up to which they are scored exactly rather than by their codes."""
BLOCK_ROWS = 65_536
"""Rows a checksum of an append-only file covers."""

_LEAST_DEPTH, _DEPTH_A_RESULT = 640, 7
"""Rows of best codes that are scored exactly: at least so many, and so many for each row asked for."""
_TRAINING_ROWS = 32_768
_SEED = 20_251
_CODEC = "IVF1,PQ{}x4fs"


class VectorIndex:
    """Nearest neighbours by inner product among the first ``rows`` rows of a vectors file.

    Args:
        path: the vectors file: row-major float16, unit rows.
        rows: how many of its rows belong to this generation. dim: components a row.
        codes: the codes of the same rows, or None to score exactly always.
    """

    def __init__(self, path: Path, rows: int, dim: int, codes: Path | None) -> None:
        self._vectors: NDArray[np.float16] = (
            np.memmap(path, np.float16, "r", shape=(rows, dim)) if rows else np.empty((0, dim), np.float16)
        )
        self._codes_path = codes

    def __len__(self) -> int:
        return len(self._vectors)

    def nearest(self, vector: NDArray[np.float32], k: int, rows: Rows) -> Ranked:
        """The k rows of highest inner product with a (dim,) vector, out of the passing ones.

        Always returns min(k, passing) rows; ``complete`` says that every passing row was scored exactly.
        """
        if len(rows) <= EXACT_UP_TO or not self._codes_path:
            return self._exact(vector, k, rows.ids, complete=True)
        return self._exact(vector, k, self._scan(vector, max(_LEAST_DEPTH, _DEPTH_A_RESULT * k), rows), complete=False)

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The exact inner product of a (dim,) vector with each row: (len(ids),) float32, in the order given."""
        return np.asarray(self._vectors[ids].astype(np.float32) @ vector, np.float32)

    def vector(self, row: int) -> NDArray[np.float32]:
        """The vector of one row, (dim,) float32."""
        return np.asarray(self._vectors[row], np.float32)

    def _exact(self, vector: NDArray[np.float32], k: int, ids: NDArray[np.int64], *, complete: bool) -> Ranked:
        whole = len(ids) == len(self)
        scorer = self._all_rows if whole and len(self) <= CODED_FROM else self._scorer(ids)
        scores, places = scorer.search(vector[None], min(k, len(ids))) if len(ids) else (_NONE, _NONE)
        found = ids[places[0].astype(np.int64)]
        return Ranked.best(found, scores[0].astype(np.float32), k, complete=complete)

    def _scan(self, vector: NDArray[np.float32], depth: int, rows: Rows) -> NDArray[np.int64]:
        import faiss

        parameters = None
        if len(rows) < rows.universe:
            bitmap = rows.bitmap  # faiss keeps a pointer only: it lives until the search is over
            parameters = faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(bitmap), nprobe=1)
        _, found = self._codes.search(vector[None], min(depth, len(rows)), params=parameters)
        return np.sort(found[0][found[0] >= 0])

    def _scorer(self, ids: NDArray[np.int64]) -> "faiss.IndexScalarQuantizer":
        return _exact_scorer(self._vectors[ids])

    @cached_property
    def _all_rows(self) -> "faiss.IndexScalarQuantizer":
        return _exact_scorer(self._vectors)

    @cached_property
    def _codes(self) -> "faiss.Index":
        import faiss

        faiss.omp_set_num_threads(
            1
        )  # two threads do not scan for one question faster, and at times wait for each other
        return faiss.read_index(str(self._codes_path))


_NONE: NDArray[np.float32] = np.empty((1, 0), np.float32)


def _exact_scorer(vectors: NDArray[np.float16]) -> "faiss.IndexScalarQuantizer":
    """faiss reads float16 rows as they are, several times as fast as numpy, which casts them first."""
    import faiss

    scorer = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    scorer.is_trained = True
    if len(vectors):
        scorer.add_sa_codes(np.ascontiguousarray(vectors).view(np.uint8))
    return scorer


class VectorsFile:
    """The writing side of a vectors file: rows are only ever appended, durably.

    Args:
        path: the file; made if absent. dim: components a row. rows: cut to so many (a writer that was killed
            may have left more than were ever counted).

    Raises:
        IndexDamaged: the file holds fewer rows than that.
    """

    def __init__(self, path: Path, dim: int, rows: int) -> None:
        self._path, self._dim = path, dim
        path.touch()
        if path.stat().st_size < rows * self._row_bytes:
            raise IndexDamaged(path, f"it is shorter than {rows:,} vectors of {dim} float16; restore it from a backup")
        os.truncate(path, rows * self._row_bytes)

    @property
    def _row_bytes(self) -> int:
        return 2 * self._dim

    def append(self, vectors: NDArray[np.float16]) -> None:
        """Writes (n, dim) rows of unit length and waits until they are on disk."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(vectors).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self, row: int) -> NDArray[np.float16]:
        """One row, (dim,) float16."""
        return np.fromfile(self._path, np.float16, self._dim, offset=row * self._row_bytes)


def checksums(path: Path, rows: int, dim: int, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """sha256 of each block of BLOCK_ROWS rows, the last one partial; full blocks already ``known`` are kept."""
    full = rows // BLOCK_ROWS
    return (*known[:full], *_checksums(path, rows, dim, len(known[:full])))


def _checksums(path: Path, rows: int, dim: int, first: int) -> Iterator[str]:
    with path.open("rb") as file:
        for start in range(first * BLOCK_ROWS, rows, BLOCK_ROWS):
            file.seek(start * dim * 2)
            yield hashlib.sha256(file.read((min(rows, start + BLOCK_ROWS) - start) * dim * 2)).hexdigest()


def write_codes(vectors: Path, dim: int, live: NDArray[np.bool_], target: Path, before: Path | None) -> None:
    """Writes the codes of every row, appending to those of the generation before where they are given.

    Args:
        vectors: the vectors file. dim: components a row. live: (rows,) bool; codebooks are trained on a seeded
            sample of the live rows. target: the file to write. before: codes of a prefix of the rows.
    """
    import faiss

    rows = np.memmap(vectors, np.float16, "r", shape=(len(live), dim))
    codes = faiss.read_index(str(before)) if before else _trained(rows, np.flatnonzero(live))
    for start in range(codes.ntotal, len(rows), BLOCK_ROWS):
        block = np.asarray(rows[start : start + BLOCK_ROWS], np.float32)
        codes.add_with_ids(block, np.arange(start, start + len(block)))
    faiss.write_index(codes, str(target))


def _trained(rows: NDArray[np.float16], live: NDArray[np.int64]) -> "faiss.Index":
    import faiss

    dim = rows.shape[1]
    codes = faiss.index_factory(dim, _CODEC.format(dim // 4), faiss.METRIC_INNER_PRODUCT)
    codes.by_residual = False
    chosen = np.random.default_rng(_SEED).choice(live, min(_TRAINING_ROWS, len(live)), replace=False)
    codes.train(np.asarray(rows[np.sort(chosen)], np.float32))
    return codes
