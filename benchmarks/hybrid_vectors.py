"""Embedders for ``benchmarks.systems``: every system gets the same vectors and embeds questions the same way."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.hybrid_corpus import Corpus, Encode
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import DEFAULT_MODEL, ModelIdentity
from search.papers.identifiers import text_key


class StoredVectors:
    """Looks up the vectors of texts of a corpus; embeds the few texts that the import normalizes once more."""

    def __init__(self, corpus: Corpus) -> None:
        self._vectors = corpus.vectors
        self._row_of = {text_key(record.text): row for row, record in enumerate(corpus.iter_records())}

    @property
    def model(self) -> ModelIdentity:
        return DEFAULT_MODEL.identity()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._row_of.get(text_key(text)) for text in texts]
        vectors = np.asarray(self._vectors[[row or 0 for row in rows]], np.float32)
        if changed := [position for position, row in enumerate(rows) if row is None]:
            vectors[changed] = self._embedder.encode([texts[position] for position in changed])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder()


class QuestionVectors:
    """Embeds questions with a function."""

    def __init__(self, model: ModelIdentity, encode: Encode) -> None:
        self.model = model
        self._encode = encode

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._encode(text) for text in texts])
