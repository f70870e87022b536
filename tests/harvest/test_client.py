"""The client: pauses, bounds, and what no other host gets."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from harvest.servers import Reply, ServiceServer, redirect, run_server, slow, unavailable
from indexer.harvest import client as client_module
from indexer.harvest import limits, settings
from indexer.harvest.client import Client, user_agent
from search.errors import HarvestFailed, InvalidValue

TYPES = ("text/xml",)


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceServer]:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))
    with run_server() as running:
        running.services["/x"] = lambda _parameters: Reply(b"<x/>")
        yield running


def test_requests_to_a_service_pause_across_clients_and_hosts(
    server: ServiceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_is_this_machine", lambda _host: False)

    def request(host: str) -> None:
        with Client(0.1, turn="both hosts") as client:
            client.get(f"{server.url}/x".replace("127.0.0.1", host), types=TYPES)

    threads = [threading.Thread(target=request, args=[host]) for host in ("127.0.0.1", "localhost") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(each.time for each in server.requests)
    assert all(later - earlier > 0.09 for earlier, later in pairwise(times))


def test_requests_to_this_machine_do_not_pause(server: ServiceServer) -> None:
    start = time.monotonic()
    with Client(30) as client:
        for _ in range(5):
            client.get(f"{server.url}/x", types=TYPES)
    assert time.monotonic() - start < 10


def test_a_page_is_bounded(server: ServiceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODY_BYTES", 1_000)
    server.services["/big"] = lambda _parameters: Reply(b"x" * 5_000)
    with Client(0) as client, pytest.raises(HarvestFailed, match="more than 1,000 bytes"):
        client.get(f"{server.url}/big", types=TYPES)


def test_a_key_is_not_sent_to_another_host(server: ServiceServer) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.faults += [redirect(f"{server.url}/x"), redirect(f"{other}/x")]
    with Client(0) as client:
        client.get(f"{server.url}/x", types=TYPES, secrets={"X-Api-Key": "secret"})
    assert ["X-Api-Key" in each.headers for each in server.requests] == [True, True, False]


def test_an_error_does_not_show_the_query_string(server: ServiceServer) -> None:
    with Client(0) as client, pytest.raises(HarvestFailed) as raised:
        client.get(f"{server.url}/none", {"api_key": "secret"}, types=TYPES)
    assert "secret" not in str(raised.value)


def test_the_contact_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_agent("") == user_agent("me@example.org").removesuffix(" (+me@example.org)")
    monkeypatch.setenv("PAPERS_CONTACT", "me@example.org\r\nX: y")
    with pytest.raises(InvalidValue, match="PAPERS_CONTACT"):
        settings.contact()
    monkeypatch.setenv("PAPERS_ARXIV_API_URL", "export.arxiv.org")
    with pytest.raises(InvalidValue, match="PAPERS_ARXIV_API_URL"):
        settings.service_url("PAPERS_ARXIV_API_URL", "https://example.org")


def test_a_request_without_an_answer_is_retried(server: ServiceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "READ_S", 0.1)
    server.faults += [slow(1)]
    waits: list[str] = []
    with Client(0, on_wait=lambda _seconds, reason: waits.append(reason), sleep=lambda _seconds: None) as client:
        assert client.get(f"{server.url}/x", types=TYPES).body == b"<x/>"
    assert waits == ["127.0.0.1: timed out"]


def test_the_date_of_retry_after_is_understood(server: ServiceServer) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server.faults += [unavailable(503, later), unavailable(503, "soon")]
    waits: list[float] = []
    with Client(0, sleep=waits.append) as client:
        client.get(f"{server.url}/x", types=TYPES)
    named, backoff = (each for each in waits if each > 0)
    assert 80 < named <= 90
    assert backoff <= 3 * limits.FIRST_BACKOFF_S
