"""Network: converts the weights of a built-in model to OpenVINO networks; run as a child process.

    python -m search.embedding.network MODEL_FOLDER TARGET_FOLDER

A network maps token IDs of BERT's uncased vocabulary to unit vectors: a transformer, the mean over the tokens, a
linear projection if the weights contain one, and normalisation. BERT is built from its weights
(``search.embedding.bert_graph``); MPNet is converted from torch. MPNet's vocabulary is that of BERT after four tokens
of its own (Song et al., "MPNet", NeurIPS 2020), so the network translates the IDs, and all models share one tokenizer.
Its weights are stored in float, or in int8 with one scale per row.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.embedding import bert_graph, quantize
from search.embedding.bert import BertNetwork
from search.embedding.bert_graph import ChannelRanges

if TYPE_CHECKING:
    import openvino
    import torch

_MPNET_OFFSET = 4
"""Tokens of MPNet's vocabulary that precede those of BERT."""
_BERT_CLS, _BERT_SEP = 101, 102
_MPNET_CLS, _MPNET_PAD, _MPNET_SEP = 0, 1, 2


def export_networks(folder: Path, target: Path) -> None:
    """Converts a model and writes ``model.xml`` and ``model.bin``, and for BERT ``question.xml`` and ``question.bin``.

    Args:
        folder: ``config.json`` of a BERT or MPNet model and its weights (``*.safetensors``).
        target: an existing folder.

    Raises:
        ValueError: the weights are not those of the configuration.
    """
    import openvino

    if _read_configuration(folder)["model_type"] == "bert":
        bert = BertNetwork.load(folder)
        ranges = ChannelRanges.measure(bert, quantize.calibration_tokens(folder / "tokenizer.json"))
        question = bert_graph.build_network(bert, bert_graph.multiply_in_dynamic_int8(ranges))
        openvino.save_model(question, target / "question.xml", compress_to_fp16=False)
        network = bert_graph.build_network(bert)
    else:
        network = _convert_mpnet(folder)
    openvino.save_model(network, target / "model.xml", compress_to_fp16=False)


def _convert_mpnet(folder: Path) -> "openvino.Model":
    import openvino
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.projection = _load_encoder(folder)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            ids = _to_mpnet(input_ids, attention_mask)
            states = self.encoder(input_ids=ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weights).sum(1) / weights.sum(1)
            if self.projection is not None:
                pooled = torch.nn.functional.linear(pooled, self.projection)
            return torch.nn.functional.normalize(pooled, dim=1)

    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    shapes = [(name, [-1, -1], openvino.Type.i64) for name in example]
    with torch.no_grad():
        return openvino.convert_model(Network(), example_input=example, input=shapes)


def load_weights(folder: Path) -> "dict[str, torch.Tensor]":
    """Reads the weights of a folder as float32; a tensor with ``NAME.scale`` is multiplied by it row by row."""
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored.update(load_file(path))
    scales = {name.removesuffix(".scale"): stored.pop(name) for name in list(stored) if name.endswith(".scale")}
    return {
        name: value.float() * scales[name].float()[:, None] if name in scales else value.float()
        for name, value in stored.items()
        if value.is_floating_point() or name in scales
    }


def _read_configuration(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text("utf-8")))


def _load_encoder(folder: Path) -> "tuple[torch.nn.Module, torch.nn.Parameter | None]":
    """Returns the transformer, and the (dim, width) projection of its mean; None without one."""
    import torch
    from transformers import MPNetConfig, MPNetModel

    weights = load_weights(folder)
    projection = weights.pop("projection.weight", None)
    encoder: torch.nn.Module = MPNetModel(MPNetConfig(**_read_configuration(folder)), add_pooling_layer=False)
    missing, unknown = encoder.load_state_dict(weights, strict=False)
    unknown = [name for name in unknown if not name.startswith("pooler.")]  # its output is not used
    if missing or unknown:
        raise ValueError(f"the weights in {folder} lack {missing} and have unknown tensors {unknown}")
    return encoder.eval(), None if projection is None else torch.nn.Parameter(projection)


def _to_mpnet(ids: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Translates token IDs of BERT's vocabulary to those of MPNet."""
    shifted = ids + _MPNET_OFFSET
    shifted = shifted.masked_fill(ids == _BERT_CLS, _MPNET_CLS).masked_fill(ids == _BERT_SEP, _MPNET_SEP)
    return shifted.masked_fill(mask == 0, _MPNET_PAD)


if __name__ == "__main__":
    export_networks(Path(sys.argv[1]), Path(sys.argv[2]))
