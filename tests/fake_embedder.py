"""A deterministic embedder without a model: texts that share words have similar vectors."""

import hashlib
import re
import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity


class FakeEmbedder:
    """Embeds a text as the sum of one pseudo-random direction per word, scaled to length 1.

    Attributes:
        model: identity of the fake model.
        texts: all texts embedded so far.
    """

    def __init__(self, dim: int = 32, name: str = "fake") -> None:
        self.model = ModelIdentity(name, "0" * 64, dim, 256)
        self.texts: list[str] = []
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            self.texts += texts
        vectors = np.zeros((len(texts), self.model.dim), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.casefold()) or [""]:
                vectors[row] += _direction(word, self.model.dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@lru_cache(maxsize=100_000)
def _direction(word: str, dim: int) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).normal(size=dim)
