"""Row checksums: of each paper and each vector, with which a reader compares the rows that it reads."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.files import save_array
from search.index.database_checksums import row_checksums
from search.index.layout import GenerationLayout
from search.index.store import PaperStore
from search.vectors.row_checks import compute_row_checksums

_BLOCK_ROWS = 65_536
"""Vectors in memory at once; 50 MB at 384 dimensions."""


def write_row_checksums(
    files: GenerationLayout, old: GenerationLayout | None, store: PaperStore, vectors: NDArray[np.float16]
) -> None:
    """Writes the checksums of all rows. Those of earlier rows are copied, so that damage stays visible.

    Args:
        files: The new generation.
        old: The generation that it extends; None computes all checksums.
        store: The papers of the new generation.
        vectors: (rows, dim) float16, the vectors of the same rows.
    """
    papers = _load(old.paper_checksums) if old else _NO_CHECKSUMS
    save_array(files.paper_checksums, np.append(papers, row_checksums(store, len(papers))))
    known = _load(old.vector_checksums) if old else _NO_CHECKSUMS
    starts = range(len(known), len(vectors), _BLOCK_ROWS)
    added = [compute_row_checksums(vectors[start : start + _BLOCK_ROWS]) for start in starts]
    save_array(files.vector_checksums, np.concatenate((known, *added)))


def _load(path: Path) -> NDArray[np.uint32]:
    """Returns the checksums of a generation; none if an earlier version published it."""
    if not path.is_file():
        return _NO_CHECKSUMS
    return np.asarray(np.load(path, allow_pickle=False), np.uint32)


_NO_CHECKSUMS: NDArray[np.uint32] = np.empty(0, np.uint32)
