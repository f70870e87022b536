"""BertGraph: builds the OpenVINO networks of a BERT model, in float or int8.

The networks compute what ``search.embedding.bert`` does. OpenVINO multiplies int8 by int8 where both factors are
quantized. A quantized product first divides each channel of its input by a constant and multiplies the weights of the
channel by it, so that no single channel determines the step of all (Xiao et al., "SmoothQuant: Accurate and Efficient
Post-Training Quantization for Large Language Models", ICML 2023).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset15 as ops

from search.embedding.bert import BertNetwork, Floats
from search.embedding.model import QUESTION_GROUP

Node = Any
"""A node of an OpenVINO network, or one of its outputs; openvino contains no types."""
Product = Callable[[str, Node, Floats], Node]
"""Multiplies states by the transpose of (outputs, inputs) weights; the name is that of the product in the network."""

_LEVELS = 127
"""Steps of an int8 value on each side of zero."""
_STATIC_SMOOTHING = 0.7
"""Share of the range of a channel that its weights take over where ranges are fixed: of .5, .7 and .9 the one whose
vectors are nearest to those in float."""
_DYNAMIC_SMOOTHING = 0.5
"""The same where ranges are those of the text."""
_LEAST_CHANNEL = 0.05
"""Least range of a channel, as a share of the median; the weights of a silent channel need not grow further."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelRanges:
    """Ranges of the inputs of the products, measured on texts.

    Attributes:
        low: least value of each channel, by the name of the product.
        high: greatest value of each channel.
    """

    low: dict[str, Floats]
    high: dict[str, Floats]

    @classmethod
    def measure(cls, bert: BertNetwork, texts: list[list[int]]) -> "ChannelRanges":
        """Measures the ranges in f32 on the token IDs of texts."""
        recorded: dict[str, Node] = {}

        def record(name: str, states: Node, weights: Floats) -> Node:
            recorded[name] = states
            return multiply(name, states, weights)

        network = build_network(bert, record)
        network.add_outputs([states.output(0) for states in recorded.values()])
        compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        low: dict[str, Floats] = {}
        high: dict[str, Floats] = {}
        for ids in texts:
            results = compiled([np.array([ids], np.int64), np.ones((1, len(ids)), np.int64)])
            for number, name in enumerate(recorded, start=1):
                least, greatest = results[number][0].min(axis=0), results[number][0].max(axis=0)
                low[name] = np.minimum(low.get(name, least), least)
                high[name] = np.maximum(high.get(name, greatest), greatest)
        return cls(low, high)

    def smooth(self, name: str, weights: Floats, share: float) -> Floats:
        """Returns the (inputs,) divisors of the channels of a product; their median is 1."""
        size = np.maximum(-self.low[name], self.high[name])
        size = np.maximum(size, np.median(size) * np.float32(_LEAST_CHANNEL))
        divisors = size**share / np.abs(weights).max(axis=0) ** (1 - share)
        return np.asarray(divisors / np.median(divisors), np.float32)


def multiply(_name: str, states: Node, weights: Floats) -> Node:
    """Multiplies in the precision of the compiled network."""
    return ops.matmul(states, _constant(weights), False, True)


def multiply_in_int8(ranges: ChannelRanges) -> Product:
    """Returns a product in int8 with fixed ranges: one per product for states, one per row for weights."""

    def product(name: str, states: Node, weights: Floats) -> Node:
        divisors = ranges.smooth(name, weights, _STATIC_SMOOTHING)
        low, high = float((ranges.low[name] / divisors).min()), float((ranges.high[name] / divisors).max())
        levels = 2 * _LEVELS + 1
        if -low < high / 4:  # after GELU; unsigned values have twice as many steps
            levels += 1
            low = -round(-low / (high - low) * 255) / 255 * (high - low)
        else:
            low, high = -max(-low, high), max(-low, high)
        bounds = [_constant(np.float32(bound)) for bound in (low, high)]
        quantized = ops.fake_quantize(ops.multiply(states, _constant(1 / divisors)), *bounds, *bounds, levels)
        return ops.matmul(quantized, _quantize(weights * divisors, weights.shape[1]), False, True)

    return product


def multiply_in_dynamic_int8(ranges: ChannelRanges) -> Product:
    """Returns a product in int8 with ranges of groups of channels: those of each token, and those of the weights.

    OpenVINO quantizes the states if its property DYNAMIC_QUANTIZATION_GROUP_SIZE is set and the CPU has instructions
    for int8 (AVX-512 VNNI or AVX-VNNI); otherwise, it multiplies in float.
    """

    def product(name: str, states: Node, weights: Floats) -> Node:
        divisors = ranges.smooth(name, weights, _DYNAMIC_SMOOTHING)
        smoothed = ops.multiply(states, _constant(1 / divisors))
        return ops.matmul(smoothed, _quantize(weights * divisors, QUESTION_GROUP), False, True)

    return product


def _quantize(weights: Floats, group: int) -> Node:
    """Returns weights in int8, with one scale per group of the inputs of a row."""
    groups = weights.reshape(len(weights), -1, group)
    scales = np.abs(groups).max(axis=2, keepdims=True) / np.float32(_LEVELS)
    values = np.round(groups / scales).astype(np.int8)
    if groups.shape[1] == 1:
        values, scales = values[:, 0], scales[:, 0]
    scaled = ops.multiply(ops.convert(_constant(values), np.float32), _constant(scales))
    return ops.reshape(scaled, _constant(np.array(weights.shape)), False) if groups.shape[1] > 1 else scaled


def build_network(bert: BertNetwork, product: Product = multiply) -> openvino.Model:
    """Builds the network for (n, tokens) int64 IDs and their mask, 0 at padding, to (n, dim) float32 unit vectors."""
    ids, mask = (ops.parameter([-1, -1], np.int64, name=name) for name in ("input_ids", "attention_mask"))
    weights = ops.convert(mask, np.float32)
    hidden = ops.multiply(ops.subtract(_constant(np.float32(1)), weights), _constant(np.float32(_HIDDEN)))
    states = _Layers(bert, product, ops.unsqueeze(hidden, _constant(np.array([1, 2])))).run(ids)
    column = ops.unsqueeze(weights, _constant(np.array([2])))
    total = ops.reduce_sum(ops.multiply(states, column), _constant(np.array([1])), False)
    mean = ops.divide(total, ops.reduce_sum(column, _constant(np.array([1])), False))
    return openvino.Model([ops.normalize_l2(mean, _constant(np.array([1])), _MIN_LENGTH, "max")], [ids, mask])


_HIDDEN = -30_000
"""Added to the attention to padding; finite in every float type."""
_MIN_LENGTH = 1e-12
"""Least length that a vector is divided by."""


def _constant(value: "NDArray[Any] | np.generic") -> Node:
    return ops.constant(np.array(value, order="C"))


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """The embeddings and layers of a network.

    Attributes:
        bert: the weights.
        product: how states are multiplied by weights.
        mask: (n, 1, 1, tokens) values that are added to the attention.
    """

    bert: BertNetwork
    product: Product
    mask: Node

    def run(self, ids: Node) -> Node:
        """Returns the (n, tokens, width) states of (n, tokens) token IDs."""
        states = self._embed(ids)
        for layer in range(self.bert.layers):
            states = self._transform(states, f"encoder.layer.{layer}")
        return states

    def _embed(self, ids: Node) -> Node:
        weights = self.bert.weights
        words = self.bert.words[:].astype(np.float32) + weights["embeddings.token_type_embeddings.weight"][0]
        tokens = ops.gather(ops.shape_of(ids), _constant(np.array([1])), _constant(np.int64(0)))
        start, one = _constant(np.array([0])), _constant(np.array([1]))
        positions = ops.slice(_constant(weights["embeddings.position_embeddings.weight"]), start, tokens, one, start)
        states = ops.add(ops.gather(_constant(words), ids, _constant(np.int64(0))), positions)
        return self._normalize(states, "embeddings.LayerNorm")

    def _transform(self, states: Node, layer: str) -> Node:
        attended = self._attend(states, f"{layer}.attention")
        states = self._normalize(ops.add(states, attended), f"{layer}.attention.output.LayerNorm")
        hidden = ops.gelu(self._project(states, f"{layer}.intermediate.dense"), "ERF")
        projected = self._project(hidden, f"{layer}.output.dense")
        return self._normalize(ops.add(states, projected), f"{layer}.output.LayerNorm")

    def _attend(self, states: Node, name: str) -> Node:
        """Computes queries, keys and values in one product, then the attention, then its projection."""
        parts = [f"{name}.self.{part}" for part in ("query", "key", "value")]
        stacked = self._project(states, *parts)
        by_head = ops.reshape(stacked, _constant(np.array([0, 0, 3 * self.bert.heads, -1])), True)
        by_head = ops.transpose(by_head, _constant(np.array([0, 2, 1, 3])))
        query, key, value = ops.split(by_head, _constant(np.int64(1)), 3).outputs()
        attended = ops.scaled_dot_product_attention(query, key, value, self.mask)
        attended = ops.transpose(attended, _constant(np.array([0, 2, 1, 3])))
        merged = ops.reshape(attended, _constant(np.array([0, 0, -1])), True)
        return self._project(merged, f"{name}.output.dense")

    def _project(self, states: Node, *names: str) -> Node:
        weights = np.concatenate([self.bert.weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([self.bert.weights[f"{name}.bias"] for name in names])
        return ops.add(self.product(names[0], states, weights), _constant(bias))

    def _normalize(self, states: Node, name: str) -> Node:
        centred = ops.mvn(states, _constant(np.array([-1])), True, self.bert.epsilon, "inside_sqrt")
        scaled = ops.multiply(centred, _constant(self.bert.weights[f"{name}.weight"]))
        return ops.add(scaled, _constant(self.bert.weights[f"{name}.bias"]))
