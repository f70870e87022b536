"""The server: startup, distribution of connections, overload, limits, logs and shutdown."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.build import index
from server_process import FAKE_SERVER, ServerProcess, free_port

LAB = "https://lab.example.org"
WORDS = ["cache", "graph", "reward", "kernel", "proof", "galaxy"]


def make_records(start: int, count: int) -> str:
    records = [
        {"id": f"2401.{n:05d}", "title": f"{WORDS[n % 6]} {WORDS[n % 5]} {n}", "abstract": "On " + WORDS[n % 4]}
        for n in range(start, start + count)
    ]
    return "\n".join(map(json.dumps, records))


@pytest.fixture
def fresh_index(tmp_path: Path) -> Path:
    (tmp_path / "papers.jsonl").write_text(make_records(0, 40), "utf-8")
    index([tmp_path / "papers.jsonl"], tmp_path / "index", FakeEmbedder())
    return tmp_path / "index"


@pytest.fixture(scope="module")
def shared_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "papers.jsonl").write_text(make_records(0, 40), "utf-8")
    index([folder / "papers.jsonl"], folder / "index", FakeEmbedder())
    return folder / "index"


@pytest.fixture(scope="module")
def default_server(shared_index: Path) -> Iterator[ServerProcess]:
    """A server with the default settings."""
    with ServerProcess(shared_index) as server:
        yield server


@pytest.fixture(scope="module")
def configured_server(shared_index: Path) -> Iterator[ServerProcess]:
    """A server with a host name, an origin and trusted proxies, which logs queries."""
    proxies = "127.0.0.1, 10.0.0.0/8"
    with ServerProcess(
        shared_index, HOSTS="papers.lab.example", ORIGINS=LAB, PROXIES=proxies, LOG_QUERIES=True
    ) as server:
        yield server


def test_connections_spread_evenly_over_the_workers(shared_index: Path) -> None:
    keep_alive = httpx.Limits(keepalive_expiry=None)
    with ServerProcess(shared_index, WORKERS=2, IDLE_SECONDS=120) as server:
        clients = [httpx.Client(base_url=server.url, limits=keep_alive) for _ in range(64)]
        for _ in range(2):
            for client in clients:
                assert client.get("/v1/search", params={"q": "cache"}).status_code == 200
        for client in clients:
            client.close()
        counts = Counter(line["pid"] for line in server.request_logs(128))
        assert len(counts) == 2
        assert min(counts.values()) == 64
        assert server.worker_pids() == set(counts)
        assert server.stop(signal.SIGINT) == 0
    assert not any("Traceback" in line for line in server.stderr_lines)


def test_server_listens_before_it_is_ready(shared_index: Path) -> None:
    with ServerProcess(shared_index, ready=False, FAKE_LOAD=1.5) as server:

        def listens() -> bool:
            try:
                return server.client.get("/healthz").status_code == 200
            except httpx.ConnectError:
                return False

        server.wait_until(listens)
        loading = server.client.get("/readyz")
        assert (loading.status_code, loading.headers["retry-after"]) == (503, "1")
        assert loading.headers["content-type"] == "application/problem+json"
        assert server.client.get("/v1/search").status_code == 503
        page = server.client.get("/?q=cache", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "This page reloads until it is ready." in page.text
        server.wait_until(lambda: server.client.get("/readyz").status_code == 200)
        assert server.client.get("/readyz").json()["generation"] == "gen-000001"


def test_shutdown_drains_in_flight_requests(shared_index: Path) -> None:
    with ServerProcess(shared_index, WORKERS=2) as server, ThreadPoolExecutor(4) as pool:
        pending = [pool.submit(httpx.get, server.url + "/v1/search", params={"q": "wait 12 cache"}) for _ in range(4)]
        metrics = lambda: server.client.get("/metrics").text  # noqa: E731
        server.wait_until(
            lambda: "papers_requests_in_flight 0.0" not in metrics() or any(each.done() for each in pending)
        )
        time.sleep(0.3)
        assert server.stop() == 0
        assert [each.result().status_code for each in pending] == [200] * 4
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url + "/healthz")


def test_readiness_fails_while_draining(shared_index: Path) -> None:
    with ServerProcess(shared_index, DRAIN_SECONDS=20) as server:
        server.process.terminate()
        server.wait_until(lambda: server.client.get("/readyz").status_code == 503)
        assert server.client.get("/v1/search", params={"q": "cache"}).status_code == 200
        assert server.stop() == 0


def test_a_worker_that_dies_is_replaced(shared_index: Path) -> None:
    with ServerProcess(shared_index, WORKERS=2) as server:
        before = server.worker_pids()
        assert len(before) == 2
        killed = min(before)
        os.kill(killed, signal.SIGKILL)

        def replaced() -> bool:
            try:
                return len(server.worker_pids() - {killed}) == 2
            except httpx.TransportError:  # the connection of this client was to the killed worker
                return False

        server.wait_until(replaced)
        assert killed not in server.worker_pids()
        for _ in range(20):
            assert httpx.get(server.url + "/v1/search", params={"q": "graph"}).status_code == 200
        assert server.stop() == 0
    assert any(f"worker {killed} exited with status -9; restart in 0.1 s" in line for line in server.stderr_lines)


def test_a_generation_published_under_load_drops_nothing(fresh_index: Path) -> None:
    with ServerProcess(fresh_index, WORKERS=2) as server:
        stop, statuses, generations = threading.Event(), Counter[int](), set()

        def send_queries() -> None:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                for n in range(10**6):
                    if stop.is_set():
                        return
                    page = client.get("/v1/search", params={"q": f"{WORDS[n % 6]} {n}"})
                    statuses[page.status_code] += 1
                    generations.add((page.json()["generation"], page.json()["total"]))

        threads = [threading.Thread(target=send_queries) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in (1, 2, 3):
            (fresh_index.parent / "more.jsonl").write_text(make_records(40 * number, 40), "utf-8")
            index([fresh_index.parent / "more.jsonl"], fresh_index, FakeEmbedder())
        server.wait_until(lambda: ("gen-000004", 160) in generations)
        stop.set()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200}
        assert generations <= {(f"gen-00000{number}", 40 * number) for number in (1, 2, 3, 4)}


def test_overload_is_rejected_and_the_server_recovers(shared_index: Path) -> None:
    with ServerProcess(shared_index, THREADS=1, QUEUE=2) as server:
        with ThreadPoolExecutor(24) as pool:
            pending = [pool.submit(httpx.get, server.url + "/v1/search", params={"q": "wait 3"}) for _ in range(24)]
            assert server.client.get("/healthz").status_code == 200
            responses = [each.result() for each in pending]
        counts = Counter(response.status_code for response in responses)
        assert counts[200] >= 3
        assert counts[503] >= 10
        assert set(counts) == {200, 503}
        rejected = next(response for response in responses if response.status_code == 503)
        assert rejected.headers["retry-after"] == "1"
        assert rejected.json()["detail"].startswith("server busy: request queue is full")
        assert server.client.get("/v1/search", params={"q": "cache"}).status_code == 200
        assert f"papers_requests_rejected_total {counts[503]:.1f}" in server.client.get("/metrics").text


def test_a_thousand_connections_are_answered_or_rejected(shared_index: Path) -> None:
    with ServerProcess(shared_index, WORKERS=2, THREADS=1, QUEUE=8, LOG=False) as server:
        request = b"GET /v1/search?q=wait%201 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(1_000)]
        for client in clients:
            client.sendall(request)
        counts: Counter[bytes] = Counter()
        for client in clients:
            with client:
                counts[client.recv(12)] += 1
        assert set(counts) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert counts[b"HTTP/1.1 503"] > 500
        assert server.client.get("/v1/search", params={"q": "cache"}).status_code == 200


def test_too_many_connections_get_a_503(shared_index: Path) -> None:
    with ServerProcess(shared_index, CONNECTIONS=4) as server:
        server.client.close()
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(4)]
        for client in clients:
            client.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        response = server.send_raw()
        head, _, body = response.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in head
        assert json.loads(body)["status"] == 503
        for client in clients:
            client.close()
        server.wait_until(
            lambda: server.send_raw(b"GET /healthz HTTP/1.0\r\nhost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200")
        )


def test_slow_requests_time_out(shared_index: Path) -> None:
    with ServerProcess(shared_index, ANSWER_SECONDS=0.5, THREADS=1) as server:
        late = server.client.get("/v1/search", params={"q": "wait 15"})
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        assert "longer than 0.5 s" in late.json()["detail"]
        server.wait_until(lambda: server.client.get("/v1/search", params={"q": "cache"}).status_code == 200)


def test_rates_hold_over_all_workers(shared_index: Path) -> None:
    with ServerProcess(shared_index, WORKERS=2, RATE=0.05, BURST=6) as server:
        responses = [httpx.get(server.url + "/v1/search") for _ in range(8)]
        assert [response.status_code for response in responses] == [200] * 6 + [429] * 2
        assert responses[0].headers["ratelimit-policy"] == '"requests";q=6;w=120'
        assert responses[0].headers["ratelimit"] == '"requests";r=5;t=20'
        assert 1 <= int(responses[-1].headers["retry-after"]) <= 20
        assert responses[-1].json()["title"] == "Too Many Requests"
        assert httpx.get(server.url + "/healthz").status_code == 200


def test_removed_key_is_rejected(shared_index: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    assert "the key file is empty; add one with: papers keys add NAME" in startup_error(shared_index, KEYS=file)
    key = run("keys", "add", "anna", "--keys", str(file)).stdout.strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert key not in file.read_text()
    assert run("keys", "add", "anna", PAPERS_KEYS=str(file)).returncode == 2
    assert run("keys", "add", "../x y", PAPERS_KEYS=str(file)).returncode == 2
    with ServerProcess(shared_index, KEYS=file, WORKERS=2) as server:

        def status(path: str = "/v1/search", **headers: str) -> int:
            encoded = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
            return httpx.get(server.url + path, headers=encoded).status_code

        assert status() == status("/docs") == status("/metrics") == status("/nowhere") == 401
        assert status("/healthz") == status("/readyz") == 200
        assert status(authorization=f"Bearer {key}") == status(x_api_key=key) == 200
        assert httpx.get(server.url + "/v1/search", auth=("anyone", key)).status_code == 200
        for wrong in ("x", key[:-1], key + "A", key.upper(), "Ä" * 9):
            assert status(authorization=f"Bearer {wrong}") == status(x_api_key=wrong) == 401
        assert status(authorization="Basic !!") == status(authorization="Digest x") == 401
        assert httpx.get(server.url + "/v1/search").headers["www-authenticate"] == 'Bearer realm="papers"'
        assert "Basic" in httpx.get(server.url + "/").headers["www-authenticate"]
        another = run("keys", "add", "boris", "--keys", str(file)).stdout.strip()
        assert [line.split()[1] for line in run("keys", "list", "--keys", str(file)).stdout.splitlines()] == [
            "anna",
            "boris",
        ]
        assert status(x_api_key=another) == 200
        assert run("keys", "remove", "anna", "--keys", str(file)).returncode == 0
        assert run("keys", "remove", "anna", "--keys", str(file)).returncode == 2
        assert (status(x_api_key=key), status(x_api_key=another)) == (401, 200)
        file.write_text("{}", "utf-8")
        assert status(x_api_key=another) == 401
        assert {line["key"] for line in server.request_logs()} == {None, "anna", "boris"}


def startup_error(directory: Path, **settings: object) -> str:
    """Returns the last line that a server prints that does not start."""
    env = {**os.environ, **{f"PAPERS_{name}": str(value) for name, value in settings.items()}}
    done = subprocess.run(
        [sys.executable, FAKE_SERVER, directory], capture_output=True, text=True, check=False, env=env, timeout=60
    )
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_startup_errors_are_reported_before_serving(shared_index: Path, tmp_path: Path) -> None:
    assert "there is no index here" in startup_error(tmp_path)
    assert "invalid PAPERS_MAX_BODY 'many'" in startup_error(shared_index, MAX_BODY="many")
    assert "invalid PAPERS_PROXIES '10.0.0.0/33'" in startup_error(shared_index, PROXIES="10.0.0.0/33")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert "Address already in use" in startup_error(shared_index, PORT=listener.getsockname()[1])


def test_a_damaged_index_is_not_served(fresh_index: Path) -> None:
    [vectors] = fresh_index.glob("vectors-*.f16")
    content = bytearray(vectors.read_bytes())
    content[7] ^= 1
    vectors.write_bytes(content)
    assert "does not have the checksum it was published with" in startup_error(fresh_index, PORT=free_port())


def test_only_trusted_proxies_set_forwarded_headers(
    default_server: ServerProcess, configured_server: ServerProcess
) -> None:
    forwarded = {"x-forwarded-for": "6.6.6.6, 192.0.2.7, 10.1.2.3", "x-request-id": "abc-123"}
    response = default_server.client.get("/healthz", headers=forwarded)
    assert response.headers["x-request-id"] != "abc-123"
    assert default_server.log_of(response)["client"] == "127.0.0.1"
    response = configured_server.client.get("/healthz", headers=forwarded)
    assert response.headers["x-request-id"] == "abc-123"
    assert configured_server.log_of(response)["client"] == "192.0.2.7"
    injected = configured_server.client.get(
        "/healthz", headers={"x-request-id": 'a"b c', "x-forwarded-for": "<script>"}
    )
    assert len(injected.headers["x-request-id"]) == 24
    assert configured_server.log_of(injected)["client"] == "127.0.0.1"


def test_logs_omit_queries_unless_enabled(default_server: ServerProcess, configured_server: ServerProcess) -> None:
    secret = 'unpublished\r\n{"level": "forged"}\x1b[31m idea'
    client = default_server.client
    responses = [
        client.get("/v1/search", params={"q": secret, "author": "Guorui Zhou"}),
        client.get("/v1/papers/2401.00007"),
        client.post("/v1/search", json={"q": secret}),
    ]
    lines = [default_server.log_of(response) for response in responses]
    assert [line["route"] for line in lines] == ["/v1/search", "/v1/papers/{paper_id:path}", "/v1/search"]
    everything = "".join(default_server.stderr_lines)
    assert not any(word in everything for word in ("unpublished", "Zhou", "00007", "\x1b"))
    assert {"request_id", "method", "status", "ms", "queued_ms", "bytes", "client", "key"} <= set(lines[0])
    logged = configured_server.client.get("/v1/search", params={"q": secret})
    forged = configured_server.client.get("/v1/papers/x%0d%0aforged%1b[31m")
    assert "unpublished" in configured_server.log_of(logged)["query"]
    assert configured_server.log_of(forged)
    assert all(line.isascii() and line.rstrip("\n").isprintable() for line in configured_server.stderr_lines)


def test_every_response_has_security_headers(default_server: ServerProcess) -> None:
    for path in ("/v1/search", "/docs", "/nowhere", "/v1/papers/none", "/metrics", "/openapi.json"):
        headers = default_server.client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert len(headers["x-request-id"]) == 24
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


def test_cors_allows_listed_origins(configured_server: ServerProcess) -> None:
    client, other = configured_server.client, "https://other.example.org"
    assert client.get("/v1/search", headers={"origin": LAB}).headers["access-control-allow-origin"] == LAB
    assert "access-control-allow-origin" not in client.get("/v1/search", headers={"origin": other}).headers
    preflight = {
        "origin": LAB,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-api-key",
    }
    assert client.options("/v1/search", headers=preflight).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("192.0.2.1:80", 200),
        ("[::1]:8000", 200),
        ("Papers.Lab.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1.:80", 421),
        ("", 421),
        (":80", 421),
        ("[::1]:", 200),
        ("[192.0.2.1]", 421),
        ("[::1]:80x", 400),
        ("[::1", 400),
        ("::1", 400),
        ("[::1].evil.example", 400),
        ("localhost:80@evil.example", 400),
        ("user@localhost", 400),
        ("localhost/x", 400),
        ("a b", 400),
    ],
)
def test_unknown_host_header_is_rejected(configured_server: ServerProcess, host: str, status: int) -> None:
    response = configured_server.send_raw(b"GET /healthz HTTP/1.0\r\nhost: %s\r\n\r\n" % host.encode())
    assert response.startswith(b"HTTP/1.1 %d" % status), response[:100]
