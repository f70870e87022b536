"""Export formats. Each has a module with ``render_page`` and ``render_paper``."""

from __future__ import annotations  # keeps the imports below to type checking

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal, get_args

from search.errors import InvalidValue
from search.papers.fields import HIT_ONLY_FIELDS
from search.papers.paper import JSON_FIELDS

if TYPE_CHECKING:  # `papers status` starts without the modules that search
    from search.papers.paper import Paper
    from search.query.page import Page

Format = Literal["json", "ndjson", "csv", "atom", "bibtex", "ris", "csl-json"]
FORMATS: tuple[Format, ...] = get_args(Format)
PAPER_FIELDS = tuple(each.name for each in JSON_FIELDS)
"""Names of the fields of a paper."""
HIT_FIELDS = (*PAPER_FIELDS, *HIT_ONLY_FIELDS)
"""Names of the fields of a hit."""
PROJECTABLE_FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv")
"""Formats from which ``RenderOptions.fields`` selects."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """How a format is served over HTTP.

    Attributes:
        content_type: value of the Content-Type header.
        extension: file name extension of a download; empty if browsers should display the response instead.
        aliases: further media types that select the format in an Accept header.
    """

    content_type: str
    extension: str = ""
    aliases: tuple[str, ...] = ()


MEDIA_TYPES: dict[Format, MediaType] = {
    "json": MediaType("application/json"),
    "ndjson": MediaType("application/x-ndjson", "ndjson", ("application/jsonl", "application/ndjson")),
    "csv": MediaType("text/csv; charset=utf-8; header=present", "csv"),
    "atom": MediaType("application/atom+xml; charset=utf-8"),
    "bibtex": MediaType("application/x-bibtex; charset=utf-8", "bib", ("text/x-bibtex",)),
    "ris": MediaType("application/x-research-info-systems; charset=utf-8", "ris"),
    "csl-json": MediaType("application/vnd.citationstyles.csl+json", "csl.json"),
}


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Options of an export.

    Attributes:
        fields: names of the fields to write, in this order; empty for all. Only for ``PROJECTABLE_FORMATS``.
        feed_key: text that identifies the query, the same on all its pages; the ID of an Atom feed derives from it.
        self_url: URL of this response; empty if it has none.
        next_url: URL of the next page; empty if there is none.
        html_url: URL of the web page with the same results; empty if there is none.
        added_times: the time of a paper in a feed is that at which it was added to the index, if that is known.
    """

    fields: tuple[str, ...] = ()
    feed_key: str = ""
    self_url: str = ""
    next_url: str = ""
    html_url: str = ""
    added_times: bool = False


def render_page(name: Format, page: Page, options: RenderOptions = RenderOptions()) -> bytes:
    """Renders a page of hits, in UTF-8."""
    content: bytes = _import_format(name).render_page(page, options)
    return content


def render_paper(name: Format, paper: Paper, options: RenderOptions = RenderOptions()) -> bytes:
    """Renders one paper, in UTF-8."""
    content: bytes = _import_format(name).render_paper(paper, options)
    return content


def parse_fields(text: str, name: Format, known: Sequence[str] = HIT_FIELDS) -> tuple[str, ...]:
    """Parses a comma-separated list of fields.

    Args:
        text: the list; empty for all fields.
        name: the format to write, which must be one of ``PROJECTABLE_FORMATS`` unless the list is empty.
        known: names of the available fields.

    Raises:
        InvalidValue: a field does not exist, or the format does not support ``fields``.
    """
    fields = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for field in fields:
        if field not in known:
            raise InvalidValue("fields", field, f"the fields are {', '.join(known)}")
    if fields and name not in PROJECTABLE_FORMATS:
        formats = ", ".join(PROJECTABLE_FORMATS)
        raise InvalidValue("fields", text, f"{name} does not support it: omit it, or choose the format {formats}")
    return fields


def parse_format(text: str) -> Format:
    """Returns the format with this name.

    Raises:
        InvalidValue: there is no such format.
    """
    for name in FORMATS:
        if name == text:
            return name
    raise InvalidValue("format", text, f"choose one of {', '.join(FORMATS)}")


def _import_format(name: str) -> ModuleType:
    return importlib.import_module(f"service.formats.{name.replace('-', '_')}")
