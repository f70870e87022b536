"""Invalid requests: each is rejected by name, nothing leaks, and the service keeps serving."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from fake_embedder import FakeEmbedder
from indexer.build import index
from server_process import ServerProcess

PAPERS = (
    {"id": "2401.00001", "title": "Cache compression", "authors": ["Guorui Zhou"], "categories": ["cs.CL"]},
    {
        "id": "2401.00002",
        "title": "<script>alert(1)</script>",
        "abstract": "\u202e \x00 $\\frac$ <b>",
        "published": "2026",
    },
)
TIMEOUT_S = 0.7
CONFORMANCE_CHECKS = ("status_code", "content_type", "response_schema")
HOST_HEADER = b"host: localhost\r\n"


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "papers.jsonl").write_text("\n".join(map(json.dumps, PAPERS)), "utf-8")
    index([folder / "papers.jsonl"], folder / "index", FakeEmbedder())
    limits = {"HEAD_SECONDS": TIMEOUT_S, "BODY_SECONDS": TIMEOUT_S, "MAX_BODY": 50_000, "MAX_HEAD": 8_192}
    with ServerProcess(folder / "index", **limits) as server:
        yield server
        assert server.stop() == 0
    assert not any("Traceback" in line for line in server.stderr_lines)


@pytest.fixture(autouse=True)
def check_still_serving(live_server: ServerProcess) -> Iterator[None]:
    """Checks after every test that a new client gets results, and that no request raised an unhandled exception."""
    before = len(live_server.stderr_lines)
    yield
    for _ in range(5):
        response = httpx.get(live_server.url + "/v1/search", params={"q": "cache"})
        if response.status_code != httpx.codes.REQUEST_TIMEOUT:  # a busy machine may send the head too late
            break
    assert response.json()["hits"][0]["id"] == "arxiv:2401.00001"
    errors = [
        line
        for line in live_server.stderr_lines[before:]
        if "unhandled exception" in line or "Exception in ASGI" in line
    ]
    assert not errors


def assert_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text[:300]
    assert response.headers["content-type"] == "application/problem+json"
    return dict(response.json())


def parse_status(response: bytes) -> int:
    assert response.startswith(b"HTTP/1.1 "), response[:80]
    return int(response[9:12])


SINGLE_PARAMETERS = ["q", "from", "to", "updated_from", "updated_to", "mode", "sort", "facets", "cursor", "limit"]
VALID_VALUES = {"mode": "hybrid", "sort": "newest", "facets": "true", "limit": "3", "cursor": ""}


@pytest.mark.parametrize("name", SINGLE_PARAMETERS)
def test_single_parameters_cannot_be_repeated(live_server: ServerProcess, name: str) -> None:
    value = VALID_VALUES.get(name, "2026")
    response = live_server.client.get("/v1/search", params=[(name, value), ("author", "Zhou"), (name, value)])
    problem = assert_problem(response, 422)
    assert (problem["field"], problem["value"]) == (name, value)
    assert problem["allowed"] == "the parameter is repeated; use it once"


@pytest.mark.parametrize("name", ["author", "not_author", "category", "kind", "like", "unlike"])
def test_list_parameters_may_be_repeated(live_server: ServerProcess, name: str) -> None:
    value = {"category": "cs.CL", "kind": "survey", "like": "2401.00001", "unlike": "2401.00002"}.get(
        name, "Guorui Zhou"
    )
    parameters = [("q", "cache"), (name, value), (name, value)]
    assert live_server.client.get("/v1/search", params=parameters).status_code == 200


@pytest.mark.parametrize(
    "name", [*SINGLE_PARAMETERS, "author", "not_author", "category", "kind", "like", "unlike", "nonsense"]
)
@pytest.mark.parametrize("value", ["%FF%FE", "a%C3", "%ED%A0%80", "%C0%AF"])
def test_invalid_utf8_is_rejected_by_name(live_server: ServerProcess, name: str, value: str) -> None:
    problem = assert_problem(live_server.client.get(f"/v1/search?{name}={value}&q=cache"), 422)
    assert problem["field"] == name
    assert "UTF-8" in problem["allowed"]


@pytest.mark.parametrize("name", [*SINGLE_PARAMETERS, "author", "not_author", "category", "kind", "like", "unlike"])
@pytest.mark.parametrize(
    "value", ["", " ", "\0", "\r\nset-cookie: a=b", "\U0001f4a9" * 500, "../../etc/passwd", "<svg>"]
)
def test_invalid_values_are_named(live_server: ServerProcess, name: str, value: str) -> None:
    response = live_server.client.get("/v1/search", params={name: value})
    assert response.status_code == 200 or assert_problem(response, 404 if response.status_code == 404 else 422)
    assert "set-cookie" not in response.headers
    assert response.status_code != 422 or response.json()["field"].replace("-", "_") in (name, "q", "paper_id")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"q": "a", "q": "b"}', "q"),
        (b'{"q": "a", "author": [], "author": ["x"]}', "author"),
        (b'{"limit": ' + b"9" * 5_000 + b"}", "body"),
        (b'{"limit": 1e999}', "limit"),
        (b'{"limit": 99999999999999999999}', "limit"),
        (b'{"limit": -1}', "limit"),
        (b'{"limit": "3"}', None),
        (b'{"q": ' * 900 + b"1" + b"}" * 900, "q"),
        (b'{"q":' * 9_000, "body"),
        (b"[" * 40_000, "body"),
        (b'{"author": [' + b'"a",' * 9_000 + b'"a"]}', "author"),
        (b'{"q": "\xff"}', "body"),
        ('{"q": "x"}'.encode("utf-16"), "body"),
        (b'{"q": "\\ud800"}', "q"),
        (b'{"author": ["\\udfff"]}', "author"),
        (b'{"\\ud800": 1}', "\\ud800"),
        (b"", "body"),
        (b"null", "body"),
        (b"q=x", "body"),
        (b"\0" * 1_000, "body"),
    ],
)
def test_invalid_json_is_named(live_server: ServerProcess, body: bytes, field: str | None) -> None:
    response = live_server.client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    if field is None:
        assert response.status_code in (200, 422), response.text[:300]
    else:
        problem = assert_problem(response, 400 if field == "body" and body != b"null" else 422)
        assert problem["field"].split(".")[0] == field, response.text[:300]
    assert len(response.content) < 2_000 or response.status_code == 200


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "\\"],
)
def test_other_content_types_are_rejected_or_read_as_json(live_server: ServerProcess, kind: str) -> None:
    response = live_server.client.post("/v1/search", content=b'{"q": "cache"}', headers={"content-type": kind})
    assert response.status_code in (200, 415, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/papers/../../../etc/passwd",
        "/v1/papers/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/papers/%2e%2e/%2e%2e/etc/passwd",
        "/v1/papers/%00",
        "/v1/papers/%ff%fe",
        "/v1/papers/" + "a" * 4_000,
        "/static/../service/api.py",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "//etc/passwd",
        "/..;/metrics",
        "/v1/search/../../..",
        "/v1/papers/%0d%0aset-cookie:%20a=b",
    ],
)
def test_no_path_traversal(live_server: ServerProcess, path: str) -> None:
    response = live_server.send_raw(b"GET %s HTTP/1.1\r\n" % path.encode() + HOST_HEADER + b"connection: close\r\n\r\n")
    assert parse_status(response) in (400, 404, 422)
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"set-cookie" not in head.lower()
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\0" * 1_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + HOST_HEADER + b"\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST_HEADER + b"x: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST_HEADER + b" folded: x\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\n"
        + HOST_HEADER
        + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: -1\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST_HEADER + b"\r\n",
        b"GET http://[::1 HTTP/1.1\r\n" + HOST_HEADER + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/search?q=M\xc3\xbcller HTTP/1.1\r\n" + HOST_HEADER + b"\r\n",
        b"BREW /pot HTTP/1.1\r\n" + HOST_HEADER + b"\r\n",
    ],
)
def test_malformed_http_closes_the_connection(live_server: ServerProcess, request_bytes: bytes) -> None:
    assert parse_status(live_server.send_raw(request_bytes)) == 400


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST_HEADER + HOST_HEADER + b"\r\n", 400),
        (b"GET /?q=" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST_HEADER + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST_HEADER + b"x: " + b"a" * 8_300 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST_HEADER + b"x: a\r\n" * 2_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, 431),
        (b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 50001\r\n\r\n", 413),
        (b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 99999999999999999\r\n\r\n", 413),
        (b"GET /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 99999999\r\n\r\n", 413),
        (
            b"POST /v1/search HTTP/1.1\r\n"
            + HOST_HEADER
            + b"transfer-encoding: chunked\r\n\r\nfffff\r\n"
            + b"a" * 60_000,
            413,
        ),
    ],
)
def test_oversized_requests_are_rejected_early(live_server: ServerProcess, request_bytes: bytes, status: int) -> None:
    assert parse_status(live_server.send_raw(request_bytes)) == status


def test_too_many_parameters_are_rejected(live_server: ServerProcess) -> None:
    response = live_server.send_raw(
        b"GET /v1/search?" + b"a&" * 4_000 + b" HTTP/1.1\r\n" + HOST_HEADER + b"connection: close\r\n\r\n"
    )
    assert parse_status(response) == 422


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST_HEADER + b"x: y",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 30\r\n\r\n{",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"transfer-encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_unfinished_requests_time_out(live_server: ServerProcess, request_bytes: bytes) -> None:
    assert parse_status(live_server.send_raw(request_bytes)) == 408


def test_trickled_bytes_do_not_extend_the_timeout(live_server: ServerProcess) -> None:
    for start in (
        b"GET / HTTP/1.1\r\n",
        b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 900\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", live_server.port), timeout=5) as client:
            start_time, response = time.monotonic(), b""
            client.sendall(start)
            client.settimeout(0.1)
            while not response and time.monotonic() - start_time < 20:
                try:
                    client.sendall(b"a")
                    response = client.recv(1_000)
                except TimeoutError:
                    continue
            assert parse_status(response) == 408


def test_a_hundred_slow_clients_do_not_block_others(live_server: ServerProcess) -> None:
    slow = [socket.create_connection(("127.0.0.1", live_server.port)) for _ in range(100)]
    for number, client in enumerate(slow):
        client.sendall(
            b"POST /v1/search HTTP/1.1\r\n" + HOST_HEADER + b"content-length: 99\r\n\r\n{" if number % 2 else b"GET /"
        )
    assert live_server.client.get("/v1/search", params={"q": "cache"}).status_code == 200
    for client in slow:
        client.close()


def test_connections_closed_at_any_byte(live_server: ServerProcess) -> None:
    body = b'{"q": "wait 1 cache"}'
    whole = (
        b"POST /v1/search HTTP/1.1\r\n"
        + HOST_HEADER
        + b"content-type: application/json\r\ncontent-length: 21\r\n\r\n"
        + body
    )
    for cut in range(1, len(whole) + 1, 7):
        with socket.create_connection(("127.0.0.1", live_server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with RST instead of FIN
            client.sendall(whole[:cut])


def test_pipelined_requests_are_answered_in_order(live_server: ServerProcess) -> None:
    one = b"GET /v1/authors?name=%s HTTP/1.1\r\n" + HOST_HEADER + b"\r\n"
    names = [b"zhou", b"li", b"wang"]
    last = b"GET /healthz HTTP/1.1\r\n" + HOST_HEADER + b"connection: close\r\n\r\n"
    response = live_server.send_raw(b"".join(one % name for name in names) + last)
    responses = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in response.split(b"HTTP/1.1 200 OK")[1:]]
    assert [each.get("name") for each in responses] == ["zhou", "li", "wang", None]
    garbage = live_server.send_raw(one % b"zhou" + b"\0\1\2garbage\r\n\r\n")
    assert b"HTTP/1.1 400" in garbage
    assert live_server.send_raw(last * 2_000).count(b"HTTP/1.1 200") == 1


def test_a_client_that_does_not_read_does_not_block_others(live_server: ServerProcess) -> None:
    one = b"GET /openapi.json HTTP/1.1\r\n" + HOST_HEADER + b"\r\n"
    with socket.create_connection(("127.0.0.1", live_server.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.sendall(one * 200)
        for _ in range(5):
            assert live_server.client.get("/v1/search", params={"q": "cache"}).status_code == 200


@given(st.binary(max_size=300))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_get_a_response_or_a_close(live_server: ServerProcess, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", live_server.port), timeout=10) as client:
        client.sendall(b"GET /" + request_bytes + b" HTTP/1.1\r\n" + HOST_HEADER + b"connection: close\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        response = client.recv(100)
        assert not response or parse_status(response) in (200, 400, 404, 405, 408, 421, 422)


def test_generated_requests_conform_to_the_openapi(live_server: ServerProcess) -> None:
    schema = schemathesis.openapi.from_url(live_server.url + "/openapi.json")
    checks = [
        schemathesis.checks.not_a_server_error,
        *(schemathesis.checks.CHECKS.get_one(f"{name}_conformance") for name in CONFORMANCE_CHECKS),
    ]
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 8
    for operation, mode in itertools.product(operations, schemathesis.GenerationMode):

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
        def conforms(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=checks, timeout=20)

        try:
            conforms()
        except Unsatisfiable:  # no invalid request exists for a path parameter that accepts any text
            assert mode.is_negative
