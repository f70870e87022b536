"""The page, asked over a real socket without a browser: what a visitor without JavaScript gets."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import lxml.html
import pytest
from http_server import HttpServer, assert_problem
from strategies import MakeSearcher

from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings

KSA = "arxiv:2604.24432"
SCRIPT = "<script>alert(1)</script>"
ATTACK = f"\"'><img src=x onerror=alert(1)>{SCRIPT}</title></textarea>&lt;b&gt;\u202e"
PAGES = (
    "/",
    "/help",
    "/?q=KV+cache+compression",
    "/?q=recommendation&author=Guorui+Zhou&category=cs.IR&from=2025&to=2026&sort=newest&limit=3",
    f"/?q=attention&like={KSA}&unlike=arxiv:2602.09843&mode=semantic",
    "/?q=au:zhou+-survey",
    "/?category=cs&limit=2",
    "/?q=recomendation",
    "/?q=how+long+to+boil+an+egg",
    "/?q=cache&from=1901&to=1902",
    f"/?q={KSA}",
    "/?q=au:zhuo",
    "/?from=foo&q=cache",
    f"/paper/{KSA}",
    "/paper/2199.00001",
    "/author?name=Guorui+Zhou",
    "/author?name=Zhou&not_author=Guorui+Zhou",
    "/author?name=Nobody+Atall",
)
"""Every kind of page, in every state."""


@pytest.fixture(scope="module")
def client(sample_searcher: Searcher) -> Iterator[httpx.Client]:
    served = HttpServer(create_app(sample_searcher, Settings()))
    yield served.client
    served.close()


@pytest.fixture(scope="module")
def hostile_client(make_searcher: MakeSearcher) -> Iterator[httpx.Client]:
    """Papers that are all attacks."""
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
    served = HttpServer(create_app(make_searcher(records), Settings()))
    yield served.client
    served.close()


def read_page(client: httpx.Client, address: str, status: int | None = None) -> Any:
    """A page as a tree."""
    answer = client.get(address)
    assert answer.headers["content-type"] == "text/html; charset=utf-8", address
    assert status in (None, answer.status_code), address
    return lxml.html.fromstring(answer.text)


def text_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def query_pairs(address: str) -> set[tuple[str, str]]:
    return set(parse_qsl(urlsplit(address).query))


def titles(tree: Any) -> list[str]:
    return [text_of(link) for link in tree.xpath('//ol[@aria-label="Papers"]//article/*[@class="title"]/a')]


def chip_links(tree: Any) -> dict[str, str]:
    links = tree.xpath('//ul[@aria-label="What is asked"]/li/a')
    return {link.get("aria-label").removeprefix("Remove "): link.get("href") for link in links}


def facet_links(tree: Any, heading: str) -> dict[str, Any]:
    links = tree.xpath(f'//nav[@aria-label="Narrow down"]//section[h2="{heading}"]//ul/li/a')
    return {text_of(link.find("span")): link for link in links}


def form_values(tree: Any) -> set[tuple[str, str]]:
    """What the form would send, its fields elsewhere on the page included, without what is empty or usual."""
    fields = tree.xpath('//form[@id="asked"]//input | //input[@form="asked"]')
    sent = {(field.get("name"), field.get("value") or "") for field in fields}
    for select in tree.xpath('//select[@form="asked"]'):
        option = select.xpath("option[@selected]")[0]
        sent.add((select.get("name"), option.get("value") or text_of(option)))
    return {pair for pair in sent if pair[1] and pair not in (("sort", "relevance"), ("mode", "hybrid"))}


@pytest.mark.parametrize("address", PAGES)
def test_every_link_on_every_page_answers(client: httpx.Client, address: str) -> None:
    formats = any(each["name"] == "format" for each in openapi_parameters(client, "/v1/search"))
    tree = read_page(client, address)
    links = {link for link in tree.xpath("//a/@href | //link/@href | //script/@src") if link.startswith("/")}
    assert links
    for link in sorted(links):
        if formats or not link.startswith("/v1/"):
            answer = client.get(link.partition("#")[0])
            assert answer.status_code == 200, (link, answer.text[:300])


def openapi_parameters(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    return list(client.get("/openapi.json").json()["paths"][path]["get"]["parameters"])


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_whole_and_loads_nothing_from_elsewhere(client: httpx.Client, address: str) -> None:
    tree = read_page(client, address)
    assert tree.get("lang") == "en"
    assert [len(tree.xpath(f"//{name}")) for name in ("head/title", "main", "h1")] == [1, 1, 1]
    assert [form.get("action") for form in tree.xpath('//form[@role="search"]')] == ["/"]
    ids = tree.xpath("//*[@id]/@id")
    assert len(ids) == len(set(ids))
    for described in tree.xpath("//@aria-labelledby | //@form"):
        assert described in ids
    loaded = tree.xpath("//link/@href | //@src | //@srcset | //@action | //@data | //@poster")
    assert all(each.startswith("/") and not each.startswith("//") for each in loaded)
    assert not tree.xpath("//style | //iframe | //object | //base | //script[not(@src)] | //@style")
    assert not [name for element in tree.iter("*") for name in element.keys() if name.startswith("on")]  # noqa: SIM118


def test_the_start_page_says_what_is_here_and_how_to_ask(client: httpx.Client) -> None:
    tree = read_page(client, "/", 200)
    assert "60 papers" in text_of(tree.xpath("//h1")[0])
    assert tree.xpath("//main//time/@datetime")[0] >= "2026"
    ways = tree.xpath('//dl[@class="ways"]//a/@href')
    assert len(ways) == 4
    assert all(titles(read_page(client, way, 200)) for way in ways)


def test_the_page_shows_the_papers_that_the_api_gives(client: httpx.Client) -> None:
    for query in ("q=KV+cache+compression", "author=Guorui+Zhou&sort=newest&limit=5", "q=au:zhou&from=2025"):
        page = client.get(f"/v1/search?{query}").json()
        tree = read_page(client, f"/?{query}", 200)
        assert titles(tree) == [" ".join(hit["title"].split()) for hit in page["hits"]]
        assert re.search(rf"\b{page['total']}\b", text_of(tree.xpath('//*[@role="status"]')[0]))


def test_chips_remove_their_condition(client: httpx.Client) -> None:
    address = f"/?q=recommendation&author=Guorui+Zhou&category=cs.IR&from=2025&to=2026&like={KSA}&mode=semantic"
    found = chip_links(read_page(client, address, 200))
    gone = {
        "recommendation": {"q"},
        "Guorui Zhou": {"author"},
        "cs.IR Information Retrieval": {"category"},
        "from 2025 to 2026": {"from", "to"},
        "Kwai Summary Attention": {"like"},
        "by meaning alone": {"mode"},
    }
    assert len(found) == len(gone)
    for said, names in gone.items():
        left = next(href for chip, href in found.items() if said in chip)
        assert {name for name, _ in query_pairs(address) - query_pairs(left)} == names
        assert query_pairs(left) < query_pairs(address)
        assert len(chip_links(read_page(client, left, 200))) == len(gone) - 1


def test_facets_toggle(client: httpx.Client) -> None:
    start = "/?q=recommendation"
    for heading, names in (("Years", {"from", "to"}), ("Categories", {"category"}), ("Authors", {"author"})):
        value, link = next(iter(facet_links(read_page(client, start, 200), heading).items()))
        assert link.get("aria-current") is None
        assert {name for name, _ in query_pairs(link.get("href")) - query_pairs(start)} == names
        on = facet_links(read_page(client, link.get("href"), 200), heading)[value]
        assert on.get("aria-current") == "true"
        assert query_pairs(on.get("href")) == query_pairs(start)


def test_a_facet_counts_the_papers_that_its_link_leads_to(client: httpx.Client) -> None:
    tree = read_page(client, "/?category=cs&limit=1", 200)
    for heading in ("Years", "Authors"):
        for link in list(facet_links(tree, heading).values())[:4]:
            status = read_page(client, link.get("href"), 200).xpath('//*[@role="status"]')[0]
            assert text_of(status).split()[0] == text_of(link.xpath('span[@class="count"]')[0])


def test_the_form_preserves_the_url_parameters(client: httpx.Client) -> None:
    who, when = "author=zhou&author=gai&not_author=Gang+Zhou&category=cs", "from=2020&to=2026&updated_to=2027"
    address = f"/?q=attention&{who}&{when}&like={KSA}&mode=lexical&sort=newest&limit=3"
    assert form_values(read_page(client, address, 200)) == query_pairs(address)
    far = "/?q=how+long+to+boil+an+egg&from=2020"
    assert form_values(read_page(client, far, 200)) == query_pairs(far)
    assert form_values(read_page(client, "/?q=cache&from=foo&author=zhou", 422)) == {("q", "cache"), ("author", "zhou")}


def test_pages_follow_each_other_without_a_repetition(client: httpx.Client) -> None:
    seen: list[str] = []
    address = "/?q=attention&limit=25"
    while address:
        tree = read_page(client, address, 200)
        seen += titles(tree)
        address = next(iter(tree.xpath('//a[text()="Next page"]/@href')), "")
    assert len(seen) == len(set(seen)) == 60


def test_feeds_offer_no_thumbs(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=au:zhou", 200)
    assert not tree.xpath('//a[@aria-label="Less like this"]')
    assert titles(read_page(client, tree.xpath('//a[@aria-label="More like this"]/@href')[0], 200))


def test_thumbs_refine_the_question_at_hand(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention&category=cs.CL", 200)
    card = tree.xpath('//ol[@aria-label="Papers"]//article')[0]
    paper = card.xpath('.//*[@class="title"]/a/@href')[0].removeprefix("/paper/")
    for said, name in (("More like this", "like"), ("Less like this", "unlike")):
        href = card.xpath(f'.//a[@aria-label="{said}"]/@href')[0]
        assert query_pairs(href) == {("q", "attention"), ("category", "cs.CL"), (name, paper)}
    assert query_pairs(card.xpath('.//a[text()="Similar"]/@href')[0]) == {("like", paper)}


def test_exports_use_the_same_query(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention&author=zhou", 200)
    links = {text_of(link): link.get("href") for link in tree.xpath('//details[summary="Export"]//a')}
    assert list(links) == ["BibTeX", "RIS", "CSL-JSON", "CSV", "JSON", "NDJSON", "Atom"]
    for said, href in links.items():
        assert urlsplit(href).path == "/v1/search"
        assert {("q", "attention"), ("author", "zhou"), ("format", said.lower())} <= query_pairs(href)


def test_an_author_page_has_the_papers_by_year(client: httpx.Client) -> None:
    tree = read_page(client, "/author?name=Guorui+Zhou", 200)
    years = [text_of(heading) for heading in tree.xpath('//h2[@class="year"]')]
    assert years == sorted(years, reverse=True)
    dates = [card.xpath("(.//time)[1]/@datetime")[0] for card in tree.xpath("//article")]
    assert dates == sorted(dates, reverse=True)
    total = client.get("/v1/search", params={"author": "Guorui Zhou"}).json()["total"]
    assert len(tree.xpath("//article")) == total
    assert text_of(tree.xpath('//*[@role="status"]')[0]) == f"{total} papers"


def test_name_variants_are_excluded_and_restored(make_searcher: MakeSearcher) -> None:
    records: list[dict[str, object]] = [
        {"title": f"paper {number}", "authors": [name], "published": "2025"}
        for number, name in enumerate(["Guorui Zhou", "G. Zhou", "G. Zhou", "Gang Zhou"])
    ]
    served = HttpServer(create_app(make_searcher(records), Settings()))
    tree = read_page(served.client, "/author?name=G.+Zhou", 200)
    assert len(tree.xpath("//article")) == 4
    (out,) = [
        href for href in tree.xpath('//li[@class="variant"]/a/@href') if ("not_author", "G. Zhou") in query_pairs(href)
    ]
    left = read_page(served.client, out, 200)
    assert len(left.xpath("//article")) == 2
    (back,) = left.xpath('//li[@class="variant"]/a[@aria-current="true"]/@href')
    assert len(read_page(served.client, back, 200).xpath("//article")) == 4
    (link,) = read_page(served.client, "/?author=Zhou", 200).xpath('//a[@aria-label="Leave out Gang Zhou"]/@href')
    assert len(titles(read_page(served.client, link, 200))) == 3
    served.close()


def test_limit_0_shows_the_count(client: httpx.Client) -> None:
    counts, page = (client.get("/", params={"q": "cache", "limit": limit}).text for limit in (0, 10))
    status = [text_of(lxml.html.fromstring(html).xpath('//*[@role="status"]')[0]) for html in (counts, page)]
    assert status[0] == status[1] != "No paper passes"


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/?q=cache&from=foo", 422, ["from", "foo", "2026-03"]),
        ("/?q=cache&limit=-1", 422, ["limit", "0 to 1000"]),
        ("/?q=cache&limit=x", 422, ["limit", "x"]),
        ("/?q=cache&category=cs.LX", 422, ["category", "cs.LX", "cs.LG"]),
        ("/?q=cache&mode=magic", 422, ["mode", "magic"]),
        ("/?q=cache&colour=red", 422, ["colour", "the parameters are"]),
        ("/?q=au:zhou+AND", 422, ["AND"]),
        ("/?q=cache&like=2199.00001", 404, ["2199.00001"]),
        ("/?q=cache&cursor=zzz", 422, ["cursor"]),
        ("/paper/2199.00001", 404, ["2199.00001"]),
        ("/author?name=", 422, ["author"]),
        ("/author", 422, ["name"]),
        ("/static/../routes.py", 404, []),
        ("/static/nothing.js", 404, []),
    ],
)
def test_refusals_are_pages_with_the_status_of_the_api(
    client: httpx.Client, address: str, status: int, said: list[str]
) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    if said:
        alert = text_of(lxml.html.fromstring(answer.text).xpath('//*[@role="alert"]')[0])
        assert all(part.casefold() in alert.casefold() for part in said), alert
        kept = dict(query_pairs(address)).get("q", "")
        assert lxml.html.fromstring(answer.text).xpath('//input[@name="q"]/@value') == [kept]


BROWSER_HEADERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(("path", "status"), [("/nothing/here", 404), ("/docs/x", 404), ("/broken", 500)])
def test_browsers_get_error_pages(sample_searcher: Searcher, path: str, status: int) -> None:
    app = create_app(sample_searcher, Settings())

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret of ours")

    served = HttpServer(app)
    page = served.client.get(path, headers=BROWSER_HEADERS)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    tree = lxml.html.fromstring(page.text)
    assert tree.xpath('//*[@role="alert"]')
    assert tree.xpath('//main//a[@href="/"]')
    assert "a secret of ours" not in page.text
    for accept in ("*/*", "application/json", "application/json, text/html"):
        assert assert_problem(served.client.get(path, headers={"Accept": accept}), status)["instance"] == path
    served.close()


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/metrics/x", "/openapi.json/x"])
def test_api_paths_return_json_to_browsers(client: httpx.Client, path: str) -> None:
    assert assert_problem(client.get(path, headers=BROWSER_HEADERS), 404)["detail"] == f"there is nothing at {path!r}"


def test_a_page_says_which_methods_are_allowed(client: httpx.Client) -> None:
    refused = client.post("/help", headers=BROWSER_HEADERS)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert lxml.html.fromstring(refused.text).xpath('//*[@role="alert"]')


def test_categories_of_one_name_are_told_apart_by_their_codes(make_searcher: MakeSearcher) -> None:
    record: dict[str, object] = {"title": "boosting", "authors": ["Ada Lovelace"], "published": "2025"}
    served = HttpServer(
        create_app(make_searcher([{**record, "categories": ["cs.LG", "stat.ML", "stat.ME"]}]), Settings())
    )
    names = {"Machine Learning (cs.LG)": "cs.LG", "Machine Learning (stat.ML)": "stat.ML", "Methodology": "stat.ME"}
    for path in ("/?q=boosting", "/paper/arxiv:2401.00000", "/author?name=Ada+Lovelace"):
        tree = read_page(served.client, path, 200)
        for name, code in names.items():
            links = tree.xpath("//main//a[starts-with(normalize-space(), $name)]/@href", name=name)
            assert links
            assert all(("category", code) in query_pairs(link) for link in links)
    served.close()


UNSAFE_URLS = ("javascript:alert(1)", "JavaScript://x%0aalert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:x", "//example.org/x", "file:///etc/passwd", "https:",
        "http://", "https://[", "https://[::g]/x", "x")  # fmt: skip


def test_only_addresses_of_the_web_are_links(make_searcher: MakeSearcher) -> None:
    records: list[dict[str, object]] = [
        {"title": "cache", "authors": ["Ada Lovelace"], "url": url, "extra": {"code": url}} for url in UNSAFE_URLS
    ]
    records.append({"title": "cache", "url": "HTTPS://example.org/a", "extra": {"code": "https://example.org/b"}})
    served = HttpServer(create_app(make_searcher(records), Settings()))
    papers = [f"/paper/arxiv:2401.{number:05}" for number in range(len(records))]
    for path in ("/", "/?q=cache&limit=50", "/author?name=Ada+Lovelace", *papers):
        links = read_page(served.client, path, 200).xpath("//@href")
        outside = {link for link in links if not re.match("#|/(?!/)", link)}
        known = {"HTTPS://example.org/a", "https://example.org/b"}
        assert outside <= known | {f"https://arxiv.org/abs/2401.{number:05}" for number in range(len(records))}, path
        assert path != papers[-1] or known <= outside
    served.close()


def test_no_results_explains_what_to_do(client: httpx.Client) -> None:
    far = read_page(client, "/?q=how+long+to+boil+an+egg", 200)
    assert text_of(far.xpath('//*[@role="status"]')[0]) == "Nothing here is close"
    assert titles(far)
    none = read_page(client, "/?q=cache&from=1901&to=1902", 200)
    assert text_of(none.xpath('//*[@role="status"]')[0]) == "No paper passes"
    (onwards,) = none.xpath('//a[text()="Ask the same of all papers"]/@href')
    assert titles(read_page(client, onwards, 200))


def test_paper_text_is_escaped(hostile_client: httpx.Client) -> None:
    name = httpx.QueryParams({"name": f"Bob {SCRIPT}"})
    for address in ("/", "/?q=cache", "/?category=cs.IR", "/paper/arxiv:2401.00001", f"/author?{name}"):
        tree = read_page(hostile_client, address, 200)
        assert not tree.xpath("//img | //b | //textarea | //script[not(@src)] | //main//script")
        assert not tree.xpath('//@href[starts-with(., "javascript:")] | //*[@onerror]')
        assert address == "/" or SCRIPT in text_of(tree.xpath("//main")[0])
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


def test_assets_are_immutable_and_content_addressed(client: httpx.Client) -> None:
    tree = read_page(client, "/", 200)
    assets = tree.xpath("//link/@href | //script/@src")
    assert len(assets) == 7
    for asset in assets:
        assert client.get(asset).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert client.get(urlsplit(asset).path).headers["cache-control"] == "no-cache"
    kinds = {client.get(asset).headers["content-type"].split(";")[0] for asset in assets}
    assert kinds == {"text/css", "text/javascript", "image/svg+xml"}
