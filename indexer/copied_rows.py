"""CopiedRows: rows that were copied from another index and are published; none of them is replaced."""

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.index.layout import Layout


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """The rows of the next generation; see ``RowWriter``."""

    layout: Layout
    embedder: Embedder
    published: PublishedRows
    database: sqlite3.Connection
    inserted: RowInsertion

    @property
    def rows(self) -> int:
        return self.inserted.rows

    @property
    def model(self) -> ModelIdentity:
        return self.embedder.model

    @property
    def live(self) -> NDArray[np.bool_]:
        return np.ones(self.rows, bool)
