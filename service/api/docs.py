"""Description: the OpenAPI of the service as one page to read, which loads nothing from anywhere."""

from html import escape
from typing import Any

_JsonObject = dict[str, Any]
_PAGE_START = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>papers: the HTTP API</title>
<main>
<h1>papers: the HTTP API</h1>
<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI). Every refusal is a problem (RFC 9457) that
names the field, its value and what is allowed.</p>
"""


def render_docs(openapi: _JsonObject) -> str:
    """One HTML page.

    Args:
        described: an OpenAPI document.
    """
    parts = [_PAGE_START]
    for path, methods in openapi["paths"].items():
        parts += [_render_operation(openapi, method, path, operation) for method, operation in methods.items()]
    return "".join([*parts, "</main>\n</html>\n"])


def _render_operation(openapi: _JsonObject, method: str, path: str, operation: _JsonObject) -> str:
    rows = [
        _render_row(each["name"], each["schema"], each.get("required", False))
        for each in operation.get("parameters", [])
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolve_ref(openapi, content["schema"])
        needed = schema.get("required", [])
        rows += [_render_row(name, field, name in needed) for name, field in schema.get("properties", {}).items()]
    heading = "<tr><th>Name</th><th>Type</th><th>Meaning</th><th>Example</th></tr>\n"
    table = f"<table>\n{heading}{''.join(rows)}</table>\n" if rows else ""
    statuses = ", ".join(operation["responses"])
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n<p>{escape(operation.get('description', ''))}</p>\n"
        f"{table}<p>Statuses: {statuses}</p>\n"
    )


def _render_row(name: str, schema: _JsonObject, required: bool) -> str:
    example = str(next(iter(schema.get("examples", [])), ""))
    cells = (name, _type_label(schema) + (", needed" if required else ""), schema.get("description", ""), example)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"


def _type_label(schema: _JsonObject) -> str:
    """The type in words; null, which stands for leaving a field out, is not said."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type_label(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"{_type_label(schema['items'])}, any number"
    return str(schema.get("type", schema.get("$ref", "").rpartition("/")[2]))


def _resolve_ref(openapi: _JsonObject, schema: _JsonObject) -> _JsonObject:
    if "$ref" not in schema:
        return schema
    found: _JsonObject = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
