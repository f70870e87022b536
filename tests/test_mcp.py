"""MCP over stdio and HTTP: the client of the SDK, malformed input, allowed origins, interrupts and slow queries."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import CallToolResult, TextContent, Tool

from http_server import HttpServer
from mcp_calls import MCP_DOC, TOOLS, post, structured_content
from sample import KSA
from search.searcher import Searcher
from search.session import Session
from service.agents.quoting import NOTICE
from service.app import create_app
from service.settings import Settings

INITIALIZE_PARAMS = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def mcp_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("papers")), "mcp", *arguments]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PAPERS_INDEX", "COV_CORE_DATAFILE")}


def start_stdio_server(sample_index: Path) -> subprocess.Popen[bytes]:
    """Starts the server on standard input and output."""
    return subprocess.Popen(
        mcp_command("--index", str(sample_index)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )


async def run_conversation(
    target: StdioServerParameters | str, mode: str
) -> tuple[str, list[Tool], list[CallToolResult]]:
    """Calls every tool with the client of the SDK, which validates each result against the tool's schema."""
    async with Client(target, mode=mode) as session:  # type: ignore[arg-type]  # one of its modes
        tools = (await session.list_tools()).tools
        results = [
            await session.call_tool("search", {"q": "KV cache compression", "limit": 2, "facets": True}),
            await session.call_tool("similar", {"paper_id": KSA, "limit": 2}),
            await session.call_tool("get", {"paper_id": "https://arxiv.org/abs/2604.24432v1"}),
            await session.call_tool("authors", {"name": "Zhou, G."}),
            await session.call_tool("facets", {"category": ["cs.IR"]}),
            await session.call_tool("search", {"limit": 51}),
        ]
        with pytest.raises(MCPError, match="the tools are search, similar"):
            await session.call_tool("write", {})
        assert session.instructions is None or NOTICE in session.instructions
        return session.protocol_version, tools, results


@pytest.mark.parametrize(
    ("transport", "mode", "version"),
    [
        ("stdio", "auto", "2026-07-28"),
        ("stdio", "legacy", "2025-11-25"),
        ("http", "auto", "2026-07-28"),
        ("http", "legacy", "2025-11-25"),
        ("http", "2026-07-28", "2026-07-28"),
    ],
)
def test_sdk_client_calls_every_tool(
    client: httpx.Client, sample_index: Path, transport: str, mode: str, version: str
) -> None:
    command, *arguments = mcp_command("--index", str(sample_index))
    process = StdioServerParameters(command=command, args=arguments, env=environment())
    url = str(client.base_url.join("/mcp"))
    protocol_version, tools, results = asyncio.run(run_conversation(process if transport == "stdio" else url, mode))
    assert protocol_version == version
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert tool.annotations
        assert (tool.annotations.read_only_hint, tool.annotations.open_world_hint) == (True, False)
    found, near, paper, names, counts, wrong = results
    assert KSA in {hit["id"] for hit in found.structured_content["hits"]}
    assert found.structured_content["facets"]["papers"] >= 2
    assert KSA not in {hit["id"] for hit in near.structured_content["hits"]}
    assert paper.structured_content["title"] == "Kwai Summary Attention Technical Report"
    assert names.structured_content["variants"][0] == {"value": "Guorui Zhou", "papers": 7}
    assert counts.structured_content["facets"]["scope"] == "filter"
    assert wrong.is_error
    for result in results[:-1]:
        assert not result.is_error
        [content] = result.content
        assert isinstance(content, TextContent)
        assert content.text.startswith(NOTICE)


def test_standard_output_contains_only_the_protocol(sample_index: Path) -> None:
    lines = [
        b"no JSON at all",
        b"\xff\xfe",
        b"[" * 50_000,
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE_PARAMS}).encode(),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).encode(),
    ]
    with start_stdio_server(sample_index) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"\n".join(lines) + b"\n")
        process.stdin.flush()
        results = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(60) == 0
    assert [result["id"] for result in results] == [1, 2]
    assert results[0]["result"]["instructions"].endswith(NOTICE)
    assert [tool["name"] for tool in results[1]["result"]["tools"]] == TOOLS


def test_a_missing_index_is_reported(tmp_path: Path) -> None:
    done = subprocess.run(
        mcp_command("--index", str(tmp_path / "none")), capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no index here" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupt_exits_at_once(sample_index: Path) -> None:
    with start_stdio_server(sample_index) as process:
        assert process.stdin
        assert process.stdout
        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE_PARAMS}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT


def test_a_slow_query_does_not_block_others(sample_searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    started, proceed, ask = threading.Event(), threading.Event(), Session.ask

    def slow(*arguments: Any) -> Any:
        started.set()
        assert proceed.wait(60)
        return ask(*arguments)

    server = HttpServer(create_app(sample_searcher, Settings()))
    try:
        monkeypatch.setattr("search.session.Session.ask", slow)
        caller = threading.Thread(target=lambda: structured_content(server.client, "search", q="a slow query"))
        caller.start()
        assert started.wait(60)
        assert httpx.get(server.client.base_url.join("/healthz")).status_code == 200
        proceed.set()
        caller.join(60)
        assert not caller.is_alive()
    finally:
        proceed.set()
        server.close()


def test_only_posts_from_allowed_origins_are_accepted(client: httpx.Client, sample_searcher: Searcher) -> None:
    assert post(client, "tools/list", {}).status_code == 200
    assert 'route="/mcp"' in client.get("/metrics").text
    for method in ("GET", "DELETE", "PUT"):
        assert client.request(method, "/mcp").status_code == 405
    assert post(client, "tools/list", {}, host="papers.example").status_code == 421
    assert post(client, "tools/list", {}, origin=str(client.base_url).rstrip("/")).status_code == 200
    for origin in ("https://papers.example", "http://localhost:9999", "null", ""):
        refusal = post(client, "tools/list", {}, origin=origin)
        assert (refusal.status_code, refusal.json()["status"]) == (403, 403)
    server = HttpServer(
        create_app(sample_searcher, Settings(origins=("https://papers.example",), hosts=("papers.lab",)))
    )
    try:
        assert post(server.client, "tools/list", {}, origin="https://papers.example").status_code == 200
        assert post(server.client, "tools/list", {}, host="papers.lab", origin="https://papers.lab").status_code == 200
        assert post(server.client, "tools/list", {}, origin="https://other.example").status_code == 403
    finally:
        server.close()


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28", "none"])
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"jsonrpc":"2.0","id":' + b"9" * 9_000 + b"}", b"null", b""]
)
def test_an_invalid_request_body_is_rejected(client: httpx.Client, body: bytes, version: str) -> None:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    response = client.post("/mcp", content=body, headers={**headers, "mcp-protocol-version": version})
    assert 400 <= response.status_code < 500
    assert "Traceback" not in response.text
    assert client.post("/mcp", content=b"{" * 1_100_000, headers=headers).status_code == 413
    assert structured_content(client, "get", paper_id=KSA)["id"] == KSA


def test_the_configurations_of_the_documentation_start_this_command() -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", MCP_DOC, re.DOTALL)]
    servers = [server for block in blocks for server in next(iter(block.values())).values()]
    assert len(servers) >= 2
    for server in servers:
        assert server.get("url") == "http://127.0.0.1:8000/mcp" or (
            (server["command"], server["args"][:2]) == ("papers", ["mcp", "--index"])
        )
