"""What holds for all services over works: harvests are complete, resumable, incremental, and survive faults."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvest.servers import Fault, Reply, ServiceServer, cut, redirect, run_server, slow, unavailable, web_page
from harvest.sessions import Session
from harvest.works import Works, make_works
from harvest.works_services import MOUNTS, Mounted, expected_ids, mount
from indexer.harvest import limits, parse_name
from indexer.harvest.client import Client
from indexer.harvest.spool import Spool
from search.errors import HarvestFailed, SourceError

COUNT = 23


@pytest.fixture
def works() -> Works:
    return make_works(COUNT)


@pytest.fixture(params=MOUNTS)
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
def harvest(mounted: Mounted, tmp_path: Path) -> Session:
    return Session(tmp_path / "index", mounted.name)


def test_all_records_arrive_with_their_fields(mounted: Mounted, works: Works, harvest: Session) -> None:
    report = harvest.run()
    assert report
    assert (report.counts.new, report.skipped) == (COUNT, [])
    papers = harvest.papers()
    assert papers.keys() == works.titles()
    for work in works.works:
        paper = papers[work.title]
        assert set(paper.ids) >= expected_ids(mounted.key, work)
        assert paper.abstract == work.abstract
        assert paper.authors == tuple(f"{given} {family}" for given, family in work.authors)
        assert str(paper.published) == str(work.published)
        assert (paper.extra["journal"], paper.extra["volume"], paper.extra["pages"]) == (work.journal, "7", "1-9")
        assert paper.sources[0].endswith(f":{mounted.name}")


def test_the_number_of_records_is_that_of_the_harvest(mounted: Mounted) -> None:
    with Client(0) as client:
        assert parse_name(mounted.name).count(client) == COUNT


def test_the_next_round_brings_only_what_changed(mounted: Mounted, works: Works, harvest: Session) -> None:
    harvest.run()
    works.today = date(2999, 1, 1)
    mounted.change(4)
    mounted.add()
    report = harvest.run()
    assert report
    assert (report.counts.new, report.counts.merged) == (1, 1)
    assert harvest.papers().keys() == works.titles()
    if mounted.key not in ("s2", "openalex"):  # which repeat all records, or pages with a changed one
        assert report.counts.read == 2
    again = harvest.run()
    assert not again or (again.counts.new, again.counts.merged) == (0, 0)


@pytest.mark.parametrize(
    "fault",
    [unavailable(503, "7"), unavailable(429, None), cut(), cut(0.9, length=False), web_page, slow(0.05)],
    ids=["503", "429", "cut", "cut-without-length", "web-page", "slow"],
)
def test_faults_that_pass_lose_nothing(server: ServiceServer, works: Works, harvest: Session, fault: Fault) -> None:
    server.faults = [fault, None, fault, fault, None, None, fault]
    assert harvest.fetch() >= COUNT
    assert harvest.titles_in_spool() == works.titles()


@pytest.mark.parametrize("damage", ["text", "character"])
def test_a_malformed_record_costs_itself_alone(
    mounted: Mounted, server: ServiceServer, works: Works, harvest: Session, damage: str
) -> None:
    title, value = (
        rb'"title": \[?"[^"]*"\]?',
        b'"title": "%s"' % (b"x" * 2_001) if damage == "text" else rb'"title": "\\ud83d"',
    )
    if mounted.key == "pubmed":
        title, value = b"</ArticleTitle>", b"</ArticleTitel>" if damage == "text" else b"\x08</ArticleTitle>"
    broken = list[bytes]()

    def break_title(reply: Reply) -> Reply:
        body = reply.body if broken else re.sub(title, value, reply.body, count=1)
        broken.extend([body] * (body != reply.body))
        return replace(reply, body=body)

    server.faults = [break_title] * 100
    harvest.fetch()
    (error,) = [each for each in harvest.records_in_spool() if isinstance(each, SourceError)]
    assert "failed" not in error.reason
    assert harvest.titles_in_spool() < works.titles()
    assert len(harvest.titles_in_spool()) == COUNT - 1


def test_a_fault_that_stays_ends_the_harvest_and_keeps_what_arrived(
    server: ServiceServer, works: Works, harvest: Session
) -> None:
    harvest.fetch(limit=5)
    server.faults = [web_page] * limits.MAX_TRIES
    with pytest.raises(HarvestFailed, match="text/html instead of"):
        harvest.fetch()
    assert harvest.pages() > 0
    server.faults = []
    harvest.run()
    assert harvest.papers().keys() == works.titles()


def test_a_redirect_is_followed_without_the_key_for_another_host(server: ServiceServer, harvest: Session) -> None:
    with run_server() as other:
        server.faults = [redirect(f"{other.url.replace('127.0.0.1', 'localhost')}/elsewhere")]
        with pytest.raises(HarvestFailed, match="404"):
            harvest.fetch()
        (request,) = other.requests
        assert request.path == "/elsewhere"
        assert "secret" not in "".join(request.headers.values())


def test_a_refusal_is_reported_with_its_reason_and_without_the_key(
    server: ServiceServer, harvest: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAPERS_OPENALEX_KEY", "PAPERS_NCBI_KEY"):
        monkeypatch.setenv(name, "secret")
    body = b'{"error": "API key invalid", "message": "API key invalid"}'
    server.faults = [lambda _reply: Reply(body, "application/json", 401)]
    with pytest.raises(HarvestFailed, match=r"401.*API key invalid") as raised:
        harvest.fetch()
    assert "secret" not in str(raised.value)


RUNS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=6)
"""Runs that end before the harvest: the pages that each stores, and whether it is killed with one more page."""


@pytest.mark.parametrize("key", MOUNTS)
@settings(max_examples=5, deadline=None)
@given(count=st.integers(0, 30), size=st.integers(1, 12), per_day=st.integers(1, 9), runs=RUNS)
@example(count=25, size=1, per_day=9, runs=[(1, True), (0, True), (2, False)])
def test_interruptions_at_any_page_lose_nothing(
    key: str, count: int, size: int, per_day: int, runs: list[tuple[int, bool]]
) -> None:
    works = make_works(count, per_day)
    with pytest.MonkeyPatch.context() as monkeypatch, run_server() as server, TemporaryDirectory() as folder:
        monkeypatch.setenv("PAPERS_CACHE", f"{folder}/cache")
        mounted = mount(key, server, works, monkeypatch)
        mounted.set_page_size(size)
        harvest = Session(Path(folder, "index"), mounted.name)
        for stored, killed in runs:
            _run_until(harvest, stored, killed)
        with Spool(harvest.directory, mounted.name) as spool:
            is_complete = spool.position.is_complete
        if not is_complete:
            harvest.fetch()
        assert harvest.titles_in_spool() == works.titles()


def test_after_interruptions_each_record_is_one_paper(works: Works, mounted: Mounted, harvest: Session) -> None:
    mounted.set_page_size(2)
    for stored, killed in [(2, True), (0, True), (1, False)]:
        _run_until(harvest, stored, killed)
    harvest.index()
    _run_until(harvest, 2, killed=True)
    works.today = date(2999, 1, 1)
    mounted.change(0)
    harvest.run()
    harvest.run()
    assert harvest.papers().keys() == works.titles()


def _run_until(session: Session, stored: int, killed: bool) -> None:
    """Stores some pages of a harvest; then, if it is killed, a page that it has received is lost."""
    harvest = parse_name(session.name)
    with Spool(session.directory, harvest.name) as spool, Client(0, sleep=session.waits.append) as client:
        if spool.position.is_complete:
            return
        pages = harvest.pages(client, spool.position.state)
        for _ in range(stored):
            page = next(pages, None)
            if page is None or page.is_last:
                return
            spool.add(page)
        if killed:
            next(pages, None)
