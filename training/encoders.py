"""Encoders for training: a transformer, mean pooling, an optional projection, and unit vectors."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel
from transformers.models.mpnet.modeling_mpnet import MPNetSelfAttention

MPNET_OFFSET = 4
"""Tokens that MPNet's vocabulary has before those of BERT."""
_BERT_CLS, _BERT_SEP = 101, 102
_MPNET_CLS, _MPNET_PAD, _MPNET_SEP = 0, 1, 2
_LENGTH_MULTIPLE = 16
"""Padded lengths are multiples of it, as the attention kernels require."""


class Encoder(nn.Module):
    """Maps token IDs of BERT's vocabulary to unit vectors.

    Args:
        backbone: BertModel or MPNetModel.
        dim: components of the vectors; None for those of the backbone. Otherwise a linear layer without bias follows.
    """

    def __init__(self, backbone: nn.Module, dim: int | None = None) -> None:
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


def _to_mpnet(ids: Tensor, mask: Tensor) -> Tensor:
    shifted = ids + MPNET_OFFSET
    shifted = shifted.masked_fill(ids == _BERT_CLS, _MPNET_CLS).masked_fill(ids == _BERT_SEP, _MPNET_SEP)
    return shifted.masked_fill(mask == 0, _MPNET_PAD)


def _attend(
    self: MPNetSelfAttention,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    position_bias: Tensor | None = None,
    output_attentions: bool = False,
    **_: object,
) -> tuple[Tensor, ...]:
    """Replaces MPNet's attention by PyTorch's fused kernel; the relative position bias stays as it was trained."""
    shape = (*hidden_states.shape[:-1], -1, self.attention_head_size)
    query, key, value = (layer(hidden_states).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
    bias = position_bias.detach()
    if attention_mask is not None:  # transformers omits the mask of a batch without padding
        bias = bias + attention_mask
    bias = bias.to(query.dtype).expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    context = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.contiguous())
    return (self.o(context.transpose(1, 2).reshape(hidden_states.shape)),)


MPNetSelfAttention.forward = _attend


def load_encoder(folder: Path, layers: Sequence[int] | None = None, dim: int | None = None) -> Encoder:
    """Loads an encoder from a folder with ``config.json`` and ``model.safetensors``.

    Args:
        folder: the folder of the model.
        layers: the layers to keep; None for all.
        dim: see ``Encoder``.
    """
    settings = json.loads((folder / "config.json").read_text())
    state = load_state(folder)
    is_mpnet = settings["model_type"] == "mpnet"
    if layers is not None:
        state = _select_layers(state, layers)
        settings["num_hidden_layers"] = len(layers)
    settings.pop("architectures", None)
    if is_mpnet:
        backbone: nn.Module = MPNetModel(MPNetConfig(**settings), add_pooling_layer=False)
    else:
        backbone = BertModel(BertConfig(**settings), add_pooling_layer=False)
    encoder = Encoder(backbone, dim)
    projection = state.pop("projection.weight", None)
    missing, unexpected = backbone.load_state_dict(state, strict=False)
    if [name for name in missing if "position_ids" not in name]:
        raise ValueError(f"{folder} lacks the weights {missing}")
    if [name for name in unexpected if "pooler" not in name and "position_ids" not in name]:
        raise ValueError(f"{folder} has unknown weights {unexpected}")
    if projection is not None:
        encoder.projection = nn.Linear(projection.shape[1], projection.shape[0], bias=False)
        encoder.projection.weight.data.copy_(projection)
    for name, weight in backbone.named_parameters():
        if "relative_attention_bias" in name:
            weight.requires_grad_(requires_grad=False)
    return encoder


def load_state(folder: Path) -> dict[str, Tensor]:
    """Reads the weights of a folder as float32; those stored in int8 are multiplied by the scale of their row."""
    stored: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored.update(load_file(path))
    scales = {name.removesuffix(".scale"): value for name, value in stored.items() if name.endswith(".scale")}
    return {
        name: value.float() * scales[name].float()[:, None] if name in scales else value.float()
        for name, value in stored.items()
        if not name.endswith(".scale") and value.is_floating_point() | (name in scales)
    }


def _select_layers(state: dict[str, Tensor], layers: Sequence[int]) -> dict[str, Tensor]:
    selected = {}
    for name, value in state.items():
        if ".layer." not in name:
            selected[name] = value
            continue
        prefix, _, rest = name.partition(".layer.")
        number, _, tail = rest.partition(".")
        if int(number) in layers:
            selected[f"{prefix}.layer.{layers.index(int(number))}.{tail}"] = value
    return selected


class Texts:
    """Token IDs of many texts, on one device.

    Args:
        tokens: token IDs of all texts, one after the other.
        offsets: (n + 1,) start of each text.
        device: where batches are built.
    """

    def __init__(self, tokens: NDArray[np.uint16], offsets: NDArray[np.int64], device: torch.device) -> None:
        self.tokens = torch.from_numpy(tokens.astype(np.int32)).to(device)
        self.offsets = torch.from_numpy(offsets).to(device)
        self.lengths = np.diff(offsets)
        self.device = device

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Returns padded (n, tokens) IDs and mask of some texts."""
        longest = int(self.lengths[rows].max())
        width = -(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
        index = torch.from_numpy(np.asarray(rows, np.int64)).to(self.device)
        start = self.offsets[index][:, None]
        positions = torch.arange(width, device=self.device)[None]
        mask = positions < (self.offsets[index + 1][:, None] - start)
        ids = self.tokens[(start + positions).clamp(max=len(self.tokens) - 1)]
        return torch.where(mask, ids, 0).long(), mask.long()


@torch.no_grad()
def embed(encoder: Encoder, texts: Texts, rows: NDArray[np.int64] | None = None, batch: int = 1024) -> Tensor:
    """Returns (n, dim) float16 unit vectors of texts, on their device; the model runs in half precision."""
    rows = np.arange(len(texts.lengths)) if rows is None else rows
    order = np.argsort(-texts.lengths[rows], kind="stable")
    encoder = copy.deepcopy(encoder).eval()
    encoder = encoder.half() if texts.device.type == "cuda" else encoder
    vectors = None
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
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
