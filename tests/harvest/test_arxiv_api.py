"""Harvests by arXiv's API: complete over pages, changes and limits."""

from collections.abc import Callable

import pytest

from harvest.arxiv_service import ArxivApi
from harvest.corpus import Corpus
from harvest.servers import ServiceServer, break_record, cut, unavailable, web_page
from harvest.sessions import Session
from indexer.harvest import limits, parse_name
from indexer.harvest.client import Client
from search.errors import HarvestFailed

MakeSession = Callable[[str], Session]
QUERY = "arxiv?query=au:zhou OR abs:examine"


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARXIV_API_PAGE_RECORDS", 20)
    monkeypatch.setattr(limits, "ARXIV_API_MAX_RECORDS", 60)


def titles(corpus: Corpus) -> set[str]:
    return {each.title for each in corpus.entries}


def test_a_query_is_harvested_completely(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    harvest = session(QUERY)
    report = harvest.run()
    assert report
    assert harvest.papers().keys() == titles(corpus)
    starts = [(each.parameters["start"], each.parameters["search_query"]) for each in server.requests]
    assert [start for start, _ in starts[:3]] == ["0", "10", "20"]
    assert any("submittedDate:[2026" in query for _, query in starts)  # beyond the most records of a query
    paper = next(iter(harvest.papers().values()))
    assert paper.sources == ("arxiv-atom:arxiv?query=au:zhou+OR+abs:examine",)


def test_conditions_are_part_of_the_query(corpus: Corpus, session: MakeSession) -> None:
    harvest = session("arxiv?query=ti:on&category=cs.CL&from=2026-01-10")
    harvest.run()
    expected = {each.title for each in corpus.entries if "cs.CL" in each.categories and each.stamp >= "2026-01-10"}
    assert harvest.papers().keys() == expected


def test_the_number_of_papers_is_one_request(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    for name in (QUERY, "arxiv?from=2026-01-01"):
        harvest = parse_name(session(name).name)
        with Client(0) as client:
            assert harvest.count(client) == len(corpus.entries)
    assert len(server.requests) == 2


def test_the_next_round_goes_back_to_the_last_one(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    for entry in corpus.entries:
        entry.versions = [f"2020-01-{1 + entry.number // 3:02}"]
    harvest = session(QUERY)
    harvest.run()
    corpus.add(700, "2100-01-01")
    corpus.entries[5].versions.append("2100-01-02")
    server.requests.clear()
    report = harvest.run()
    assert report
    assert (report.counts.new, report.counts.merged) == (1, 1)
    assert len(server.requests) == 1
    assert harvest.papers().keys() == titles(corpus)


def test_papers_that_leave_the_answer_meanwhile_do_not_hide_others(corpus: Corpus, session: MakeSession) -> None:
    harvest = session("arxiv?query=ti:on")
    harvest.fetch(limit=1)
    gone = [each.title for each in corpus.entries[:5]]
    for entry in corpus.entries[:5]:
        entry.title = f"Another {entry.number}"
    harvest.run()
    assert harvest.papers().keys() == {each.title for each in corpus.entries[5:]} | set(gone)


def test_a_fault_that_passes_loses_nothing(server: ServiceServer, corpus: Corpus, session: MakeSession) -> None:
    for fault in (unavailable(), unavailable(429, "3"), cut(), cut(0.8, length=False), web_page):
        server.faults += [fault, fault, None]
    harvest = session(QUERY)
    harvest.run()
    assert server.faults == []
    assert harvest.papers().keys() == titles(corpus)


def test_a_page_without_entries_is_requested_again(api: ArxivApi, corpus: Corpus, session: MakeSession) -> None:
    api.empty_pages = 2
    harvest = session(QUERY)
    harvest.run()
    assert harvest.papers().keys() == titles(corpus)


def test_a_malformed_record_costs_only_itself(server: ServiceServer, session: MakeSession) -> None:
    server.faults += [None, None, break_record]
    harvest = session(QUERY)
    harvest.run()
    assert len(harvest.papers()) >= 58


def test_an_error_of_the_api_is_reported(session: MakeSession) -> None:
    with pytest.raises(HarvestFailed, match='it answered "malformed query: a parenthesis is not closed"'):
        session("arxiv?query=(ti:on").fetch()
