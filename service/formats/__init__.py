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
HIT_FIELDS = (*PAPER_FIELDS, "score", "band", "matched", "why", "same")
"""What can be asked for by name of a paper on a page, in formats that hold any field (``PROJECTED``)."""
PROJECTED: tuple[Format, ...] = ("json", "ndjson", "csv")


@dataclass(frozen=True, slots=True)
class Media:
    """How a format is called on the web.

    Attributes:
        type: sent as Content-Type. also: other types by which it is asked for.
        ending: of a file's name; empty where the answer is shown and not saved.
    """

    type: str
    ending: str = ""
    also: tuple[str, ...] = ()


MEDIA: dict[Format, Media] = {
    "json": Media("application/json"),
    "ndjson": Media("application/x-ndjson", "ndjson", ("application/jsonl", "application/ndjson")),
    "csv": Media("text/csv; charset=utf-8; header=present", "csv"),
    "atom": Media("application/atom+xml; charset=utf-8"),
    "bibtex": Media("application/x-bibtex; charset=utf-8", "bib", ("text/x-bibtex",)),
    "ris": Media("application/x-research-info-systems; charset=utf-8", "ris"),
    "csl-json": Media("application/vnd.citationstyles.csl+json", "csl.json"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of an answer besides its format, and where it lies.

    Attributes:
        fields: of a paper, in this order; empty: all. Of formats in PROJECTED alone.
        name: the question, the same whatever its page: what names a feed.
        here, next: the addresses of this answer and of the page after it; empty where there is none.
        shown: the address of the page for people that shows the same.
    """

    fields: tuple[str, ...] = ()
    name: str = ""
    here: str = ""
    next: str = ""
    shown: str = ""


def page(name: Format, answer: Page, wanted: Wanted = Wanted()) -> bytes:
    """A page of papers in a format, UTF-8."""
    content: bytes = _module(name).page(answer, wanted)
    return content


def paper(name: Format, answer: Paper, wanted: Wanted = Wanted()) -> bytes:
    """One paper in a format, UTF-8."""
    content: bytes = _module(name).paper(answer, wanted)
    return content


def fields_of(text: str, name: Format, known: Sequence[str] = HIT_FIELDS) -> tuple[str, ...]:
    """The fields that a list parted by commas names; none for an empty one.

    Raises:
        InvalidValue: a field that is not known, or a format that has fields of its own.
    """
    fields = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for field in fields:
        if field not in known:
            raise InvalidValue("fields", field, f"the fields are {', '.join(known)}")
    if fields and name not in PROJECTED:
        own = f"{name} has fields of its own: leave it out, or choose the format {', '.join(PROJECTED)}"
        raise InvalidValue("fields", text, own)
    return fields


def format_of(text: str) -> Format:
    """The format of this name.

    Raises:
        InvalidValue: there is none.
    """
    for name in FORMATS:
        if name == text:
            return name
    raise InvalidValue("format", text, f"choose one of {', '.join(FORMATS)}")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"service.formats.{name.replace('-', '_')}")
