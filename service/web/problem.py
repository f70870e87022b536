"""The page of a request that failed or was invalid."""

from service.api.schemas import Problem
from service.web.html import Link, SearchForm, render_template
from service.web.urls import PageUrl

_FIELD_LABELS = {
    "q": "query",
    "author": "author name",
    "not_author": "author name",
    "name": "author name",
    "category": "category",
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
}
"""Parameters as the page calls them."""
_TITLES = {404: "Not found", 405: "Method not allowed", 422: "Invalid search"}
"""Headings that are plainer than the titles of the API."""


def problem_page(url: PageUrl, problem: Problem) -> str:
    """Renders what went wrong, the query as it was typed, and what to do next.

    Args:
        url: the URL of the request.
        problem: what the API would return.
    """
    field = (problem.field or "").replace("-", "_")
    title = _TITLES.get(problem.status, problem.title)
    variables = {
        "problem": {"title": title, "headline": _headline(field, problem), "advice": problem.allowed or ""},
        "next_steps": _next_steps(url, field, problem),
    }
    if url.path != "/":
        return render_template("problem.html", None, SearchForm(), **variables)
    empty = dict.fromkeys(("notices", "chips", "refinements", "author_notes", "groups", "cards", "exports"), ())
    absent = dict.fromkeys(("correction", "answered_instead"))
    form = SearchForm.from_url(url, ("q", field))
    return render_template("results.html", None, form, interpretation=title, status="", **absent, **empty, **variables)


def _headline(field: str, problem: Problem) -> str:
    if not field:
        return problem.detail
    label = _FIELD_LABELS.get(field)
    if label is None:
        return f"“{field}” is not a parameter of this page."
    if not problem.value:
        return f"The {label} is missing."
    if problem.position:
        return f"“{problem.value}”, at character {problem.position} of the query, is not valid."
    return f"“{problem.value}” is not a valid {label}."


def _next_steps(url: PageUrl, field: str, problem: Problem) -> list[Link]:
    links = []
    if url.path == "/" and field != "q" and url.get_all(field):
        name = f"the {_FIELD_LABELS[field]}" if field in _FIELD_LABELS else f"“{field}”"
        links.append(Link(f"Search again without {name}", str(url.remove_param(field))))
    links.append(Link("Home", "/"))
    if problem.status == 422:
        links.append(Link("Search syntax", "/help"))
    return links
