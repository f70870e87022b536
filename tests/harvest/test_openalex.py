"""Harvests of OpenAlex: filters, keys, expired cursors, and what later rounds bring with and without a paid plan."""

from datetime import date
from pathlib import Path

import pytest

from harvest.openalex_service import OpenAlex
from harvest.servers import Reply, ServiceServer
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import mount
from indexer.harvest import make_harvest, parse_name
from search.errors import HarvestFailed, InvalidValue


@pytest.fixture
def works() -> Works:
    return make_works(23)


@pytest.fixture
def service(server: ServiceServer, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAlex:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    mounted = mount("openalex", server, works, monkeypatch)
    mounted.set_page_size(5)
    assert isinstance(mounted.service, OpenAlex)
    return mounted.service


def harvest(tmp_path: Path, name: str) -> Session:
    return Session(tmp_path / "index", name)


@pytest.mark.parametrize(
    ("query", "filters", "name"),
    [
        ("type:article", (), "openalex?filter=type:article"),
        ("concepts.id:C41008148", ("type:book",), "openalex?filter=concepts.id:C41008148&filter=type:book"),
        ("title.search:kv cache", (), "openalex?filter=title.search:kv+cache"),
        ("covid-19: a review", (), "openalex?query=covid-19:+a+review"),
        ("Deep  learning", ("type:b", "type:a", "type:b"), "openalex?query=Deep+learning&filter=type:a&filter=type:b"),
    ],
)
def test_a_query_that_is_a_filter_is_one(query: str, filters: tuple[str, ...], name: str) -> None:
    made = make_harvest("openalex", {"query": (query,), "filter": filters})
    assert made.name == name
    assert parse_name(name) == made


@pytest.mark.parametrize("parameters", [{}, {"filter": ("article",)}, {"query": ("x",), "from": ("soon",)}])
def test_what_names_no_works_is_refused(parameters: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InvalidValue):
        make_harvest("openalex", parameters)


@pytest.mark.usefixtures("service")
def test_filters_and_dates_select_works(
    server: ServiceServer, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERS_OPENALEX_KEY", "free")
    session = harvest(tmp_path, "openalex?filter=type:article&from=2026-01-03")
    session.run()
    assert session.papers().keys() == works.titles(since=date(2026, 1, 3))
    sent = server.requests[0].parameters
    assert (sent["cursor"], sent["mailto"], sent["api_key"]) == ("*", "someone@example.org", "free")


@pytest.mark.usefixtures("service")
def test_an_unknown_filter_is_reported_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(HarvestFailed, match=r'400: "colour is not a valid field'):
        harvest(tmp_path, "openalex?filter=colour:red").fetch()


def test_an_expired_cursor_starts_the_list_again(
    server: ServiceServer, service: OpenAlex, works: Works, tmp_path: Path
) -> None:
    session = harvest(tmp_path, "openalex?query=examine")
    session.fetch(limit=10)
    session.index()
    service.generation += 1
    server.requests.clear()
    session.run()
    assert len(server.requests) == 6  # one is refused
    assert session.papers().keys() == works.titles()


def test_a_service_that_accepts_no_cursor_ends_with_an_error(service: OpenAlex, tmp_path: Path) -> None:
    service.accepts_cursors = False
    session = harvest(tmp_path, "openalex?query=examine")
    with pytest.raises(HarvestFailed, match="Cursor is not valid"):
        session.fetch()
    assert session.pages() > 0


@pytest.mark.usefixtures("service")
def test_the_budget_of_a_day_ends_the_harvest_until_the_next_one(
    server: ServiceServer, works: Works, tmp_path: Path
) -> None:
    session = harvest(tmp_path, "openalex?query=examine")
    body = b'{"error": "Rate limit exceeded"}'
    server.faults = [None, None, lambda _reply: Reply(body, "application/json", 429, (("Retry-After", "41000"),))]
    with pytest.raises(HarvestFailed, match="asks to wait 41,000 seconds"):
        session.fetch()
    assert session.pages() == 2
    session.run()
    assert session.papers().keys() == works.titles()


@pytest.mark.parametrize("key", ["paid", "free", ""])
def test_later_rounds_bring_changed_works_with_and_without_a_paid_plan(
    server: ServiceServer,
    service: OpenAlex,
    works: Works,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    monkeypatch.setenv("PAPERS_OPENALEX_KEY", key)
    service.paid_keys = {"paid"}
    session = harvest(tmp_path, "openalex?query=examine")
    session.run()
    works.today = date(2999, 1, 1)
    works.change(4)
    server.requests.clear()
    assert session.fetch() == (1 if key == "paid" else 5)  # one page
    assert len(server.requests) == {"paid": 1, "free": 6, "": 5}[key]
    session.index()
    assert session.papers().keys() == works.titles()
