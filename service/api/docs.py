"""The page /docs: the OpenAPI description of the service as one HTML page that loads nothing from other servers."""

import json
import re
import shlex
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

_JsonObject = dict[str, Any]
_BASE_URL = "http://localhost:8000"
_PAGE_START = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>papers: the HTTP API</title>
<link rel="stylesheet" href="/static/page.css">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<main id="main" class="api">
<h1>papers: the HTTP API</h1>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI). Every error is a problem (RFC 9457) that
names the invalid parameter, its value and the allowed values. In a URL, write a list by repeating the parameter; in a
body, as a JSON list.</p>
"""
STYLE_SHEET = """.api { max-width: 66rem; margin: 1.5rem auto; padding: 0 1.5rem; }
.api h1, .api h2 { margin: 1.8em 0 .5em; }
.api p, .api pre { margin: .5em 0; }
.api pre { padding: .6rem .8rem; background: var(--raised); border-radius: 6px; overflow-x: auto; }
.api table { width: 100%; border-collapse: collapse; }
.api th, .api td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; }
.api td { vertical-align: top; }
"""


def render_docs(openapi: _JsonObject) -> str:
    """Returns the HTML page of an OpenAPI description."""
    parts = [_PAGE_START]
    for path, methods in openapi["paths"].items():
        parts += [_render_operation(openapi, method, path, operation) for method, operation in methods.items()]
    return "".join([*parts, "</main>\n</body>\n</html>\n"])


def _render_operation(openapi: _JsonObject, method: str, path: str, operation: _JsonObject) -> str:
    rows = [
        _render_row(each["name"], each | each["schema"], each.get("required", False), in_url=True)
        for each in operation.get("parameters", [])
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolve_ref(openapi, content["schema"])
        required = schema.get("required", [])
        rows += [
            _render_row(name, field, name in required, in_url=False)
            for name, field in schema.get("properties", {}).items()
        ]
    heading = "<tr><th>Name</th><th>Type</th><th>Meaning</th><th>Example</th></tr>\n"
    table = f"<table>\n{heading}{''.join(rows)}</table>\n" if rows else ""
    statuses = ", ".join(operation["responses"])
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n"
        f"<p>{_render_text(operation.get('description', ''))}</p>\n"
        f"<pre><code>{escape(_curl_command(openapi, method, path, operation))}</code></pre>\n"
        f"{table}<p>Statuses: {statuses}</p>\n"
    )


def _render_row(name: str, schema: _JsonObject, required: bool, *, in_url: bool) -> str:
    examples = schema.get("examples", [])
    example = _format_example(name, examples[0], in_url=in_url) if examples else ""
    label = _type_label(schema) + (", required" if required else "")
    cells = (
        f"<td><code>{escape(name)}</code></td><td>{escape(label)}</td><td>{escape(schema.get('description', ''))}</td>"
    )
    return f"<tr>{cells}<td>{example and f'<code>{escape(example)}</code>'}</td></tr>\n"


def _render_text(text: str) -> str:
    """Returns a docstring as HTML, with the parts in double backticks as code."""
    return re.sub("``(.+?)``", r"<code>\1</code>", escape(text))


def _format_example(name: str, example: object, *, in_url: bool) -> str:
    """Returns an example as it is written in a URL, or in a JSON body."""
    if not in_url:
        return json.dumps(example, ensure_ascii=False)
    return urlencode({name: example}, doseq=True, safe=":,")


def _curl_command(openapi: _JsonObject, method: str, path: str, operation: _JsonObject) -> str:
    """Returns a command that calls an operation with its first example."""
    examples = {each["name"]: each["schema"].get("examples", [])[:1] for each in operation.get("parameters", [])}
    in_url = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    wanted = {name: examples[name][0] for name in ("q", "name") if name in in_url and examples[name]}
    for name, values in examples.items():
        path = path.replace(f"{{{name}}}", quote(str(values[0]), safe=":")) if values else path
    command = "curl " + shlex.quote(_BASE_URL + path + (f"?{urlencode(wanted)}" if wanted else ""))
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


def _type_label(schema: _JsonObject) -> str:
    """Returns a readable type, without null, which equals an absent field."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type_label(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"{_type_label(schema['items'])} list"
    return str(schema.get("type", schema.get("$ref", "").rpartition("/")[2]))


def _resolve_ref(openapi: _JsonObject, schema: _JsonObject) -> _JsonObject:
    if "$ref" not in schema:
        return schema
    found: _JsonObject = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
