"""HTTP methods: HEAD, OPTIONS, methods that a path does not support, and request targets other than a path."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from http_server import HttpServer, assert_problem
from sample import KSA
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings

GET_PATHS = [
    "/v1/search?q=cache&limit=2",
    "/v1/search?format=bibtex",
    f"/v1/papers/{KSA}",
    f"/v1/papers/{KSA}/similar",
    "/v1/authors?name=zhou",
    "/v1/suggest?q=z",
    "/v1/trends?q=cache",
    "/v1/map?q=cache",
    "/v1/lists",
    "/v1/lists/starred",
    "/v1/watches",
    "/v1/profile",
    "/",
    "/?q=cache",
    f"/paper/{KSA}",
    "/author?name=Guorui+Zhou",
    "/trends?q=cache",
    "/map?q=cache",
    "/help",
    "/static/page.css",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/readyz",
]
VOLATILE_HEADERS = {"date", "x-request-id"}


@pytest.mark.parametrize("path", GET_PATHS)
def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"") == (200, b"")
    headers = [
        {name: value for name, value in response.headers.items() if name not in VOLATILE_HEADERS}
        for response in (get, head)
    ]
    for each in headers:  # timings differ in length
        assert int(each.pop("content-length")) > 0
    assert headers[0] == headers[1]


def test_head_of_metrics_errors_and_unchanged_results(client: httpx.Client) -> None:
    metrics = client.head("/metrics")
    assert (metrics.status_code, metrics.content) == (200, b"")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert client.head("/v1/search", params={"limit": "-1"}).status_code == 422
    assert client.head("/nowhere").status_code == 404
    assert client.head("/v1/batch").headers["allow"] == "OPTIONS, POST"
    tag = client.head("/v1/search").headers["etag"]
    assert client.head("/v1/search", headers={"if-none-match": tag}).status_code == 304
    assert 'route="/v1/search",status="304"' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/search", "GET, HEAD, OPTIONS, POST"),
        ("/v1/batch", "OPTIONS, POST"),
        ("/v1/lists/starred", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("/v1/lists/starred/papers/10.1000/a", "DELETE, OPTIONS"),
        ("/v1/papers/10.1000/a/similar", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/static/page.css", "GET, HEAD, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/mcp", "OPTIONS, POST"),
    ],
)
def test_options_lists_the_methods(client: httpx.Client, path: str, allow: str) -> None:
    response = client.options(path)
    assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", allow)
    unsupported = client.put(path)
    assert assert_problem(unsupported, 405)["detail"] == f"method PUT not allowed; use {allow}"
    assert unsupported.headers["allow"] == allow


@pytest.fixture(scope="module")
def routed(sample_searcher: Searcher) -> Iterator[httpx.Client]:
    """A client of a server in which FastAPI's router finds the function of every request."""
    app = create_app(sample_searcher, Settings())
    app.router.middleware_stack = app.router.app
    server = HttpServer(app)
    yield server.client
    server.close()


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/x-bibtex", "image/png"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/search?q=cache&limit=2",
        "/v1/search",
        "/v1/search/",
        "/v1/search?q=cache&limit=-1",
        "/v1/search?q=cache&limit=1&limit=2",
        "/v1/search?q=%ff",
        "/v1/search?q=(cache",
        "/v1/search?like=arxiv:0000.00000",
        "/docs",
    ],
)
def test_the_router_would_answer_the_same(client: httpx.Client, routed: httpx.Client, path: str, accept: str) -> None:
    volatile = VOLATILE_HEADERS | {"content-length"}  # timings differ in length
    answers = []
    for each in (client, routed):
        response = each.get(path, headers={"Accept": accept})
        headers = {name: value for name, value in response.headers.items() if name not in volatile}
        headers["location"] = headers.get("location", "").removeprefix(str(each.base_url))
        text = response.text.replace(each.base_url.netloc.decode(), "HOST")
        fields = json.loads(text) if headers.get("content-type", "").endswith("json") else text
        if isinstance(fields, dict):
            fields.pop("explanation", None)
        answers.append((response.status_code, headers, fields))
    assert answers[0] == answers[1]
    assert 'papers_request_seconds_count{route="/v1/search",status="200"}' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("target", "status"),
    [(b"OPTIONS *", 204), (b"GET *", 400), (b"HEAD *", 400), (b"OPTIONS /nowhere", 404), (b"POST *", 400)],
)
def test_a_request_target_other_than_a_path(client: httpx.Client, target: bytes, status: int) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        connection.sendall(target + b" HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\nconnection: close\r\n\r\n")
        response = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert response.startswith(b"HTTP/1.1 %d " % status)
    assert status != 204 or b"allow: DELETE, GET, HEAD, OPTIONS, POST" in response
