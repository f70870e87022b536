"""OpenSearch: a browser can add the server as a search engine, with suggestions, and finds the feed of each page."""

from collections.abc import Iterator
from urllib.parse import quote, urljoin

import httpx
import pytest
from lxml import etree

from http_server import HttpServer
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import read_page, titles

NAMESPACE = "{http://a9.com/-/spec/opensearch/1.1/}"


@pytest.fixture(scope="module")
def client(make_searcher: MakeSearcher) -> Iterator[httpx.Client]:
    """A client of a server behind a proxy, with three papers of one author."""
    records: list[dict[str, object]] = [
        {"title": f"Caches & graphs {n}", "abstract": "On caches.", "authors": ["Ada Byron"], "categories": ["cs.CL"]}
        for n in range(3)
    ]
    settings = Settings(proxies=("127.0.0.1",), hosts=("papers.lab.example",))
    server = HttpServer(create_app(make_searcher(records), settings))
    yield server.client
    server.close()


def templates(client: httpx.Client, **headers: str) -> dict[str, str]:
    """The templates of the description by their media types."""
    (link,) = read_page(client, "/?q=caches").xpath('//link[@rel="search"]')
    response = client.get(
        urljoin("/", link.get("href")), headers={name.replace("_", "-"): headers[name] for name in headers}
    )
    assert response.headers["content-type"].partition(";")[0] == link.get("type")
    description = etree.fromstring(response.content)
    assert description.tag == f"{NAMESPACE}OpenSearchDescription"
    assert 0 < len(description.findtext(f"{NAMESPACE}ShortName") or "") <= 16
    assert 0 < len(description.findtext(f"{NAMESPACE}Description") or "") <= 1_024
    return {str(each.get("type")): str(each.get("template")) for each in description.findall(f"{NAMESPACE}Url")}


def fill(template: str, text: str) -> str:
    return template.replace("{searchTerms}", quote(text))


def test_the_search_of_the_description_is_that_of_the_page(client: httpx.Client) -> None:
    found = templates(client)
    assert all(template.startswith(str(client.base_url)) for template in found.values())
    assert len(titles(read_page(client, fill(found["text/html"], "caches & graphs"), 200))) == 3
    feed = client.get(fill(found["application/atom+xml"], "au:byron"))
    assert len(etree.fromstring(feed.content).findall("{*}entry")) == 3


def test_addresses_are_those_that_the_client_of_a_proxy_sees(client: httpx.Client) -> None:
    found = templates(client, host="papers.lab.example", x_forwarded_proto="https")
    assert {template.split("/v1")[0].split("?")[0] for template in found.values()} == {
        "https://papers.lab.example/",
        "https://papers.lab.example",
        "https://papers.lab.example/opensearch.xml",
    }


@pytest.mark.parametrize(
    ("text", "completions"), [("ada", ['au:"Ada Byron"']), ("comp lang", ["cat:cs.CL"]), ("zebra", []), ("", [])]
)
def test_suggestions_are_queries_that_find_papers(client: httpx.Client, text: str, completions: list[str]) -> None:
    response = client.get(fill(templates(client)["application/x-suggestions+json"], text))
    assert response.headers["content-type"] == "application/x-suggestions+json"
    typed, queries, descriptions = response.json()
    assert (typed, queries, len(descriptions)) == (text, completions, len(completions))
    for query, description in zip(queries, descriptions, strict=True):
        assert client.get("/v1/search", params={"q": query}).json()["total"] == 3
        assert description.endswith(", 3 papers")


@pytest.mark.parametrize("path", ["/?q=caches&from=2001", "/author?name=Ada+Byron", "/lists/starred", "/?q=au:byron"])
def test_a_page_with_papers_names_its_feed(client: httpx.Client, path: str) -> None:
    links = read_page(client, path, 200).xpath('//head/link[@rel="alternate"]')
    if "from" in path:  # no paper has a date
        assert links == []
        return
    assert [each.get("type") for each in links] == ["application/atom+xml"]
    feed = client.get(links[0].get("href"))
    assert feed.headers["content-type"].startswith("application/atom+xml")
    entries = etree.fromstring(feed.content).findall("{*}entry")
    assert len(entries) == (0 if "lists" in path else 3)


def test_a_watch_names_the_feed_that_it_has(client: httpx.Client) -> None:
    assert client.post("/v1/watches/caches", json={"q": "caches"}).status_code == 200
    assert read_page(client, "/watches/caches", 200).xpath('//head/link[@rel="alternate"]') == []
    address = client.post("/v1/watches/caches/feed").json()["feed"]
    (link,) = read_page(client, "/watches/caches", 200).xpath('//head/link[@rel="alternate"]')
    assert link.get("href") == address
