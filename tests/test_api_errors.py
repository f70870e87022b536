"""Errors of the HTTP API: each is a problem that names the parameter, its value and what is allowed."""

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_server import HttpServer, assert_problem
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings


@pytest.mark.parametrize(
    ("parameters", "field", "detail"),
    [
        ({"limit": "-1"}, "limit", "from 0 to 1000"),
        ({"limit": "1000000000"}, "limit", "from 0 to 1000"),
        ({"limit": "ten"}, "limit", "integer"),
        ({"mode": "fast"}, "mode", "hybrid"),
        ({"from": "2026-02-30"}, "from", "not a valid date"),
        ({"from": "2026", "to": "2025"}, "from", "swap the two"),
        ({"updated_from": "2026-02-30"}, "updated_from", "30d"),
        ({"updated_to": "soon"}, "updated_to", ""),
        ({"added_from": "2026-11-29T25:00Z"}, "added_from", "2026-11-29T09:14:00Z"),
        ({"added_from": "2026-11-29T09:14:00Z", "added_to": "2026-11-28"}, "added_from", "swap the two"),
        ({"not_author": " "}, "not_author", "give a name"),
        ({"start": "2026"}, "start", "unknown parameter; the parameters are q,"),
        ({"category": "cs.LX"}, "category", "did you mean"),
        ({"author": " "}, "author", "give a name"),
        ({"q": "??? !", "mode": "lexical"}, "q", "it contains no word to look up"),
        ({"k": "3"}, "k", "unknown parameter; the parameters are q, author, not_author, category"),
        ({"q": "y" * 30_000}, "q", "30,000 characters"),
    ],
)
def test_an_invalid_parameter_is_named(
    client: httpx.Client, parameters: dict[str, str], field: str, detail: str
) -> None:
    body = assert_problem(client.get("/v1/search", params=parameters), 422)
    assert body["field"] == field
    assert detail in body["detail"]
    assert body["value"][:20] == parameters[field][:20]
    assert body["allowed"]


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"[]", 422, "body"),
        (b'{"q": 5}', 422, "q"),
        (b'{"query": "x"}', 422, "query"),
        (b'{"author": "Guorui Zhou"}', 422, "author"),
        (b'{"limit": 1.5}', 422, "limit"),
        (b'{"q": "' + b"y" * 30_000 + b'"}', 422, "q"),
        (b'{"q": "' + b"y" * 1_100_000 + b'"}', 413, None),
        (b'{"q": NaN}', 422, "q"),
        (b"\xff\xfe", 400, "body"),
        (b"[" * 100_000, 400, "body"),
    ],
)
def test_an_invalid_body_is_named(client: httpx.Client, content: bytes, status: int, field: str | None) -> None:
    response = client.post("/v1/search", content=content, headers={"content-type": "application/json"})
    body = assert_problem(response, status)
    assert field is None or body["field"] == field


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        (b'{"q": "cache", "from" 2025}', 23, "expecting ':' delimiter"),
        (b'{"q": "cache", "limit": 3', 26, "expecting ',' delimiter"),
        (b'{"q": "caf\xc3\xa9" "from": 2025}', 14, "expecting ',' delimiter"),
        (b"q=cache", 1, "expecting value"),
        (b"", 1, "expecting value"),
        (b'{"q": "a"} {"q": "b"}', 12, "extra data"),
        (b"{'q': 'cache'}", 2, "expecting property name"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/similar", "/v1/batch"])
def test_a_json_syntax_error_is_400_with_its_position(
    client: httpx.Client, path: str, content: bytes, position: int, reason: str
) -> None:
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    body = assert_problem(response, 400)
    assert body["detail"].startswith(f"invalid JSON at character {position}: {reason}")
    assert (body["field"], body["position"]) == ("body", position)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b'{"q": "\xff"}', "invalid byte at position 8"),
        (b'{"q": [' * 20_000, "nested too deeply"),
        (b'{"limit": ' + b"9" * 5_000 + b"}", "too many digits"),
    ],
)
def test_a_body_that_cannot_be_read_as_json_is_400(client: httpx.Client, content: bytes, detail: str) -> None:
    body = assert_problem(client.post("/v1/search", content=content, headers={"content-type": "application/json"}), 400)
    assert body["field"] == "body"
    assert detail in body["detail"]


def test_a_problem_gives_the_position_in_the_query(client: httpx.Client) -> None:
    body = assert_problem(client.get("/v1/search", params={"q": "cache date:2026-13"}), 422)
    assert (body["field"], body["position"]) == ("q", 7)
    assert "position" not in assert_problem(client.get("/v1/search", params={"limit": "-1"}), 422)


def test_a_body_of_unknown_length_is_read_within_the_limit(client: httpx.Client) -> None:
    head = {"content-type": "application/json"}
    assert client.post("/v1/search", content=iter([b'{"q": ', b'"cache"}']), headers=head).status_code == 200
    assert_problem(client.post("/v1/search", content=iter([b"y" * 100_000] * 11), headers=head), 413)


def test_not_found_has_the_same_problem_shape(client: httpx.Client) -> None:
    assert "2499.99999" in assert_problem(client.get("/v1/papers/arxiv:2499.99999"), 404)["detail"]
    assert "IDs look like" in assert_problem(client.get("/v1/papers/..%2F..%2Fetc%2Fpasswd"), 404)["detail"]
    assert_problem(client.get("/v1/papers/arxiv:2499.99999/similar"), 404)
    assert_problem(client.get("/nowhere"), 404)
    assert_problem(client.delete("/v1/search"), 405)
    assert "/nowhere" in assert_problem(client.get("/nowhere"), 404)["detail"]
    for text in (" ", "y" * 30_000):
        assert assert_problem(client.post("/v1/similar", json={"text": text}), 422)["field"] == "text"


@given(
    q=st.text(max_size=40),
    author=st.text(max_size=20),
    category=st.sampled_from(["", "cs", "cs.CL", "CS.cl", "x\0"]),
    start=st.sampled_from(["", "2024", "0", "9999", "2026-02-29"]) | st.text(max_size=8),
    limit=st.sampled_from(["1", "10", "0", "1e3", "٣"]),
)
@settings(max_examples=60, deadline=None)
def test_any_query_returns_results_or_a_problem(
    client: httpx.Client, q: str, author: str, category: str, start: str, limit: str
) -> None:
    params = {"q": q, "author": author, "category": category, "from": start, "limit": limit}
    response = client.get("/v1/search", params={name: value for name, value in params.items() if value})
    assert response.status_code == 200 or assert_problem(response, 422)["field"] in params


def test_internal_error_is_a_500_without_details(sample_searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HttpServer(create_app(sample_searcher, Settings()))
    try:
        monkeypatch.setattr("search.session.Session.ask", lambda *_: 1 / 0)
        response = server.client.get("/v1/search")
        body = assert_problem(response, 500)
        assert response.headers["x-request-id"] in body["detail"]
        assert "division" not in json.dumps(body)
    finally:
        server.close()


@pytest.mark.parametrize(
    "q",
    [
        "' OR 1=1; DROP TABLE papers; --",
        "(a+)+$ .* [a-z]{1,9999}",
        "(" * 6_000 + ")" * 6_000,
        "au:(" * 4_000,
        " OR ".join(["ti:x"] * 2_000),
        "-" * 19_999 + "x",
        'ti:"' * 4_000,
        "cat:" + "x" * 10_000,
        "date:[9999999 TO *]",
        "au:" + "y" * 500,
        "\x00\x1b[31m au:zhou",
        "word " * 3_900,
    ],
)
def test_no_query_breaks_the_service(client: httpx.Client, q: str) -> None:
    answer = client.post("/v1/search", json={"q": q})
    assert answer.status_code in (200, 422), answer.text[:200]
    if answer.status_code == 422:
        assert answer.json()["field"] in ("q", "author", "category")
