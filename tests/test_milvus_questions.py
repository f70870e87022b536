"""How long a question waits for a collection of Milvus, and which papers its counts cover."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from http_server import HttpServer
from search.embedding.cache import EmbedderCache
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.index.snapshot import Snapshot
from search.milvus.address import Address
from search.milvus.copying import copy_snapshot
from search.milvus.schema import LITE
from search.milvus.source import MilvusSource
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, Not
from search.query.filter import Filter
from search.query.query import Query
from search.query.sort import SORTS
from search.searcher import Searcher
from search.session import Session
from service.agents.quoting import facets_answer, people_answer, themes_answer
from service.app import create_app
from service.formats.maps import map_text
from service.formats.render import page_text, people_text
from service.formats.themes import themes_heading
from service.settings import Settings
from strategies import WORDS, MakeSearcher, conditions
from web_pages import read_page, text_of

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")

MAX_ROUND_TRIPS = 3
"""Times that a question waits for a collection whose counts and names were read before."""
TITLES = ("a data set of datasets", "the network net work", "k-means and kmeans", "zero shot, zero-shot, zeroshot")


@pytest.fixture(scope="module")
def local(make_searcher: MakeSearcher) -> Searcher:
    """An index of 480 papers, with words that are written in several ways."""
    records: list[dict[str, object]] = [
        {
            "title": f"{WORDS[number % 12]} {WORDS[number // 40]}: {TITLES[number % 4]}",
            "abstract": f"We study {WORDS[number % 7]} and {WORDS[number % 5]}.",
            "authors": [["Wei Zhang", "Liu Yang"], ["Yang Liu", "Wei Zhang"], ["Zhang Wei"], ["W. Zhang"]][number % 4],
            "categories": ["cs.CL", "cs.IR"][: number % 3],
            "published": f"{2020 + number % 6}",
        }
        for number in range(480)
    ]
    return make_searcher(records)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, local: Searcher) -> Iterator[Address]:
    """A collection of the same papers."""
    snapshot = local.snapshot
    assert isinstance(snapshot, Snapshot)
    address = Address("", str(tmp_path_factory.mktemp("milvus") / "papers.db"), "papers")
    client = address.connect()
    copy_snapshot(snapshot, client, address.collection, LITE)
    yield address
    client.close()


def load(_model: ModelIdentity) -> Embedder:
    return FakeEmbedder()


@pytest.fixture(scope="module")
def searcher(address: Address) -> Searcher:
    return Searcher(str(address), load)


WORD_FILTERS: list[Condition] = [
    AllOf((ContainsText("dataset"), ContainsText("network"), ContainsText("zeroshot"))),
    AllOf((ContainsText("data set of", phrase=True), Not(ContainsText("net work", "title", phrase=True)))),
    AnyOf((ContainsText("kmeans galaxies"), ContainsText("of the", phrase=True), ContainsText("datasets", "abstract"))),
    AllOf((Author("Yang Liu"), AnyOf((Author("Wei Zhang"), Author("Zhang, W."))), ContainsText("networks"))),
    AllOf((Category("cs"), Author("Liu Yang", "first"), Author("Zhang Wei", exact=True))),
]


def count_round_trips(address: Address, query: Query) -> int:
    """Returns how often a question waits whose filter no question had before."""
    backend = MilvusSource(address).open()
    backend.load()
    before = backend.round_trips
    Session(backend.for_session(), EmbedderCache(Path(), load)).search(query)
    return backend.round_trips - before


@pytest.mark.parametrize("text", ["", "attention kmeansclustering dataset"])
@pytest.mark.parametrize("condition", WORD_FILTERS, ids=str)
def test_a_question_waits_at_most_three_times(address: Address, condition: Condition, text: str) -> None:
    for sort in SORTS[:2]:
        query = Query(text, Filter(where=condition), facets=True, sort=sort)
        decides = text and sort != "relevance"  # all papers decide which are closest, whatever the filter
        assert count_round_trips(address, query) <= MAX_ROUND_TRIPS + bool(decides), sort


@given(condition=conditions, text=st.sampled_from(["", *WORDS]))
@settings(max_examples=25, deadline=None)
def test_a_question_with_any_filter_waits_at_most_three_times(
    address: Address, condition: Condition, text: str
) -> None:
    assert count_round_trips(address, Query(text, Filter(where=condition), facets=True)) <= MAX_ROUND_TRIPS


@pytest.fixture(scope="module")
def client(searcher: Searcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    state = tmp_path_factory.mktemp("state") / "state.sqlite"
    server = HttpServer(create_app(searcher, Settings(state=state)))
    yield server.client
    server.close()


@pytest.fixture
def few_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes questions read few papers, as of a collection with many."""
    for name in ("table.MAX_WHOLE_SET", "sorting.MAX_WHOLE_SET", "vectors.CANDIDATES"):
        monkeypatch.setattr(f"search.milvus.{name}", 30)


@pytest.mark.usefixtures("few_papers")
def test_every_interface_says_which_papers_are_counted(searcher: Searcher, client: httpx.Client) -> None:
    question = "attention cache"
    session = searcher.session()
    page = session.ask(question, facets=True)
    assert page.facets
    counted = page.facets.counted_over
    assert re.fullmatch(r"the \d+ papers closest to the question", counted)
    assert not page.facets.estimated
    words = f", counted over {counted}"
    people, themes, trends = session.people(question), session.themes(question), session.trends(question)
    assert people.counted_over == themes.counted_over == counted
    assert words in repr(people)
    for text in (
        page_text(page),
        facets_answer(page).text,
        people_text(people),
        people_answer(people).text,
        themes_heading(themes),
        themes_answer(themes).text,
        map_text(session.map(question)),
    ):
        assert words in text
    assert any(notice.startswith(f"Counted over {counted};") for notice in trends.notices)
    for path in ("search?facets=true&", "people?", "themes?", "map?", "trends?"):
        assert f'"counted_over":"{counted}"' in client.get(f"/v1/{path}q=attention+cache").text
    for path in ("/", "/people", "/themes", "/map", "/trends"):
        shown = text_of(read_page(client, f"{path}?q=attention+cache", 200))
        assert f"ounted over {counted}" in shown, path
    newest = session.ask(question, sort="newest")
    assert f"They are counted over {counted}." in newest.notices


@pytest.mark.usefixtures("few_papers")
def test_counts_of_a_filter_say_which_papers_they_cover(searcher: Searcher) -> None:
    for query, counted in (
        (Query(limit=5, facets=True), r"the (3\d) newest papers"),
        (Query(limit=0, facets=True), r"the (30) newest papers"),
        (Query(limit=5, facets=True, sort="oldest"), r"the (3\d) oldest papers"),
        (Query("study", mode="lexical", limit=5, facets=True), r"the (\d+) papers closest to the question"),
    ):
        page = searcher.session().search(query)
        assert page.facets
        found = re.fullmatch(counted, page.facets.counted_over)
        assert found
        assert sum(year.papers for year in page.facets.years) == int(found[1])
    condition = AllOf((ContainsText("attention", "title"), ContainsText("cache", "title")))
    whole = searcher.session().search(Query(filter=Filter(where=condition), facets=True))
    assert whole.facets
    assert whole.facets.counted_over == ""
    assert sum(year.papers for year in whole.facets.years) == whole.total > 0


@pytest.mark.parametrize("name", ["W. Zhang", "Zhang", "Yang Liu", "Wei Zhnag", "Yng Liu", "Liu Yong", "Nobody Here"])
def test_names_are_counted_and_suggested_as_in_the_local_index(searcher: Searcher, local: Searcher, name: str) -> None:
    assert searcher.session().authors(name) == local.session().authors(name)


def test_people_behind_a_name_are_distinguished_by_all_its_papers(searcher: Searcher, local: Searcher) -> None:
    session = searcher.session()
    session.search(Query("attention", limit=1))  # what a session has read does not matter
    expected = local.session().persons("Yang Liu")
    for people in (session.persons("Yang Liu"), searcher.session().persons("Yang Liu")):
        described = ([(each.papers, each.coauthors, each.years) for each in found] for found in (people, expected))
        assert next(described) == next(described) != []
    box = f'au:"Yang Liu @ {expected[0].id}"'
    assert searcher.session().ask(box).total == local.session().ask(box).total > 10
