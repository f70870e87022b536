"""Embedder: converts texts to unit vectors with OpenVINO or sentence-transformers.

OpenVINO runs an export of a built-in model (``search.embedding.export``), in bf16 if the CPU supports it, or in int8 on
request (``search.embedding.quantize``). sentence-transformers (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019) runs
any other model, and ``small`` and ``all-MiniLM-L6-v2`` on machines without OpenVINO: it is slower and returns the same
vectors. This module never accesses the network.
"""

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from search.cores import available_cores
from search.embedding.batches import pad_inputs, split_into_batches
from search.embedding.model import (
    BUILT_IN_MODELS,
    DEFAULT_MODEL,
    PRECISIONS,
    QUESTION_GROUP,
    BuiltInModel,
    ModelIdentity,
    weights_sha256,
)
from search.embedding.numpy_embedder import NumpyEmbedder
from search.errors import InvalidValue, ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    import openvino
    from numpy.typing import NDArray
    from tokenizers import Encoding


@dataclass(frozen=True, slots=True)
class EmbedderTuning:
    """Constants of inference; ``docs/design/embedding.md`` gives the reasons."""

    batch_tokens: int = 1_024
    """Tokens per inference when many texts are embedded. With half as many or twice as many, int8 takes 2% longer."""
    fixed_lengths: tuple[int, ...] = (8, 16)
    """Tokens; input lengths that a server compiles separate networks for, of a model without a network for questions.
    A network for any length takes a millisecond longer for a text of another length than the one before."""
    question_lengths: tuple[int, ...] = (8, 12, 16, 20, 24, 32)
    """Tokens; the same for the network for questions, 27 MB of memory each. 98% of written questions fit."""
    max_characters: int = 16_384
    """Characters of a text that reach the tokenizer; the tokens of a built-in model never need more."""


EMBEDDER_TUNING = EmbedderTuning()


class Embedder(Protocol):
    """Converts texts to vectors; safe to use from several threads."""

    @property
    def model(self) -> ModelIdentity:
        """Identity of the model."""
        ...

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Returns (n, dim) float32 unit rows in the order given; all values are finite.

        A vector does not depend on the other texts, within a cosine of 0.9999; in int8, of 0.999.
        """
        ...


def load_embedder(
    model: str | None = None, precision: str = "float", *, serving: bool = False, single: bool = False
) -> Embedder:
    """Loads the embedder of a built-in model, or of any local model that sentence-transformers supports.

    Args:
        model: None for the default model, one of BUILT_IN_MODELS, otherwise a folder or the name of a model in the
            local cache.
        precision: ``float``, or for some built-in models ``int8``, which is faster and returns other vectors.
        serving: embed each text alone on one core, as questions are; otherwise many together, on all cores.
        single: the process embeds one short text at a time and few of them, so that a quick start counts most.

    Raises:
        InvalidValue: the model does not support the precision.
        ModelUnavailable: the model is not on this machine, or its weights have another checksum.
    """
    model = model or DEFAULT_MODEL.name
    built_in = BUILT_IN_MODELS.get(model)
    _check_precision(model, precision)
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    if built_in is None:
        return SentenceTransformersEmbedder(model, _find_model_folder(model))
    if single and NumpyEmbedder.supports(built_in):
        return NumpyEmbedder(built_in, precision, partial(load_embedder, model))
    try:
        return _load_openvino_embedder(built_in, precision, serving)
    except ImportError:  # OpenVINO is not available for every machine
        if precision != "float" or not (built_in.folder() / "modules.json").is_file():
            raise ModelUnavailable(
                f"model {model} in precision {precision} needs OpenVINO, which is not installed; pip install openvino, "
                f"or use --model {DEFAULT_MODEL.name} --precision float"
            ) from None
        return SentenceTransformersEmbedder(model, built_in.folder(), built_in)


def _check_precision(model: str, precision: str) -> None:
    if precision not in PRECISIONS:
        raise InvalidValue("precision", precision, f"choose one of {', '.join(PRECISIONS)}")
    supported = BUILT_IN_MODELS[model].precisions if model in BUILT_IN_MODELS else ("float",)
    if precision not in supported:
        others = ", ".join(name for name, each in BUILT_IN_MODELS.items() if precision in each.precisions)
        raise InvalidValue(
            "precision", precision, f"model {model} supports float only; omit --precision, or use --model {others}"
        )


def _load_openvino_embedder(model: BuiltInModel, precision: str, serving: bool) -> "OpenVinoEmbedder":
    """Loads the export in parallel with the comparison of its checksums; each takes 0.1 s or more."""
    from search.embedding import export

    identity = model.identity(precision)
    if serving and NumpyEmbedder.supports(model):
        precision = "float"  # that export contains the network for questions
    folder = export.export_folder(model, precision)
    if folder.is_dir():
        with ThreadPoolExecutor(1) as pool:
            embedder = pool.submit(OpenVinoEmbedder, folder, identity, serving)
            if export.is_intact(folder):
                return embedder.result()
    return OpenVinoEmbedder(export.ensure_exported(model, precision), identity, serving)


def _import_openvino() -> ModuleType:
    """Imports OpenVINO without its optional converter.

    The converter, and the package that sends its usage statistics, take half of the import time.
    """
    converter = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[converter] = None  # type: ignore[assignment]  # marks the module as not importable
    try:
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get(converter, ...) is None:
            del sys.modules[converter]


def _initialize_numpy_bridge(openvino: ModuleType) -> None:
    """Makes OpenVINO import numpy in a single thread.

    OpenVINO imports numpy when it receives its first array, and holds a lock while it waits for the GIL. Two threads
    that pass their first arrays at the same time can deadlock.
    """
    import numpy as np

    with _NUMPY_BRIDGE_LOCK:
        openvino.Tensor(np.zeros(1, np.float32))


_NUMPY_BRIDGE_LOCK = threading.Lock()


class OpenVinoEmbedder:
    """A built-in model in OpenVINO.

    A single text is embedded on all cores together. Many texts are embedded in batches of similar length, one core per
    batch. In a server, each text is embedded alone on one core, by the network for questions if the model has one.

    Args:
        folder: a folder that ``search.embedding.export.ensure_exported`` returned.
        identity: the model and precision.
        serving: embed each text alone on one core.
        tuning: batch size and compiled input lengths.
    """

    def __init__(
        self, folder: Path, identity: ModelIdentity, serving: bool, tuning: EmbedderTuning = EMBEDDER_TUNING
    ) -> None:
        from tokenizers import Tokenizer

        self._identity = identity
        self._serving = serving
        self._tuning = tuning
        question_file = folder / "question.xml"
        self._has_question_network = serving and question_file.is_file()
        self._network_file = question_file if self._has_question_network else folder / "model.xml"
        self._fixed_lengths = tuning.question_lengths if self._has_question_network else tuning.fixed_lengths
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(identity.max_tokens)
        self._tokenizer.no_padding()
        self._openvino = _import_openvino()
        self._core = self._openvino.Core()
        _initialize_numpy_bridge(self._openvino)
        self._local = threading.local()
        self._compile_lock = threading.Lock()
        self._fixed_length_models: dict[int, openvino.CompiledModel] = {}

    @property
    def model(self) -> ModelIdentity:
        """Identity of the model."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embeds texts; see ``Embedder.encode``."""
        import numpy as np

        encodings = self._tokenizer.encode_batch_fast([text[: self._tuning.max_characters] for text in texts])
        vectors = np.empty((len(texts), self.model.dim), np.float32)
        if self._serving or len(texts) == 1:
            for row, encoding in enumerate(encodings):
                vectors[row] = self._encode_one([encoding])
        elif texts:
            self._encode_many(encodings, vectors)
        return vectors

    def _encode_many(self, encodings: "list[Encoding]", vectors: "NDArray[np.float32]") -> None:
        """Embeds batches in a thread pool and writes the results to ``vectors``.

        OpenVINO's own queue with a callback can hang: a compiled model that is released holds the GIL while it waits
        for a callback that needs the GIL.
        """
        with self._compile_lock:
            pool, network = self._pool, self._throughput_model

        def embed(positions: list[int]) -> None:
            vectors[positions] = self._infer(network, [encodings[position] for position in positions])

        lengths = [len(encoding.ids) for encoding in encodings]
        for _ in pool.map(embed, split_into_batches(lengths, self._tuning.batch_tokens)):
            pass  # re-raises an exception of a batch

    def _encode_one(self, encodings: "Sequence[Encoding]") -> "NDArray[np.float32]":
        """Returns the (1, dim) vector of a single text."""
        tokens = len(encodings[0].ids)
        length = next((length for length in self._fixed_lengths if length >= tokens), None)
        if not self._serving or length is None:
            return self._infer(self._throughput_model if self._serving else self._latency_model, encodings)
        if length not in self._fixed_length_models:  # only a text of a new length waits while a network is compiled
            with self._compile_lock:
                if length not in self._fixed_length_models:
                    self._fixed_length_models[length] = self._compile_for_throughput(length)
        return self._infer(self._fixed_length_models[length], encodings, length)

    def _infer(
        self, compiled: "openvino.CompiledModel", encodings: "Sequence[Encoding]", length: int = 0
    ) -> "NDArray[np.float32]":
        """Returns (n, dim) rows, which the next call overwrites. An inference request is not thread-safe, so each
        thread has one per network."""
        name = f"request_{id(compiled)}"
        if not hasattr(self._local, name):
            setattr(self._local, name, compiled.create_infer_request())
        request, inputs = getattr(self._local, name), pad_inputs(encodings, length)
        if length:  # the tensors of the request have this length; to be given others takes it .1 ms
            for place, values in inputs.items():
                request.get_input_tensor(place).data[:] = values
        request.infer(None if length else inputs)
        rows: NDArray[np.float32] = request.get_output_tensor(0).data
        return rows

    @cached_property
    def _network(self) -> "openvino.Model":
        """The network in the file, which is in memory once for all lengths."""
        return self._core.read_model(self._network_file)

    @cached_property
    def _latency_model(self) -> "openvino.CompiledModel":
        return self._compile(PERFORMANCE_HINT="LATENCY")

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """One thread per core, shared by all calls, so that the batches of different calls run without a pause."""
        return ThreadPoolExecutor(available_cores(), "embed")

    @cached_property
    def _throughput_model(self) -> "openvino.CompiledModel":
        return self._compile_for_throughput()

    def _compile_for_throughput(self, length: int = 0) -> "openvino.CompiledModel":
        """Compiles with one stream per core; a stream pinned to a core would wait for other programs on that core."""
        return self._compile(
            length,
            PERFORMANCE_HINT="THROUGHPUT",
            NUM_STREAMS=str(available_cores()),
            INFERENCE_NUM_THREADS=str(available_cores()),
            ENABLE_CPU_PINNING="NO",
        )

    def _compile(self, length: int = 0, **properties: str) -> "openvino.CompiledModel":
        """Compiles the network; called on first use, since a process embeds either single texts or many.

        Args:
            length: number of tokens of a single text; 0 for any number of texts of any length.
            properties: further properties of the OpenVINO device.
        """
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        properties["INFERENCE_PRECISION_HINT"] = "bf16" if has_bf16 and not self._has_question_network else "f32"
        if self._has_question_network:  # OpenVINO quantizes states in f32 only
            properties["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(QUESTION_GROUP)
        network = self._network.clone()
        if length:
            network.reshape({name: [1, length] for name in network.inputs})
        return self._core.compile_model(network, "CPU", properties)


class SentenceTransformersEmbedder:
    """Any model that sentence-transformers can load, in float32.

    Args:
        name: the name that the user gave.
        folder: the folder of its files.
        built_in: the built-in model that it is, if any.
        tuning: limit of characters.

    Raises:
        ModelUnavailable: the model cannot be loaded, or a built-in one has weights of another checksum.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        built_in: BuiltInModel | None = None,
        tuning: EmbedderTuning = EMBEDDER_TUNING,
    ) -> None:
        from sentence_transformers import SentenceTransformer

        if built_in:
            built_in.check_weights()
        try:
            self._model: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"the model {name!r} cannot be loaded from {folder}: {error}") from error
        self._model.float()  # weights stored in half precision; a CPU is slow with them
        if built_in:
            self._model.max_seq_length = built_in.max_tokens
        self._identity = built_in.identity() if built_in else self._identify(name, folder)
        self._lock = threading.Lock()
        self._max_characters = tuning.max_characters

    def _identify(self, name: str, folder: Path) -> ModelIdentity:
        return ModelIdentity(
            name,
            weights_sha256(folder),
            int(self._model.get_embedding_dimension() or 0),
            int(self._model.max_seq_length or 0),
            pooling=str(getattr(self._model[1], "pooling_mode", "model")),
        )

    @property
    def model(self) -> ModelIdentity:
        """Identity of the model; for a built-in model the same as in OpenVINO."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embeds texts; see ``Embedder.encode``."""
        import numpy as np

        with self._lock:
            vectors = self._model.encode(
                [text[: self._max_characters] for text in texts], normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, np.float32).reshape(len(texts), self._identity.dim)


def _find_model_folder(model: str) -> Path:
    """Returns the folder of a model that was given by folder or by name.

    Raises:
        ModelUnavailable: it is neither a folder nor in the local cache.
    """
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
        f"the model {model!r} is not on this machine, and models are never downloaded; "
        "pass its folder with --model, put it into the local Hugging Face cache, or use a built-in model: "
        f"{', '.join(BUILT_IN_MODELS)}"
    )
