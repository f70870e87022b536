"""NumpyEmbedder: embeds the one short text of a command in numpy."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from search.embedding.model import BuiltInModel, ModelIdentity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search.embedding.embedder import Embedder

MAX_NUMPY_TOKENS = 64
"""Tokens of a text that numpy embeds; it takes longer than OpenVINO for each, but starts 0.4 s sooner."""


class NumpyEmbedder:
    """A built-in BERT model: a single short text in numpy, everything else by another embedder.

    Which of them embeds a text depends on this text alone, so that all pages of an answer have the same ranking. The
    texts are queries, which are embedded in float for an index in int8 too.

    Args:
        model: the model; see ``supports``.
        precision: that of the index.
        load_other: loads the embedder of other texts, of the same model in float.

    Raises:
        ModelUnavailable: the model is not installed, or its weights have another checksum.
    """

    def __init__(self, model: BuiltInModel, precision: str, load_other: "Callable[[], Embedder]") -> None:
        from tokenizers import Tokenizer

        from search.embedding.bert import BertNetwork

        self._identity, self._load_other = model.identity(precision), load_other
        self._lock = threading.Lock()
        with ThreadPoolExecutor(1) as pool:  # reads the weights twice, in parallel, unless their checksum is known
            check = pool.submit(model.check_weights)
            self._network = BertNetwork.load(model.folder())
            self._tokenizer = Tokenizer.from_file(str(model.tokenizer_file()))
            check.result()
        self._tokenizer.enable_truncation(MAX_NUMPY_TOKENS + 1)
        self._tokenizer.no_padding()

    @staticmethod
    def supports(model: BuiltInModel) -> bool:
        """Returns whether numpy can run a model."""
        configuration = model.folder() / "config.json"
        return bool(json.loads(configuration.read_text("utf-8"))["model_type"] == "bert")

    @property
    def model(self) -> ModelIdentity:
        """Identity of the model and the precision of the index; the same as in OpenVINO."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embeds texts; see ``Embedder.encode``."""
        import numpy as np

        from search.embedding.embedder import EMBEDDER_TUNING

        if len(texts) == 1:
            ids = self._tokenizer.encode(texts[0][: EMBEDDER_TUNING.max_characters]).ids
            if len(ids) <= MAX_NUMPY_TOKENS:
                with self._lock:  # the number of threads that it sets is that of the process
                    return np.asarray(self._network.encode(ids)[None], np.float32)
        return self._other.encode(texts)

    @cached_property
    def _other(self) -> "Embedder":
        return self._load_other()
