"""Hostile papers and queries: the web page shows their text, and links to nothing but HTTP URLs."""

import re
from collections.abc import Iterator

import httpx
import pytest

from http_server import HttpServer
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import read_page, text_of

SCRIPT = "<script>alert(1)</script>"
ATTACK = f"\"'><img src=x onerror=alert(1)>{SCRIPT}</main></textarea><b>\u202e"
UNSAFE_URLS = ("javascript:alert(1)", "JavaScript://x%0aalert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:x", "//example.org/x", "file:///etc/passwd", "https:",
        "http://", "https://[", "https://[::g]/x", "x")  # fmt: skip


@pytest.fixture(scope="module")
def hostile_client(make_searcher: MakeSearcher) -> Iterator[httpx.Client]:
    """Serves papers whose fields are all attacks."""
    records: list[dict[str, object]] = [
        {
            "title": f"cache {ATTACK} {number}",
            "abstract": f"attention {ATTACK} $x < y$ \\(\\text{{{SCRIPT}}}\\) $\\href{{javascript:alert(1)}}{{z}}$",
            "authors": [f"Ada {ATTACK}", f"Bob {SCRIPT}"],
            "categories": ["cs.IR", f"x.{SCRIPT}"],
            "published": "2025-01-02",
            "url": "javascript:alert(1)",
            "comment": ATTACK,
        }
        for number in range(4)
    ]
    server = HttpServer(create_app(make_searcher(records), Settings()))
    yield server.client
    server.close()


def test_only_http_urls_are_links(make_searcher: MakeSearcher) -> None:
    records: list[dict[str, object]] = [
        {"title": "cache", "authors": ["Ada Lovelace"], "url": url, "extra": {"code": url}} for url in UNSAFE_URLS
    ]
    records.append({"title": "cache", "url": "HTTPS://example.org/a", "extra": {"code": "https://example.org/b"}})
    server = HttpServer(create_app(make_searcher(records), Settings()))
    papers = [f"/paper/arxiv:2401.{number:05}" for number in range(len(records))]
    for path in ("/", "/?q=cache&limit=50", "/author?name=Ada+Lovelace", *papers):
        links = read_page(server.client, path, 200).xpath("//@href")
        outside = {link for link in links if not re.match("#|/(?!/)", link)}
        known = {"HTTPS://example.org/a", "https://example.org/b"}
        outside = {link for link in outside if not re.fullmatch(r"https://arxiv\.org/(abs|pdf|html)/2401\.\d{5}", link)}
        assert outside <= known, path
        assert path != papers[-1] or known <= outside
    server.close()


def test_paper_text_is_escaped(hostile_client: httpx.Client) -> None:
    name = httpx.QueryParams({"name": f"Bob {SCRIPT}"})
    for url in ("/", "/?q=cache", "/?category=cs.IR", "/paper/arxiv:2401.00001", f"/author?{name}"):
        tree = read_page(hostile_client, url, 200)
        assert not tree.xpath("//img | //b | //textarea | //script[not(@src)] | //main//script")
        assert not tree.xpath('//@href[starts-with(., "javascript:")] | //*[@onerror]')
        assert url == "/" or SCRIPT in text_of(tree.xpath("//main")[0])
    title = text_of(read_page(hostile_client, "/paper/arxiv:2401.00001", 200).xpath("//h1")[0])
    assert title == f"cache {ATTACK} 1".replace("\u202e", "")


@pytest.mark.parametrize(
    "name", ["q", "author", "not_author", "category", "from", "like", "mode", "sort", "cursor", "x"]
)
def test_query_text_is_escaped(client: httpx.Client, name: str) -> None:
    for value in (ATTACK, SCRIPT, "\x00\x1b[2J", "%ff\ud83d", "a" * 5_000):
        query = httpx.QueryParams(
            [("q", "cache")] * (name != "q") + [(name, value.encode("utf-8", "replace").decode())]
        )
        tree = read_page(client, f"/?{query}")
        assert not tree.xpath("//img | //textarea | //script[not(@src)] | //main//script")
