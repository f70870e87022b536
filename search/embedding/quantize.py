"""Quantize: the exported default model with 8-bit products, its quality measured as it is made.

Static post-training quantization by nncf (https://github.com/openvinotoolkit/nncf), with the ranges of its
activations taken from the papers of ``data/sample.jsonl``: the same weights and papers give the same network. Every
fifth paper is held out, and the network is measured on those. Nothing here is imported where questions are answered
but the names; nncf only in the process that quantizes.
"""

import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from search.embedding.model import MAX_TOKENS
from search.errors import ModelUnavailable
from search.files import sha256_of
from search.papers.paper import Paper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

NNCF_VERSION = "3.4.0"
"""The version that quantizes: another one may give another network for the same weights."""
CALIBRATION_SHA256 = "e1d666354fed3c9a49a1b5f90777f91a1058dd827b5aae6dfa1f40621891de45"
"""Of the papers; with others the network would be another one under the same identity."""

_HELD_OUT_STRIDE = 5
_SUMMARIES_PER_TEXT = 3
"""The sample's summaries are half as long as abstracts: so many of them together reach the longest input."""
_NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """How near the int8 vectors are to the float ones.

    Attributes:
        mean_cosine, least_cosine: between the two vectors of a paper that was held out of the calibration.
        recall: the share of such a paper's ten nearest, in float among all the sample, that int8 finds.
        papers: how many were held out.
    """

    mean_cosine: float
    least_cosine: float
    recall: float
    papers: int

    @classmethod
    def load(cls, folder: Path) -> "Quality":
        """Of the int8 network in a folder of ``search.embedding.export.exported``."""
        return cls(**json.loads(_quality_file(folder).read_text("utf-8")))


def check_can_quantize() -> None:
    """Whether this installation can quantize.

    Raises:
        ModelUnavailable: nncf is missing or of another version, or the papers are not the ones named.
    """
    try:
        seen = version("nncf")
    except PackageNotFoundError:
        seen = "none"
    if seen != NNCF_VERSION:
        raise ModelUnavailable(
            f"int8 is made with nncf {NNCF_VERSION}, and {seen} is installed; pip install 'papers-search[int8]', "
            "or index with --precision float"
        )
    papers = calibration_papers()
    if sha256_of(papers) != CALIBRATION_SHA256:
        raise ModelUnavailable(f"{papers} is not the file that int8 is calibrated on; install papers-search again")


def calibration_papers() -> Path:
    """``sample.jsonl``, in the checkout or where the package put it.

    Raises:
        ModelUnavailable: it is in neither.
    """
    places = (
        Path(__file__).parents[2] / "data" / "sample.jsonl",
        Path(sys.prefix) / "share" / "papers-search" / "sample.jsonl",
    )
    for path in places:
        if path.is_file():
            return path
    raise ModelUnavailable(
        f"the papers that int8 is calibrated on are not in {places[0]} nor in {places[1]}; install papers-search again"
    )


def _quality_file(folder: Path) -> Path:
    return folder / "quality.json"


def _quantize(source: Path, target: Path) -> None:
    """Reads the float network's folder, writes the int8 network and its quality."""
    import nncf
    import openvino
    from tokenizers import Tokenizer

    lines = calibration_papers().read_text("utf-8").splitlines()
    texts = [Paper.from_json(json.loads(line)).text for line in lines]
    held_out = set(range(0, len(texts), _HELD_OUT_STRIDE))
    used = [text for place, text in enumerate(texts) if place not in held_out]
    joined = [" ".join((used + used)[place : place + _SUMMARIES_PER_TEXT]) for place in range(len(used))]

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    network = openvino.Core().read_model(source / "model.xml")
    before = _embed(network, tokenizer, texts)
    small = nncf.quantize(
        network,
        nncf.Dataset(used + joined, lambda text: _tokenize(tokenizer, text)),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(used + joined),
    )
    openvino.save_model(small, target / "model.xml", compress_to_fp16=False)
    quality = _measure_quality(before, _embed(small, tokenizer, texts), sorted(held_out))
    _quality_file(target).write_text(json.dumps(asdict(quality)), "utf-8")


def _tokenize(tokenizer: "Tokenizer", text: str) -> "dict[str, NDArray[np.int64]]":
    import numpy as np

    encoding = tokenizer.encode(text)
    return {
        "input_ids": np.array([encoding.ids], np.int64),
        "attention_mask": np.array([encoding.attention_mask], np.int64),
    }


def _embed(network: object, tokenizer: "Tokenizer", texts: list[str]) -> "NDArray[np.float32]":
    """(n, dim) float32 in f32, so that every machine measures the same."""
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
    both = [len(one & other) for one, other in zip(nearest(before), nearest(after), strict=True)]
    return Quality(float(cosine.mean()), float(cosine.min()), sum(both) / len(both) / _NEIGHBOURS, len(held_out))


if __name__ == "__main__":
    _quantize(Path(sys.argv[1]), Path(sys.argv[2]))
