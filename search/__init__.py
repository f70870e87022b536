"""The vocabulary and the read path: everything that answers a question, nothing that writes an index.

``from search import open_index`` is the door for programs and notebooks; what it needs is imported when it is called.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity
    from search.searcher import Searcher

__all__ = ["open_index"]


def open_index(directory: str | Path = "data/index") -> "Searcher":
    """What answers from the index in a folder; the embedding model is loaded when a question first needs it.

    Raises:
        IndexMissing, IndexDamaged: there is no whole index.
    """
    from search.searcher import Searcher

    return Searcher(Path(directory).expanduser(), _load)


def _load(model: "ModelIdentity") -> "Embedder":
    from search.embedding.embedder import load_embedder

    return load_embedder(model.name, model.precision)
