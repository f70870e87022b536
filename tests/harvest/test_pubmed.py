"""Harvests of PubMed: queries with more records than a search lists, dates, keys, and errors."""

from datetime import date
from pathlib import Path

import pytest

from harvest.pubmed_service import Pubmed
from harvest.servers import Reply, ServiceServer
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import Mounted, mount
from indexer.harvest import limits, make_harvest, parse_name
from search.errors import HarvestFailed, InvalidValue

NAME = "pubmed?query=examine"


@pytest.fixture
def works() -> Works:
    return make_works(40)


@pytest.fixture
def mounted(server: ServiceServer, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    found = mount("pubmed", server, works, monkeypatch)
    found.set_page_size(4)
    return found


@pytest.fixture
def service(mounted: Mounted) -> Pubmed:
    assert isinstance(mounted.service, Pubmed)
    return mounted.service


@pytest.fixture
def harvest(service: Pubmed, tmp_path: Path) -> Session:  # noqa: ARG001  which sets the address
    return Session(tmp_path / "index", NAME)


@pytest.mark.parametrize("most", [3, 7, 39, 40])
def test_more_records_than_a_search_lists_are_divided_by_days(
    service: Pubmed, works: Works, harvest: Session, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(limits, "PUBMED_MAX_RECORDS", 9_999)
    service.max_records = most
    harvest.fetch()
    assert harvest.titles_in_spool() == works.titles()


def test_a_day_with_more_records_than_a_search_lists_ends_with_an_error(service: Pubmed, harvest: Session) -> None:
    service.max_records = 2
    with pytest.raises(HarvestFailed, match="does not list all of the records that entered PubMed on 2026-01-01"):
        harvest.fetch()


@pytest.mark.usefixtures("service")
def test_the_date_of_publication_and_that_of_the_next_round_are_part_of_the_query(
    server: ServiceServer, works: Works, tmp_path: Path
) -> None:
    session = Session(tmp_path / "index", f"{NAME}&from=2026-01-05")
    session.run()
    assert session.papers().keys() == works.titles(since=date(2026, 1, 5))
    works.today = date(2999, 1, 1)
    works.change(1)  # published earlier
    works.change(30)
    server.requests.clear()
    assert session.fetch() == 1
    assert session.titles_in_spool() == {works.works[30].title}
    sent = server.requests[0].parameters
    assert sent["term"].startswith('((examine) AND ("2026/01/05"[pdat] : "3000"[pdat])) AND (')
    assert (sent["tool"], sent["email"]) == ("papers-search", "someone@example.org")


@pytest.mark.usefixtures("service")
def test_a_key_is_sent_and_shortens_the_pause(
    server: ServiceServer, harvest: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse_name(NAME).service.interval == limits.PUBMED_INTERVAL_S
    monkeypatch.setenv("PAPERS_NCBI_KEY", "0123abcd")
    assert parse_name(NAME).service.interval == limits.PUBMED_KEY_INTERVAL_S
    harvest.fetch()
    assert {each.parameters["api_key"] for each in server.requests} == {"0123abcd"}
    assert "0123abcd" not in repr(parse_name(NAME))


def test_a_search_that_fails_for_a_while_is_tried_again(server: ServiceServer, works: Works, harvest: Session) -> None:
    body = b"<eSearchResult><ERROR>Search Backend failed: timeout</ERROR></eSearchResult>"
    server.faults = [lambda _reply: Reply(body)] * 2
    harvest.fetch()
    assert harvest.titles_in_spool() == works.titles()
    server.faults = [lambda _reply: Reply(body)] * limits.MAX_TRIES
    with pytest.raises(HarvestFailed, match="Search Backend failed"):
        Session(harvest.directory.parent / "other", NAME).fetch()


def test_records_that_are_deleted_between_search_and_fetch_are_no_error(works: Works, harvest: Session) -> None:
    harvest.fetch(limit=4)
    works.works[20].is_deleted = True
    harvest.index()
    harvest.run()
    assert harvest.papers().keys() == works.titles()


def test_retracted_papers_are_marked(works: Works, harvest: Session) -> None:
    works.works[3].is_retracted = True
    harvest.run()
    assert [title for title, paper in harvest.papers().items() if paper.retraction] == [works.works[3].title]


def test_a_query_is_needed() -> None:
    with pytest.raises(InvalidValue, match="give a query"):
        make_harvest("pubmed", {"from": ("2026",)})
