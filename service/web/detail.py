"""Detail: how much of each paper a list shows, as a cookie of the browser remembers it."""

from typing import Literal, get_args

from fastapi import Request
from fastapi.responses import Response

from service.web.html import Link
from service.web.urls import PageUrl

Detail = Literal["titles", "sentences", "abstracts"]

DETAIL_COOKIE = "papers_show"
"""Name of the cookie; its value is a ``Detail``."""
_SECONDS_REMEMBERED = 365 * 24 * 3600
"""Seconds until a browser forgets the choice."""
_LABELS: dict[Detail, str] = {"titles": "Titles", "sentences": "Best sentence", "abstracts": "Abstracts"}
"""What the page calls each choice, from the shortest list to the longest."""


def read_detail(request: Request) -> Detail:
    """Returns what the browser remembers; without a valid cookie, the best sentence of each paper is shown."""
    remembered = request.cookies.get(DETAIL_COOKIE)
    return next((each for each in get_args(Detail) if each == remembered), "sentences")


def remember_detail(response: Response, detail: Detail) -> None:
    """Makes the browser remember a choice."""
    response.set_cookie(DETAIL_COOKIE, detail, max_age=_SECONDS_REMEMBERED, httponly=True, samesite="lax")


def detail_links(url: PageUrl) -> dict[Detail, Link]:
    """Returns the links that show the same page in each detail."""
    return {each: Link(label, str(PageUrl(url.path, (*url.params, ("show", each))))) for each, label in _LABELS.items()}
