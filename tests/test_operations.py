"""Operating the HTTP API: health checks, API keys, log lines and metrics."""

import json
import logging
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from cli_call import run
from http_server import HttpServer, assert_problem
from search.errors import InvalidValue
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


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o606, 0o601])
def test_a_key_file_open_to_others_is_refused_until_it_is_repaired(
    sample_searcher: Searcher, tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "the keys.json"
    key = KeyFile(file).add("anna")
    assert file.stat().st_mode & 0o777 == 0o600
    server = HttpServer(create_app(sample_searcher, Settings(keys=file)))
    try:
        status = lambda: server.client.get("/v1/search", headers={"x-api-key": key}).status_code  # noqa: E731
        assert status() == 200
        file.chmod(mode)
        assert status() == 401
        for done in (run("keys", "list", "--keys", str(file)), run("keys", "add", "boris", "--keys", str(file))):
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
            assert f"other users have access (mode {mode:o})" in done.stderr
        repair = done.stderr.partition("repair: ")[2]
        subprocess.run(repair, shell=True, check=True)
        assert file.stat().st_mode & 0o777 == 0o600
        assert status() == 200
    finally:
        server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_user_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    KeyFile(file).add("anna")
    os.chown(file, 65534, 65534)
    with pytest.raises(InvalidValue, match=f"belongs to user 65534, .*; repair: sudo chown 0 {file}$"):
        KeyFile(file).load()


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
