"""The work that requests may cause is bounded, ends when the client leaves, and leaves room for other requests."""

import asyncio
import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from fake_embedder import FakeEmbedder
from indexer.build import index
from server_process import ServerProcess
from service.api.guard.concurrency import AdmissionQueue, ConcurrencyLimit
from service.api.guard.records import RequestRecord

EXPENSIVE_QUERIES = {
    "equal conditions": "au:a " * 3_900,
    "different conditions": " ".join(f"au:x{n:03}" for n in range(480)) + " cache",
    "operators that are words": "OR é " * 4_000,
}


@pytest.fixture(scope="module")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("overload")
    lines = [
        json.dumps({"id": f"arxiv:2401.{n:05}", "title": f"cache {n}", "abstract": "A graph.", "authors": ["Ann Lee"]})
        for n in range(30)
    ]
    (folder / "papers.jsonl").write_text("\n".join(lines), "utf-8")
    index([folder / "papers.jsonl"], folder / "index", FakeEmbedder())
    return folder / "index"


def metric(server: ServerProcess, name: str) -> float:
    """Returns the sum of a metric over its labels."""
    text = server.client.get("/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def post_batch(server: ServerProcess, queries: list[str]) -> httpx.Response:
    searches = [{"q": query, "limit": 1} for query in queries]
    return httpx.post(server.url + "/v1/batch", json={"searches": searches}, timeout=60)


@pytest.mark.parametrize(("kind", "searches"), list(zip(EXPENSIVE_QUERIES, (50, 1, 2), strict=True)))
def test_expensive_batches_do_not_stop_the_server(small_index: Path, kind: str, searches: int) -> None:
    with ServerProcess(small_index, WORKERS=2) as server, ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(post_batch, server, [EXPENSIVE_QUERIES[kind]] * searches) for _ in range(4)]
        while not all(each.done() for each in batches):
            assert httpx.get(server.url + "/v1/search", params={"q": "cache"}).status_code == 200
        assert {each.result().status_code for each in batches} == {200}
        batches = [pool.submit(post_batch, server, [EXPENSIVE_QUERIES[kind]] * searches) for _ in range(4)]
        assert server.stop() == 0


def start_batch_and_leave(server: ServerProcess, body: bytes) -> None:
    """Sends a request and disconnects as soon as it runs."""
    head = "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        server.wait_until(lambda: metric(server, "papers_requests_in_flight") == 1)


def test_work_ends_when_the_client_leaves(small_index: Path) -> None:
    with ServerProcess(small_index) as server:
        start_batch_and_leave(server, json.dumps({"searches": [{"q": f"wait 3 {n}"} for n in range(50)]}).encode())
        server.wait_until(lambda: metric(server, "papers_requests_in_flight") == 0)
        assert metric(server, "papers_searches_total") < 50


@pytest.mark.parametrize("path", ["/v1/batch", "/mcp"])
def test_work_ends_when_the_time_is_over(small_index: Path, path: str) -> None:
    call = {"name": "search", "arguments": {"q": "wait 10"}}
    body = {
        "/v1/batch": {"searches": [{"q": f"wait 3 {n}"} for n in range(50)]},
        "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
    }[path]
    with ServerProcess(small_index, ANSWER_SECONDS=0.5) as server:
        headers = {"accept": "application/json, text/event-stream"}
        response = server.client.post(path, json=body, headers=headers)
        assert response.status_code == 503, response.text
        assert "the response took longer than 0.5 s" in response.json()["detail"]
        server.wait_until(lambda: metric(server, "papers_requests_in_flight") == 0)
        assert metric(server, "papers_searches_total") <= 2 * (path == "/v1/batch")


def test_a_batch_gives_way_to_other_requests(small_index: Path) -> None:
    with ServerProcess(small_index, THREADS=1) as server:
        thread = threading.Thread(target=post_batch, args=(server, [f"wait 1 {n}" for n in range(20)]))
        thread.start()
        server.wait_until(lambda: metric(server, "papers_searches_total") >= 1)
        assert server.client.get("/v1/search", params={"q": "cache"}).status_code == 200
        assert metric(server, "papers_searches_total") < 21
        thread.join()


def test_a_rate_limit_counts_each_search_of_a_batch(small_index: Path) -> None:
    with ServerProcess(small_index, RATE=0.01, BURST=12) as server:
        batch = post_batch(server, ["cache"] * 10)
        assert (batch.status_code, batch.headers["ratelimit"].split(";")[1]) == (200, "r=2")
        batch = post_batch(server, ["cache"] * 10)
        assert (batch.status_code, batch.headers["ratelimit"].split(";")[1]) == (200, "r=0")
        refused = server.client.get("/v1/search")
        assert refused.status_code == 429
        assert 800 < int(refused.headers["retry-after"]) <= 900  # 8 searches more than the bucket held, and this one


@pytest.mark.parametrize(("seconds", "at_once"), [(0.01, 1), (0.3, 2)])
def test_short_requests_run_one_after_the_other(seconds: float, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_CORES", "1")
    running: list[int] = []
    most = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(seconds)
        running.pop()
        await send({"type": "http.response.body"})

    async def request_all() -> None:
        limit = ConcurrencyLimit(app, AdmissionQueue(2, 8), 10.0)

        async def wait_forever() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def ignore(_message: Message) -> None:
            pass

        scopes = [
            {"path": "/v1/search", "query_string": b"", "state": {"record": RequestRecord(str(n), "")}}
            for n in range(4)
        ]
        await asyncio.gather(*(limit(scope, wait_forever, ignore) for scope in scopes))

    asyncio.run(request_all())
    assert (len(most), max(most)) == (4, at_once)
