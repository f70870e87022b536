"""HTML: the templates, and what every page holds."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from search.papers.words import truncate_words
from service.web.assets import asset_url
from service.web.urls import PageUrl

FORM_FIELDS = ("q", "sort", "mode", "from", "to")
"""Parameters that the form of an answer has fields for."""


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The form at the top of a page: what its fields hold, and the parameters it carries along unseen."""

    text: str = ""
    hidden_params: tuple[tuple[str, str], ...] = ()
    start: str = ""
    end: str = ""
    sort: str = ""
    mode: str = ""

    @classmethod
    def from_url(cls, asked: PageUrl, fields: Collection[str] = FORM_FIELDS) -> "SearchForm":
        """The form that asks the question of an address again.

        Args:
            fields: parameters that the page has fields for, or that are to be left out; the others are carried along.
        """
        carried = tuple(pair for pair in asked.params if pair[0] not in fields and pair[0] != "cursor")
        text = " ".join(asked.get_first("q").split())  # a field of one line would join what a line break parts
        return cls(text, carried, *(asked.get_first(name) for name in ("from", "to", "sort", "mode")))


def render_template(template: str, box: SearchForm, **parts: object) -> str:
    """A page as HTML, every part of it escaped."""
    return _environment().get_template(template).render(box=box, **parts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_url
    environment.filters["shorten"] = _shorten_title
    environment.filters["site"] = _site_name
    environment.filters["sentence"] = _to_sentence
    return environment


def _shorten_title(text: str) -> str:
    return truncate_words(text, max_words=12)[:120]


def _site_name(url: str) -> str:
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _to_sentence(text: str) -> str:
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "?", "!")) else f"{said}."
