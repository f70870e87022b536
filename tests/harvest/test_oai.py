"""Harvests by OAI-PMH: complete, resumable, incremental, and robust to what repositories do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from harvest.corpus import Corpus
from harvest.oai_service import OaiRepository
from harvest.servers import Reply, ServiceServer, break_record, cut, redirect, slow, unavailable, web_page
from harvest.sessions import Session, load
from indexer.build import index
from indexer.compaction import compact
from indexer.doctor import examine
from indexer.harvest import limits
from indexer.harvest.spool import Spool
from indexer.removal import remove
from indexer.removal_selection import select_source
from indexer.source_list import list_sources
from records import write_records
from search.errors import HarvestFailed, IndexBusy, IndexDamaged, InvalidValue

MakeSession = Callable[[str], Session]
ALL = "arxiv?from=2026-01"


def titles(corpus: Corpus, *, category: str = "", since: str = "") -> set[str]:
    return {
        each.title
        for each in corpus.entries
        if not each.is_deleted and each.versions[0] >= since and (not category or category in each.categories)
    }


def test_a_category_is_harvested_completely_with_its_versions(
    server: ServiceServer, corpus: Corpus, session: MakeSession
) -> None:
    corpus.entries[4].versions.append("2026-03-01")
    corpus.entries[4].stamp = "2026-03-02"
    corpus.entries[5].is_withdrawn = True
    harvest = session("arxiv?category=cs.IR&from=2026-01")
    report = harvest.run()
    assert report
    assert harvest.papers().keys() == titles(corpus, category="cs.IR")
    assert report.counts.new == len(harvest.papers())
    paper = harvest.papers()[corpus.entries[4].title]
    assert (str(paper.published), str(paper.updated), paper.version) == ("2026-01-02", "2026-03-01", 2)
    assert paper.authors == tuple(corpus.entries[4].authors)
    assert paper.sources == ("oai-pmh:arxiv?category=cs.IR&from=2026-01",)
    assert harvest.papers()[corpus.entries[5].title].retraction == "withdrawn"
    assert {each.parameters.get("set", "cs:cs:IR") for each in server.requests} == {"cs:cs:IR"}
    agent = server.requests[0].headers["User-Agent"]
    assert agent.startswith("papers-search/")
    assert agent.endswith(" (+someone@example.org)")
    assert harvest.pages() == 0
    assert examine(harvest.directory) == []


def test_papers_that_were_only_changed_since_the_date_are_left_out(corpus: Corpus, session: MakeSession) -> None:
    corpus.entries[0].stamp = "2026-02-20"
    harvest = session("arxiv?from=2026-01-15")
    report = harvest.run()
    assert report
    assert harvest.papers().keys() == titles(corpus, since="2026-01-15")
    assert report.counts.outside == 1


def test_several_sets_are_one_harvest(corpus: Corpus, session: MakeSession) -> None:
    harvest = session("arxiv?category=cs.IR&category=cs.CL")
    report = harvest.run()
    assert report
    assert harvest.papers().keys() == titles(corpus)
    assert len(list_sources(harvest.directory)) == 1


def test_the_next_round_brings_only_what_changed(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    harvest = session(ALL)
    harvest.run()
    corpus.today = "2026-05-01"
    corpus.add(900, "2026-04-20")
    changed = corpus.entries[7]
    changed.title, changed.stamp = f"{changed.title} revised", "2026-04-21"
    changed.versions.append("2026-04-20")
    server.requests.clear()
    report = harvest.run()
    assert report
    assert (report.counts.read, report.counts.new, report.counts.merged) == (2, 1, 1)
    assert [each.parameters.get("from") for each in server.requests] == [None, "2026-04-14"]
    assert harvest.papers().keys() == titles(corpus)
    assert harvest.run() is None or harvest.papers().keys() == titles(corpus)
    (source,) = list_sources(harvest.directory)
    assert source.file
    assert (source.file.path, source.papers, source.file.new) == (ALL, 61, 61)


def test_a_round_without_records_is_complete(corpus: Corpus, session: MakeSession) -> None:
    corpus.entries.clear()
    harvest = session(ALL)
    assert harvest.fetch() == 0
    assert harvest.index() is None
    corpus.add(1, "2026-04-15")
    assert harvest.run()
    assert len(harvest.papers()) == 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("status", [200, 400])
def test_an_expired_token_loses_nothing(
    server: ServiceServer, oai: OaiRepository, corpus: Corpus, session: MakeSession, ordered: bool, status: int
) -> None:
    def expire(reply: Reply) -> Reply:
        oai.expire_tokens()
        return reply

    oai.ordered, oai.error_status = ordered, status
    server.faults += [None, None, None, expire]
    harvest = session(ALL)
    harvest.fetch(limit=45)
    lists = [each.parameters for each in server.requests if each.parameters["verb"] == "ListRecords"]
    starts = [each.get("from") for each in lists if "resumptionToken" not in each]
    assert starts == ["2026-01-01", "2026-01-10" if ordered else "2026-01-01"]
    harvest.index()
    oai.expire_tokens()
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)


def test_a_repository_that_accepts_no_token_ends_with_an_error(oai: OaiRepository, session: MakeSession) -> None:
    class All(set[str]):
        def __contains__(self, token: object) -> bool:
            return True

    oai.expired = All()
    harvest = session(ALL)
    with pytest.raises(HarvestFailed, match="accepts none of its own resumption tokens"):
        harvest.fetch()
    assert harvest.pages() > 0


def test_a_fault_that_passes_loses_nothing(
    server: ServiceServer, oai: OaiRepository, corpus: Corpus, session: MakeSession
) -> None:
    oai.page_size = 5
    for fault in (
        unavailable(503, "7"),
        unavailable(429, None),
        unavailable(500, "Thu, 01 Jan 1970 00:00:00 GMT"),
        cut(),
        cut(0.99, length=False),
        cut(0.3, length=False),
        web_page,
        slow(0.02),
    ):
        server.faults += [None, fault, fault]
    harvest = session(ALL)
    harvest.run()
    assert server.faults == []
    assert harvest.papers().keys() == titles(corpus)
    assert harvest.pages() == 0


def test_retry_after_is_waited_for(server: ServiceServer, session: MakeSession) -> None:
    server.faults += [unavailable(503, "7"), unavailable(429, None), unavailable(503, None)]
    harvest = session(ALL)
    harvest.fetch()
    waits = [each for each in harvest.waits if each > 0]
    assert waits[0] == 7
    assert 2 * limits.FIRST_BACKOFF_S <= waits[1] <= 3 * limits.FIRST_BACKOFF_S
    assert 4 * limits.FIRST_BACKOFF_S <= waits[2] <= 5 * limits.FIRST_BACKOFF_S


def test_a_service_that_stays_away_ends_with_an_error_and_the_same_command_continues(
    server: ServiceServer, corpus: Corpus, session: MakeSession
) -> None:
    server.faults += [None, None, None, *[unavailable()] * limits.MAX_TRIES]
    harvest = session(ALL)
    with pytest.raises(HarvestFailed, match=r"503 Service Unavailable.*run the same command later to continue"):
        harvest.fetch()
    assert harvest.pages() == 2
    server.requests.clear()
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)
    assert len(server.requests) == 5  # what is left of the 6 pages, from the day of the last record on
    server.faults += [unavailable(503, "86400")]
    with pytest.raises(HarvestFailed, match="asks to wait 86,400 seconds"):
        harvest.fetch()


def test_redirects_are_followed_within_bounds(
    server: ServiceServer, oai: OaiRepository, corpus: Corpus, session: MakeSession
) -> None:
    server.services["/new"] = oai
    server.faults += [redirect("/new?verb=Identify", 301)]
    harvest = session(ALL)
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)
    server.faults += [redirect("/oai")] * 10
    with pytest.raises(HarvestFailed, match="redirects more than 5 times"):
        harvest.fetch()
    server.faults[:] = [redirect("ftp://example.org/oai")]
    with pytest.raises(HarvestFailed, match=r"redirects to ftp://example\.org/oai, which is not followed"):
        harvest.fetch()


def test_errors_of_the_service_are_reported(session: MakeSession) -> None:
    with pytest.raises(HarvestFailed, match='it answered "cannotDisseminateFormat: mods"'):
        session("oai?url={url}/oai&prefix=mods").fetch()
    with pytest.raises(HarvestFailed, match="404"):
        session("oai?url={url}/none").fetch()
    with pytest.raises(HarvestFailed, match="run the same command later"):
        session("oai?url=http://127.0.0.1:9/oai").fetch()


def test_a_malformed_record_costs_only_itself(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    server.faults += [None, None, break_record]
    harvest = session(ALL)
    report = harvest.run()
    assert report
    assert report.skipped_count == 1
    assert harvest.papers().keys() < titles(corpus)
    assert len(harvest.papers()) == 59


def test_an_unreadable_page_is_set_aside(corpus: Corpus, session: MakeSession) -> None:
    harvest = session(ALL)
    harvest.fetch()
    with Spool(harvest.directory, ALL) as spool:
        damaged = spool.pages()[1].path
    content = damaged.read_bytes()[:-9] + b"?" * 9
    damaged.write_bytes(content)
    report = harvest.index()
    assert report
    assert report.failed == [damaged]
    assert (harvest.pages(), damaged.with_name(damaged.name + ".failed").read_bytes()) == (0, content)
    harvest.run()
    assert harvest.papers().keys() < titles(corpus)


def test_a_page_that_changes_meanwhile_loses_and_doubles_nothing(corpus: Corpus, session: MakeSession) -> None:
    harvest = session(ALL)
    harvest.fetch(limit=20)
    for number in (3, 14, 33):  # a changed record moves to the end of the list, and all after it by one place
        corpus.entries[number].stamp = "2026-04-15"
    corpus.add(901, "2026-04-15")
    harvest.run()
    corpus.today = "2026-04-17"
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)


def test_deleted_records_take_their_papers_unless_another_source_has_them(
    corpus: Corpus, session: MakeSession, tmp_path: Path
) -> None:
    harvest = session(ALL)
    harvest.run()
    kept, gone, back = corpus.entries[10], corpus.entries[11], corpus.entries[12]
    index(
        [write_records(tmp_path / "mine.jsonl", [{"id": kept.id, "title": kept.title, "abstract": kept.abstract}])],
        harvest.directory,
        FakeEmbedder(),
    )
    corpus.today = "2026-04-20"
    for entry in (kept, gone, back):
        entry.is_deleted, entry.stamp = True, "2026-04-18"
    report = harvest.run()
    assert report
    assert report.skipped_count == 0
    assert harvest.papers().keys() == titles(corpus) | {kept.title}
    assert harvest.papers()[kept.title].sources == ("jsonl:mine.jsonl",)
    compact(harvest.directory, load)
    corpus.today, back.is_deleted, back.stamp = "2026-04-25", False, "2026-04-22"
    harvest.run()
    assert harvest.papers().keys() == titles(corpus) | {kept.title}
    assert examine(harvest.directory) == []


def test_deletions_are_found_by_the_identifier_of_any_repository(
    oai: OaiRepository, corpus: Corpus, session: MakeSession
) -> None:
    oai.prefix, oai.seconds, oai.sizes = "oai:repository.example.org:", True, True
    harvest = session("oai?url={url}/oai")
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)
    corpus.today = "2026-04-16"
    entry = corpus.entries[20]
    entry.is_deleted, entry.stamp = True, "2026-04-16"
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)
    assert entry.title not in harvest.papers()


def test_removing_a_harvest_as_one_source(corpus: Corpus, session: MakeSession, tmp_path: Path) -> None:
    harvest = session(ALL)
    harvest.run()
    index(
        [write_records(tmp_path / "x.jsonl", [{"id": corpus.entries[0].id, "title": "Known"}])],
        harvest.directory,
        FakeEmbedder(),
    )
    removal = remove(harvest.directory, select_source(harvest.directory, ALL), load)
    assert (removal.removed, removal.changed) == (59, 1)
    assert len(harvest.papers()) == 1


def test_removing_a_file_leaves_the_papers_of_a_harvest(corpus: Corpus, session: MakeSession, tmp_path: Path) -> None:
    harvest = session(ALL)
    harvest.run()
    entry = corpus.entries[0]
    path = write_records(tmp_path / "x.jsonl", [{"id": entry.id, "title": entry.title}])
    index([path], harvest.directory, FakeEmbedder())
    remove(harvest.directory, select_source(harvest.directory, str(path)), load)
    assert harvest.papers().keys() == titles(corpus)


def test_a_limit_stops_the_import_and_the_next_run_continues(corpus: Corpus, session: MakeSession) -> None:
    harvest = session(ALL)
    assert harvest.fetch(limit=15) == 20
    report = harvest.index(limit=15)
    assert report
    assert (report.papers, harvest.pages()) == (15, 1)
    assert harvest.fetch(limit=15) == 0  # the rest of the page comes first
    report = harvest.index(limit=15)
    assert report
    assert (report.papers, harvest.pages()) == (20, 0)
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)


def test_a_spool_is_locked_and_its_damage_named(session: MakeSession) -> None:
    harvest = session(ALL)
    with Spool(harvest.directory, ALL) as spool, pytest.raises(IndexBusy, match="another process is fetching"):
        Spool(harvest.directory, ALL).__enter__()
    (spool.directory / "harvest.json").write_text("{")
    with pytest.raises(IndexDamaged, match="delete the folder"):
        harvest.fetch()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("arxiv", "give a query, a category or a date"),
        ("arxiv?category=cs.XX", "category"),
        ("arxiv?from=soon", "give a date such as"),
        ("oai?url=zenodo.org", "base URL of a repository"),
        ("nowhere?x=1", "choose one of"),
    ],
)
def test_an_invalid_name_is_explained(session: MakeSession, name: str, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        session(name).fetch()
