"""IndexWriter: writes papers into an index in a folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.local_rows import LocalRows
from indexer.paper_writer import CONCURRENT_SLICES, PaperWriter
from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from search.embedding.embedder import Embedder
from search.index.layout import Layout


class IndexWriter(PaperWriter):
    """The only writer of an index in a folder; see ``RowWriter``.

    Args:
        directory: The index; created if absent.
        embedder: See ``PaperWriter``.
        repair: See ``LocalRows``.
        slices: See ``PaperWriter``.

    Raises:
        IndexBusy, IndexDamaged, ModelMismatch: See ``LocalRows``.
    """

    def __init__(
        self,
        directory: Path,
        embedder: Embedder,
        *,
        repair: bool = False,
        slices: int = CONCURRENT_SLICES,
    ) -> None:
        self._local = LocalRows(directory, embedder.model, repair=repair)
        super().__init__(self._local, embedder, slices=slices)

    @property
    def layout(self) -> Layout:
        """The paths of the index."""
        return self._local.layout

    @property
    def inserted(self) -> RowInsertion:
        """The rows that this writer has inserted."""
        return self._local.inserted

    @property
    def published(self) -> PublishedRows:
        """The published rows and their checksums."""
        return self._local.published

    @property
    def live(self) -> NDArray[np.bool_]:
        """(rows,) bool: whether each row is live, that is, not replaced by a later row."""
        live = np.ones(self.rows, bool)
        live[sorted(self._local.replaced)] = False
        return live
