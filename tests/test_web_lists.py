"""Stars, lists, notes and selections on the web page, as a browser without JavaScript uses them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import lxml.html
import pytest

from http_server import HttpServer
from indexer.state import StateDatabase
from search.query.query import MAX_EXAMPLES
from service.api.guard.keys import KeyFile
from service.app import create_app
from service.formats import FORMATS
from service.settings import Settings
from service.web.forms import is_own_path
from service.web.html import MAX_SELECTED
from service.web.lists import PAGE_SIZE
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of, titles

PAPERS: tuple[dict[str, object], ...] = tuple(
    {
        "title": f"{topic} caches",
        "abstract": f"On caches of {topic}. " * 8,
        "authors": ["Ada Lovelace"],
        "categories": ["cs.IR"],
        "published": f"2025-0{number + 1}-01",
    }
    for number, topic in enumerate(("attention", "galaxy", "video", "graph"))
)
IDS = [f"arxiv:2401.0000{number}" for number in range(len(PAPERS))]
HOSTILE_NAMES = (
    "<script>alert(1)</script>".replace("/", "∕"),
    "\"'><b>bold",
    "100 % of x?y=z&a#b;c",
    "../../etc".replace("/", "."),
    "новый список 新",
    "{{ 7*7 }} ${x}",
    "read",
    "-",
)
ATTACK = "</a><img src=x onerror=alert(1)>\"'"


@pytest.fixture(scope="module")
def server(make_searcher: MakeSearcher) -> Iterator[HttpServer]:
    """Serves ``PAPERS``; a client without a cookie shares the profile of the command line."""
    server = HttpServer(create_app(make_searcher(list(PAPERS)), Settings()))
    yield server
    server.close()


@pytest.fixture
def client(server: HttpServer) -> Iterator[httpx.Client]:
    """A browser with a profile of its own."""
    with new_client(server) as client:
        assert submit(client, "/profile", name="test").status_code == 303
        yield client


def new_client(server: HttpServer) -> httpx.Client:
    origin = str(server.client.base_url).rstrip("/")
    return httpx.Client(base_url=origin, timeout=30, headers={"Origin": origin})


def submit(client: httpx.Client, path: str, **fields: Any) -> httpx.Response:
    """Submits a form; a browser names the type of an empty one too."""
    return client.post(path, data=fields or {"submitted": ""})


def star_button(client: httpx.Client, url: str, paper_id: str) -> Any:
    (button,) = read_page(client, url, 200).xpath("//button[@class='star'][@value=$id]", id=paper_id)
    return button


def notice(client: httpx.Client, response: httpx.Response) -> str:
    """Follows the redirect after a form, and returns what the next page says of it."""
    assert response.status_code == 303, response.text
    return text_of(read_page(client, response.headers["location"], 200).xpath('//p[@class="notice"]')[0])


def list_names(client: httpx.Client) -> list[str]:
    return [text_of(link) for link in read_page(client, "/lists", 200).xpath('//ul[@class="rows"]//a')]


def test_the_first_star_of_the_shared_profile_says_who_shares_it(server: HttpServer) -> None:
    with new_client(server) as client:
        (hidden,) = read_page(client, "/", 200).xpath('//p[@id="sharing"]')
        assert hidden.get("hidden") is not None
        first, second = (notice(client, submit(client, "/star", add=paper_id)) for paper_id in IDS[:2])
        assert "Everybody who uses this server" in first
        assert second == "Starred."
        assert not read_page(client, "/", 200).xpath('//*[@id="sharing"]')
        submit(client, "/profile", name="own")
        assert notice(client, submit(client, "/star", add=IDS[0])) == "Starred."
    with new_client(server) as client:
        for paper_id in IDS[:2]:
            submit(client, "/star", remove=paper_id)


def test_a_star_toggles_on_every_page_of_a_paper(client: httpx.Client) -> None:
    pages = ("/?q=caches", f"/paper/{IDS[0]}", "/author?name=Ada+Lovelace", f"/paper/{IDS[1]}")
    for url in pages:
        assert star_button(client, url, IDS[0]).get("aria-pressed") == "false"
    back = "/?q=caches&sort=newest"
    response = submit(client, "/star", **{star_button(client, back, IDS[0]).get("name"): IDS[0], "back": back})
    assert (response.status_code, response.headers["location"]) == (303, back)
    for url in pages:
        button = star_button(client, url, IDS[0])
        assert (button.get("aria-pressed"), button.get("name")) == ("true", "remove")
    assert titles(read_page(client, "/lists/starred", 200)) == ["attention caches"]
    submit(client, "/star", remove=IDS[0])
    assert titles(read_page(client, "/lists/starred", 200)) == []


@pytest.mark.parametrize(
    "back",
    ["//example.org", "https://example.org/", "/\\example.org", "/\t/example.org", "javascript:alert(1)", "", "x"],
)
def test_a_form_never_leads_to_another_host(client: httpx.Client, back: str) -> None:
    assert not is_own_path(back)
    assert submit(client, "/star", add=IDS[0], back=back).headers["location"] == "/lists/starred"


@pytest.mark.parametrize("path", ["/star", "/selection", "/lists", "/lists/starred/note", "/watches", "/profile"])
def test_only_pages_of_the_server_change_anything(server: HttpServer, path: str) -> None:
    fields = {"add": IDS[0], "id": IDS[0], "name": "foreign", "note": "foreign", "q": "foreign"}
    for headers in (
        {},
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://example.org"},
    ):
        response = httpx.post(server.client.base_url.join(path), data=fields, headers=headers)
        assert response.status_code == 403, headers
        assert "Origin" in response.text or "another site" in response.text
    with new_client(server) as client:
        assert client.put(path, data=fields).status_code == 405
        assert client.post(path, json=fields).status_code == 415
        assert (
            client.post(
                path, content=b"%ff=%fe", headers={"Content-Type": "application/x-www-form-urlencoded"}
            ).status_code
            == 400
        )
        found = client.get("/v1/lists").text + client.get("/v1/watches").text
        assert "foreign" not in found


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_the_name_of_a_list_is_text(client: httpx.Client, name: str) -> None:
    response = submit(client, "/selection", name=name, id=IDS, back=f"/paper/{IDS[0]}")
    assert name in notice(client, response)
    tree = read_page(client, "/lists", 200)
    (link,) = [each for each in tree.xpath('//ul[@class="rows"]//a') if text_of(each) == name]
    page = read_page(client, link.get("href"), 200)
    assert text_of(page.xpath("//h1")[0]) == name
    assert len(titles(page)) == len(PAPERS)
    assert not page.xpath("//main//script | //img | //b")
    for export in page.xpath('//details[summary="Export list"]//a/@href'):
        assert client.get(export).status_code == 200, export
    assert name in text_of(read_page(client, f"/paper/{IDS[0]}", 200).xpath('//*[@class="on-lists"]')[0])
    for form in page.xpath("//form[@method='post']/@action"):
        assert form in ("/star", "/selection", "/watches") or urlsplit(form).path.startswith(
            urlsplit(link.get("href")).path
        )
    assert submit(client, f"{link.get('href')}/delete").status_code == 303
    assert list_names(client) == ["starred"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "x" * 81, "a\x07b"])
def test_other_names_are_refused(client: httpx.Client, name: str) -> None:
    response = submit(client, "/lists", name=name)
    assert response.status_code == 422
    alert = text_of(lxml.html.fromstring(response.text).xpath('//*[@role="alert"]')[0])
    assert "printable characters" in alert
    assert "is not a valid name of a list" in alert or "name of a list is missing" in alert


@pytest.mark.parametrize("path", ["/lists/none", "/watches/none", "/lists/%00", "/lists/x?page=0"])
def test_unknown_names_are_pages(client: httpx.Client, path: str) -> None:
    tree = read_page(client, path)
    assert tree.xpath('//*[@role="alert"]')
    assert client.get(path).status_code in (404, 422)
    for action in ("delete", "rename", "remove", "read"):
        assert submit(
            client, f"{path.partition('?')[0]}/{action}", name="y", id=IDS[0], position="0/x"
        ).status_code in (404, 422)


def test_a_note_is_one_line_of_text(client: httpx.Client) -> None:
    response = submit(client, "/lists/starred/note", id=IDS[0], note=f"  see\n {ATTACK} ", back=f"/paper/{IDS[0]}")
    assert notice(client, response) == "Note saved."
    for url in (f"/paper/{IDS[0]}", "/lists/starred"):
        page = read_page(client, url, 200)
        assert text_of(page.xpath('//details[@class="note-line"]/summary')[0]) == f"Note: see {ATTACK}"
        assert page.xpath('//input[@name="note"]/@value')[0] == f"see {ATTACK}"
        assert not page.xpath("//img")
    assert submit(client, "/lists/starred/note", id=IDS[0], note="x" * 1001).status_code == 422
    assert submit(client, "/lists/starred/note", id="2199.00001", note="x").status_code == 404
    assert notice(client, submit(client, "/lists/starred/note", id=IDS[0], note=" ")) == "Note removed."
    assert star_button(client, "/?q=caches", IDS[0]).get("aria-pressed") == "true"


def test_a_notice_is_shown_once_and_as_text(client: httpx.Client) -> None:
    response = submit(client, "/selection", name="\"'><b>", id=IDS[0], back="/help")
    cookie = next(each for each in response.headers.get_list("set-cookie") if each.startswith("papers_notice"))
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.casefold()
    assert notice(client, response) == "1 paper added to “\"'><b>”."
    assert not read_page(client, "/help", 200).xpath('//p[@class="notice"]')


@pytest.mark.parametrize(
    ("fields", "file", "said", "expected"),
    [
        ({"text": "2401.00000, https://arxiv.org/abs/2401.00001\n2199.00009"}, None, "2 papers read", 2),
        ({"text": "@misc{a, title={galaxy}, eprint={2401.00001}, archiveprefix={arXiv}}"}, None, "1 paper read", 1),
        ({"text": "TY  - JOUR\nTI  - Elsewhere\nAU  - Byron, Ada\nER  - \n"}, None, "1 not in the index", 1),
        ({}, ("a.csv", b"title,doi\nElsewhere,10.1000/a\nAnother,10.1000/b\n"), "2 papers read", 2),
        ({"text": "ignored"}, ("x.bib", b"@misc{a, title={One}}\n@misc{b}\n@misc{c, title={Two}}"), "2 papers read", 2),
    ],
)  # fmt: skip
def test_references_are_imported(
    client: httpx.Client, fields: dict[str, str], file: tuple[str, bytes] | None, said: str, expected: int
) -> None:
    submit(client, "/lists", name="imported")
    files = {"file": file or ("", b"")}
    response = client.post("/lists/imported/import", data=fields, files=files)
    assert said in notice(client, response)
    tree = read_page(client, "/lists/imported", 200)
    assert len(tree.xpath('//ol[@aria-label="Papers"]//article')) == expected


@pytest.mark.parametrize("content", [b"\x00\xff\x00" * 50, b"", b"no reference at all", b"@article{", b"<html></html>"])
def test_a_file_without_papers_is_refused(client: httpx.Client, content: bytes) -> None:
    response = client.post("/lists/imported/import", data={"text": ""}, files={"file": ("a/../../x.bib", content)})
    assert response.status_code == 422
    assert client.get("/lists/imported").status_code == 404
    malformed = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/lists/imported/import", content=b"--y\r\n", headers=malformed).status_code == 400


def test_selected_papers_are_exported_in_every_format(client: httpx.Client) -> None:
    page = read_page(client, "/?q=caches", 200)
    assert page.xpath('//form[@id="selection-form"]//option/@value') == [
        "bibtex", "ris", "csl-json", "csv", "json", "ndjson", "atom",
    ]  # fmt: skip
    boxes = page.xpath('//input[@form="selection-form"][@name="id"]/@value')
    assert sorted(boxes) == IDS
    fields: dict[str, Any]
    for name in FORMATS:
        fields = {"id": [IDS[1], IDS[0], IDS[1]], "do": "export", "format": name, "back": "/"}
        exported = submit(client, "/selection", **fields)
        assert exported.status_code == 200
        positions = [exported.text.find(each) for each in ("galaxy caches", "attention caches", "video caches")]
        assert positions == [*sorted(positions[:2]), -1], "each paper once, in the order of selection"
        assert client.get("/selection", params=fields).content == exported.content
    similar = submit(client, "/selection", id=IDS[:2], do="similar")
    assert similar.status_code == 303
    assert query_pairs(similar.headers["location"]) == {("like", IDS[0]), ("like", IDS[1])}
    many = [f"2199.{number:05}" for number in range(MAX_SELECTED + 1)]
    for fields, said in (
        ({}, "Select at least one paper"),
        ({"id": "2199.00001"}, "2199.00001"),
        ({"id": IDS, "do": "export", "format": "pdf"}, "pdf"),
        ({"id": many, "do": "export"}, f"at most {MAX_SELECTED}"),
        ({"id": many[:60], "do": "similar"}, f"at most {MAX_EXAMPLES} to find similar ones"),
    ):
        for response in (submit(client, "/selection", **fields), client.get("/selection", params=fields)):
            assert response.status_code in (404, 422)
            assert said in text_of(lxml.html.fromstring(response.text).xpath('//*[@role="alert"]')[0])


@pytest.mark.parametrize(
    "url", ["/?q=caches", f"/paper/{IDS[0]}", "/author?name=Ada+Lovelace", "/map?q=caches", "/people?q=caches"]
)
def test_every_page_that_shows_papers_selects_them(client: httpx.Client, url: str) -> None:
    page = read_page(client, url, 200)
    (form,) = page.xpath('//form[@id="selection-form"]')
    assert form.xpath('.//input[@name="back"]/@value') == [url]
    papers = set(page.xpath('//main//a[starts-with(@href, "/paper/")]/@href'))
    boxes = page.xpath('//input[@form="selection-form"]/@value')
    assert papers
    assert papers <= {f"/paper/{each}" for each in boxes}


def test_choosing_a_list_shows_those_that_papers_are_on(client: httpx.Client) -> None:
    submit(client, "/selection", name="thesis", id=IDS[:1])
    page = read_page(client, f"/selection?id={IDS[0]}&back=/help", 200)
    buttons = {text_of(each): each.get("disabled") for each in page.xpath('//button[@name="name"]')}
    assert buttons == {"starred": None, "thesis": "disabled"}
    assert page.xpath('//div[@data-dialog-content]//input[@name="back"]/@value') == ["/help", "/help"]
    both = read_page(client, f"/selection?id={IDS[0]}&id={IDS[1]}&back=//example.org", 200)
    assert not both.xpath("//button[@disabled]")
    assert both.xpath('//div[@data-dialog-content]//input[@name="back"]/@value') == ["/", "/"]


def test_a_list_is_renamed_with_what_follows_it(client: httpx.Client) -> None:
    submit(client, "/selection", name="thesis", id=IDS[:2])
    submit(client, "/lists", name="other")
    submit(client, "/watches", name="like it", list="thesis")
    assert submit(client, "/lists/thesis/rename", name="other").status_code == 422
    assert submit(client, "/lists/thesis/rename", name="starred").status_code == 422
    assert submit(client, "/lists/starred/rename", name="x").status_code == 422
    assert submit(client, "/lists/thesis/rename", name="Thesis 2").headers["location"] == "/lists/Thesis%202"
    assert list_names(client) == ["starred", "other", "Thesis 2"]
    watch = read_page(client, "/watches/like%20it", 200)
    assert not watch.xpath('//*[@role="alert"]')
    assert "Thesis 2" in text_of(watch.xpath("//main")[0])
    submit(client, "/lists/Thesis 2/delete")
    assert "Thesis 2" in text_of(read_page(client, "/watches/like%20it", 200).xpath('//*[@role="alert"]')[0])
    assert "cannot be answered" in text_of(read_page(client, "/watches", 200).xpath("//main")[0])


def test_papers_near_a_list_are_recommended(client: httpx.Client) -> None:
    empty = text_of(read_page(client, "/recommend", 200).xpath("//main")[0])
    assert "has no papers" in empty
    submit(client, "/selection", name=ATTACK.replace("/", "∕"), id=IDS[:2])
    listed = read_page(client, "/lists", 200).xpath('//ul[@class="rows"]//a/@href')[1]
    (link,) = read_page(client, listed, 200).xpath('//a[text()="Recommend new papers"]/@href')
    page = read_page(client, link, 200)
    assert sorted(titles(page)) == ["graph caches", "video caches"]
    for near in page.xpath('//p[@class="near"]/a'):
        assert near.get("href") in (f"/paper/{each}" for each in IDS[:2])
        assert text_of(near) in ("attention caches", "galaxy caches")
    assert not page.xpath("//img")
    assert len(titles(read_page(client, f"{link}&added_from=7d", 200))) == 2
    assert titles(read_page(client, f"{link}&added_from=2099", 200)) == []
    assert client.get(f"{link}&added_from=soon").status_code == 422
    assert client.get("/recommend?list=none").status_code == 404
    submit(client, "/lists/untitled/import", text="TY  - JOUR\nDO  - 10.1000/x\nAU  - Byron, Ada\nER  - \n")
    assert client.get("/recommend?list=untitled").status_code in (200, 404)


def test_a_long_list_has_pages(client: httpx.Client) -> None:
    lines = "".join(f"TY  - JOUR\nTI  - Elsewhere {number}\nER  - \n" for number in range(PAGE_SIZE + 1))
    submit(client, "/lists/long/import", text=lines)
    first = read_page(client, "/lists/long", 200)
    (link,) = first.xpath('//a[@rel="next"]/@href')
    assert [text_of(each) for each in first.xpath('//span[@class="numbers"]/a')] == ["1", "2"]
    second = read_page(client, link, 200)
    assert (
        text_of(second.xpath('//p[@class="status"]')[0]) == f"{PAGE_SIZE + 1}–{PAGE_SIZE + 1} of {PAGE_SIZE + 1} papers"
    )
    assert second.xpath('//a[@rel="prev"]/@href') == ["/lists/long"]
    shown = [text_of(each) for tree in (first, second) for each in tree.xpath('//*[@class="title"]')]
    assert shown == [f"Elsewhere {number}" for number in range(PAGE_SIZE, -1, -1)]
    submit(client, "/lists/long/remove", id=second.xpath('//input[@name="id"]/@value')[0])
    assert not read_page(client, "/lists/long", 200).xpath('//nav[@aria-label="Pages"]')


def test_searches_work_without_a_readable_state(make_searcher: MakeSearcher, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database" * 100)
    server = HttpServer(create_app(make_searcher(list(PAPERS)), Settings(state=path)))
    for url in ("/", "/?q=caches", f"/paper/{IDS[0]}", "/author?name=Ada+Lovelace", "/help"):
        read_page(server.client, url, 200)
    with new_client(server) as client:
        for url in ("/lists", "/lists/starred", "/watches", "/profile"):
            assert "damaged" in text_of(read_page(client, url, 503).xpath('//*[@role="alert"]')[0])
        assert submit(client, "/star", add=IDS[0]).status_code == 503
    server.close()


def test_browsers_have_lists_of_their_own(make_searcher: MakeSearcher, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    server = HttpServer(create_app(make_searcher(list(PAPERS)), Settings(host="0.0.0.0", state=path)))
    with new_client(server) as anna, new_client(server) as bert:
        for client in (anna, bert):
            read_page(client, "/?q=caches", 200)
            assert "no lists and watches yet" in text_of(read_page(client, "/profile", 200).xpath("//main")[0])
        assert not path.exists()
        submit(anna, "/star", add=IDS[0])
        submit(anna, "/watches", name="mine", q="caches")
        submit(bert, "/lists", name="his")
        assert titles(read_page(anna, "/lists/starred", 200)) == ["attention caches"]
        assert titles(read_page(bert, "/lists/starred", 200)) == []
        assert list_names(anna) == ["starred"]
        assert list_names(bert) == ["starred", "his"]
        assert bert.get("/watches/mine").status_code == 404
        submit(anna, "/profile", name="Anna <b>")
        assert "“Anna <b>”" in text_of(read_page(anna, "/profile", 200).xpath("//main")[0])
        assert submit(anna, "/profile/leave").status_code == 303
        assert titles(read_page(anna, "/lists/starred", 200)) == []
        with StateDatabase(path).read() as database:
            assert database.execute("SELECT count(*) FROM list_papers").fetchone() == (0,)
    server.close()


def test_each_api_key_has_lists_of_its_own(make_searcher: MakeSearcher, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    credentials = [httpx.BasicAuth("any", keys.add(name)) for name in ("anna", "bert")]
    options = Settings(host="0.0.0.0", state=tmp_path / "state.sqlite", keys=tmp_path / "keys.json")
    server = HttpServer(create_app(make_searcher(list(PAPERS)), options))
    with new_client(server) as anna, new_client(server) as bert:
        anna.auth, bert.auth = credentials
        submit(anna, "/lists", name="hers")
        assert list_names(anna) == ["starred", "hers"]
        assert list_names(bert) == ["starred"]
        assert "API key “anna”" in text_of(read_page(anna, "/profile", 200).xpath("//main")[0])
        assert submit(anna, "/profile", name="x").status_code == 403
    server.close()


def test_pages_with_lists_are_not_stored_by_caches(client: httpx.Client) -> None:
    for url in ("/", "/?q=caches", "/lists", "/watches", "/profile", f"/paper/{IDS[0]}"):
        assert re.search("no-store", client.get(url).headers["cache-control"])
