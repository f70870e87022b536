"""The way back from a paper to the results that it was opened from."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request

from service.web.html import Link, SearchForm
from service.web.urls import PageUrl
from service.web.views import VIEWS

_NAMES = {view.path: "results" if view.path == "/" else view.label.lower() for view in VIEWS}


@dataclass(frozen=True, slots=True)
class WayBack:
    """The results that a page was opened from.

    Attributes:
        link: to them; None if the page was opened otherwise.
        form: the search form with their query; empty without them.
    """

    link: Link | None
    form: SearchForm


def find_way_back(request: Request) -> WayBack:
    """Returns the view of an answer whose link led to a page, from ``Referer`` (RFC 9110, section 10.1.3)."""
    try:
        referrer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        referrer = urlsplit("")
    name = _NAMES.get(referrer.path)
    if not (name and referrer.query and referrer.netloc == request.headers.get("host")):
        return WayBack(None, SearchForm())
    url = PageUrl.of(referrer.path, QueryParams(referrer.query))
    return WayBack(Link(f"Back to {name}", str(url)), SearchForm.from_url(url, ("q", "per", "measure")))
