"""The descriptions of the HTTP API: OpenAPI, /docs and docs/api.md are complete, and their examples run."""

import html
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from sample import KSA
from service.api.schemas import AuthorsOut, PageOut, PaperOut

API_DOC = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def saved(client: httpx.Client) -> None:
    save_examples(client)


def save_examples(client: httpx.Client) -> None:
    """Creates the lists and the saved search of the examples, and removes what they add."""
    for name in ("starred", "thesis"):
        assert client.post(f"/v1/lists/{name}", json={"ids": [KSA]}).status_code == 200
    client.delete("/v1/watches/kv-cache")


def prepare(client: httpx.Client, method: str, path: str) -> None:
    """Prepares the call of an operation: a saved search must be new to be added, and exist otherwise."""
    if not path.startswith(("/v1/lists", "/v1/watches")):
        return
    save_examples(client)
    if (method, path) != ("post", "/v1/watches/{name}"):
        assert client.post("/v1/watches/kv-cache", json={"q": "cache"}).status_code == 200


def test_responses_match_their_models(client: httpx.Client) -> None:
    for query_examples in ({}, {"q": "cache", "facets": True}, {"author": "zhou", "mode": "lexical", "q": "cache"}):
        answer = client.get("/v1/search", params=query_examples).json()
        assert PageOut.model_validate(answer, strict=False).model_dump(mode="json") == answer
    paper = client.get(f"/v1/papers/{KSA}").json()
    assert PaperOut.model_validate(paper).model_dump(mode="json") == paper
    authors = client.get("/v1/authors", params={"name": "zhou"}).json()
    assert AuthorsOut.model_validate(authors).model_dump(mode="json") == authors


def operations(client: httpx.Client) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yields path, method, operation and all schemas."""
    description = client.get("/openapi.json").json()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation, description["components"]["schemas"]


def request_body(operation: dict[str, Any], schemas: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The properties of an operation's body, and its description examples."""
    if "requestBody" not in operation:
        return {}, []
    content = operation["requestBody"]["content"]["application/json"]
    properties = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    return properties, [each["value"] for each in content.get("examples", {}).values()]


def test_every_example_of_the_openapi_runs(client: httpx.Client) -> None:
    ran = 0
    for path, method, operation, schemas in operations(client):
        parameters, success = operation.get("parameters", []), min(operation["responses"])
        examples = [(each, value) for each in parameters for value in each["schema"].get("examples", [])]
        url_path = path
        for each, value in examples:
            url_path = url_path.replace(f"{{{each['name']}}}", str(value)) if each["in"] == "path" else url_path
        query_examples = {each["name"]: value for each, value in examples if each["in"] == "query"}
        needed = {
            each["name"]: query_examples[each["name"]]
            for each in parameters
            if each["required"] and each["in"] == "query"
        }
        properties, bodies = request_body(operation, schemas)
        fields = {name: shape["examples"][0] for name, shape in properties.items() if "examples" in shape}
        needs = ("text", "ids", "position", "name", "library")
        required = {name: value for name, value in fields.items() if name in needs}
        bodies += [fields, *({**required, name: value} for name, value in fields.items())] if properties else []
        queries = [needed, query_examples, *({**needed, name: value} for name, value in query_examples.items())]
        for query in queries:
            for body in bodies or [None]:
                prepare(client, method, path)
                answer = client.request(method.upper(), url_path, params=query, json=body)
                assert answer.status_code == int(success), (method, url_path, query, body, answer.text[:300])
                ran += 1
    assert ran > 50


def request_target(url: str) -> str:
    """Returns the path and the query of a URL."""
    return urlunsplit(("", "", *urlsplit(url)[2:]))


def call_curl(client: httpx.Client, command: str) -> httpx.Response:
    """Sends the request of a curl command."""
    words = shlex.split(command)
    assert words[0] == "curl"
    if words[2:] and words[2] == "-X":
        return client.request(words[3], request_target(words[1]))
    options = dict(zip(words[2::2], words[3::2], strict=True))
    name, _, value = options.get("-H", "").partition(": ")
    headers = {name: value} if name else {}
    target = request_target(words[1])
    return client.request("POST" if "-d" in options else "GET", target, content=options.get("-d"), headers=headers)


def test_the_docs_page_has_a_working_curl_command_per_operation(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert f"<code>curl &#39;{client.base_url}/v1/search?q=KV+cache+compression&#39;</code>" in page
    commands = [html.unescape(each) for each in re.findall(r"<pre.*?><code>(.*?)</code></pre>", page)]
    for command, (path, method, operation, _) in zip(commands, operations(client), strict=True):
        prepare(client, method, path)
        assert call_curl(client, command).status_code == int(min(operation["responses"])), command


def test_the_docs_page_shows_examples_as_they_are_written(client: httpx.Client) -> None:
    page = client.get("/docs").text
    cells = r"<td><code>(.*?)</code></td><td>(.*?)</td><td>.*?</td><td>(?:<code>(.*?)</code>)?</td>"
    rows = re.findall(f"<tr>{cells}</tr>", page)
    assert rows[0][0] == "q"
    in_url, in_body = ([html.unescape(row[2]) for row in rows if row[0] == "author"][at] for at in (0, 1))
    assert (in_url, in_body) == ("author=Guorui+Zhou", '["Guorui Zhou"]')
    assert all(meaning for _, meaning, _ in rows)
    assert not re.search(r"<code>\[&#x27;|None|True", page)
    for path in re.findall(r'<link rel="stylesheet" href="(.*?)">', page):
        assert client.get(path).headers["content-type"].startswith("text/css")


def test_every_schema_field_that_needs_it_is_described(client: httpx.Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"PartialPaper", "PartialHit", "PartialPage", "HighlightsOut", "LegsOut"} <= set(schemas)
    for name in ("SearchBody", "SimilarBody"):
        assert all(field.get("description") for field in schemas[name]["properties"].values())
    assert json.dumps(schemas["SearchBody"]["properties"]["fields"]["anyOf"]).count('"string"') == 2


def api_doc_sections() -> dict[str, str]:
    """Returns the sections of docs/api.md by route."""
    parts = re.split(r"^### `([A-Z]+ /\S*)`\n", API_DOC, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_docs_name_every_route_parameter_and_status(client: httpx.Client) -> None:
    sections = api_doc_sections()
    common, search = API_DOC.partition("### `")[0], sections["GET /v1/search"]
    anywhere = set(re.findall(r"\d{3}", common.partition("also refuses with ")[2].partition(":")[0]))
    assert len(anywhere) == 6
    for path, method, operation, schemas in operations(client):
        section = sections.pop(f"{method.upper()} {path}")
        names = [each["name"] for each in operation.get("parameters", [])]
        for name in (*names, *request_body(operation, schemas)[0]):
            assert f"`{name}`" in section or (f"`{name}`" in search and "the parameters of a search" in section), name
        for status in operation["responses"]:
            assert status in anywhere or status in section, (path, status)
            assert f"| {status} |" in common
    assert sections == {}


def test_the_commands_of_the_docs_run(client: httpx.Client) -> None:
    commands = re.findall(r"^(curl .*?)(?: -o \S+)?$", API_DOC, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        assert call_curl(client, command).status_code == 200, command


def test_the_docs_name_every_key_of_a_response(client: httpx.Client) -> None:
    page = client.get("/v1/search", params={"q": "au:zhou cache", "facets": True, "limit": 1}).json()
    problem = client.get("/v1/search", params={"q": "date:2026-13"}).json()
    batch = client.post("/v1/batch", json={"searches": [{}]}).json()
    parts = [page, page["hits"][0], page["parts"][0], page["authors"][0], page["facets"], page["explanation"]]
    for fields in (*parts, page["hits"][0]["legs"], page["hits"][0]["highlights"], problem, batch):
        for name in fields:
            assert f"`{name}`" in API_DOC, name
