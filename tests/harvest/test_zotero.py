"""Harvests of Zotero libraries: changes, the trash, deletions, and what zotero.org and the local API ask for."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from harvest.servers import Reply, ServiceServer
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import Mounted, mount
from harvest.zotero_service import Zotero
from indexer.harvest import make_harvest, parse_name
from indexer.harvest.client import Client
from indexer.harvest.spool import Spool
from search.errors import HarvestFailed, InvalidValue


@pytest.fixture
def works() -> Works:
    return make_works(23)


@pytest.fixture(params=["zotero", "local-zotero"])
def mounted(
    request: pytest.FixtureRequest,
    server: ServiceServer,
    works: Works,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Mounted:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    found = mount(request.param, server, works, monkeypatch)
    found.set_page_size(5)
    return found


@pytest.fixture
def library(mounted: Mounted) -> Zotero:
    assert isinstance(mounted.service, Zotero)
    return mounted.service


@pytest.fixture
def harvest(mounted: Mounted, tmp_path: Path) -> Session:
    return Session(tmp_path / "index", mounted.name)


online = pytest.mark.parametrize("mounted", ["zotero"], indirect=True)
local = pytest.mark.parametrize("mounted", ["local-zotero"], indirect=True)


def test_changes_the_trash_and_deletions_are_carried_through(library: Zotero, harvest: Session) -> None:
    library.move_to_trash(1)
    harvest.run()
    assert harvest.papers().keys() == library.titles()
    library.change(2)
    library.add()
    library.move_to_trash(3)
    library.delete(4)
    library.move_to_trash(5)
    library.delete(5)
    report = harvest.run()
    assert report
    assert (report.counts.new, report.counts.merged, report.skipped) == (1, 1, [])
    assert harvest.papers().keys() == library.titles()
    library.trash.discard(3)  # taken out again
    library.change(3)
    harvest.run()
    assert harvest.papers().keys() == library.titles()
    assert len(harvest.papers()) == 21


def test_a_copy_of_an_item_keeps_its_paper_when_the_item_is_deleted(
    works: Works, library: Zotero, harvest: Session
) -> None:
    copy = replace(works.works[6])
    works.works.append(copy)
    harvest.run()
    assert len(harvest.papers()) == 23
    library.delete(23)
    harvest.run()
    assert copy.title in harvest.papers()
    library.delete(6)
    harvest.run()
    assert copy.title not in harvest.papers()


def test_an_item_that_is_erased_while_the_list_is_read_moves_no_other_out(
    mounted: Mounted, library: Zotero, harvest: Session
) -> None:
    made = parse_name(mounted.name)
    with Spool(harvest.directory, made.name) as spool, Client(0) as client:
        for number, page in enumerate(made.pages(client, {})):
            spool.add(page)
            if number in (0, 2):
                library.delete(number)
    harvest.index()
    harvest.run()
    assert harvest.papers().keys() == library.titles()


@online
def test_an_unchanged_library_costs_one_request(server: ServiceServer, harvest: Session) -> None:
    harvest.run()
    server.requests.clear()
    assert harvest.run() is None
    assert len(server.requests) == 1
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}
    assert (headers["if-modified-since-version"], headers["zotero-api-version"]) == ("100", "3")


@online
def test_the_service_may_ask_for_a_pause(library: Zotero, harvest: Session) -> None:
    library.backoff = 12
    harvest.fetch()
    assert harvest.waits.count(12.0) == 5


@online
def test_a_private_library_without_a_key_is_reported(harvest: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAPERS_ZOTERO_KEY")
    with pytest.raises(HarvestFailed, match=r'403: "Forbidden"; set PAPERS_ZOTERO_KEY to a key from https'):
        harvest.fetch()


@local
def test_an_unchanged_local_library_brings_nothing(harvest: Session) -> None:
    harvest.run()
    assert harvest.fetch() == 0
    assert harvest.pages() == 0


@local
def test_a_local_zotero_that_does_not_run_or_allow_it_is_reported(
    server: ServiceServer, harvest: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults = [lambda _reply: Reply(b"Local API is not enabled", "text/plain", 403)]
    with pytest.raises(HarvestFailed, match=r"Local API is not enabled.*under Advanced"):
        harvest.fetch()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("PAPERS_ZOTERO_LOCAL_URL", f"http://127.0.0.1:{port}/api")
    with pytest.raises(HarvestFailed, match=r"no Zotero answers .* start Zotero 7"):
        harvest.fetch()
    assert harvest.waits == [] or max(harvest.waits) < 1


@pytest.mark.parametrize("library", ["475425", "users/me", "users/0", "groups/", "users/1/items", "../users/1"])
def test_what_is_no_library_is_refused(library: str) -> None:
    with pytest.raises(InvalidValue, match="users/NUMBER or groups/NUMBER"):
        make_harvest("zotero", {"library": (library,)})
