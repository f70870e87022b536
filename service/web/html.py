"""Rendering of templates, and the parts that every page has."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from search.papers.words import truncate_words
from service.formats.render import NO_AUTHORS
from service.web.assets import asset_url
from service.web.urls import PageUrl, list_url, watch_url

if TYPE_CHECKING:
    from service.web.viewer import Viewer

FORM_FIELDS = ("q", "sort", "mode", "from", "to")
"""Parameters for which the results page has form fields."""

MODE_LABELS = {"semantic": "meaning only", "lexical": "keywords only"}
"""The modes other than the default, which searches by meaning and keywords."""

EXPORT_FORMATS = (
    ("BibTeX", "bibtex"),
    ("RIS", "ris"),
    ("CSL-JSON", "csl-json"),
    ("CSV", "csv"),
    ("JSON", "json"),
    ("NDJSON", "ndjson"),
    ("Atom", "atom"),
)
"""Labels of the export formats and their names in the API."""

MAX_SELECTED = 500
"""Most papers that can be selected at once: their IDs fit into a request many times over."""


@dataclass(frozen=True, slots=True)
class Link:
    """A labelled link."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The values of the search form at the top of a page.

    Attributes:
        text: the query.
        hidden_params: parameters without a visible field, submitted as hidden inputs.
        start: the value of ``from``.
        end: the value of ``to``.
        sort: the value of ``sort``; empty for the default.
        mode: the value of ``mode``; empty for the default.
    """

    text: str = ""
    hidden_params: tuple[tuple[str, str], ...] = ()
    start: str = ""
    end: str = ""
    sort: str = ""
    mode: str = ""

    @classmethod
    def from_url(cls, url: PageUrl, excluded: Collection[str] = FORM_FIELDS) -> "SearchForm":
        """Returns the form that submits the query of a URL again.

        Args:
            url: the URL of the page.
            excluded: parameters that get no hidden input: those with a visible field, and those to drop. The page and
                ``verbatim`` never have one, because another query starts anew.
        """
        hidden = tuple(pair for pair in url.params if pair[0] not in (*excluded, "cursor", "page", "verbatim"))
        text = " ".join(url.get_first("q").split())  # a single-line input would join words that a line break separates
        return cls(text, hidden, *(url.get_first(name) for name in ("from", "to", "sort", "mode")))


def render_template(template: str, viewer: "Viewer | None", form: SearchForm, **variables: object) -> str:
    """Renders a page as HTML; all variables are escaped.

    Args:
        template: the file name of the template.
        viewer: whose saved searches the header counts; None for a page that shows nothing of its viewer.
        form: the search form of the header.
        variables: further variables of the template.
    """
    return _environment().get_template(template).render(viewer=viewer, form=form, **variables)


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
    environment.globals |= {
        "no_authors": NO_AUTHORS.capitalize(),
        "asset": asset_url,
        "list_url": list_url,
        "watch_url": watch_url,
        "export_formats": EXPORT_FORMATS,
        "max_selected": MAX_SELECTED,
        "mode_labels": MODE_LABELS,
    }
    environment.filters["shorten"] = _shorten_title
    environment.filters["site"] = _site_name
    environment.filters["sentence"] = _to_sentence
    return environment


def _shorten_title(text: str) -> str:
    return truncate_words(text, max_words=12)[:120]


def _site_name(url: str) -> str:
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _to_sentence(text: str) -> str:
    capitalized = text[:1].upper() + text[1:]
    return capitalized if capitalized.endswith((".", "?", "!")) else f"{capitalized}."
