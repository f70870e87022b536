"""The web page over a real socket, without a browser: what a user without JavaScript gets."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import lxml.html
import pytest

from http_server import HttpServer, assert_problem
from sample import KSA
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of, titles

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
"""Every kind of page in every state."""


def chip_links(tree: Any) -> dict[str, str]:
    links = tree.xpath('//ul[@aria-label="Parts of the query"]/li/a')
    return {link.get("aria-label").removeprefix("Remove from the query: "): link.get("href") for link in links}


def facet_links(tree: Any, heading: str) -> dict[str, Any]:
    links = tree.xpath(f'//nav[@aria-label="Filters"]//section[h2="{heading}"]//ul/li/a')
    return {text_of(link.find("span")): link for link in links}


def form_values(tree: Any) -> set[tuple[str, str]]:
    """Returns what the form submits, from all its fields on the page, without empty and default values."""
    fields = tree.xpath('//form[@id="search-form"]//input | //input[@form="search-form"]')
    values = {(field.get("name"), field.get("value") or "") for field in fields}
    for select in tree.xpath('//select[@form="search-form"]'):
        option = select.xpath("option[@selected]")[0]
        values.add((select.get("name"), option.get("value") or text_of(option)))
    return {pair for pair in values if pair[1] and pair not in (("sort", "relevance"), ("mode", "hybrid"))}


@pytest.mark.parametrize("url", PAGES)
def test_every_internal_link_works(client: httpx.Client, url: str) -> None:
    formats = any(each["name"] == "format" for each in openapi_parameters(client, "/v1/search"))
    tree = read_page(client, url)
    links = {link for link in tree.xpath("//a/@href | //link/@href | //script/@src") if link.startswith("/")}
    assert links
    for link in sorted(links):
        if formats or not link.startswith("/v1/"):
            answer = client.get(link.partition("#")[0])
            assert answer.status_code == 200, (link, answer.text[:300])


def openapi_parameters(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    return list(client.get("/openapi.json").json()["paths"][path]["get"]["parameters"])


@pytest.mark.parametrize("url", PAGES)
def test_a_page_is_complete_and_loads_nothing_from_other_hosts(client: httpx.Client, url: str) -> None:
    tree = read_page(client, url)
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


def test_the_start_page_has_the_number_of_papers_and_examples(client: httpx.Client) -> None:
    tree = read_page(client, "/", 200)
    assert "60 papers" in text_of(tree.xpath("//h1")[0])
    assert tree.xpath("//main//time/@datetime")[0] >= "2026"
    examples = tree.xpath('//dl[@class="examples"]//a/@href')
    assert len(examples) == 4
    assert all(titles(read_page(client, example, 200)) for example in examples)


def test_the_page_shows_the_papers_that_the_api_returns(client: httpx.Client) -> None:
    for query in ("q=KV+cache+compression", "author=Guorui+Zhou&sort=newest&limit=5", "q=au:zhou&from=2025"):
        page = client.get(f"/v1/search?{query}").json()
        tree = read_page(client, f"/?{query}", 200)
        assert titles(tree) == [" ".join(hit["title"].split()) for hit in page["hits"]]


def test_the_status_line_agrees_with_the_listed_papers(client: httpx.Client) -> None:
    def status(url: str) -> str:
        return text_of(read_page(client, url, 200).xpath('//*[@role="status"]')[0])

    def relevant(url: str) -> int:
        return int(client.get(f"/v1/search{url[1:]}&facets=true").json()["facets"]["papers"])

    query = "/?q=recommendation&limit=4"
    count = relevant(query)
    assert 8 < count < 12
    strong = client.get("/v1/search?q=recommendation&facets=true").json()["facets"]["strong"]
    assert status(query) == f"{count} relevant papers, {strong} strong, closest first"
    assert status("/?q=recommendation&limit=60") == f"60 papers, {count} of them relevant"
    assert status(f"{query}&page=2") == f"5–8 of {count} relevant papers, closest first"
    assert status(f"{query}&page=3") == f"9–12 of {count} relevant papers, then weaker matches"
    assert status(f"{query}&page=4") == f"13–16, after {count} relevant papers"
    assert status(f"{query}&page=16") == "No more papers"
    assert status(f"/?q=attention&unlike={KSA}") == "The closest of 59 papers"
    assert status("/?category=cs&page=2").startswith("11–20 of ")
    assert re.fullmatch(r"\d+ closest papers?, newest first", status("/?q=attention&sort=newest"))
    by_date = read_page(client, "/?q=attention&sort=newest&category=cs", 200)
    (others,) = by_date.xpath('//*[@id="results"]/p[contains(., "only the closest papers")]/a')
    assert query_pairs(others.get("href")) == {("q", "attention"), ("category", "cs")}
    for url in ("/?q=attention", "/?q=attention&sort=newest&mode=lexical", "/?category=cs&sort=newest"):
        assert "only the closest papers" not in text_of(read_page(client, url, 200))
    assert status("/?q=attention&sort=newest&to=1990") == "None of the closest papers match the filters"
    lexical = client.get("/v1/search?q=attention&mode=lexical").json()["total"]
    assert status("/?q=attention&mode=lexical") == f"{lexical} papers"


def test_a_paper_that_one_leg_ranks_low_is_a_link_away(client: httpx.Client) -> None:
    links = '//p[contains(., "Looking for a certain paper?")]/a'
    found = read_page(client, "/?q=attention&category=cs", 200).xpath(links)
    assert [text_of(link) for link in found] == ["meaning only", "keywords only"]
    for link, mode in zip(found, ("semantic", "lexical"), strict=True):
        assert query_pairs(link.get("href")) == {("q", "attention"), ("category", "cs"), ("mode", mode)}
    for query in ("q=attention&mode=lexical", "q=attention&sort=newest", "q=au:zhou", f"q={KSA}", "category=cs"):
        assert not read_page(client, f"/?{query}", 200).xpath(links)


def test_facet_counts_name_the_papers_they_cover(client: httpx.Client) -> None:
    def note(url: str) -> str:
        return text_of(read_page(client, url, 200).xpath('//nav[@aria-label="Filters"]//p[@class="muted"]')[-1])

    for url, noun in (("/?q=attention", "relevant papers"), ("/?q=attention&sort=newest", "closest papers")):
        papers = client.get(f"/v1/search{url[1:]}&facets=true").json()["facets"]["papers"]
        bands = ", marked strong or related" if noun == "relevant papers" else ""
        assert note(url) == f"Counts cover the {papers} {noun}{bands}."
    papers = client.get("/v1/search?author=zhou").json()["total"]
    assert note("/?author=zhou") == f"Counts cover all {papers} matching papers."


def test_values_of_the_index_itself_are_folded(make_searcher: MakeSearcher) -> None:
    record: dict[str, object] = {"title": "cache", "extra": {"comment": "12 pages", "score": 95.2}}
    server = HttpServer(create_app(make_searcher([record]), Settings()))
    tree = read_page(server.client, "/paper/arxiv:2401.00000", 200)
    internal = [text_of(name) for name in tree.xpath('//details[summary="Versions and sources"]//dt')]
    visible = [text_of(name) for name in tree.xpath("//dt[not(ancestor::details)][not(ancestor::dialog)]")]
    assert (visible, internal) == (
        ["arXiv", "Comment"],
        ["Score in the source", "Added to this index", "Source"],
    )
    server.close()


def test_chips_remove_their_condition(client: httpx.Client) -> None:
    url = f"/?q=recommendation&author=Guorui+Zhou&category=cs.IR&from=2025&to=2026&like={KSA}&mode=semantic"
    chips = chip_links(read_page(client, url, 200))
    removed = {
        "recommendation": {"q"},
        "Guorui Zhou": {"author"},
        "cs.IR Information Retrieval": {"category"},
        "from 2025 to 2026": {"from", "to"},
        "Kwai Summary Attention": {"like"},
        "by meaning only": {"mode"},
    }
    assert len(chips) == len(removed)
    for label, names in removed.items():
        remaining = next(href for chip, href in chips.items() if label in chip)
        assert {name for name, _ in query_pairs(url) - query_pairs(remaining)} == names
        assert query_pairs(remaining) < query_pairs(url)
        assert len(chip_links(read_page(client, remaining, 200))) == len(removed) - 1


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
    filters = "author=zhou&author=gai&not_author=Gang+Zhou&category=cs&from=2020&to=2026&updated_to=2027&added_to=2105"
    url = f"/?q=attention&{filters}&like={KSA}&mode=lexical&sort=newest&limit=3"
    assert form_values(read_page(client, url, 200)) == query_pairs(url)
    far = "/?q=how+long+to+boil+an+egg&from=2020"
    assert form_values(read_page(client, far, 200)) == query_pairs(far)
    assert form_values(read_page(client, "/?q=cache&from=foo&author=zhou", 422)) == {("q", "cache"), ("author", "zhou")}


def test_paging_repeats_no_paper(client: httpx.Client) -> None:
    seen: list[str] = []
    url = "/?q=attention&limit=25"
    while url:
        tree = read_page(client, url, 200)
        seen += titles(tree)
        url = next(iter(tree.xpath('//a[@rel="next"]/@href')), "")
    assert len(seen) == len(set(seen)) == 60


def page_labels(client: httpx.Client, url: str) -> str:
    """Returns the text of the navigation between pages, the present page in brackets."""
    tree = read_page(client, url, 200)
    links = tree.xpath('//nav[@aria-label="Pages"]//a')
    return " ".join(f"[{text_of(link)}]" if link.get("aria-current") else text_of(link) for link in links)


def test_pages_have_numbers(client: httpx.Client) -> None:
    url = "/?category=cs&limit=4"
    last = -(-client.get("/v1/search?category=cs").json()["total"] // 4)
    assert last > 7
    assert page_labels(client, url) == "[1] 2 3 4 5 Next"
    assert page_labels(client, f"{url}&page=4") == "First Previous 2 3 [4] 5 6 Next"
    end = " ".join(map(str, range(last - 4, last)))
    assert page_labels(client, f"{url}&page={last}") == f"First Previous {end} [{last}]"
    assert page_labels(client, "/?category=cs&limit=60") == ""
    links = read_page(client, f"{url}&page=4", 200).xpath('//nav[@aria-label="Pages"]//a/@href')
    assert query_pairs(links[0]) == query_pairs(url)
    assert query_pairs(links[3]) == query_pairs(f"{url}&page=3")


def test_another_query_starts_at_its_first_page(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention&category=cs&page=2", 200)
    links = tree.xpath('//nav[@aria-label="Filters"]//a/@href | //ul[@aria-label="Parts of the query"]//a/@href')
    assert links
    assert all("page" not in dict(query_pairs(link)) for link in links)
    assert "page" not in dict(form_values(tree))


@pytest.mark.parametrize("page", ["0", "-1", "1002", "x", "9" * 30])
def test_a_page_that_is_out_of_range_is_an_error(client: httpx.Client, page: str) -> None:
    assert f"“{page}” is not a valid page number." in text_of(read_page(client, f"/?q=attention&page={page}", 422))


def test_how_much_of_a_paper_is_shown_is_remembered(sample_searcher: Searcher) -> None:
    server = HttpServer(create_app(sample_searcher, Settings()))
    with server.client as client:
        shown = {"snippet": '//p[@class="snippet"]', "open": '//details[@class="abstract"][@open]'}

        def is_shown(url: str) -> tuple[bool, ...]:
            tree = read_page(client, url, 200)
            return tuple(bool(tree.xpath(path)) for path in shown.values())

        assert is_shown("/?q=attention") == (True, False)
        links = read_page(client, "/?q=attention&page=2", 200).xpath('//*[@aria-label="Show of each paper"]/a')
        assert [text_of(link) for link in links] == ["Titles", "Best sentence", "Abstracts"]
        assert query_pairs(links[2].get("href")) == {("q", "attention"), ("page", "2"), ("show", "abstracts")}
        assert is_shown(links[2].get("href")) == is_shown("/?q=cache") == (False, True)
        assert is_shown("/?q=attention&show=titles") == is_shown("/?q=cache") == (False, False)
        client.cookies.set("papers_show", "everything")
        assert is_shown("/?q=attention&show=sentences") == (True, False)
        assert "show" not in str(read_page(client, "/?q=attention&show=titles").xpath('//a[@rel="next"]/@href'))


def test_lists_without_a_query_have_no_less_like_this(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=au:zhou", 200)
    assert not tree.xpath('//a[text()="Less like this"]')
    assert titles(read_page(client, tree.xpath('//a[text()="More like this"]/@href')[0], 200))


def test_more_and_less_like_this_refine_the_current_query(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention&category=cs.CL", 200)
    card = tree.xpath('//ol[@aria-label="Papers"]//article')[0]
    paper = card.xpath('.//*[@class="title"]/a/@href')[0].removeprefix("/paper/")
    for label, name in (("More like this", "like"), ("Less like this", "unlike")):
        href = card.xpath(f'.//a[text()="{label}"]/@href')[0]
        assert query_pairs(href) == {("q", "attention"), ("category", "cs.CL"), (name, paper)}
    assert query_pairs(card.xpath('.//a[text()="Similar"]/@href')[0]) == {("like", paper)}


def test_exports_use_the_same_query(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=attention&author=zhou", 200)
    links = {text_of(link): link.get("href") for link in tree.xpath('//details[summary="Export results"]//a')}
    assert list(links) == ["BibTeX", "RIS", "CSL-JSON", "CSV", "JSON", "NDJSON", "Atom"]
    for label, href in links.items():
        assert urlsplit(href).path == "/v1/search"
        assert {("q", "attention"), ("author", "zhou"), ("format", label.lower())} <= query_pairs(href)


def test_limit_0_shows_the_count(client: httpx.Client) -> None:
    html = [client.get("/", params={"q": "cache", "limit": limit}).text for limit in (0, 10)]
    status = [text_of(lxml.html.fromstring(page).xpath('//*[@role="status"]')[0]) for page in html]
    assert re.fullmatch(r"\d+ relevant papers?", status[0])
    assert status[1].startswith(f"{status[0]}, ")


@pytest.mark.parametrize(
    ("url", "status", "phrases"),
    [
        ("/?q=cache&from=2026-13", 422, ["“2026-13” is not a valid start date.", "2026-03"]),
        ("/?q=cache&updated_to=foo", 422, ["“foo” is not a valid end date of the update."]),
        ("/?q=cache&limit=-1", 422, ["“-1” is not a valid number of papers.", "0 to 1000"]),
        ("/?q=cache&limit=x", 422, ["“x” is not a valid number of papers. Give a whole number."]),
        ("/?q=cache&category=cs.LX", 422, ["“cs.LX” is not a valid category.", "cs.LG"]),
        ("/?q=cache&mode=magic", 422, ["“magic” is not a valid search mode."]),
        ("/?q=cache&colour=red", 422, ["This page does not understand “colour=red”"]),
        ("/?q=au:zhou+AND", 422, ["“AND”, at character 9 of the query, is not valid."]),
        ("/?q=date:2026-13", 422, ["“date:2026-13”, at character 1 of the query, is not valid."]),
        ("/?q=cache&like=2199.00001", 404, ["2199.00001"]),
        ("/?q=cache&cursor=zzz", 422, ["“zzz” is not a valid page cursor."]),
        ("/paper/2199.00001", 404, ["The paper 2199.00001 is not in this index. Search for a title"]),
        ("/author?name=", 422, ["The author name is missing."]),
        ("/author", 422, ["The author name is missing."]),
        ("/static/../routes.py", 404, []),
        ("/static/nothing.js", 404, []),
    ],
)
def test_errors_are_pages_with_the_status_of_the_api(
    client: httpx.Client, url: str, status: int, phrases: list[str]
) -> None:
    response = client.get(url)
    assert response.status_code == status
    if phrases:
        tree = lxml.html.fromstring(response.text)
        alert = text_of(tree.xpath('//*[@role="alert"]')[0])
        assert all(phrase.casefold() in alert.casefold() for phrase in phrases), alert
        assert tree.xpath('//input[@name="q"]/@value') == [dict(query_pairs(url)).get("q", "")]


def test_an_invalid_parameter_can_be_removed(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=cache&from=foo&author=zhou", 422)
    (link,) = tree.xpath('//a[text()="Search again without the start date"]/@href')
    assert query_pairs(link) == {("q", "cache"), ("author", "zhou")}


BROWSER_HEADERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(("path", "status"), [("/nothing/here", 404), ("/docs/x", 404), ("/broken", 500)])
def test_browsers_get_error_pages(sample_searcher: Searcher, path: str, status: int) -> None:
    app = create_app(sample_searcher, Settings())

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret")

    server = HttpServer(app)
    page = server.client.get(path, headers=BROWSER_HEADERS)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    tree = lxml.html.fromstring(page.text)
    assert tree.xpath('//*[@role="alert"]')
    assert tree.xpath('//main//a[@href="/"]')
    assert "a secret" not in page.text
    for accept in ("*/*", "application/json", "application/json, text/html"):
        assert assert_problem(server.client.get(path, headers={"Accept": accept}), status)["instance"] == path
    server.close()


@pytest.mark.parametrize(
    ("path", "box", "link"),
    [
        ("/2401.00001", "arxiv:2401.00001", ("The paper arxiv:2401.00001", "/paper/arxiv:2401.00001")),
        ("/abs/2401.00001v2", "arxiv:2401.00001", ("The paper arxiv:2401.00001", "/paper/arxiv:2401.00001")),
        ("/pdf/2401.00001.pdf", "arxiv:2401.00001", ("The paper arxiv:2401.00001", "/paper/arxiv:2401.00001")),
        ("/10.1000/x.5", "doi:10.1000/x.5", ("The paper doi:10.1000/x.5", "/paper/doi:10.1000/x.5")),
        (
            "/Attention-is_all you%20need",
            "Attention is all you need",
            ("Search for “Attention is all you need”", "/?q=Attention+is+all+you+need"),
        ),
        ("/wp-login.php", "", None),
        ("/x/<script>", "", None),
        ("/" + "long words " * 40, "", None),
    ],
)
def test_a_missing_page_offers_what_its_address_may_stand_for(
    client: httpx.Client, path: str, box: str, link: tuple[str, str] | None
) -> None:
    response = client.get(path, headers=BROWSER_HEADERS)
    assert response.status_code == 404
    tree = lxml.html.fromstring(response.text)
    assert "There is no page at /" in text_of(tree.xpath('//*[@role="alert"]')[0])
    assert "/docs" not in text_of(tree.xpath("//main")[0])
    assert tree.xpath('//input[@name="q"]/@value') == [box]
    links = [(text_of(each), each.get("href")) for each in tree.xpath("//main//a")]
    assert links[:-1] == ([link] if link else [])


def test_refusals_of_the_guard_are_pages_for_browsers(sample_searcher: Searcher) -> None:
    server = HttpServer(create_app(sample_searcher, Settings(rate=0.01, burst=1)))
    assert server.client.get("/", headers=BROWSER_HEADERS).status_code == 200
    page = server.client.get("/?q=cache", headers=BROWSER_HEADERS)
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) > 0
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    tree = lxml.html.fromstring(page.text)
    assert "Wait a minute" in text_of(tree.xpath('//*[@role="alert"]')[0])
    assert tree.xpath('//input[@name="q"]/@value') == ["cache"]
    assert_problem(server.client.get("/?q=cache"), 429)
    assert_problem(server.client.get("/v1/search", headers=BROWSER_HEADERS), 429)
    wrong_host = server.client.get("/", headers={**BROWSER_HEADERS, "host": "[::1"})
    assert wrong_host.status_code == 400
    server.close()


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/metrics/x", "/openapi.json/x"])
def test_api_paths_return_json_to_browsers(client: httpx.Client, path: str) -> None:
    assert path in assert_problem(client.get(path, headers=BROWSER_HEADERS), 404)["detail"]


def test_a_method_that_is_not_allowed_gets_a_page(client: httpx.Client) -> None:
    response = client.post("/help", headers=BROWSER_HEADERS)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert lxml.html.fromstring(response.text).xpath('//*[@role="alert"]')


def test_categories_that_share_a_name_show_their_codes(make_searcher: MakeSearcher) -> None:
    record: dict[str, object] = {"title": "boosting", "authors": ["Ada Lovelace"], "published": "2025"}
    server = HttpServer(
        create_app(make_searcher([{**record, "categories": ["cs.LG", "stat.ML", "stat.ME"]}]), Settings())
    )
    names = {"Machine Learning (cs.LG)": "cs.LG", "Machine Learning (stat.ML)": "stat.ML", "Methodology": "stat.ME"}
    for path in ("/?q=boosting", "/paper/arxiv:2401.00000", "/author?name=Ada+Lovelace"):
        tree = read_page(server.client, path, 200)
        for name, code in names.items():
            links = tree.xpath("//main//a[starts-with(normalize-space(), $name)]/@href", name=name)
            assert links
            assert all(("category", code) in query_pairs(link) for link in links)
    server.close()


def test_pages_without_close_matches_explain_what_to_do(client: httpx.Client) -> None:
    far = read_page(client, "/?q=how+long+to+boil+an+egg", 200)
    assert text_of(far.xpath('//*[@role="status"]')[0]) == "No close match"
    assert titles(far)
    none = read_page(client, "/?q=cache&from=1901&to=1902", 200)
    assert text_of(none.xpath('//*[@role="status"]')[0]) == "No papers match"
    (unfiltered,) = none.xpath('//a[text()="Search without filters"]/@href')
    assert titles(read_page(client, unfiltered, 200))


def test_assets_are_immutable_and_content_addressed(client: httpx.Client) -> None:
    tree = read_page(client, "/", 200)
    assets = tree.xpath("//link[@rel='icon' or @rel='stylesheet']/@href | //script/@src")
    assert len(assets) == len(set(assets)) > 5
    for asset in assets:
        assert client.get(asset).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert client.get(urlsplit(asset).path).headers["cache-control"] == "no-cache"
    kinds = {client.get(asset).headers["content-type"].split(";")[0] for asset in assets}
    assert kinds == {"text/css", "text/javascript", "image/svg+xml"}
