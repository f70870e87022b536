"""The start page: topics of the index, the newest papers in the categories of one's stars, and ways to ask."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from http_server import HttpServer
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of

SUBJECTS = {
    "cs.RO": "Grasp planning for {} robots",
    "astro-ph.GA": "Dwarf galaxies and their {} haloes",
    "math.NT": "Modular forms over {} fields",
}
WORDS = ("small", "large", "slow", "dense", "finite", "noisy")


@pytest.fixture(scope="module")
def server(make_searcher: MakeSearcher) -> Iterator[HttpServer]:
    """Serves the papers of three categories, those of mathematics the oldest."""
    records: list[dict[str, object]] = [
        {
            "title": title.format(word),
            "abstract": f"{title.format(word)}: a study. " * 4,
            "authors": ["Ada Lovelace"],
            "categories": [code],
            "published": f"{2026 - number}-01-{day:02}",
        }
        for number, (code, title) in enumerate(SUBJECTS.items())
        for day, word in enumerate(WORDS, 1)
    ]
    server = HttpServer(create_app(make_searcher(records), Settings()))
    yield server
    server.close()


@pytest.fixture
def client(server: HttpServer) -> Iterator[httpx.Client]:
    """A browser with a profile of its own."""
    origin = str(server.client.base_url).rstrip("/")
    with httpx.Client(base_url=origin, timeout=30, headers={"Origin": origin}) as client:
        assert client.post("/profile", data={"name": "test"}).status_code == 303
        yield client


def newest(tree: Any) -> tuple[str, list[str], set[tuple[str, str]]]:
    """Returns the heading of the newest papers, their titles, and the parameters of the link to more."""
    papers = tree.xpath('//ol[@aria-labelledby="newest"]/li/a')
    more = tree.xpath('//ol[@aria-labelledby="newest"]/following-sibling::p/a/@href')[0]
    return text_of(tree.get_element_by_id("newest")), [text_of(link) for link in papers], query_pairs(more)


def test_topics_are_what_the_categories_are_about(client: httpx.Client) -> None:
    links = read_page(client, "/", 200).xpath('//ul[@aria-labelledby="topics"]//a')
    labels = [text_of(link).lower() for link in links]
    for words in ("grasp", "galaxies"):
        assert any(words in label for label in labels), labels
    for link in links:
        assert dict(query_pairs(link.get("href"))) == {"q": text_of(link)}
        assert read_page(client, link.get("href"), 200).xpath('//ol[@aria-label="Papers"]//article')


def test_the_newest_papers_are_of_the_categories_of_the_stars(client: httpx.Client) -> None:
    heading, shown, more = newest(read_page(client, "/", 200))
    assert heading == "Newest papers"
    assert shown == [f"Grasp planning for {word} robots" for word in WORDS[:0:-1]]
    assert more == {("sort", "newest")}
    papers = client.get("/v1/search?category=math.NT").json()["hits"]
    client.post("/star", data={"add": papers[0]["id"]})
    heading, shown, more = newest(read_page(client, "/", 200))
    assert heading == "Newest in Number Theory"
    assert shown == [f"Modular forms over {word} fields" for word in WORDS[:0:-1]]
    assert more == {("sort", "newest"), ("category", "math.NT")}


def test_an_index_without_categories_has_a_start_page(make_searcher: MakeSearcher) -> None:
    server = HttpServer(create_app(make_searcher([{"title": "no category", "categories": []}]), Settings()))
    tree = read_page(server.client, "/", 200)
    assert not tree.xpath('//ul[@aria-labelledby="topics"]')
    assert text_of(tree.xpath("//h1")[0]) == "Search 1 paper by meaning"
    server.close()
