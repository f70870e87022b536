"""EmbedderCache: the embedder of the current model, loaded once and shared by every session."""

import threading
from collections.abc import Callable
from pathlib import Path

from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import ModelMismatch


class EmbedderCache:
    """Loads the embedder of a model at its first use; safe to use from several threads.

    Args:
        directory: the index, for error messages.
        load: returns the embedder of a model identity.
    """

    def __init__(self, directory: Path | str, load: Callable[[ModelIdentity], Embedder]) -> None:
        self._directory = directory
        self._load = load
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None

    def get(self, model: ModelIdentity) -> Embedder:
        """Returns the embedder of a model; a change of model replaces the one in the cache.

        Args:
            model: the model that the vectors of the index were made with.

        Raises:
            ModelMismatch: the installed model is not the one that the vectors of the index were made with.
            ModelUnavailable: the model cannot be loaded.
        """
        with self._lock:
            if self._embedder is None or self._embedder.model != model:
                self._embedder = self._load(model)
            if self._embedder.model != model:
                raise ModelMismatch(
                    self._directory,
                    f"its vectors were made with {model}, but the installed model is {self._embedder.model}; "
                    "install that model, or move the index to another one with: papers reindex --model NAME",
                )
            return self._embedder
