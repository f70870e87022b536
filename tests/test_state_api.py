"""Lists and saved searches over HTTP: what each client may read and change, and which pages may send requests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest

from fake_embedder import FakeEmbedder
from http_server import HttpServer, assert_problem
from indexer.build import index
from indexer.state import StateDatabase
from records import make_records, write_records
from search.searcher import Searcher
from service.api.guard.keys import KeyFile
from service.app import create_app
from service.settings import Settings
from service.state.lists import Lists
from service.state.profiles import Profile
from strategies import MakeSearcher

PAPER, OTHER = "arxiv:2000.00001", "arxiv:2000.00002"
MakeClient = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher(make_records(0, 20))  # type: ignore[arg-type]  # records of text and lists of text


@pytest.fixture
def make_client(searcher: Searcher, tmp_path: Path) -> Iterator[MakeClient]:
    """Starts servers that share one state, and returns a client of each."""
    servers: list[HttpServer] = []

    def make(**settings: Any) -> httpx.Client:
        servers.append(HttpServer(create_app(searcher, Settings(state=tmp_path / "state.sqlite", **settings))))
        return servers[-1].client

    yield make
    for server in servers:
        server.close()


def another_browser(client: httpx.Client) -> httpx.Client:
    return httpx.Client(base_url=client.base_url, timeout=30)


def names_of_lists(client: httpx.Client, **headers: str) -> list[str]:
    return [each["name"] for each in client.get("/v1/lists", headers=headers).json()["lists"]]


def test_adding_showing_exporting_and_removing_papers(make_client: MakeClient) -> None:
    client = make_client()
    added = client.post("/v1/lists/my thesis", json={"ids": [PAPER, OTHER], "note": "cite"})
    assert added.json() == {"schema_version": 1, "name": "my thesis", "added": 2, "papers": 2}
    assert client.post("/v1/lists/my thesis", json={"ids": [PAPER]}).json()["added"] == 0
    shown = client.get("/v1/lists/my thesis").json()
    assert [(each["id"], each["note"], each["in_index"]) for each in shown["papers"]] == [
        (PAPER, "cite", True),
        (OTHER, "cite", True),
    ]
    exported = client.get("/v1/lists/my thesis", params={"format": "bibtex"})
    assert exported.text.count("@") == 2
    assert exported.headers["content-disposition"] == 'attachment; filename="list.bib"'
    assert client.get("/v1/lists/my thesis", headers={"accept": "text/csv"}).text.count("\r\n") == 3
    assert client.delete(f"/v1/lists/my thesis/papers/{PAPER}").status_code == 204
    assert client.get("/v1/lists").json()["lists"][0]["papers"] == 1
    assert client.delete("/v1/lists/my thesis").status_code == 204
    assert assert_problem(client.get("/v1/lists/my thesis"), 404)["detail"].startswith("no list 'my thesis'")
    assert client.get("/v1/lists/starred").json()["papers"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/lists/a", {"ids": ["arxiv:2499.99999"]}, 404),
        ("/v1/lists/..%20", {"ids": [PAPER]}, 422),
        ("/v1/lists/a", {"ids": [PAPER], "note": "\x00"}, 422),
        ("/v1/lists/a", {"ids": PAPER}, 422),
        ("/v1/lists/a", {"ids": [PAPER], "colour": "red"}, 422),
        ("/v1/lists/a", {}, 422),
        ("/v1/profile", {"name": "x" * 61}, 422),
    ],
)
def test_invalid_requests_get_a_problem_and_leave_no_profile(
    make_client: MakeClient, tmp_path: Path, path: str, body: object, status: int
) -> None:
    response = make_client(host="0.0.0.0").post(path, json=body)
    assert_problem(response, status)
    assert "set-cookie" not in response.headers
    with StateDatabase(tmp_path / "state.sqlite").read() as database:
        assert database.execute("SELECT count(*) FROM profiles").fetchone() == (0,)


def test_a_browser_gets_a_profile_of_its_own_with_its_first_change(make_client: MakeClient, tmp_path: Path) -> None:
    anna = make_client(host="0.0.0.0")
    assert "set-cookie" not in anna.get("/v1/lists").headers
    cookie = anna.post("/v1/lists/thesis", json={"ids": [PAPER]}).headers["set-cookie"]
    token = cookie.partition("=")[2].partition(";")[0]
    assert len(token) == 43
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=34560000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # over plain HTTP, which would not send it back
    assert "set-cookie" not in anna.post("/v1/lists/thesis", json={"ids": [OTHER]}).headers
    assert names_of_lists(anna) == ["thesis"]
    assert not any(token.encode() in path.read_bytes() for path in tmp_path.iterdir())
    with another_browser(anna) as bert:
        assert names_of_lists(bert) == []
        assert bert.get("/v1/lists/thesis").status_code == 404
        assert bert.delete("/v1/lists/thesis").status_code == 404
        assert bert.delete(f"/v1/lists/thesis/papers/{PAPER}").status_code == 404
        bert.post("/v1/lists/other", json={"ids": [PAPER]})
        assert names_of_lists(bert) == ["other"]
    assert names_of_lists(anna) == ["thesis"]


def test_a_made_up_token_is_not_taken_for_a_profile(make_client: MakeClient) -> None:
    client = make_client(host="0.0.0.0")
    client.cookies.set("papers_profile", "chosen-by-somebody-else")
    answer = client.post("/v1/lists/a", json={"ids": [PAPER]})
    assert "papers_profile=chosen" not in answer.headers["set-cookie"]


def test_the_cookie_is_secure_under_https(make_client: MakeClient) -> None:
    client = make_client(proxies=("127.0.0.1",))
    headers = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}
    assert "Secure" in client.post("/v1/lists/a", json={"ids": [PAPER]}, headers=headers).headers["set-cookie"]


def test_each_api_key_has_a_profile(make_client: MakeClient, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    anna, bert = ({"x-api-key": keys.add(name)} for name in ("anna", "bert"))
    client = make_client(keys=tmp_path / "keys.json")
    added = client.post("/v1/lists/thesis", json={"ids": [PAPER]}, headers=anna)
    assert "set-cookie" not in added.headers
    assert (names_of_lists(client, **anna), names_of_lists(client, **bert)) == (["thesis"], [])
    assert client.get("/v1/lists/thesis", headers=bert).status_code == 404
    assert client.delete("/v1/lists/thesis", headers=bert).status_code == 404
    lists = Lists(StateDatabase(tmp_path / "state.sqlite"), Profile.of_name("anna"))
    assert [entry.paper.id for entry in lists.entries("thesis")] == [PAPER]
    assert client.get("/v1/profile", headers=anna).json() == {"schema_version": 1, "name": "anna", "kind": "named"}
    assert_problem(client.post("/v1/profile", json={"name": "bert"}, headers=anna), 403)
    assert_problem(client.get("/v1/lists"), 401)


def test_a_cookie_gives_an_api_key_no_other_profile(make_client: MakeClient, tmp_path: Path) -> None:
    browser = make_client(host="0.0.0.0")
    browser.post("/v1/lists/of-the-browser", json={"ids": [PAPER]})
    key = {"x-api-key": KeyFile(tmp_path / "keys.json").add("anna")}
    client = make_client(keys=tmp_path / "keys.json")
    client.cookies = browser.cookies
    assert names_of_lists(client, **key) == []


def test_a_local_browser_shares_the_profile_of_the_command_line_until_it_has_its_own(
    make_client: MakeClient, tmp_path: Path
) -> None:
    mine = Lists(StateDatabase(tmp_path / "state.sqlite"), Profile.of_name("default"))
    client = make_client()
    client.post("/v1/lists/thesis", json={"ids": [PAPER]})
    assert [each.name for each in mine.summaries()] == ["thesis"]
    assert client.get("/v1/profile").json()["name"] == "default"
    named = client.post("/v1/profile", json={"name": "Anna, laptop"})
    assert named.json() == {"schema_version": 1, "name": "Anna, laptop", "kind": "browser"}
    assert names_of_lists(client) == []
    assert client.get("/v1/profile").json()["name"] == "Anna, laptop"
    with another_browser(client) as other:
        assert names_of_lists(other) == ["thesis"]


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"host": "0.0.0.0"}, {}),
        ({"host": "::"}, {}),
        ({"host": "192.0.2.7"}, {}),
        ({"host": "papers.lab"}, {}),
        ({"proxies": ("192.0.2.1",)}, {}),
        ({"hosts": ("papers.lab",)}, {}),
        ({}, {"x-forwarded-for": "127.0.0.1"}),
        ({}, {"forwarded": "for=127.0.0.1"}),
        ({}, {"via": "1.1 caddy"}),
        ({}, {"x-real-ip": "127.0.0.1"}),
    ],
)
def test_nobody_else_shares_the_profile_of_the_command_line(
    make_client: MakeClient, tmp_path: Path, searcher: Searcher, settings: dict[str, Any], headers: dict[str, str]
) -> None:
    mine = Lists(StateDatabase(tmp_path / "state.sqlite"), Profile.of_name("default"))
    mine.add("thesis", [PAPER], searcher.session())
    client = make_client(**settings)
    assert names_of_lists(client, **headers) == []
    client.post("/v1/lists/other", json={"ids": [PAPER]}, headers=headers)
    assert [each.name for each in mine.summaries()] == ["thesis"]


OWN, EVIL = "http://{host}", "https://evil.example"


@pytest.mark.parametrize(
    ("headers", "may_change", "may_read"),
    [
        ({}, True, True),  # a program
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, True, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, True, False),  # a form of a page without a referrer
        ({"sec-fetch-site": "none"}, True, True),  # typed
        ({"origin": OWN}, True, True),  # plain HTTP on a network, where browsers do not send Sec-Fetch-Site
        ({"origin": EVIL, "sec-fetch-site": "cross-site"}, False, False),
        ({"origin": EVIL}, False, False),
        ({"origin": "null"}, False, False),
        ({"sec-fetch-site": "cross-site"}, False, True),  # a link on another page
        ({"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"}, False, False),
        ({"origin": "https://lab.example", "sec-fetch-site": "cross-site"}, True, True),  # listed
    ],
)
def test_pages_of_other_sites_neither_change_nor_read_lists(
    make_client: MakeClient, headers: dict[str, str], may_change: bool, may_read: bool
) -> None:
    client = make_client(origins=("https://lab.example", "*"))
    host = f"{client.base_url.host}:{client.base_url.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}
    for path in ("/v1/lists/a", "/v1/profile", "/v1/watches/a", "/v1/watches/a/read", "/v1/watches/a/feed"):
        assert (client.post(path, json={"ids": [PAPER]}, headers=sent).status_code != 403) == may_change, path
    for path in ("/v1/lists/a", "/v1/lists/a/papers/2000.00001", "/v1/watches/a", "/v1/watches/a/feed"):
        assert (client.delete(path, headers=sent).status_code != 403) == may_change, path
    for path in ("/v1/lists", "/v1/lists/starred", "/v1/profile", "/v1/watches", "/v1/watches/a/new"):
        assert (client.get(path, headers=sent).status_code != 403) == may_read, path


def test_a_damaged_state_takes_no_search_with_it(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    (tmp_path / "state.sqlite").write_text("Not a database" * 100)
    problem = assert_problem(client.get("/v1/lists"), 503)
    assert "searches work without it" in problem["detail"]
    assert_problem(client.post("/v1/lists/a", json={"ids": [PAPER]}), 503)
    assert client.get("/v1/search", params={"q": "cache"}).json()["total"] == 20
    assert client.get("/?q=cache").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_no_cache_keeps_private_answers(make_client: MakeClient) -> None:
    client = make_client()
    assert client.get("/v1/lists").headers["cache-control"] == "private, no-store"
    assert client.get("/v1/profile").headers["cache-control"] == "private, no-store"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The folder of an index that tests extend."""
    extend(tmp_path / "index", 0, 10)
    return tmp_path / "index"


def extend(directory: Path, start: int, count: int) -> None:
    file = write_records(directory.with_suffix(".jsonl"), make_records(start, count))
    index([file], directory, FakeEmbedder())


@pytest.fixture
def serve(library: Path) -> Iterator[MakeClient]:
    """Starts servers of that index and returns a client of each."""
    servers: list[HttpServer] = []

    def start(**settings: Any) -> httpx.Client:
        app = create_app(Searcher(library, lambda _model: FakeEmbedder()), Settings(**settings))
        servers.append(HttpServer(app))
        return servers[-1].client

    yield start
    for server in servers:
        server.close()


def test_a_saved_search_shows_what_is_new_until_it_is_marked(serve: MakeClient, library: Path) -> None:
    client = serve()
    saved = client.post("/v1/watches/byron", json={"author": ["Ada Byron3"], "mode": "lexical"}).json()
    assert (saved["unread"], saved["feed"]) == (0, None)
    assert saved["search"] == {"author": ["Ada Byron3"], "mode": "lexical"}
    extend(library, 10, 14)
    (listed,) = client.get("/v1/watches").json()["watches"]
    assert (listed["name"], listed["unread"]) == ("byron", 2)
    new = client.get("/v1/watches/byron/new").json()
    assert {hit["id"] for hit in new["hits"]} == {"arxiv:2000.00017", "arxiv:2000.00010"}
    extend(library, 24, 1)
    assert client.get("/v1/watches/byron/new").json()["unread"] == 3
    assert client.post("/v1/watches/byron/read", json={"position": new["position"]}).status_code == 204
    response = client.get("/v1/watches/byron/new", params={"format": "markdown"})
    assert response.text.startswith("# 1 new paper: byron\n")
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    position = {"position": response.headers["papers-position"]}
    assert client.post("/v1/watches/byron/read", json=position).status_code == 204
    assert client.get("/v1/watches").json()["watches"][0]["unread"] == 0
    assert client.get("/v1/watches/byron/new", params={"format": "bibtex"}).text == ""
    assert client.delete("/v1/watches/byron").status_code == 204
    assert client.get("/v1/watches/byron/new").status_code == 404


def test_a_position_beyond_the_index_hides_nothing_that_comes(serve: MakeClient, library: Path) -> None:
    client = serve()
    client.post("/v1/watches/all", json={})
    for position in ("99999999999/gen-000001", "999999999999/x"):
        assert client.post("/v1/watches/all/read", json={"position": position}).status_code == 204
    extend(library, 10, 1)
    assert client.get("/v1/watches/all/new").json()["unread"] == 1
    for position in ("", "x", "-1/gen-000001", "1", "1/\x00", "9" * 20 + "/g"):
        client.post("/v1/watches/all/read", json={"position": position})
    assert client.get("/v1/watches/all/new").json()["unread"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"q": "year:soon"}, "q"),
        ({"category": ["cs.XX"]}, "category"),
        ({"from": "soon"}, "from"),
        ({"sort": "added"}, "sort"),
        ({"added_from": "7d"}, "added_from"),
        ({"list": "a/b"}, "list"),
        ({"mode": "fast"}, "mode"),
    ],
)
def test_an_invalid_search_is_not_saved(make_client: MakeClient, body: dict[str, Any], field: str) -> None:
    client = make_client()
    assert assert_problem(client.post("/v1/watches/a", json=body), 422)["field"] == field
    assert client.get("/v1/watches").json()["watches"] == []


def test_a_feed_has_a_secret_address_that_can_be_replaced_and_revoked(serve: MakeClient, library: Path) -> None:
    client = serve(host="0.0.0.0")
    client.post("/v1/watches/byron", json={"author": ["Ada Byron3"]})
    extend(library, 10, 7)
    first = client.post("/v1/watches/byron/feed").json()["feed"]
    assert len(first.rpartition("/")[2]) == 43
    assert client.get("/v1/watches").json()["watches"][0]["feed"] == first
    with another_browser(client) as reader:
        feed = feedparser.parse(reader.get(first).text)
        assert [entry.id for entry in feed.entries] == [
            "https://arxiv.org/abs/2000.00010",
            "https://arxiv.org/abs/2000.00003",
        ]
        assert (feed.feed.title, feed.feed.links[0].href) == ("papers: byron", first)
        tag = reader.get(first).headers["etag"]
        assert reader.get(first, headers={"if-none-match": tag}).status_code == 304
        extend(library, 17, 1)
        assert len(feedparser.parse(reader.get(first, headers={"if-none-match": tag}).text).entries) == 3
        second = client.post("/v1/watches/byron/feed").json()["feed"]
        assert_problem(reader.get(first), 404)
        assert feedparser.parse(reader.get(second).text).feed.id == feed.feed.id
        assert client.delete("/v1/watches/byron/feed").status_code == 204
        assert_problem(reader.get(second), 404)
        third = client.post("/v1/watches/byron/feed").json()["feed"]
        client.delete("/v1/watches/byron")
        assert_problem(reader.get(third), 404)
        for token in ("", "%00", "' OR 1=1 --", "x" * 5_000):
            assert reader.get(f"/v1/feeds/{token}").status_code == 404


def test_searches_of_api_keys_are_apart_and_feeds_end_with_the_key(serve: MakeClient, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    anna, bert = ({"x-api-key": keys.add(name)} for name in ("anna", "bert"))
    client = serve(keys=tmp_path / "keys.json")
    client.post("/v1/watches/mine", json={"q": "cache"}, headers=anna)
    feed = client.post("/v1/watches/mine/feed", headers=anna).json()["feed"]
    assert client.get("/v1/watches", headers=bert).json()["watches"] == []
    for method, path in (
        ("GET", "/v1/watches/mine/new"),
        ("DELETE", "/v1/watches/mine"),
        ("POST", "/v1/watches/mine/feed"),
        ("DELETE", "/v1/watches/mine/feed"),
    ):
        assert_problem(client.request(method, path, headers=bert), 404)
    marked = client.post("/v1/watches/mine/read", json={"position": "1/gen-000001"}, headers=bert)
    assert_problem(marked, 404)
    assert client.get(feed).status_code == 200  # without a key
    assert_problem(client.get("/v1/feeds/other"), 404)
    assert_problem(client.get("/v1/watches"), 401)
    keys.remove("anna")
    assert_problem(client.get(feed), 404)
