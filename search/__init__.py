"""Search: the domain model and the read path. Nothing here writes an index.

``from search import open_index`` is the entry point for programs and notebooks. It imports its dependencies when it is
called.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity
    from search.searcher import Searcher

__all__ = ["open_index"]


def open_index(directory: str | Path = "data/index") -> "Searcher":
    """Opens an index. The embedding model is loaded at the first query that needs it.

    Args:
        directory: the index; ``~`` is expanded.

    Raises:
        IndexMissing: there is no index in the directory.
        IndexDamaged: the index is incomplete.
    """
    from search.searcher import Searcher

    return Searcher(Path(directory).expanduser(), _load)


def _load(model: "ModelIdentity") -> "Embedder":
    from search.embedding.embedder import load_embedder

    return load_embedder(model.name, model.precision, serving=True)
