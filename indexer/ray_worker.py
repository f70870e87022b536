"""RayWorker: embeds texts on a node of a Ray cluster.

Ray receives the class itself instead of its name (``ray_embedder``), and no method imports this package before
``describe``, so that a node without the package can report it.
"""

import os
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity


class RayWorker:
    """One process of a node, which uses all cores that the node gives to Ray.

    Args:
        model: The name of the model.
        precision: Its precision.
        cores: The number of cores.
    """

    def __init__(self, model: str, precision: str, cores: int) -> None:
        self._model = model
        self._precision = precision
        self._cores = cores
        self._embedder: Embedder | None = None

    def describe(self) -> "tuple[str, ModelIdentity | None, str]":
        """Loads the embedder.

        Returns:
            The version of the package, the model, and what is wrong if there is none.
        """
        try:
            from search.cores import CORES_VARIABLE, available_cores
            from search.embedding.embedder import load_embedder
            from search.errors import PapersError
        except ImportError as error:
            return package_version(), None, f"papers-search is not installed there ({error})"
        os.environ[CORES_VARIABLE] = str(min(self._cores, available_cores()))
        try:
            self._embedder = load_embedder(self._model, self._precision)
        except PapersError as error:
            return package_version(), None, str(error)
        return package_version(), self._embedder.model, ""

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embeds texts; see ``Embedder.encode``."""
        assert self._embedder, "describe was not called"  # noqa: S101
        return self._embedder.encode(texts)


def package_version() -> str:
    """Returns the version of papers-search that is installed; in a checkout that is not installed ``unknown``."""
    try:
        return metadata.version("papers-search")
    except metadata.PackageNotFoundError:
        return "unknown"
