"""The sample, indexed once with the real model for all tests that ask it."""

from pathlib import Path

import pytest

from indexer.build import index
from search.embedder import Embedder, load_embedder
from search.searcher import Searcher

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The default model."""
    return load_embedder()


@pytest.fixture(scope="session")
def int8_embedder() -> Embedder:
    """The default model, quantized."""
    return load_embedder(precision="int8")


@pytest.fixture(scope="session")
def int8_index(tmp_path_factory: pytest.TempPathFactory, int8_embedder: Embedder) -> Path:
    """The folder of an int8 index of data/sample.jsonl."""
    folder = tmp_path_factory.mktemp("int8") / "index"
    index([ROOT / "data" / "sample.jsonl"], folder, int8_embedder)
    return folder


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """The folder of an index of data/sample.jsonl."""
    folder = tmp_path_factory.mktemp("sample") / "index"
    index([ROOT / "data" / "sample.jsonl"], folder, embedder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_index: Path, embedder: Embedder) -> Searcher:
    """A searcher of that index."""
    return Searcher(sample_index, lambda _model: embedder)
