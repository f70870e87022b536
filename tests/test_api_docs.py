"""HTTP as it is described: the OpenAPI and docs/api.md say what is so, and their examples run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_server import KSA, HttpServer

from search.searcher import Searcher
from service.api.schemas import AuthorsOut, PageOut, PaperOut
from service.app import create_app
from service.settings import Settings

API_DOC = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")


@pytest.fixture(scope="module")
def client(sample_searcher: Searcher) -> Iterator[httpx.Client]:
    served = HttpServer(create_app(sample_searcher, Settings()))
    yield served.client
    served.close()


def test_responses_match_their_models(client: httpx.Client) -> None:
    for asked in ({}, {"q": "cache", "facets": True}, {"author": "zhou", "mode": "lexical", "q": "cache"}):
        answer = client.get("/v1/search", params=asked).json()
        assert PageOut.model_validate(answer, strict=False).model_dump(mode="json") == answer
    paper = client.get(f"/v1/papers/{KSA}").json()
    assert PaperOut.model_validate(paper).model_dump(mode="json") == paper
    authors = client.get("/v1/authors", params={"name": "zhou"}).json()
    assert AuthorsOut.model_validate(authors).model_dump(mode="json") == authors


def operations(client: httpx.Client) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Path, method, operation and the schemas it refers to."""
    whole = client.get("/openapi.json").json()
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation, whole["components"]["schemas"]


def request_body(operation: dict[str, Any], schemas: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The properties of an operation's body, and its whole examples."""
    if "requestBody" not in operation:
        return {}, []
    content = operation["requestBody"]["content"]["application/json"]
    properties = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    return properties, [each["value"] for each in content.get("examples", {}).values()]


def test_every_example_of_the_openapi_runs(client: httpx.Client) -> None:
    ran = 0
    for path, method, operation, schemas in operations(client):
        parameters = operation.get("parameters", [])
        examples = [(each, value) for each in parameters for value in each["schema"].get("examples", [])]
        place = path
        for each, value in examples:
            place = place.replace(f"{{{each['name']}}}", str(value)) if each["in"] == "path" else place
        asked = {each["name"]: value for each, value in examples if each["in"] == "query"}
        needed = {
            each["name"]: asked[each["name"]] for each in parameters if each["required"] and each["in"] == "query"
        }
        properties, bodies = request_body(operation, schemas)
        fields = {name: shape["examples"][0] for name, shape in properties.items() if "examples" in shape}
        texts = {"text": fields["text"]} if "text" in fields else {}
        bodies += [fields, *({**texts, name: value} for name, value in fields.items())] if properties else []
        queries = [needed, asked, *({**needed, name: value} for name, value in asked.items())]
        for query in queries:
            for body in bodies or [None]:
                answer = client.request(method.upper(), place, params=query, json=body)
                assert answer.status_code == 200, (method, place, query, body, answer.text[:300])
                ran += 1
    assert ran > 50
    assert client.get("/docs").status_code == 200


def api_doc_sections() -> dict[str, str]:
    """The parts of docs/api.md by the routes they are headed with."""
    parts = re.split(r"^### `([A-Z]+ /\S*)`\n", API_DOC, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_docs_name_every_route_parameter_and_status(client: httpx.Client) -> None:
    told = api_doc_sections()
    common, search = API_DOC.partition("### `")[0], told["GET /v1/search"]
    anywhere = set(re.findall(r"\d{3}", common.partition("also refuses with ")[2].partition(":")[0]))
    assert len(anywhere) == 6
    for path, method, operation, schemas in operations(client):
        section = told.pop(f"{method.upper()} {path}")
        names = [each["name"] for each in operation.get("parameters", [])]
        for name in (*names, *request_body(operation, schemas)[0]):
            assert f"`{name}`" in section or (f"`{name}`" in search and "the parameters of a search" in section), name
        for status in operation["responses"]:
            assert status in anywhere or status in section, (path, status)
            assert f"| {status} |" in common
    assert told == {}


def test_the_commands_of_the_docs_run(client: httpx.Client) -> None:
    lines = re.findall(r"^curl .*$", API_DOC, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        address = re.search(r"http://localhost:8000(/[^' ]*)", line)
        body = re.search(r"-d '([^']*)'", line)
        accept = re.search(r"-H '(Accept|If-None-Match): ([^']*)'", line)
        assert address, line
        headers = {accept[1]: accept[2]} if accept else {}
        if body:
            answer = client.post(address[1], content=body[1], headers={**headers, "content-type": "application/json"})
        else:
            answer = client.get(address[1], headers=headers)
        assert answer.status_code == 200, (line, answer.text)
