"""Operating the HTTP API: health checks, API keys, log lines and metrics."""

import json
import logging
from pathlib import Path

import httpx
import pytest

from http_server import HttpServer, assert_problem
from search.searcher import Searcher
from service.api.guard.keys import KeyFile
from service.api.guard.logs import LogFormatter
from service.app import create_app
from service.settings import Settings


def test_health(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["generation"] == "gen-000001"


def test_a_key_file_of_the_older_format_is_read_and_rewritten(sample_searcher: Searcher, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys = KeyFile(file)
    key = keys.add("anna")
    content = json.loads(file.read_text("utf-8"))
    assert (content["format"], list(content["keys"][0])) == (2, ["name", "sha256", "created"])
    created = content["keys"][0].pop("created")
    older = {"format": 1, "keys": [{**content["keys"][0], "made": created}]}
    file.write_text(json.dumps(older), "utf-8")
    assert [(each.name, each.created) for each in keys.load()] == [("anna", created)]
    server = HttpServer(create_app(sample_searcher, Settings(keys=file)))
    try:
        details = [
            assert_problem(server.client.get("/v1/search", headers=headers), 401)["detail"]
            for headers in ({}, {"x-api-key": "papers_wrong"})
        ]
        assert details[0].startswith("API key required")
        assert details[1].startswith("invalid API key")
        assert server.client.get("/v1/search", headers={"x-api-key": key}).status_code == 200
        assert server.client.head("/v1/search", headers={"x-api-key": key}).status_code == 200
    finally:
        server.close()
    keys.add("boris")
    assert json.loads(file.read_text("utf-8"))["format"] == 2


@pytest.mark.parametrize("log_queries", [False, True])
def test_a_logged_exception_has_its_message_only_if_queries_are_logged(log_queries: bool) -> None:
    try:
        raise ValueError("secret\r\n\x1b[31mquery")
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    record = logging.LogRecord("papers", logging.ERROR, __file__, 1, "unhandled exception", (), failure)
    record.request_id = "abc"
    line = LogFormatter(log_queries).format(record)
    fields = json.loads(line)
    assert line.isascii()
    assert line.isprintable()
    assert {"time", "level", "message", "pid", "request_id", "error"} == set(fields)
    assert (fields["error"]["type"], fields["error"].get("message") is not None) == ("ValueError", log_queries)
    assert "test_a_logged_exception" in fields["error"]["traceback"][-1]
    assert ("secret" in line) == log_queries


def test_metrics_count_searches_by_strategy_and_queue_waits(sample_searcher: Searcher) -> None:
    server = HttpServer(create_app(sample_searcher, Settings()))
    try:
        server.client.get("/v1/search", params={"q": "cache"})
        server.client.get("/v1/search")
        lines = server.client.get("/metrics").text
    finally:
        server.close()
    for name in (
        'papers_searches_total{strategy="exact"}',
        'papers_searches_total{strategy="none"}',
        "papers_queue_wait_seconds_count",
        "papers_requests_in_flight 0.0",
        "papers_queued_requests 0.0",
        "papers_requests_rejected_total 0.0",
        "papers_indexed_papers",
        'papers_stage_seconds_count{stage="semantic"}',
    ):
        assert name in lines, name
