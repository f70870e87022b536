"""The tools of the MCP server: their parameters, results and errors."""

import json
import re
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_server import HttpServer
from mcp_calls import (
    FILTER_PARAMETERS,
    MCP_DOC,
    PAGE_PARAMETERS,
    TOOLS,
    JsonObject,
    error_text,
    structured_content,
    text_content,
    tool_parameters,
)
from sample import KSA
from search.errors import IndexDamaged
from search.searcher import Searcher
from service.agents.quoting import NOTICE
from service.app import create_app
from service.settings import Settings


@pytest.mark.parametrize(
    "arguments",
    [
        {"q": "recommendation", "author": ["Guorui Zhou"], "category": ["cs.IR", "cs.CL"], "from": "2025", "limit": 3},
        {"q": 'au:zhou cat:cs.IR date:>=2026-01 "kv cache"'},
        {"q": "cache", "like": [KSA], "unlike": ["2412.14838"], "mode": "semantic"},
        {"category": ["cs"], "to": "2025", "sort": "oldest", "facets": True, "limit": 50},
        {"updated_from": "2026", "not_author": ["Gang Zhou"]},
    ],
)
def test_results_equal_those_of_http(client: httpx.Client, arguments: JsonObject) -> None:
    page, answer = client.post("/v1/search", json=arguments).json(), structured_content(client, "search", **arguments)
    assert [hit["id"] for hit in answer["hits"]] == [hit["id"] for hit in page["hits"]]
    for name in (
        "interpretation",
        "total",
        "has_close_match",
        "correction",
        "exact",
        "generation",
        "cursor",
        "authors",
        "facets",
    ):
        assert answer[name] == page[name], name
    filters = {name: value for name, value in arguments.items() if name in ["q", *FILTER_PARAMETERS]}
    counted = client.post("/v1/search", json={**filters, "facets": True}).json()["facets"]
    assert structured_content(client, "facets", **filters)["facets"] == counted


def test_cursors_go_to_the_end(client: httpx.Client) -> None:
    arguments: JsonObject = {"q": "recommendation", "limit": 25}
    answer = structured_content(client, "search", **arguments)
    seen = [hit["id"] for hit in answer["hits"]]
    while answer["cursor"]:
        assert f"cursor {answer['cursor']!r}" in text_content(client, "search", **arguments)
        arguments["cursor"] = answer["cursor"]
        answer = structured_content(client, "search", **arguments)
        seen += [hit["id"] for hit in answer["hits"]]
    assert len(seen) == len(set(seen)) == answer["total"]


def test_similar_to_text_papers_or_both(client: httpx.Client) -> None:
    abstract = structured_content(client, "get", paper_id=KSA)["abstract"]
    pasted = structured_content(client, "similar", text=abstract, limit=2)
    assert (pasted["hits"][0]["id"], pasted["hits"][0]["exact_match"]) == (KSA, True)
    several = structured_content(client, "similar", paper_id=KSA, like=["2412.14838"], text="attention", limit=50)
    assert not {KSA, "arxiv:2412.14838"} & {hit["id"] for hit in several["hits"]}


def test_abstracts_are_shortened_unless_full_abstracts_are_requested(client: httpx.Client) -> None:
    brief, whole = (
        structured_content(client, "search", q="cache", full_abstracts=whole)["hits"] for whole in (False, True)
    )
    assert all(len(hit["abstract"] or "") <= 300 for hit in brief)
    assert any(len(hit["abstract"] or "") > 300 for hit in whole)
    assert whole[0]["abstract"] == structured_content(client, "get", paper_id=whole[0]["id"])["abstract"]
    assert whole[0]["abstract"] in text_content(client, "search", q="cache", full_abstracts=True)


@pytest.mark.parametrize("tool", ["search", "similar", "facets"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("category", "cs.IR"),
        ("kind", "code"),
        ("author", "Guorui Zhou"),
        ("not_author", "Gang Zhou"),
        ("like", KSA),
        ("unlike", KSA),
    ],
)
def test_a_string_counts_as_a_list_of_one(client: httpx.Client, tool: str, name: str, value: str) -> None:
    arguments = {"text": "cache"} if tool == "similar" else {"q": "cache"}
    one, several = (structured_content(client, tool, **arguments, **{name: each}) for each in (value, [value]))
    assert one == several
    assert one["total"] > 0
    kinds = [each["type"] for each in tool_parameters(client)[tool][name]["anyOf"]]
    assert kinds == ["string", "array"]


@pytest.mark.parametrize(
    ("tool", "arguments", "field", "text"),
    [
        ("search", {"limit": 0}, "limit", "from 1 to 50"),
        ("search", {"limit": 51}, "limit", "'51'"),
        ("similar", {"paper_id": KSA, "limit": 10**9}, "limit", "from 1 to 50"),
        ("search", {"limit": "ten"}, "limit", "integer"),
        ("search", {"category": ["cs.LX"]}, "category", "did you mean cs.LG"),
        ("facets", {"category": ["cs.LX"]}, "category", "did you mean cs.LG"),
        ("search", {"author": 5}, "author", "use a string or a list of strings"),
        ("facets", {"like": {"id": KSA}}, "like", "use a string or a list of strings"),
        ("search", {"author": [" "]}, "author", "give a name"),
        ("search", {"author": ["Zhou", 5]}, "author.1", "string"),
        ("search", {"updated_from": "2026-02-30"}, "updated_from", "not a valid date"),
        ("search", {"from": "2026", "to": "2025"}, "from", "swap the two"),
        ("search", {"mode": "fast"}, "mode", "'hybrid', 'semantic' or 'lexical'"),
        ("search", {"k": 3}, "k", "unknown parameter; the parameters are q, author, not_author, category, kind, from"),
        ("search", {"q": "y" * 30_000}, "q", "30,000 characters"),
        ("search", {"q": "au:("}, "q at character 1", "au:"),
        ("search", {"cursor": "x"}, "cursor", "'x'"),
        ("similar", {}, "paper_id", "or a text"),
        ("similar", {"text": " "}, "paper_id", "or a text"),
        ("get", {}, "paper_id", "required"),
        ("get", {"paper_id": "arxiv:2499.99999"}, "no paper", "'arxiv:2499.99999'"),
        ("get", {"paper_id": "../../etc/passwd"}, "no paper", "IDs look like"),
        ("authors", {"name": "y" * 500}, "name", "characters"),
    ],
)
def test_an_error_names_the_parameter_and_the_allowed_values(
    client: httpx.Client, tool: str, arguments: JsonObject, field: str, text: str
) -> None:
    message = error_text(client, tool, **arguments)
    assert message.startswith(field if field == "no paper" else f"invalid {field} ")
    assert text in message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    tool=st.sampled_from(TOOLS),
    arguments=st.dictionaries(
        st.sampled_from([*FILTER_PARAMETERS, *PAGE_PARAMETERS, "q", "paper_id", "text", "name"]), JSON, max_size=4
    ),
)
@settings(max_examples=80, deadline=None)
def test_any_call_returns_a_result_or_a_message(client: httpx.Client, tool: str, arguments: JsonObject) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": tool, "arguments": arguments}})  # fmt: skip
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    response = client.post("/mcp", content=body, headers=headers)
    assert response.status_code in (200, 400), response.text
    result = response.json().get("result")
    assert not result or "internal error" not in result["content"][0]["text"]


def test_internal_error_has_a_message_without_details(
    sample_searcher: Searcher, sample_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise IndexDamaged(sample_index, "codes.faiss differs")

    server = HttpServer(create_app(sample_searcher, Settings()))
    try:
        monkeypatch.setattr("search.session.Session.ask", lambda *_: 1 / 0)
        message = error_text(server.client, "search", q="cache")
        assert re.fullmatch("internal error; see the server log for request ID [0-9a-f]{24}", message)
        monkeypatch.setattr("search.session.Session.ask", damaged)
        assert error_text(server.client, "search", q="cache") == "the index is unavailable; see the server log"
    finally:
        server.close()


def test_trends_equal_those_of_http(client: httpx.Client) -> None:
    params = {"q": ["cat:cs.IR recommendation", "compresion"], "per": "year", "from": "2024"}
    expected = client.get("/v1/trends", params=params).json()
    answer = structured_content(client, "trends", **params)
    assert {**answer, "schema_version": 1} == {**expected, "notice": NOTICE}
    first = expected["trends"][0]
    text = text_content(client, "trends", **params)
    assert f"{first['question']}: {first['papers']} papers\n2024: {first['counts'][0]} of " in text
    alone = structured_content(client, "trends", q="recommendation", per="year")
    assert [each["question"] for each in alone["trends"]] == ["recommendation"]
    assert "give 1 to 6 questions" in error_text(client, "trends", q=[str(number) for number in range(7)])


def test_every_parameter_is_described_and_every_example_runs(client: httpx.Client) -> None:
    tools = tool_parameters(client)
    assert {name: list(fields) for name, fields in tools.items()} == {
        "search": ["q", *FILTER_PARAMETERS, *PAGE_PARAMETERS],
        "similar": ["paper_id", "text", *FILTER_PARAMETERS, *PAGE_PARAMETERS],
        "get": ["paper_id"],
        "citations": ["paper_id"],
        "authors": ["name"],
        "people": ["q", *FILTER_PARAMETERS, "limit"],
        "facets": ["q", *FILTER_PARAMETERS],
        "themes": ["q", *FILTER_PARAMETERS],
        "trends": ["q", "per", *FILTER_PARAMETERS],
    }
    for tool, fields in tools.items():
        assert all(schema["description"] for schema in fields.values()), tool
        examples = {name: schema["examples"][0] for name, schema in fields.items() if "examples" in schema}
        assert examples
        assert structured_content(client, tool, **examples)["notice"] == NOTICE
    assert tools["search"]["limit"]["maximum"] == 50


def test_null_equals_absent(client: httpx.Client) -> None:
    arguments = dict.fromkeys([*FILTER_PARAMETERS, *PAGE_PARAMETERS])
    assert structured_content(client, "search", q="cache", **arguments) == structured_content(
        client, "search", q="cache"
    )


def test_the_page_of_documentation_has_every_tool_and_parameter(client: httpx.Client) -> None:
    for tool, fields in tool_parameters(client).items():
        [row] = [line for line in MCP_DOC.splitlines() if line.startswith(f"| `{tool}` |")]
        _, _, parameters, answered, _ = row.split("|")
        own = [name for name in fields if name not in FILTER_PARAMETERS]
        assert set(re.findall(r"`(\w+)`", parameters)) == set(own), tool
        assert ("filters" in parameters) == (FILTER_PARAMETERS[0] in fields), tool
        assert answered.strip()
    for name in FILTER_PARAMETERS:
        assert f"`{name}`" in MCP_DOC
