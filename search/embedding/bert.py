"""BertNetwork: a BERT encoder in numpy, which needs no time to compile.

The network is that of Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (NAACL 2019), followed by
the mean over the tokens and normalisation, as in ``search.embedding.network``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class BertNetwork:
    """A network and its weights.

    Attributes:
        weights: float32 arrays by their names in the file of weights, without the embeddings of words.
        words: the embeddings of words in the file; only those of the text are read.
        layers: number of layers.
        heads: attention heads of a layer.
        epsilon: added to variances before their root is taken.
    """

    weights: dict[str, Floats]
    words: Any
    layers: int
    heads: int
    epsilon: float

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads ``config.json`` and ``model.safetensors`` of a BERT model with absolute positions."""
        from safetensors import safe_open

        settings = json.loads((folder / "config.json").read_text("utf-8"))
        file: Any = safe_open(folder / "model.safetensors", "numpy")
        weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys() if name != WORDS}  # noqa: SIM118  not a dict
        return cls(
            weights,
            file.get_slice(WORDS),
            settings["num_hidden_layers"],
            settings["num_attention_heads"],
            settings["layer_norm_eps"],
        )

    def encode(self, ids: list[int]) -> Floats:
        """Returns the (dim,) float32 unit vector of the tokens of a text."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # on a busy machine, threads wait for each other longer than they compute
            states = self._embed(ids)
            for layer in range(self.layers):
                states = self._transform(states, f"encoder.layer.{layer}")
        vector = states.mean(axis=0)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def _embed(self, ids: list[int]) -> Floats:
        words = np.concatenate([self.words[word : word + 1] for word in ids]).astype(np.float32)
        positions = self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        states = words + positions + self.weights["embeddings.token_type_embeddings.weight"][0]
        return self._normalize(states, "embeddings.LayerNorm")

    def _transform(self, states: Floats, layer: str) -> Floats:
        """Runs one layer on (tokens, width) states."""
        attended = self._project(self._attend(states, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
        states = self._normalize(states + attended, f"{layer}.attention.output.LayerNorm")
        hidden = _gelu(self._project(states, f"{layer}.intermediate.dense"))
        return self._normalize(states + self._project(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")

    def _attend(self, states: Floats, name: str) -> Floats:
        tokens, width = states.shape
        query, key, value = (
            self._project(states, f"{name}.{part}").reshape(tokens, self.heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width / self.heads))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return np.asarray((shares @ value).transpose(1, 0, 2).reshape(tokens, width), np.float32)

    def _project(self, states: Floats, name: str) -> Floats:
        return np.asarray(states @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"], np.float32)

    def _normalize(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        scaled = centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return np.asarray(scaled, np.float32)


WORDS = "embeddings.word_embeddings.weight"


def _gelu(values: Floats) -> Floats:
    """Returns x times the standard normal distribution at x (Hendrycks and Gimpel, "GELUs", 2016)."""
    return np.asarray(values * np.float32(0.5) * (1 + _erf(values * np.float32(np.sqrt(0.5)))), np.float32)


def _erf(values: Floats) -> Floats:
    """Returns the error function within 1.5e-7, by formula 7.1.26 of Abramowitz and Stegun; numpy has none."""
    size = np.abs(values)
    root = 1 / (1 + np.float32(0.3275911) * size)
    series = np.zeros_like(root)
    for coefficient in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(coefficient)) * root
    return np.asarray(np.copysign(1 - series * np.exp(-size * size), values), np.float32)
