"""Embedder: texts to unit vectors, and what stands behind it.

The default model is all-MiniLM-L6-v2 (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019), whose weights come in a
package; that package's code is never imported. It runs in OpenVINO, exported once (``search.embedding.export``), with
bf16 where the CPU has it, and where asked for with 8-bit products (``search.embedding.quantize``). Any other model,
or a machine without OpenVINO, is run by sentence-transformers: slower, with the same vectors. Nothing here touches
the network.
"""

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from search.cores import available_cores
from search.embedding.model import (
    DEFAULT_MODEL,
    MAX_TOKENS,
    PRECISIONS,
    ModelIdentity,
    default_identity,
    packaged_model_folder,
    weights_sha256,
)
from search.errors import InvalidValue, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    import openvino
    from numpy.typing import NDArray
    from tokenizers import Encoding

_BATCH_SIZE = 16
_FIXED_LENGTHS = (8, 16)
"""Tokens of the networks of one length that a server's questions take: 3.3 ms between the other work of a question, 4.3
in the one of any length. Of runs of 3 to 8 words of titles and abstracts 99 % have no more."""
_MAX_CHARACTERS = 16_384
"""Of a text that reach the tokenizer: more than MAX_TOKENS tokens ever need."""


class Embedder(Protocol):
    """Turns texts into vectors; safe to use from several threads."""

    @property
    def model(self) -> ModelIdentity: ...

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """(n, dim) float32 unit rows in the order given, always finite. A vector does not depend on the other
        texts, within a cosine of .9999."""
        ...


def load_embedder(model: str | None = None, precision: str = "float", *, serving: bool = False) -> Embedder:
    """The embedder of a model: the default one, or any that sentence-transformers can load from this machine.

    Args:
        model: None or ``all-MiniLM-L6-v2`` for the default, else a folder or the name of a model in the local cache.
        precision: ``float``, or for the default model ``int8``: faster, its vectors are others.
        serving: a text is one core's work, as others are embedded at the same time; else all cores work on it.

    Raises:
        InvalidValue: a precision that the model cannot be had in.
        ModelUnavailable: it is not on this machine, or its weights are not the ones named.
    """
    _check_precision(model, precision)
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    if model not in (None, DEFAULT_MODEL):
        return SentenceTransformersEmbedder(model, _find_model_folder(model))
    try:
        return _load_openvino_embedder(packaged_model_folder(), precision, serving)
    except ImportError:  # OpenVINO is not to be had for this machine
        if precision != "float":
            raise ModelUnavailable(
                f"precision {precision} needs OpenVINO, which is not on this machine; "
                "pip install openvino, or index with --precision float"
            ) from None
        return SentenceTransformersEmbedder(DEFAULT_MODEL, packaged_model_folder(), max_tokens=MAX_TOKENS)


def _check_precision(model: str | None, precision: str) -> None:
    if precision not in PRECISIONS:
        raise InvalidValue("precision", precision, f"choose one of {', '.join(PRECISIONS)}")
    if precision != "float" and model not in (None, DEFAULT_MODEL):
        raise InvalidValue(
            "precision", precision, f"{model} can only be had in float; leave --precision out, or leave --model out"
        )


def _load_openvino_embedder(model: Path, precision: str, serving: bool) -> "OpenVinoEmbedder":
    """Loads the export while its checksums are compared: either takes a tenth of a second or more."""
    from search.embedding import export

    folder = export.export_folder(precision)
    if folder.is_dir():
        with ThreadPoolExecutor(1) as pool:
            loaded = pool.submit(OpenVinoEmbedder, folder, precision, serving)
            if export.is_intact(folder):
                return loaded.result()
    return OpenVinoEmbedder(export.ensure_exported(model, precision), precision, serving)


def _import_openvino() -> ModuleType:
    """OpenVINO without its converter, which it does without as well: that, and the usage statistics it would send,
    take half of the time to import."""
    converter = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[converter] = None  # type: ignore[assignment]  # how Python is told that there is no such module
    try:
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get(converter, ...) is None:
            del sys.modules[converter]


def _initialize_numpy_bridge(openvino: ModuleType) -> None:
    """Has OpenVINO look up numpy while one thread is alone with it.

    It does so at its first array, holding a lock while it waits for Python's. Two threads whose first arrays come at
    the same time can wait for each other for ever.
    """
    import numpy as np

    with _NUMPY_BRIDGE_LOCK:
        openvino.Tensor(np.zeros(1, np.float32))


_NUMPY_BRIDGE_LOCK = threading.Lock()


class OpenVinoEmbedder:
    """The default model in OpenVINO: one text by all cores together, many in batches of like length, a core each.

    Args:
        folder: what ``search.embedding.export.exported`` made.
        precision: and in which precision. serving: see ``load_embedder``.
    """

    def __init__(self, folder: Path, precision: str, serving: bool) -> None:
        from tokenizers import Tokenizer

        self._identity, self._serving = default_identity(precision), serving
        self._network_file = folder / "model.xml"
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._openvino = _import_openvino()
        self._core = self._openvino.Core()
        _initialize_numpy_bridge(self._openvino)
        self._local, self._compile_lock = threading.local(), threading.Lock()
        self._fixed_length_models: dict[int, openvino.CompiledModel] = {}

    @property
    def model(self) -> ModelIdentity:
        """The default model's identity in this precision."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """See ``Embedder``."""
        import numpy as np

        encodings = self._tokenizer.encode_batch_fast([text[:_MAX_CHARACTERS] for text in texts])
        vectors = np.empty((len(texts), self.model.dim), np.float32)
        if len(texts) == 1:
            vectors[:] = self._encode_one(encodings)
        elif texts:
            self._encode_many(encodings, vectors)
        return vectors

    def _encode_many(self, encodings: "list[Encoding]", vectors: "NDArray[np.float32]") -> None:
        """By threads that each wait for a batch of their own. OpenVINO's queue with a callback can hang: a compiled
        model that is dropped holds Python's lock while it waits for a callback that needs that lock."""
        with self._compile_lock:
            workers, network = self._pool, self._throughput_model

        def embed(places: list[int]) -> None:
            vectors[places] = self._infer(network, [encodings[place] for place in places])

        order = sorted(range(len(encodings)), key=lambda place: -len(encodings[place].ids))
        batches = [order[start : start + _BATCH_SIZE] for start in range(0, len(order), _BATCH_SIZE)]
        for _ in workers.map(embed, batches):
            pass  # what one of them raised is raised here

    def _encode_one(self, encodings: "Sequence[Encoding]") -> "NDArray[np.float32]":
        """(1, dim)."""
        length = next((length for length in _FIXED_LENGTHS if length >= len(encodings[0].ids)), None)
        if not self._serving or length is None:
            return self._infer(self._throughput_model if self._serving else self._latency_model, encodings)
        with self._compile_lock:
            if length not in self._fixed_length_models:
                self._fixed_length_models[length] = self._compile_for_throughput(length)
        return self._infer(self._fixed_length_models[length], encodings, length)

    def _infer(
        self, compiled: "openvino.CompiledModel", encodings: "Sequence[Encoding]", length: int = 0
    ) -> "NDArray[np.float32]":
        """(n, dim) rows. Each thread has a request of its own to each network: it answers one question at a time."""
        name = f"request_{id(compiled)}"
        if not hasattr(self._local, name):
            setattr(self._local, name, compiled.create_infer_request())
        rows: NDArray[np.float32] = getattr(self._local, name).infer(_pad_inputs(encodings, length))[0]
        return rows

    @cached_property
    def _latency_model(self) -> "openvino.CompiledModel":
        return self._compile(PERFORMANCE_HINT="LATENCY")

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """One a core, shared by all that call: the batches of one call follow those of another without a pause."""
        return ThreadPoolExecutor(available_cores(), "embed")

    @cached_property
    def _throughput_model(self) -> "openvino.CompiledModel":
        return self._compile_for_throughput()

    def _compile_for_throughput(self, length: int = 0) -> "openvino.CompiledModel":
        """A stream a core, not tied to it: a stream tied to a core that other programs keep busy waits for them."""
        return self._compile(
            length,
            PERFORMANCE_HINT="THROUGHPUT",
            NUM_STREAMS=str(available_cores()),
            INFERENCE_NUM_THREADS=str(available_cores()),
            ENABLE_CPU_PINNING="NO",
        )

    def _compile(self, length: int = 0, **properties: str) -> "openvino.CompiledModel":
        """Done when first needed: a process that answers embeds one text at a time, one that indexes many.

        Args:
            length: of the one text that it takes; 0: any number of texts of any length.
        """
        half = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        properties["INFERENCE_PRECISION_HINT"] = "bf16" if half else "f32"
        network = self._core.read_model(self._network_file)
        if length:
            network.reshape({each: [1, length] for each in network.inputs})
        return self._core.compile_model(network, "CPU", properties)


def _pad_inputs(encodings: "Sequence[Encoding]", length: int) -> "dict[int, NDArray[np.int64]]":
    """Token ids and attention mask, each (n, length or the longest) int64, padded with 0."""
    import numpy as np

    ids = np.zeros((len(encodings), length or max(len(each.ids) for each in encodings)), np.int64)
    mask = np.zeros_like(ids)
    for row, each in enumerate(encodings):
        ids[row, : len(each.ids)] = each.ids
        mask[row, : len(each.ids)] = 1
    return {0: ids, 1: mask}


class SentenceTransformersEmbedder:
    """Any model that sentence-transformers loads.

    Args:
        name: as the user gave it. folder: where its files lie. max_tokens: None keeps the model's own limit.

    Raises:
        ModelUnavailable: it cannot be loaded.
    """

    def __init__(self, name: str, folder: Path, max_tokens: int | None = None) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"the model {name!r} cannot be loaded from {folder}: {error}") from error
        if max_tokens:
            self._model.max_seq_length = max_tokens
        self._identity = ModelIdentity(
            name,
            weights_sha256(folder),
            int(self._model.get_embedding_dimension() or 0),
            int(self._model.max_seq_length or 0),
            pooling=str(getattr(self._model[1], "pooling_mode", "model")) if not max_tokens else "mean",
        )
        self._lock = threading.Lock()

    @property
    def model(self) -> ModelIdentity:
        """Its identity; the default model's where it is that."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """See ``Embedder``."""
        import numpy as np

        with self._lock:
            vectors = self._model.encode(
                [text[:_MAX_CHARACTERS] for text in texts], normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, np.float32).reshape(len(texts), self._identity.dim)


def _find_model_folder(model: str) -> Path:
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    for name in (model, f"sentence-transformers/{model}"):
        try:
            return Path(snapshot_download(name, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError):
            continue
    raise ModelUnavailable(
        f"the model {model!r} is not on this machine, and nothing is downloaded; "
        "give a folder with --model, put it into the local Hugging Face cache, or leave --model out"
    )
