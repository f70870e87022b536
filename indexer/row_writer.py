"""RowWriter: what a publish needs to know of the rows that it publishes."""

import sqlite3
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.index.layout import Layout


class RowWriter(Protocol):
    """A writer whose rows all have vectors; it holds the writer lock."""

    @property
    def layout(self) -> Layout:
        """The paths of the index."""
        ...

    @property
    def embedder(self) -> Embedder:
        """Embeds titles for the calibration."""
        ...

    @property
    def rows(self) -> int:
        """Rows written."""
        ...

    @property
    def inserted(self) -> RowInsertion:
        """The rows among them that this writer has inserted."""
        ...

    @property
    def published(self) -> PublishedRows:
        """The published ones among them."""
        ...

    @property
    def database(self) -> sqlite3.Connection:
        """The database."""
        ...

    @property
    def model(self) -> ModelIdentity:
        """The model of the vectors."""
        ...

    @property
    def live(self) -> NDArray[np.bool_]:
        """(rows,) bool: whether each row is live."""
        ...
