"""Weights of encoders: reads and writes folders with ``config.json`` and ``*.safetensors``, as float or as int8."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

FloatWeights = dict[str, NDArray[np.float32]]
Weights = Mapping[str, NDArray[np.floating]]
Tensors = dict[str, NDArray[np.generic]]

SHARD_BYTES = 85_000_000
"""Largest shard in bytes; Git hosts refuse files of 100 MB and warn from 50 MiB."""
_INT8_MAX = 127
"""Largest int8 value; the scale is symmetric, so -128 is not used."""


def read_configuration(folder: Path) -> dict[str, object]:
    """Reads ``config.json``, the keyword arguments of a configuration of transformers."""
    return dict(json.loads((folder / "config.json").read_text("utf-8")))


def read_weights(folder: Path) -> FloatWeights:
    """Reads the weights of a folder as float32; int8 is multiplied by the scale of its row.

    Raises:
        FileNotFoundError: the folder contains no ``*.safetensors``.
    """
    stored: Tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored.update(load_file(path))
    if not stored:
        raise FileNotFoundError(f"{folder} contains no *.safetensors; give the folder of a model")
    scales = {name.removesuffix(".scale"): stored.pop(name) for name in list(stored) if name.endswith(".scale")}
    weights = {}
    for name, tensor in stored.items():
        if name in scales:
            weights[name] = tensor.astype(np.float32) * scales[name].astype(np.float32)[:, None]
        elif np.issubdtype(tensor.dtype, np.floating):  # the rest are position IDs, which transformers makes itself
            weights[name] = tensor.astype(np.float32)
    return weights


def write_weights(weights: Weights, configuration: Mapping[str, object], folder: Path) -> None:
    """Writes ``model.safetensors``, with the dtype of each array, and ``config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(weight) for name, weight in weights.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(configuration, indent=1) + "\n", "utf-8")


def select_layers(weights: FloatWeights, layers: Sequence[int]) -> FloatWeights:
    """Returns the weights of an encoder that has only some layers, renumbered in the order given."""
    selected = {}
    for name, weight in weights.items():
        before, is_layer, after = name.partition(".layer.")
        number, _, rest = after.partition(".")
        if not is_layer:
            selected[name] = weight
        elif int(number) in layers:
            selected[f"{before}.layer.{layers.index(int(number))}.{rest}"] = weight
    return selected


def quantize(weights: Weights) -> Tensors:
    """Returns matrices in int8 with one scale per row, the largest magnitude of the row / 127, as ``NAME.scale``.

    Position embeddings become float16, as every token uses them; vectors and MPNet's relative positions stay float32.
    """
    stored: Tensors = {}
    for name, weight in weights.items():
        if weight.ndim != 2 or "relative_attention_bias" in name:
            stored[name] = weight.astype(np.float32)
        elif "position_embeddings" in name:
            stored[name] = weight.astype(np.float16)
        else:
            scale = np.abs(weight).max(axis=1).astype(np.float32) / _INT8_MAX
            scale[scale == 0] = 1
            stored[name] = np.rint(weight / scale[:, None]).astype(np.int8)
            stored[f"{name}.scale"] = scale
    return stored


def split_into_shards(stored: Tensors, limit: int = SHARD_BYTES) -> Iterator[Tensors]:
    """Yields the tensors in order, as many at a time as fit into ``limit`` bytes, and at least one."""
    shard: Tensors = {}
    size = 0
    for name, tensor in stored.items():
        if shard and size + tensor.nbytes > limit:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor
        size += tensor.nbytes
    if shard:
        yield shard


def write_shards(shards: Sequence[Tensors], configuration: Mapping[str, object], folder: Path) -> None:
    """Writes ``model-0000I-of-0000N.safetensors`` and ``config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(shards, 1):
        save_file(shard, folder / f"model-{number:05}-of-{len(shards):05}.safetensors")
    (folder / "config.json").write_text(json.dumps(configuration, indent=1) + "\n", "utf-8")
