"""Saved searches on the web page: following a search, its new papers, and what is new since the last visit."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import index
from indexer.state import StateDatabase
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings
from service.web.searches import describe_search, propose, search_of_url, search_params
from service.web.urls import PageUrl
from service.web.watches import PAGE_SIZE
from strategies import write_papers
from web_pages import query_pairs, read_page, text_of, titles

QUERIES = (
    "q=attention+cache",
    "q=attention&author=Ada+Byron&not_author=Gang+Zhou&category=cs.IR&from=2020&to=2026&updated_from=2020",
    "q=au:byron+-survey&mode=lexical",
    "like=arxiv:2401.00000&unlike=arxiv:2401.00001&q=cache",
    "category=cs&category=math",
    "sort=newest",
    "q=%3Cscript%3Ealert(1)%3C/script%3E",
    "q=" + "cache+" * 100,
    "q=../..",
)
ATTACK = "<b>\"'&"


class Library:
    """An index that grows while it is served.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._papers, self._embedder = folder, 0, FakeEmbedder()
        self.add("attention cache", "galaxy spectrum")
        self.searcher = Searcher(folder / "index", lambda _model: self._embedder)

    def add(self, *new_titles: str) -> None:
        """Imports papers with these titles."""
        records: list[dict[str, object]] = [
            {
                "id": f"2401.{self._papers + number:05}",
                "title": title,
                "abstract": f"On {title}. " * 6,
                "authors": ["Ada Byron"],
                "categories": ["cs.IR"],
                "published": "2024-01-02",
            }
            for number, title in enumerate(new_titles)
        ]
        self._papers += len(records)
        index([write_papers(self._folder, records)], self._folder / "index", self._embedder)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    """A browser with the profile of the command line."""
    server = HttpServer(create_app(library.searcher, Settings()))
    server.client.headers.update({"Origin": str(server.client.base_url).rstrip("/"), "Accept": "text/html"})
    yield server.client
    server.close()


def follow_form(client: httpx.Client, url: str) -> dict[str, Any]:
    """Returns the fields of the form that follows the search of a page, with its proposed name."""
    (form,) = read_page(client, url, 200).xpath('//form[@action="/watches"]')
    fields: dict[str, Any] = {}
    for field in form.xpath(".//input"):
        fields.setdefault(field.get("name"), []).append(field.get("value"))
    return fields


def unread_count(client: httpx.Client, url: str = "/help") -> str:
    (link,) = read_page(client, url, 200).xpath('//nav[@aria-label="Site"]/a[@href="/watches"]')
    return text_of(link)


def test_following_saves_the_search_of_the_page(client: httpx.Client) -> None:
    for query in QUERIES:
        url = f"/?{query}"
        fields = follow_form(client, url)
        response = client.post("/watches", data=fields)
        assert response.status_code == 303, response.text
        watch = client.get("/v1/watches").json()["watches"][0]
        values = {name: value if isinstance(value, list) else [value] for name, value in watch["search"].items()}
        saved = {(name, each) for name, value in values.items() for each in value}
        assert saved == {pair for pair in query_pairs(url) if pair[0] != "sort"}
        (menu,) = read_page(client, response.headers["location"], 200).xpath('//details[summary="Following"]')
        assert menu.get("open") is not None
        following, feed = menu.xpath(".//p/a/@href")[0], menu.xpath('.//a[@id="feed-address"]/@href')[0]
        assert client.get(feed).headers["content-type"].startswith("application/atom+xml")
        assert f"papers watch {shlex.quote(watch['name'])}" in text_of(menu)
        assert read_page(client, url, 200).xpath('//details[summary="Following"]/@open') == []
        page = read_page(client, following, 200)
        assert text_of(page.xpath("//h1")[0]) == watch["name"] == fields["name"][0]
        (whole,) = page.xpath('//a[text()="All papers of this search"]/@href')
        assert titles(read_page(client, whole, 200)) == titles(read_page(client, url, 200))
        assert not page.xpath("//main//script | //main//b")
        for place in (page.xpath('//div[@class="toolbar"]')[0], read_page(client, "/watches", 200)):
            assert len(place.xpath('.//form[contains(@action, "/remove")]//button[text()="Stop following"]')) == 1
        (stop,) = menu.xpath('.//form[.//button="Stop following"]')
        stopped = client.post(stop.get("action"), data={"back": url})
        assert (stopped.status_code, stopped.headers["location"]) == (303, url)
        assert client.get(feed).status_code == 404


def test_an_index_without_citation_counts_offers_no_order_by_them(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention", 200)
    assert tree.xpath('//select[@name="sort"]/option/@value') == ["relevance", "newest", "oldest", "added"]
    assert tree.xpath('//select[@name="sort"]/option[@selected]/@value') == ["relevance"]
    chosen = read_page(client, "/?q=attention&sort=citations", 200).xpath("//option[@selected]/@value")
    assert "citations" in chosen


def test_a_proposed_name_is_free_and_valid(client: httpx.Client) -> None:
    for number in range(3):
        fields = follow_form(client, f"/?q=cache&from=20{number:02}")
        fields["name"] = follow_form(client, "/?q=cache")["name"]
        client.post("/watches", data=fields)
    names = [watch["name"] for watch in client.get("/v1/watches").json()["watches"]]
    assert names == ["cache", "cache 2", "cache 3"]
    assert client.post("/watches", data={"q": "other", "name": names[0]}).status_code == 422
    assert client.post("/watches", data={"q": "other", "name": "a/b"}).status_code == 422
    assert client.post("/watches", data={"q": "au:zhou AND", "name": "x"}).status_code == 422
    assert client.post("/watches", data={"mode": "magic", "name": "x"}).status_code == 422


@given(st.text(max_size=200), st.sets(st.text(max_size=5)))
def test_any_query_has_a_name(text: str, taken: set[str]) -> None:
    from service.state.names import parse_name

    proposal = propose(search_of_url(PageUrl("/", (("q", text),))), text, taken)
    assert parse_name(proposal.name) not in taken or parse_name(proposal.name) != proposal.name


def test_new_papers_are_unread_until_they_are_marked(client: httpx.Client, library: Library) -> None:
    client.post("/watches", data={"q": "attention", "name": ATTACK, "back": "/"})
    assert unread_count(client) == "Watches"
    library.add("attention pruning", "galaxy lattice", "attention graph")
    assert unread_count(client) == "Watches 2 new"
    rows = read_page(client, "/watches", 200).xpath('//ul[@class="rows"]/li')
    assert [text_of(row.xpath("a")[0]) for row in rows] == [ATTACK]
    page = read_page(client, rows[0].xpath("a/@href")[0], 200)
    found = [text_of(each) for each in page.xpath('//article/*[@class="title"]')]
    assert sorted(found) == ["attention graph", "attention pruning"]
    assert len(page.xpath('//article//*[starts-with(@class, "band")]')) == 2
    (day,) = page.xpath('//h2[@class="year"]')
    assert text_of(day).startswith("Added 20")
    library.add("attention video")  # after the page was shown
    (form,) = page.xpath('//form[.//input[@name="position"]]')
    response = client.post(form.get("action"), data={"position": form.xpath(".//input/@value")[0]})
    remaining = read_page(client, response.headers["location"], 200)
    assert [text_of(each) for each in remaining.xpath('//article/*[@class="title"]')] == ["attention video"]
    assert unread_count(client) == "Watches 1 new"
    assert client.post(form.get("action"), data={"position": "soon"}).status_code == 422
    client.post(form.get("action"), data={"position": "99999999999/gen-9"})
    library.add("attention proof")
    assert unread_count(client) == "Watches 1 new"
    assert client.post(form.get("action").replace("/read", "/remove"), data={"x": ""}).headers["location"] == "/watches"
    assert not read_page(client, "/watches", 200).xpath('//ul[@class="rows"]')


def test_all_new_papers_are_listed_over_several_pages(client: httpx.Client, library: Library) -> None:
    client.post("/watches", data={"q": "attention", "name": "many"})
    library.add(*(f"attention cache {number}" for number in range(PAGE_SIZE + 5)))
    shown, url = [], "/watches/many"
    while url:
        page = read_page(client, url, 200)
        shown += [text_of(each) for each in page.xpath('//article/*[@class="title"]')]
        url = next(iter(page.xpath('//a[@rel="next"]/@href')), "")
    assert len(shown) == len(set(shown)) == PAGE_SIZE + 5


def test_a_watch_has_a_private_feed(client: httpx.Client, library: Library) -> None:
    client.post("/watches", data={"q": "attention", "name": "fed"})

    def feed_address() -> str:
        return next(iter(read_page(client, "/watches/fed", 200).xpath('//a[@id="feed-address"]/@href')), "")

    first = feed_address()
    library.add("attention pruning")
    with httpx.Client() as reader:
        assert "attention pruning" in reader.get(first).text
        client.post("/watches/fed/feed", data={"do": "create"})
        assert feed_address() != first
        assert reader.get(first).status_code == 404
        assert reader.get(feed_address()).status_code == 200
    client.post("/watches/fed/feed", data={"do": "end"})
    assert feed_address() == ""


def test_a_list_is_followed(client: httpx.Client, library: Library) -> None:
    client.post("/selection", data={"id": "2401.00000", "name": "thesis"})
    fields = follow_form(client, "/lists/thesis")
    assert client.post("/watches", data=fields).headers["location"] == "/lists/thesis"
    assert read_page(client, "/lists/thesis", 200).xpath('//details[summary="Following"]')
    library.add("attention cache again", "galaxy video")
    page = read_page(client, f"/watches/{fields['name'][0]}", 200)
    assert "attention cache again" in [text_of(each) for each in page.xpath('//article/*[@class="title"]')]
    assert query_pairs(page.xpath('//a[text()="All papers of this search"]/@href')[0]) == {("like", "arxiv:2401.00000")}


def test_the_start_page_says_what_is_new_since_the_last_visit(client: httpx.Client, library: Library) -> None:
    state = StateDatabase.of_index(library.searcher.snapshot.layout.directory)

    def news() -> str:
        return next(iter(read_page(client, "/", 200).xpath('//p[@class="news"]/a/@href')), "")

    def come_back() -> None:
        with state.write() as database:
            database.execute("UPDATE visits SET seen = seen - 3600")

    assert news() == ""
    come_back()
    library.add("attention pruning", "galaxy lattice")
    assert titles(read_page(client, news(), 200)) == ["galaxy lattice", "attention pruning"]
    come_back()
    assert news() == ""
    library.add("video proof")
    assert titles(read_page(client, news(), 200)) == ["video proof"]
    assert "since your last visit" in text_of(read_page(client, "/", 200).xpath("//main")[0])


def test_programs_make_no_visits(client: httpx.Client, library: Library) -> None:
    path = StateDatabase.of_index(library.searcher.snapshot.layout.directory).path
    for url in ("/", "/?q=cache", "/help"):
        client.get(url, headers={"Accept": "*/*"})
    assert not path.exists()


@given(
    st.dictionaries(st.sampled_from(["q", "from", "author", "category", "like", "mode", "list"]), st.text(min_size=1))
)
def test_a_search_survives_its_url(params: dict[str, str]) -> None:
    search = search_of_url(PageUrl("/", tuple(params.items())))
    assert search_of_url(PageUrl("/", search_params(search))) == search


def test_searches_are_described_in_words(library: Library) -> None:
    search = search_of_url(PageUrl("/", (("q", "cache"), ("author", "Zhou"), ("like", "2401.00000"), ("from", "2024"))))
    described = describe_search(search, library.searcher.session())
    assert set(described.split(" · ")) == {"cache", "author Zhou", "like “attention cache”", "from 2024"}
