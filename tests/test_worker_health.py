"""Workers and processes that hang or die are noticed and replaced."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from fake_embedder import FakeEmbedder
from indexer.build import index
from server_process import ServerProcess


@pytest.fixture(scope="module")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("health")
    (folder / "papers.jsonl").write_text('{"id": "arxiv:2401.00001", "title": "A cache", "abstract": "A graph."}\n')
    index([folder / "papers.jsonl"], folder / "index", FakeEmbedder())
    return folder / "index"


def status(server: ServerProcess, path: str) -> int:
    """Returns the status of a request on a new connection; 0 if there is no answer within half a second."""
    try:
        return httpx.get(server.url + path, timeout=0.5).status_code
    except httpx.TransportError:
        return 0


def test_stopped_workers_get_no_connections_and_are_replaced(small_index: Path) -> None:
    with ServerProcess(small_index, WORKERS=2) as server:
        first, second = server.worker_pids()
        server.client.close()
        os.kill(first, signal.SIGSTOP)
        server.wait_until(lambda: [status(server, "/readyz") for _ in range(4)] == [200] * 4)
        os.kill(second, signal.SIGSTOP)
        server.wait_until(lambda: status(server, "/readyz") == 503)
        server.wait_until(lambda: sum("has not responded for" in line for line in server.stderr_lines) == 2)
        server.wait_until(lambda: all(status(server, "/v1/search?q=cache") == 200 for _ in range(4)))
        server.client = httpx.Client(base_url=server.url, timeout=30)
        server.wait_until(lambda: len(server.worker_pids() - {first, second}) == 2)
        assert server.stop() == 0


@pytest.mark.parametrize(("kills", "status_at_end"), [(1, 0), (3, 1)])
def test_a_killed_verification_is_repeated_and_then_reported(
    small_index: Path, tmp_path: Path, kills: int, status_at_end: int
) -> None:
    (tmp_path / "kills").write_bytes(b"k" * kills)
    with ServerProcess(small_index, ready=False, FAKE_KILLS=tmp_path / "kills") as server:
        server.wait_until(lambda: server.process.poll() is not None or status(server, "/readyz") == 200)
        found = server.process.returncode if server.process.returncode is not None else server.stop()
        assert found == status_at_end
    assert sum("exited with status -9 before it had finished" in line for line in server.stderr_lines) == kills
    assert not any("EOFError" in line for line in server.stderr_lines)


def test_a_query_that_cannot_be_stopped_does_not_keep_the_server_running(small_index: Path) -> None:
    with ServerProcess(small_index, STOP_SECONDS=0.5, ANSWER_SECONDS=0.5) as server:
        assert status(server, "/v1/search?q=hang") in (0, 503)
        assert server.stop() == 0
