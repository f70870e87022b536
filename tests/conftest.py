"""Fixtures: the sample, indexed once with the real model, and synthetic papers with the fake embedder."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # OpenMP reads it when FAISS is loaded; busy waiting slows others

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import settings

from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import index
from sample import ROOT
from search.embedding.embedder import Embedder, load_embedder
from search.papers.paper import Paper
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings
from source_samples import WriteSource
from strategies import AUTHOR_NAMES, CATEGORIES, COMMENTS, DATES, WORDS, MakeSearcher, write_papers

RAM_DISK = Path("/dev/shm")
"""Where Linux keeps files in memory."""
RAM_DISK_BYTES = 3_000_000_000
"""Free bytes that the temporary files of the whole suite need, with room to spare."""

if "TMPDIR" not in os.environ and os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free >= RAM_DISK_BYTES:
    os.environ["TMPDIR"] = str(RAM_DISK)  # an import waits for the disk ten times as long as it computes
    tempfile.tempdir = None  # read the variable again

settings.register_profile("papers", deadline=None, max_examples=50)  # no deadline: time depends on the load
settings.load_profile("papers")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; the tests send it to commands
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
def sample_searcher(sample_index: Path, embedder: Embedder) -> Searcher:
    """A searcher of that index."""
    return Searcher(sample_index, lambda _model: embedder)


@pytest.fixture(scope="module")
def client(sample_searcher: Searcher) -> Iterator[httpx.Client]:
    """A client of a server of that index."""
    server = HttpServer(create_app(sample_searcher, Settings()))
    yield server.client
    server.close()


@pytest.fixture(scope="session")
def index_options(sample_index: Path) -> list[str]:
    """The options of a command that reads that index."""
    return ["--index", str(sample_index)]


@pytest.fixture(scope="session")
def make_searcher(tmp_path_factory: pytest.TempPathFactory) -> MakeSearcher:
    def make(records: list[dict[str, object]]) -> Searcher:
        folder = tmp_path_factory.mktemp("index")
        embedder = FakeEmbedder()
        index([write_papers(folder, records)], folder / "index", embedder)
        return Searcher(folder / "index", lambda _model: embedder)

    return make


@pytest.fixture(scope="session")
def random_searcher(make_searcher: MakeSearcher) -> Searcher:
    random = np.random.default_rng(11)
    records: list[dict[str, object]] = []
    for number in range(300):
        records.append(
            {
                "title": " ".join(random.choice(WORDS, 3)),
                "abstract": " ".join(random.choice(WORDS, 10)),
                "authors": random.choice(AUTHOR_NAMES, random.integers(0, 4), replace=False).tolist(),
                "categories": random.choice(CATEGORIES, random.integers(0, 3), replace=False).tolist(),
                "published": random.choice([*DATES, ""]).item(),
                "updated": random.choice([*DATES, ""]).item(),
                "citations": number % 7,
                "comment": COMMENTS[number % len(COMMENTS)],
            }
        )
    return make_searcher(records)


@pytest.fixture(scope="session")
def random_papers(random_searcher: Searcher) -> list[Paper]:
    """The papers of ``random_searcher``, by row."""
    return [paper for _, paper in random_searcher.snapshot.store.scan(0)]


@pytest.fixture
def write_source(tmp_path: Path) -> WriteSource:
    """Writes input files of an import."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
