"""Encoders for training: a transformer, mean pooling, an optional projection, and unit vectors."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel
from transformers.models.mpnet.modeling_mpnet import MPNetAttention, MPNetSelfAttention

from training.texts import Texts
from training.weights import read_configuration, read_weights, select_layers, write_weights

Backbone = BertModel | MPNetModel

MPNET_OFFSET = 4
"""Tokens that MPNet's vocabulary has before those of BERT (Song et al., "MPNet", NeurIPS 2020)."""
_BERT_CLS = 101
"""Token ID of [CLS] in BERT's uncased vocabulary."""
_BERT_SEP = 102
"""Token ID of [SEP] in BERT's uncased vocabulary."""
_MPNET_CLS = 0
"""Token ID that begins a text in MPNet's vocabulary."""
_MPNET_PAD = 1
"""Token ID of padding in MPNet's vocabulary."""
_MPNET_SEP = 2
"""Token ID that ends a text in MPNet's vocabulary."""
_EMBEDDING_BATCH = 1_024
"""Texts per batch of ``embed``, for a GPU with 141 GB; a smaller one may need a smaller batch."""


class Encoder(nn.Module):
    """Maps token IDs of BERT's vocabulary to unit vectors.

    Args:
        backbone: the transformer.
        dim: components of the vectors; None for those of the backbone. Otherwise a linear layer without bias follows.
    """

    def __init__(self, backbone: Backbone, dim: int | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.is_mpnet = isinstance(backbone, MPNetModel)
        width = backbone.config.hidden_size
        self.projection = nn.Linear(width, dim, bias=False) if dim and dim != width else None

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Returns (n, dim) float32 unit vectors for (n, tokens) IDs and their mask."""
        if self.is_mpnet:
            ids = _to_mpnet(ids, mask)
        states = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask.unsqueeze(-1).float()
        pooled = (states * weights).sum(1) / weights.sum(1)
        if self.projection is not None:
            pooled = functional.linear(pooled, self.projection.weight.float())
        return functional.normalize(pooled, dim=1)

    def project(self, projection: Tensor) -> None:
        """Adds, or replaces, the final linear layer by a (dim, width) projection."""
        dim, width = projection.shape
        self.projection = nn.Linear(width, dim, bias=False).to(projection.device)
        self.projection.weight.data.copy_(projection)


def _to_mpnet(ids: Tensor, mask: Tensor) -> Tensor:
    shifted = ids + MPNET_OFFSET
    shifted = shifted.masked_fill(ids == _BERT_CLS, _MPNET_CLS).masked_fill(ids == _BERT_SEP, _MPNET_SEP)
    return shifted.masked_fill(mask == 0, _MPNET_PAD)


class FusedAttention(MPNetSelfAttention):
    """MPNet's attention, computed by PyTorch's fused kernel and without dropout of attention weights."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
        output_attentions: bool = False,  # noqa: ARG002
        **_: object,
    ) -> tuple[Tensor]:
        """Returns (n, tokens, width) states; the arguments are those of ``MPNetSelfAttention``."""
        shape = (*hidden_states.shape[:-1], -1, self.attention_head_size)
        query, key, value = (layer(hidden_states).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        biases = [bias for bias in (position_bias, attention_mask) if bias is not None]  # no mask without padding
        size = (*query.shape[:3], key.shape[2])
        bias = sum(biases, torch.zeros((), device=query.device)).to(query.dtype).expand(size).contiguous()
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return (self.o(context.transpose(1, 2).reshape(hidden_states.shape)),)


def load_encoder(folder: Path, layers: Sequence[int] | None = None, dim: int | None = None) -> Encoder:
    """Loads an encoder from a folder with ``config.json`` and ``*.safetensors``.

    Args:
        folder: a BERT or MPNet model, maybe with a projection.
        layers: the layers to keep; None for all.
        dim: see ``Encoder``; a stored projection has precedence.

    Raises:
        ValueError: the weights are not those of the configuration.
    """
    configuration, weights = read_configuration(folder), read_weights(folder)
    if layers is not None:
        weights = select_layers(weights, layers)
        configuration["num_hidden_layers"] = len(layers)
    state = {name: torch.from_numpy(weight) for name, weight in weights.items() if not name.startswith("pooler.")}
    projection = state.pop("projection.weight", None)
    backbone = _build_backbone(configuration)
    missing, unknown = backbone.load_state_dict(state, strict=False)
    if missing or unknown:
        raise ValueError(f"the weights in {folder} lack {missing} and have unknown tensors {unknown}")
    encoder = Encoder(backbone, dim)
    if projection is not None:
        encoder.project(projection)
    return encoder


def _build_backbone(configuration: dict[str, Any]) -> Backbone:
    settings = {name: value for name, value in configuration.items() if name != "architectures"}
    if settings["model_type"] != "mpnet":
        return BertModel(BertConfig(**settings), add_pooling_layer=False)
    backbone = MPNetModel(MPNetConfig(**settings), add_pooling_layer=False)
    for module in list(backbone.modules()):
        if isinstance(module, MPNetAttention):
            module.attn = FusedAttention(backbone.config)  # type: ignore[no-untyped-call]
    # The fused kernel cannot train a bias, so the relative positions stay as they are.
    backbone.encoder.relative_attention_bias.weight.requires_grad = False
    return backbone


def save_encoder(encoder: Encoder, source: Path, out: Path) -> None:
    """Writes the weights of an encoder in float32, and the configuration of the model that it was loaded from."""
    weights = {name: value for name, value in encoder.backbone.state_dict().items() if value.is_floating_point()}
    if encoder.projection is not None:
        weights["projection.weight"] = encoder.projection.weight.detach()
    layers = encoder.backbone.config.num_hidden_layers
    configuration = {**read_configuration(source), "num_hidden_layers": layers}
    write_weights({name: value.cpu().numpy() for name, value in weights.items()}, configuration, out)


@torch.no_grad()
def embed(encoder: Encoder, texts: Texts, rows: NDArray[np.integer] | None = None) -> Tensor:
    """Returns (n, dim) float16 unit vectors of texts, on their device; on a GPU the model runs in half precision.

    Args:
        encoder: the model; a copy of it is used.
        texts: the texts.
        rows: which of them; None for all.

    Raises:
        ValueError: there are no texts.
    """
    rows = np.arange(len(texts)) if rows is None else rows
    order = np.argsort(-texts.lengths[rows], kind="stable")
    encoder = copy.deepcopy(encoder).eval()
    encoder = encoder.half() if texts.device.type == "cuda" else encoder
    vectors = None
    for start in range(0, len(order), _EMBEDDING_BATCH):
        part = order[start : start + _EMBEDDING_BATCH]
        encoded = encoder(*texts.batch(rows[part])).half()
        if not encoded.isfinite().all():  # a model without some of its layers can exceed the range of float16
            encoder = encoder.float()
            with torch.autocast(texts.device.type, torch.bfloat16):
                encoded = encoder(*texts.batch(rows[part])).half()
        if vectors is None:
            vectors = torch.empty(len(rows), encoded.shape[1], dtype=torch.float16, device=texts.device)
        vectors[torch.from_numpy(part).to(texts.device)] = encoded
    if vectors is None:
        raise ValueError("there are no texts to embed")
    return vectors
