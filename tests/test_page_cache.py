"""A repeated question is answered from the cache of pages, which is bounded, and only from what it depends on."""

import re
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import index
from search.query.page import Page
from search.query.page_cache import PageCache
from search.query.people import PersonCorrections
from search.query.query import Query
from search.searcher import Searcher
from search.session import Session
from service.app import create_app
from service.settings import Settings
from strategies import write_papers

PAPERS: list[dict[str, object]] = [
    {"title": f"On graphs and trees {number}", "authors": ["Jane Doe"]} for number in range(9)
]


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    """A searcher with a cache whose lookups are in ``lookups``."""
    _index(tmp_path, PAPERS)
    embedder = FakeEmbedder()
    searcher = Searcher(tmp_path / "index", lambda _model: embedder)
    searcher.page_cache = PageCache(100, _lookups.append)
    _lookups.clear()
    return searcher


_lookups: list[bool] = []


def _index(folder: Path, papers: list[dict[str, object]]) -> None:
    index([write_papers(folder, papers)], folder / "index", FakeEmbedder())


def test_a_repeated_question_takes_no_search(searcher: Searcher) -> None:
    searches: list[Page] = []
    searcher.on_page = searches.append
    page, count = searcher.ask("graphs", limit=2), len(searches)
    assert searcher.ask("graphs", limit=2) is page
    assert len(searches) == count
    assert _lookups == [False, True]


@pytest.mark.parametrize("other", [{"limit": 3}, {"facets": True}, {"sort": "newest"}, {"mode": "lexical"}])
def test_another_query_is_another_question(searcher: Searcher, other: dict[str, Any]) -> None:
    page = searcher.ask("graphs", limit=2)
    assert searcher.ask("graphs", **{"limit": 2, **other}) is not page


def test_a_page_depends_on_the_user_the_model_and_the_day(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    session = searcher.session()
    page = session.ask("graphs")
    corrections = PersonCorrections(same=(("arxiv:2401.00001", "arxiv:2401.00002"),))
    assert replace(session, corrections=corrections).ask("graphs") is not page
    assert (
        replace(
            session, embedders=Searcher(searcher.snapshot.layout.directory, lambda _model: FakeEmbedder()).embedders
        ).ask("graphs")
        is not page
    )

    class Tomorrow(date):
        @classmethod
        def today(cls) -> "Tomorrow":
            return cls(2099, 1, 1)

    monkeypatch.setattr("search.session.date", Tomorrow)
    assert session.ask("graphs") is not page


def test_a_new_generation_answers_anew(searcher: Searcher, tmp_path: Path) -> None:
    assert searcher.ask("graphs").total == len(PAPERS)
    _index(tmp_path, [*PAPERS, {"title": "Graphs again", "authors": ["Jane Doe"]}])
    assert searcher.ask("graphs").total == len(PAPERS) + 1


def test_the_least_recently_used_pages_leave_the_cache_beyond_its_limit(searcher: Searcher) -> None:
    page = searcher.ask("graphs", limit=4)
    cache = PageCache(3 * (4 + 2), lambda _hit: None)
    for key in "abc":
        cache.get(key, lambda: page)
    other = searcher.ask("trees", limit=4)
    assert cache.get("a", lambda: other) is page
    assert cache.get("d", lambda: other) is other  # in place of b
    assert [cache.get(key, lambda: other) is page for key in "acb"] == [True, True, False]
    large = replace(page, hits=page.hits * 30)
    cache.get("large", lambda: large)
    assert cache.get("large", lambda: other) is other


@pytest.mark.parametrize("cached_hits", [0, 100])
def test_a_server_counts_lookups(searcher: Searcher, tmp_path: Path, cached_hits: int) -> None:
    settings = Settings(cached_hits=cached_hits, state=tmp_path / "state.sqlite")
    server = HttpServer(create_app(searcher, settings))
    try:
        answers = [server.client.get("/v1/search", params={"q": "graphs"}).json() for _ in range(3)]
        page = server.client.get("/", params={"q": "graphs"}).status_code
        metrics = dict(
            re.findall(r'papers_page_cache_lookups_total\{outcome="(\w+)"\} (\S+)', server.client.get("/metrics").text)
        )
    finally:
        server.close()
    assert page == 200
    assert answers[0]["hits"] == answers[2]["hits"]
    assert bool(metrics) == bool(cached_hits)
    assert not cached_hits or float(metrics["hit"]) >= 2


def test_all_that_a_page_depends_on_is_in_its_key() -> None:
    in_key = {"snapshot", "embedders", "corrections"}  # of the snapshot, its generation
    assert {each.name for each in fields(Session)} == in_key | {"on_page", "theme_cache", "page_cache"}
    assert hash(Query("a", limit=3, like=("b",), facets=True))
