"""HTML: the templates, and what every page holds."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.formats.render import shortened
from service.web.address import Address
from service.web.assets import asset_address

FIELDS = ("q", "sort", "mode", "from", "to")
"""Parameters that the form of an answer has fields for."""


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere."""

    said: str
    href: str


@dataclass(frozen=True, slots=True)
class Box:
    """The form at the top of a page: what its fields hold, and the parameters it carries along unseen."""

    text: str = ""
    carried: tuple[tuple[str, str], ...] = ()
    start: str = ""
    end: str = ""
    sort: str = ""
    mode: str = ""

    @classmethod
    def of(cls, asked: Address, fields: Collection[str] = FIELDS) -> "Box":
        """The form that asks the question of an address again.

        Args:
            fields: parameters that the page has fields for, or that are to be left out; the others are carried along.
        """
        carried = tuple(pair for pair in asked.pairs if pair[0] not in fields and pair[0] != "cursor")
        text = " ".join(asked.first("q").split())  # a field of one line would join what a line break parts
        return cls(text, carried, *(asked.first(name) for name in ("from", "to", "sort", "mode")))


def html(template: str, box: Box, **parts: object) -> str:
    """A page as HTML, every part of it escaped."""
    return _templates().get_template(template).render(box=box, **parts)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_address
    environment.filters["shorten"] = _title
    environment.filters["site"] = _site
    environment.filters["sentence"] = _sentence
    return environment


def _title(text: str) -> str:
    return shortened(text, words=12)[:120]


def _site(url: str) -> str:
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _sentence(text: str) -> str:
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "?", "!")) else f"{said}."
