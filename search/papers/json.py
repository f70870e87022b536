"""JSON values, and text that can be written as UTF-8.

Python callers, command-line arguments and file names that are not UTF-8 may hold lone surrogates, which no encoder
accepts.
"""

from typing import TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


def replace_surrogates(text: str) -> str:
    """Joins surrogate pairs and replaces lone surrogates by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clean_json(value: Json) -> Json:
    """The value with ``replace_surrogates`` applied to every text in it, keys included."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, list):
        return [clean_json(each) for each in value]
    return clean_object(value) if isinstance(value, dict) else value


def clean_object(fields: dict[str, Json]) -> dict[str, Json]:
    """``clean_json`` for an object."""
    return {replace_surrogates(name): clean_json(value) for name, value in fields.items()}
