"""Quantize: converts the weights of a built-in BERT model to int8 and measures the quality of the result.

The ranges of the states are those of the papers of ``data/sample.jsonl``, so the same weights and papers give the same
network (``search.embedding.bert_graph``). Every fifth paper is held out and used to measure the network.
"""

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.embedding.model import MAX_TOKENS, data_folders
from search.errors import ModelUnavailable
from search.papers.paper import Paper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

CALIBRATION_SHA256 = "e1d666354fed3c9a49a1b5f90777f91a1058dd827b5aae6dfa1f40621891de45"
"""Checksum of the calibration papers; others would give another network under the same identity."""

_HELD_OUT_STRIDE = 5
"""One in this number of papers is held out of the calibration."""
_SUMMARIES_PER_TEXT = 3
"""Summaries joined to one calibration text, to reach the maximum input length: they are half as long as abstracts."""
_NEIGHBOURS = 10
"""Nearest neighbours per held-out paper that are compared."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Agreement of the int8 and float vectors of the papers that were held out of the calibration.

    Attributes:
        mean_cosine: mean cosine of the two vectors of a paper.
        least_cosine: minimum cosine of the two vectors of a paper.
        recall: share of the ten nearest neighbours of a paper in float that are also among the ten nearest in int8.
        papers: number of held-out papers.
    """

    mean_cosine: float
    least_cosine: float
    recall: float
    papers: int

    @classmethod
    def load(cls, folder: Path) -> "Quality":
        """Reads the quality of the int8 network in a folder of ``search.embedding.export.ensure_exported``."""
        return cls(**json.loads(_quality_file(folder).read_text("utf-8")))


def check_calibration() -> None:
    """Checks that the calibration papers are those that the networks of this version are made with.

    Raises:
        ModelUnavailable: they are missing or have another checksum.
    """
    if hashlib.sha256(calibration_papers()).hexdigest() != CALIBRATION_SHA256:
        raise ModelUnavailable(
            "sample.jsonl differs from the papers that int8 is calibrated on; reinstall papers-search"
        )


def calibration_papers() -> bytes:
    """Reads ``sample.jsonl``: package data of an installed wheel, else the file of the checkout.

    Raises:
        ModelUnavailable: it is missing.
    """
    for folder in data_folders():
        file = folder / "sample.jsonl"
        if file.is_file():
            return file.read_bytes()
    raise ModelUnavailable("sample.jsonl, which int8 is calibrated on, is missing; reinstall papers-search")


def _quality_file(folder: Path) -> Path:
    return folder / "quality.json"


def calibration_tokens(tokenizer_file: Path) -> list[list[int]]:
    """Returns the token IDs of the papers that are not held out, single and joined to the length of abstracts.

    Their titles stand for questions.
    """
    papers = [paper for number, paper in enumerate(_papers()) if number % _HELD_OUT_STRIDE]
    used = [paper.text for paper in papers]
    joined = [
        " ".join((used + used)[start : start + _SUMMARIES_PER_TEXT])
        for start in range(0, len(used), _SUMMARIES_PER_TEXT)
    ]
    tokenizer = _load_tokenizer(tokenizer_file)
    return [tokenizer.encode(text).ids for text in used + joined + [paper.title or "" for paper in papers]]


def _papers() -> list[Paper]:
    return [Paper.from_json(json.loads(line)) for line in calibration_papers().decode().splitlines()]


def _load_tokenizer(file: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _quantize(folder: Path, target: Path) -> None:
    """Quantizes a network and measures the result.

    Args:
        folder: folder of the model.
        target: folder that the int8 network and its quality are written to.
    """
    import openvino

    from search.embedding import bert_graph
    from search.embedding.bert import BertNetwork

    bert, tokenizer = BertNetwork.load(folder), _load_tokenizer(folder / "tokenizer.json")
    ranges = bert_graph.ChannelRanges.measure(bert, calibration_tokens(folder / "tokenizer.json"))
    quantized = bert_graph.build_network(bert, bert_graph.multiply_in_int8(ranges))
    openvino.save_model(quantized, target / "model.xml", compress_to_fp16=False)
    texts = [paper.text for paper in _papers()]
    before, after = (_embed(each, tokenizer, texts) for each in (bert_graph.build_network(bert), quantized))
    quality = _measure_quality(before, after, list(range(0, len(texts), _HELD_OUT_STRIDE)))
    _quality_file(target).write_text(json.dumps(asdict(quality)), "utf-8")


def _tokenize(tokenizer: "Tokenizer", text: str) -> "dict[str, NDArray[np.int64]]":
    import numpy as np

    encoding = tokenizer.encode(text)
    return {
        "input_ids": np.array([encoding.ids], np.int64),
        "attention_mask": np.array([encoding.attention_mask], np.int64),
    }


def _embed(network: object, tokenizer: "Tokenizer", texts: list[str]) -> "NDArray[np.float32]":
    """Returns (n, dim) float32 vectors, computed in f32 so that the result does not depend on the machine."""
    import numpy as np
    import openvino

    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled(_tokenize(tokenizer, text))[0] for text in texts])


def _measure_quality(before: "NDArray[np.float32]", after: "NDArray[np.float32]", held_out: list[int]) -> Quality:
    import numpy as np

    def nearest(vectors: "NDArray[np.float32]") -> list[set[int]]:
        scores = vectors[held_out] @ vectors.T
        scores[range(len(held_out)), held_out] = -1
        return [set(row) for row in np.argsort(-scores, axis=1)[:, :_NEIGHBOURS].tolist()]

    cosine = (before[held_out] * after[held_out]).sum(axis=1)
    shared = [len(one & other) for one, other in zip(nearest(before), nearest(after), strict=True)]
    return Quality(float(cosine.mean()), float(cosine.min()), sum(shared) / len(shared) / _NEIGHBOURS, len(held_out))


if __name__ == "__main__":
    _quantize(Path(sys.argv[1]), Path(sys.argv[2]))
