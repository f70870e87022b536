"""Calls to the MCP server over HTTP, without a handshake."""

from typing import Any

import httpx

from sample import ROOT

TOOLS = ["search", "similar", "get", "citations", "authors", "people", "facets", "themes", "trends"]
FILTER_PARAMETERS = [
    "author",
    "not_author",
    "category",
    "kind",
    "from",
    "to",
    "updated_from",
    "updated_to",
    "added_from",
    "added_to",
    "like",
    "unlike",
    "mode",
    "verbatim",
]
PAGE_PARAMETERS = ["theme", "sort", "facets", "cursor", "limit", "full_abstracts"]
JsonObject = dict[str, Any]
MCP_DOC = (ROOT / "docs" / "mcp.md").read_text("utf-8")


def post(client: httpx.Client, method: str, params: JsonObject, **headers: str) -> httpx.Response:
    """Sends a request without a handshake: the server keeps no sessions."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=body, headers={"accept": "application/json, text/event-stream", **headers})


def call(client: httpx.Client, tool: str, **arguments: Any) -> JsonObject:
    response = post(client, "tools/call", {"name": tool, "arguments": arguments})
    assert response.status_code == 200, response.text
    assert "mcp-session-id" not in response.headers
    return dict(response.json()["result"])


def structured_content(client: httpx.Client, tool: str, **arguments: Any) -> JsonObject:
    result = call(client, tool, **arguments)
    assert not result["isError"], result
    return dict(result["structuredContent"])


def text_content(client: httpx.Client, tool: str, **arguments: Any) -> str:
    [content] = call(client, tool, **arguments)["content"]
    return str(content["text"])


def error_text(client: httpx.Client, tool: str, **arguments: Any) -> str:
    """Returns the text of a tool error."""
    result = call(client, tool, **arguments)
    assert result["isError"]
    assert "structuredContent" not in result
    [content] = result["content"]
    assert "Traceback" not in content["text"]
    return str(content["text"])


def tool_parameters(client: httpx.Client) -> dict[str, dict[str, JsonObject]]:
    """Returns the parameters of each tool with their schemas."""
    tools = post(client, "tools/list", {}).json()["result"]["tools"]
    return {tool["name"]: tool["inputSchema"]["properties"] for tool in tools}
