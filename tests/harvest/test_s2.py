"""Harvests of Semantic Scholar: the key, dates, and expired tokens."""

from datetime import date
from pathlib import Path

import pytest

from harvest.s2_service import SemanticScholar
from harvest.servers import ServiceServer
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import mount
from indexer.harvest import make_harvest
from search.errors import HarvestFailed, InvalidValue

NAME = "s2?query=examine"


@pytest.fixture
def works() -> Works:
    return make_works(23)


@pytest.fixture
def service(server: ServiceServer, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SemanticScholar:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    mounted = mount("s2", server, works, monkeypatch)
    mounted.set_page_size(5)
    assert isinstance(mounted.service, SemanticScholar)
    return mounted.service


@pytest.fixture
def harvest(service: SemanticScholar, tmp_path: Path) -> Session:  # noqa: ARG001  which sets the address
    return Session(tmp_path / "index", NAME)


def test_without_a_key_the_message_says_how_to_get_one(
    server: ServiceServer, harvest: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAPERS_S2_KEY")
    with pytest.raises(
        InvalidValue, match=r"PAPERS_S2_KEY.*request a key.*https://www.semanticscholar.org/product/api"
    ):
        harvest.fetch()
    assert server.requests == []


@pytest.mark.parametrize("key", ["a b", "kéy", "a\nb"])
def test_what_can_be_no_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("PAPERS_S2_KEY", key)
    with pytest.raises(InvalidValue, match="PAPERS_S2_KEY") as raised:
        make_harvest("s2", {"query": ("x",)})
    assert key not in str(raised.value)


def test_a_wrong_key_is_reported(harvest: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_S2_KEY", "wrong")
    with pytest.raises(HarvestFailed, match=r'403: "Forbidden"') as raised:
        harvest.fetch()
    assert "wrong" not in str(raised.value)


@pytest.mark.usefixtures("service")
def test_the_date_of_publication_selects_papers(works: Works, tmp_path: Path) -> None:
    session = Session(tmp_path / "index", f"{NAME}&from=2026-01-03")
    session.run()
    assert session.papers().keys() == works.titles(since=date(2026, 1, 3))


def test_an_expired_token_starts_the_list_again(
    server: ServiceServer, service: SemanticScholar, works: Works, harvest: Session
) -> None:
    harvest.fetch(limit=10)
    harvest.index()
    service.generation += 1
    server.requests.clear()
    harvest.run()
    assert harvest.papers().keys() == works.titles()
    assert len(server.requests) == 6  # one is refused


def test_a_query_is_needed() -> None:
    with pytest.raises(InvalidValue, match="give a query"):
        make_harvest("s2", {})
