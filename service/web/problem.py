"""The page of a request that failed or was invalid."""

import re
from http import HTTPStatus

from service.api.problems import not_found_detail
from service.api.schemas import Problem
from service.web.html import Link, SearchForm, render_template
from service.web.missing import Guess, guess_wanted
from service.web.urls import PageUrl

_FIELD_LABELS = {
    "q": "query",
    "author": "author name",
    "not_author": "author name",
    "name": "name",
    "category": "category",
    "theme": "theme",
    "kind": "kind of paper",
    "from": "start date",
    "to": "end date",
    "updated_from": "start date of the update",
    "updated_to": "end date of the update",
    "added_from": "start of the time of addition",
    "added_to": "end of the time of addition",
    "like": "paper ID",
    "unlike": "paper ID",
    "limit": "number of papers",
    "mode": "search mode",
    "sort": "sort order",
    "cursor": "page cursor",
    "list": "name of a list",
    "note": "note",
    "file": "file of references",
    "id": "paper ID",
    "person": "paper ID",
    "paper": "paper ID",
    "other": "paper ID",
    "format": "format",
    "page": "page number",
    "show": "choice of what to show",
    "position": "position",
    "more": "number of papers",
}
"""Parameters as the page calls them."""
_TITLES = {
    404: "Not found",
    405: "Method not allowed",
    422: "Invalid search",
    429: "Too many searches",
    500: "This did not work",
    503: "The server cannot answer now",
}
"""Headings that are plainer than the titles of the API."""
_ADVICE = {
    404: "Search for a title or a part of it",
    429: "Wait a minute, then reload this page",
    500: "Reload this page; if it fails again, tell whoever runs this server",
    503: "Reload this page in a few seconds; if it fails again, tell whoever runs this server",
}
"""What to do about a problem that is not a value of the request."""
_PYDANTIC_ADVICE = re.compile(r"^Input should be (.+?)(?:, unable to .*)?$")
_PLAIN_ADVICE = {"a valid integer": "a whole number", "a valid boolean": "true or false", "a valid number": "a number"}
"""Allowed values as the page calls them."""


def problem_page(url: PageUrl, problem: Problem) -> str:
    """Renders what went wrong, the query as it was typed, and what to do next.

    Args:
        url: the URL of the request.
        problem: what the API would return.
    """
    field = (problem.field or "").replace("-", "_")
    title = "Invalid value" if _is_form_error(url, problem) else _TITLES.get(problem.status, problem.title)
    variables: dict[str, object] = {
        "problem": {"title": title, "headline": _headline(url, field, problem), "advice": _advice(field, problem)},
    }
    if url.path != "/":
        guess = guess_wanted(url.path) if problem.status == HTTPStatus.NOT_FOUND else Guess()
        steps = [guess.link] if guess.link else []
        variables["next_steps"] = [*steps, *_next_steps(url, field, problem)]
        return render_template("problem.html", None, SearchForm(guess.text), **variables)
    empty = dict.fromkeys(
        ("notices", "chips", "views", "refinements", "author_notes", "groups", "cards", "exports"), ()
    )
    absent = dict.fromkeys(("correction", "answered_instead", "theme_note", "theme_group"))
    form = SearchForm.from_url(url, ("q", field))
    variables["next_steps"] = _next_steps(url, field, problem)
    return render_template("results.html", None, form, interpretation=title, status="", **absent, **empty, **variables)


def _is_form_error(url: PageUrl, problem: Problem) -> bool:
    """Whether a form of a list or of a saved search is invalid, rather than a search."""
    return problem.status == 422 and url.path not in ("/", "/author")


def _headline(url: PageUrl, field: str, problem: Problem) -> str:
    if not field:
        return _plain_detail(url, problem)
    label = "author name" if (url.path, field) == ("/author", "name") else _FIELD_LABELS.get(field)
    if label is None:
        return f"This page does not understand “{field}={problem.value}” in its address."
    if not problem.value:
        return f"The {label} is missing."
    if problem.position:
        return f"“{problem.value}”, at character {problem.position} of the query, is not valid."
    return f"“{problem.value}” is not a valid {label}."


def _plain_detail(url: PageUrl, problem: Problem) -> str:
    """Returns the detail of a problem, in which a missing page is called by its address."""
    if problem.status == HTTPStatus.NOT_FOUND:
        if problem.detail == not_found_detail(url.path):
            return f"There is no page at {url.path}"
        if url.path.startswith("/paper/"):
            return f"The paper {url.path.removeprefix('/paper/')} is not in this index"
    return problem.detail


def _advice(field: str, problem: Problem) -> str:
    """Returns what is allowed, or what to do, in words that name no parameter."""
    allowed = problem.allowed or ""
    if not field:
        return allowed or _ADVICE.get(problem.status, "")
    if allowed.startswith("unknown parameter"):
        return "Search again without it"
    if found := _PYDANTIC_ADVICE.match(allowed):
        return f"Give {_PLAIN_ADVICE.get(found[1], found[1])}"
    return allowed


def _next_steps(url: PageUrl, field: str, problem: Problem) -> list[Link]:
    links = []
    if url.path == "/" and field != "q" and url.get_all(field):
        name = f"the {_FIELD_LABELS[field]}" if field in _FIELD_LABELS else f"“{field}”"
        links.append(Link(f"Search again without {name}", str(url.remove_param(field))))
    links.append(Link("Home", "/"))
    if _is_form_error(url, problem):
        links.append(Link("Watches", "/watches") if url.path.startswith("/watches") else Link("Lists", "/lists"))
    elif problem.status == 422:
        links.append(Link("Search syntax", "/help"))
    return links
