"""Formats: an answer as the files that other programs read. A module a format, each with ``page`` and ``paper``."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, get_args

from search.errors import InvalidValue
from search.papers.paper import Paper
from search.query.page import Page

Format = Literal["json", "ndjson", "csv", "atom", "bibtex", "ris", "csl-json"]
FORMATS: tuple[Format, ...] = get_args(Format)
PAPER_FIELDS = (
    "id", "ids", "title", "authors", "authors_partial", "published", "updated", "categories", "url", "abstract",
    "version", "extra", "sources",
)  # fmt: skip
HIT_FIELDS = (*PAPER_FIELDS, "score", "band", "legs", "highlights", "exact_match")
"""What can be asked for by name of a paper on a page, in formats that hold any field (``PROJECTED``)."""
PROJECTABLE_FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv")


@dataclass(frozen=True, slots=True)
class MediaType:
    """How a format is called on the web.

    Attributes:
        type: sent as Content-Type. also: other types by which it is asked for.
        ending: of a file's name; empty where the answer is shown and not saved.
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
    """What is wanted of an answer besides its format, and where it lies.

    Attributes:
        fields: of a paper, in this order; empty: all. Of formats in PROJECTED alone.
        name: the question, the same whatever its page: what names a feed.
        here, next: the addresses of this answer and of the page after it; empty where there is none.
        shown: the address of the page for people that shows the same.
    """

    fields: tuple[str, ...] = ()
    feed_key: str = ""
    self_url: str = ""
    next_url: str = ""
    html_url: str = ""


def render_page(name: Format, answer: Page, wanted: RenderOptions = RenderOptions()) -> bytes:
    """A page of papers in a format, UTF-8."""
    content: bytes = _import_format(name).render_page(answer, wanted)
    return content


def render_paper(name: Format, answer: Paper, wanted: RenderOptions = RenderOptions()) -> bytes:
    """One paper in a format, UTF-8."""
    content: bytes = _import_format(name).render_paper(answer, wanted)
    return content


def parse_fields(text: str, name: Format, known: Sequence[str] = HIT_FIELDS) -> tuple[str, ...]:
    """The fields that a list parted by commas names; none for an empty one.

    Raises:
        InvalidValue: a field that is not known, or a format that has fields of its own.
    """
    fields = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for field in fields:
        if field not in known:
            raise InvalidValue("fields", field, f"the fields are {', '.join(known)}")
    if fields and name not in PROJECTABLE_FORMATS:
        own = f"{name} has fields of its own: leave it out, or choose the format {', '.join(PROJECTABLE_FORMATS)}"
        raise InvalidValue("fields", text, own)
    return fields


def parse_format(text: str) -> Format:
    """The format of this name.

    Raises:
        InvalidValue: there is none.
    """
    for name in FORMATS:
        if name == text:
            return name
    raise InvalidValue("format", text, f"choose one of {', '.join(FORMATS)}")


def _import_format(name: str) -> ModuleType:
    return importlib.import_module(f"service.formats.{name.replace('-', '_')}")
