"""Harvests of Crossref: journals, the order by time of indexing, and what happens without it."""

from datetime import date
from pathlib import Path

import pytest

from harvest.crossref_service import Crossref
from harvest.servers import ServiceServer
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import Mounted, mount
from indexer.harvest import make_harvest, parse_name
from indexer.harvest.client import Client
from indexer.harvest.spool import Spool
from search.errors import HarvestFailed, InvalidValue

NAME = "crossref?query=examine"


@pytest.fixture
def works() -> Works:
    return make_works(23)


@pytest.fixture
def mounted(server: ServiceServer, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    found = mount("crossref", server, works, monkeypatch)
    found.set_page_size(5)
    return found


@pytest.fixture
def service(mounted: Mounted) -> Crossref:
    assert isinstance(mounted.service, Crossref)
    return mounted.service


@pytest.fixture
def harvest(service: Crossref, tmp_path: Path) -> Session:  # noqa: ARG001  which sets the address
    return Session(tmp_path / "index", NAME)


@pytest.mark.parametrize("name", ["crossref?issn=1234-5679&from=2026-01-03", "crossref?issn=12345679&from=2026-01-03"])
@pytest.mark.usefixtures("service")
def test_the_works_of_a_journal_from_a_date_on(name: str, server: ServiceServer, works: Works, tmp_path: Path) -> None:
    session = Session(tmp_path / "index", name)
    session.run()
    assert session.papers().keys() == works.titles(since=date(2026, 1, 3), issn="1234-5679")
    assert server.requests[0].parameters["mailto"] == "someone@example.org"


@pytest.mark.usefixtures("service")
def test_several_journals_are_one_harvest(works: Works, tmp_path: Path) -> None:
    session = Session(tmp_path / "index", "crossref?issn=2049-3630&issn=1234-5679")
    session.run()
    assert session.papers().keys() == works.titles()


@pytest.mark.parametrize("parameters", [{}, {"from": ("2026",)}, {"issn": ("1234",)}, {"issn": ("1234-567Z",)}])
def test_what_names_no_works_is_refused(parameters: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InvalidValue):
        make_harvest("crossref", parameters)


@pytest.mark.parametrize("accepts_times", [True, False])
@pytest.mark.parametrize("same_time", [True, False])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("size", [4, 30])
def test_works_are_complete_however_they_are_ordered(
    mounted: Mounted,
    service: Crossref,
    works: Works,
    harvest: Session,
    accepts_times: bool,
    same_time: bool,
    ordered: bool,
    size: int,
) -> None:
    service.accepts_times, service.same_time, service.ordered = accepts_times, same_time, ordered
    works.works.sort(key=lambda work: work.number * 7 % 23)
    mounted.set_page_size(size)
    harvest.fetch()
    assert harvest.titles_in_spool() == works.titles()


def test_more_works_without_an_order_than_can_be_listed_end_with_an_error(
    service: Crossref, works: Works, harvest: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.harvest.limits.CROSSREF_MAX_OFFSET", 12)
    service.ordered, service.max_offset = False, 12
    works.works.reverse()
    with pytest.raises(HarvestFailed, match=r"lists only 12 works .* --issn or --from"):
        harvest.fetch()
    assert harvest.pages() == 2
    service.ordered = True
    fresh = Session(harvest.directory.parent / "other", NAME)
    fresh.fetch()
    assert fresh.titles_in_spool() == works.titles()


def test_a_work_that_is_indexed_again_while_the_list_is_read_moves_no_other_out(works: Works, harvest: Session) -> None:
    made = parse_name(NAME)
    with Spool(harvest.directory, made.name) as spool, Client(0) as client:
        for number, page in enumerate(made.pages(client, {})):
            spool.add(page)
            works.change(number)  # one that was listed before
    harvest.index()
    assert len(harvest.papers()) == 23
    assert {each.removesuffix(" revised") for each in works.titles()} == {
        each.removesuffix(" revised") for each in harvest.papers()
    }


def test_a_retraction_arrives_in_the_next_round(works: Works, harvest: Session) -> None:
    harvest.run()
    works.works[7].is_retracted, works.works[7].changed = True, date(2999, 1, 1)
    assert harvest.fetch() == 1
    harvest.index()
    assert [title for title, paper in harvest.papers().items() if paper.retraction] == [works.works[7].title]


@pytest.mark.usefixtures("service")
def test_the_limits_of_the_service_are_respected() -> None:
    with Client(0.1) as client:
        parse_name(NAME).count(client)
        assert client.interval == 0.2
    with Client(1.0) as client:
        parse_name(NAME).count(client)
        assert client.interval == 1.0


@pytest.mark.usefixtures("service")
def test_a_contact_address_shortens_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_name(NAME).service.interval == 1.0
    monkeypatch.setenv("PAPERS_CONTACT", "someone@example.org")
    assert parse_name(NAME).service.interval == 0.35
