"""The page /docs: the OpenAPI description of the service for readers, with a command for each operation."""

import json
import shlex
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

from service.web.html import SearchForm, render_template

_JsonObject = dict[str, Any]
_GROUPS = {
    "/v1/lists": "Lists",
    "/v1/watches": "Watches",
    "/v1/profile": "Profile",
    "/healthz": "Health",
    "/readyz": "Health",
    "/": "Searching",
}
"""Headings of the operations by the beginnings of their paths."""
_FIRST_NAMES = ("q", "paper_id", "name")
"""Parameters that come first: what an operation is about."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the URL, or a field of the body.

    Attributes:
        name: its name.
        kind: its type, and whether it is required or may be repeated.
        meaning: what it does.
        example: how it is written; empty without an example.
    """

    name: str
    kind: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path.

    Attributes:
        method: the HTTP method.
        path: the path, with the names of its parameters in braces.
        anchor: the fragment of its section.
        description: what it does, one paragraph after the other; code is between double backticks.
        command: a command that calls it.
        parameters: its parameters.
        statuses: the statuses of its responses.
    """

    method: str
    path: str
    anchor: str
    description: tuple[str, ...]
    command: str
    parameters: tuple[Parameter, ...]
    statuses: tuple[str, ...]


def api_docs_page(openapi: _JsonObject, base_url: str) -> str:
    """Renders an OpenAPI description.

    Args:
        openapi: the description.
        base_url: the absolute address of the server, as the client reaches it.
    """
    operations = [
        _read_operation(openapi, base_url, method, path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    groups = [(heading, list(each)) for heading, each in groupby(operations, lambda each: _heading(each.path))]
    return render_template("api_docs.html", None, SearchForm(), groups=groups)


def _heading(path: str) -> str:
    return next(heading for start, heading in _GROUPS.items() if path.startswith(start))


def _read_operation(openapi: _JsonObject, base_url: str, method: str, path: str, operation: _JsonObject) -> Operation:
    parameters = [
        _read_parameter(each["name"], each | each["schema"], each.get("required", False), in_url=True)
        for each in operation.get("parameters", [])
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolve_ref(openapi, content["schema"])
        required = schema.get("required", [])
        parameters += [
            _read_parameter(name, field, name in required, in_url=False)
            for name, field in schema.get("properties", {}).items()
        ]
    return Operation(
        method.upper(),
        path,
        f"{method}{path.translate(str.maketrans('/', '-', '{}:'))}",
        tuple(operation.get("description", "").split("\n\n")),
        _curl_command(openapi, base_url, method, path, operation),
        tuple(sorted(parameters, key=lambda each: each.name not in _FIRST_NAMES)),
        tuple(sorted(operation["responses"])),
    )


def _read_parameter(name: str, schema: _JsonObject, required: bool, *, in_url: bool) -> Parameter:
    examples = schema.get("examples", [])
    example = _format_example(name, examples[0], in_url=in_url) if examples else ""
    kind = _type_label(schema, in_url=in_url) + (", required" if required else "")
    return Parameter(name, kind, schema.get("description", ""), example)


def _format_example(name: str, example: object, *, in_url: bool) -> str:
    """Returns an example as it is written in a URL, or in a JSON body."""
    if not in_url:
        return json.dumps(example, ensure_ascii=False)
    return urlencode({name: example}, doseq=True, safe=":,")


def _curl_command(openapi: _JsonObject, base_url: str, method: str, path: str, operation: _JsonObject) -> str:
    """Returns a command that calls an operation with its first example."""
    examples = {each["name"]: each["schema"].get("examples", [])[:1] for each in operation.get("parameters", [])}
    in_url = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    wanted = {name: examples[name][0] for name in ("q", "name") if name in in_url and examples[name]}
    for name, values in examples.items():
        path = path.replace(f"{{{name}}}", quote(str(values[0]), safe=":")) if values else path
    query = f"?{urlencode(wanted, doseq=True)}" if wanted else ""
    command = "curl " + shlex.quote(base_url.rstrip("/") + path + query)
    if method == "delete" or (method == "post" and "requestBody" not in operation):
        command += f" -X {method.upper()}"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = shlex.quote(json.dumps(_body_example(openapi, content), ensure_ascii=False))
        command += f" -H 'Content-Type: application/json' -d {body}"
    return command


def _body_example(openapi: _JsonObject, content: _JsonObject) -> object:
    """Returns the first example of a body, else the examples of its required fields."""
    for example in content.get("examples", {}).values():
        return example["value"]
    schema = _resolve_ref(openapi, content["schema"])
    return {name: schema["properties"][name]["examples"][0] for name in schema.get("required", [])}


def _type_label(schema: _JsonObject, *, in_url: bool) -> str:
    """Returns a readable type, without null, which equals an absent field."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        types = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(_type_label(each, in_url=in_url) for each in types)
    if schema.get("type") == "array":
        item = _type_label(schema["items"], in_url=in_url)
        return f"{item}, repeatable" if in_url else f"list of {item}s"
    return str(schema.get("type", schema.get("$ref", "").rpartition("/")[2]))


def _resolve_ref(openapi: _JsonObject, schema: _JsonObject) -> _JsonObject:
    if "$ref" not in schema:
        return schema
    found: _JsonObject = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
