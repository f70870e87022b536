"""``--browse``: shows papers as a list with keys instead of printing them."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from service.commands.command import MissingExtra
from service.commands.exit_status import ExitStatus

if TYPE_CHECKING:
    from search.query.page import Page
    from search.query.query import Query
    from search.session import Session
    from service.browse.view import LoadPage
    from service.state.lists import Lists

_PRINTING_OPTIONS = {"format_": "--format", "as_json": "--json", "explain": "--explain", "facets": "--facets"}
"""Options that change only what is printed."""


def check_browse(options: dict[str, Any]) -> None:
    """Checks that a list can be shown, before anything is searched.

    Args:
        options: the values of the options of the command.

    Raises:
        UsageError: another option says how to print the papers, or there is no terminal.
        MissingExtra: textual is not installed.
    """
    for name, option in _PRINTING_OPTIONS.items():
        if options.get(name):
            raise click.UsageError(f"--browse shows papers instead of printing them: leave out {option} or --browse")
    for stream, name in ((sys.stdin, "standard input"), (sys.stdout, "standard output")):
        if not stream.isatty():
            raise click.UsageError(f"--browse needs a terminal, and {name} is none: leave out --browse")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("--browse needs a terminal that can move its cursor, but TERM is dumb or not set")
    try:
        import textual  # noqa: F401
    except ModuleNotFoundError:
        context = click.get_current_context()
        raise MissingExtra(f"{context.command_path} --browse", "browse", "textual") from None


def start_browser(
    session: "Session", load: "LoadPage", first: "Page", query: "Query", lists: "Lists", text: str = ""
) -> None:
    """Shows papers until the user quits.

    Args:
        session: answers all queries, so that they come from one generation.
        load: returns the page that follows a cursor.
        first: the first page.
        query: its filter, mode, limit, order and whether it is verbatim apply to further queries.
        lists: where stars and lists are kept.
        text: the text of the search box.
    """
    from search.query.query import Query
    from service.browse.app import Browser
    from service.browse.view import View

    base = Query(filter=query.filter, mode=query.mode, limit=query.limit, sort=query.sort, verbatim=query.verbatim)
    browser = Browser(View(load, first, first.hits, text), session, lists, base)
    browser.run()
    if browser.return_code:  # an unexpected error, which textual has printed
        sys.exit(ExitStatus.FAILURE)
