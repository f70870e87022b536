"""Authors on the web page: their pages, the spellings of their names, and corrections of misspelt names."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from http_server import HttpServer
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of, titles

NAMED_PAPERS: tuple[dict[str, object], ...] = (
    {"title": "cache", "authors": ["Guorui Zhou", "Kun Gai"], "published": "2025", "categories": ["cs.IR"]},
    {"title": "attention", "authors": ["Kun Gai", "Guorui Zhou"], "published": "2024", "categories": ["cs.CL"]},
)
CORRECTED = '"Guorui Zhou"'
LONG_TEXT = "Caches of keys and values grow with the length of the text. " * 7 + "We shrink them."
"""An abstract, by its length."""


@pytest.fixture(scope="module")
def named_client(make_searcher: MakeSearcher) -> Iterator[httpx.Client]:
    """Serves papers by Guorui Zhou and Kun Gai."""
    server = HttpServer(create_app(make_searcher(list(NAMED_PAPERS)), Settings()))
    yield server.client
    server.close()


def test_the_author_page_lists_papers_by_year(client: httpx.Client) -> None:
    tree = read_page(client, "/author?name=Guorui+Zhou", 200)
    years = [text_of(heading) for heading in tree.xpath('//h2[@class="year"]')]
    assert years == sorted(years, reverse=True)
    dates = [card.xpath("(.//time)[1]/@datetime")[0] for card in tree.xpath("//article")]
    assert dates == sorted(dates, reverse=True)
    total = client.get("/v1/search", params={"author": "Guorui Zhou"}).json()["total"]
    assert len(tree.xpath("//article")) == total
    assert text_of(tree.xpath('//*[@role="status"]')[0]) == f"{total} papers"


def test_pages_of_many_papers_are_numbered_and_small(make_searcher: MakeSearcher) -> None:
    team = [f"Given{number} Surname{number}" for number in range(400)]
    records: list[dict[str, object]] = [
        {"title": f"paper {number}", "abstract": LONG_TEXT, "authors": ["Guorui Zhou", *team], "published": "2025"}
        for number in range(38)
    ]
    server = HttpServer(create_app(make_searcher([*records, {"title": "nobody", "abstract": "bees"}]), Settings()))
    tree = read_page(server.client, "/author?name=Guorui+Zhou", 200)
    found = []
    for number in ("1", "2", "3"):
        (link,) = tree.xpath(f'//nav[@aria-label="Pages"]//a[.="{number}"]/@href')
        tree = read_page(server.client, link, 200)
        assert tree.xpath('//nav[@aria-label="Pages"]//a[@aria-current="page"]/text()') == [number]
        found += [text_of(title) for title in tree.xpath('//article/*[@class="title"]')]
        assert len(server.client.get(link).content) < 100_000
    assert text_of(tree.xpath('//*[@role="status"]')[0]) == "31–38 of 38 papers"
    assert sorted(found) == sorted(f"paper {number}" for number in range(38))
    assert text_of(read_page(server.client, "/author?name=Guorui+Zhou&page=9", 200).xpath('//*[@role="status"]')[0])
    read_page(server.client, "/author?name=Guorui+Zhou&page=0", 422)
    read_page(server.client, "/author?name=Guorui+Zhou&page=9999999", 422)
    (authors,) = read_page(server.client, "/?q=bees", 200).xpath('//article[.//a="nobody"]/div[@class="authors"]')
    assert text_of(authors) == "No authors given by the source"
    server.close()


def test_name_variants_are_excluded_and_restored(make_searcher: MakeSearcher) -> None:
    records: list[dict[str, object]] = [
        {"title": f"paper {number}", "authors": [name], "published": "2025"}
        for number, name in enumerate(["Guorui Zhou", "G. Zhou", "G. Zhou", "Gang Zhou"])
    ]
    server = HttpServer(create_app(make_searcher(records), Settings()))
    tree = read_page(server.client, "/author?name=G.+Zhou", 200)
    assert len(tree.xpath("//article")) == 4
    (exclude,) = tree.xpath('//a[@aria-label="Exclude G. Zhou, 2 papers"]/@href')
    remaining = read_page(server.client, exclude, 200)
    assert len(remaining.xpath("//article")) == 2
    (include,) = remaining.xpath('//a[@aria-label="Include G. Zhou, 2 papers"]/@href')
    assert len(read_page(server.client, include, 200).xpath("//article")) == 4
    (link,) = read_page(server.client, "/?author=Zhou", 200).xpath('//a[@aria-label="Exclude Gang Zhou"]/@href')
    assert len(titles(read_page(server.client, link, 200))) == 3
    server.close()


@pytest.mark.parametrize(
    ("query", "corrected"),
    [
        ("au:zhuo", f"au:{CORRECTED}"),
        ("cache au:zhuo attention", f"cache au:{CORRECTED} attention"),
        ("about zhuo au:zhuo", f"about zhuo au:{CORRECTED}"),
        ("zhuo au:gai author:zhuo cat:cs.IR", f"zhuo au:gai author:{CORRECTED} cat:cs.IR"),
        ('au:="Guorui Zhuo" ti:zhuo', f"au:={CORRECTED} ti:zhuo"),
        ('=au:"Guorui Zhuo"', f"au:={CORRECTED}"),
        ("au:^zhuo au:gai$", f"au:^{CORRECTED} au:gai$"),
        ("au:zhuo$ OR cat:cs.CL", f"au:{CORRECTED}$ OR cat:cs.CL"),
        ("first_author:zhuo", f"first_author:{CORRECTED}"),
        ("au:(zhuo OR gai) cache", f"au:({CORRECTED} OR gai) cache"),
        ("au:(gai OR ^zhuo)", "au:(gai OR ^Guorui_Zhou)"),
        ('(au:gai OR (cat:cs.IR au:"Guorui Zhuo")) cache', f"(au:gai OR (cat:cs.IR au:{CORRECTED})) cache"),
        ("au:zhuo -au:zhuo", f"au:{CORRECTED} -au:zhuo"),
        ("au:zhuo ANDNOT (au:gai au:zhuo)", f"au:{CORRECTED} ANDNOT (au:gai au:zhuo)"),
        ("au:^zhuo OR au:zhuo$", f"au:^{CORRECTED} OR au:{CORRECTED}$"),
        (f"au:zhuo {LONG_TEXT}", f"au:{CORRECTED} {LONG_TEXT}"),
        ("au:zhuo AND au:gay", f"au:{CORRECTED} AND au:gay"),
    ],
)
def test_a_suggested_author_replaces_only_the_condition_of_the_note(
    named_client: httpx.Client, query: str, corrected: str
) -> None:
    url = f"/?{httpx.QueryParams({'q': query, 'author': 'gai', 'from': '2020'})}"
    links = read_page(named_client, url, 200).xpath('//p[@class="note"]/a[text()="Guorui Zhou"]/@href')
    assert len(links) == 1
    assert query_pairs(links[0]) == {("q", corrected), ("author", "gai"), ("from", "2020")}
    assert not read_page(named_client, links[0], 200).xpath('//p[@class="note"]/a[text()="Guorui Zhou"]')


@pytest.mark.parametrize(
    ("names", "corrected"),
    [
        (["zhuo"], ["Guorui Zhou"]),
        (["gai", "zhuo"], ["gai", "Guorui Zhou"]),
        (["^zhuo", "gai"], ["^Guorui Zhou", "gai"]),
        (["=Guorui Zhuo$"], ["=Guorui Zhou$"]),
        (['"Guorui Zhuo"'], ["=Guorui Zhou"]),
    ],
)
def test_a_suggested_author_replaces_the_parameter_in_place(
    named_client: httpx.Client, names: list[str], corrected: list[str]
) -> None:
    pairs = [("q", "zhuo -au:zhuo"), *(("author", name) for name in names), ("not_author", "zhuo")]
    tree = read_page(named_client, f"/?{httpx.QueryParams(pairs)}", 200)
    (link,) = tree.xpath('//p[@class="note"]/a[text()="Guorui Zhou"]/@href')
    expected = [("q", "zhuo -au:zhuo"), *(("author", name) for name in corrected), ("not_author", "zhuo")]
    assert parse_qsl(urlsplit(link).query) == expected
    read_page(named_client, link, 200)


def test_a_suggested_author_replaces_the_name_in_the_query_and_in_the_parameters(named_client: httpx.Client) -> None:
    tree = read_page(named_client, "/?q=cache+au:zhuo&author=zhuo&category=cs", 200)
    (link,) = tree.xpath('//p[@class="note"]/a[text()="Guorui Zhou"]/@href')
    assert query_pairs(link) == {("q", f"cache au:{CORRECTED}"), ("author", "Guorui Zhou"), ("category", "cs")}
    assert sorted(titles(read_page(named_client, link, 200))) == ["attention", "cache"]


def test_a_page_of_many_authors_lists_the_first(named_client: httpx.Client) -> None:
    query = " OR ".join(f"au:x{n:03}" for n in range(300))
    assert len(named_client.get("/v1/search", params={"q": query}).json()["authors"]) == 100
    read_page(named_client, f"/?{httpx.QueryParams({'q': query})}", 200)
