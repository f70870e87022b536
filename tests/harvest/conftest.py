"""Fixtures of harvests: a local server, and a folder for the index, with the network settings that lead to them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harvest.arxiv_service import ArxivApi
from harvest.corpus import Corpus, make_corpus
from harvest.oai_service import OaiRepository
from harvest.servers import ServiceServer, run_server
from harvest.sessions import Session


@pytest.fixture
def server() -> Iterator[ServiceServer]:
    with run_server() as running:
        yield running


@pytest.fixture
def corpus() -> Corpus:
    return make_corpus(60)


@pytest.fixture
def oai(corpus: Corpus) -> OaiRepository:
    """arXiv's OAI-PMH interface, at ``/oai``."""
    return OaiRepository(corpus)


@pytest.fixture
def api(corpus: Corpus) -> ArxivApi:
    """arXiv's API, at ``/api/query``."""
    return ArxivApi(corpus)


@pytest.fixture
def session(
    server: ServiceServer, oai: OaiRepository, api: ArxivApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Session]:
    """Makes the session of a harvest by its name; ``{url}`` in it is replaced by the address of the server."""
    server.services |= {"/oai": oai, "/api/query": api}
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PAPERS_ARXIV_OAI_URL", f"{server.url}/oai")
    monkeypatch.setenv("PAPERS_ARXIV_API_URL", f"{server.url}/api/query")
    return lambda name: Session(tmp_path / "index", name.format(url=server.url))
