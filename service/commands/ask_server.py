"""Asks a running server of the same index, which answers a command in a tenth of the time of opening the index."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import PapersError
from service.commands.options import choose_sort

if TYPE_CHECKING:
    from search.query.page import Page
    from service.announcement import Announcement

_TIMEOUT_S = 2.0
"""Seconds that a command waits for the server before it answers itself, which takes about one."""
_PARAMETERS = {"start": "from", "end": "to"}
"""Names of options that have another name in HTTP."""
_PRINTING_OPTIONS = ("format_", "as_json", "sort")
"""Options that a server does not need to answer, or that the query has; it refuses an option that it does not know."""
SERVER_OPTION = click.option(
    "--server",
    type=click.Choice(["auto", "off"]),
    default="auto",
    show_default=True,
    help="auto: ask a running papers serve of the same index and user, which is faster; off: never.",
)


class _NoAnswer(Exception):
    """The server has not answered; the text says why."""


def ask_server(
    server: str, directory: Path | str, command: str, text: str, options: dict[str, Any], *, explain: bool
) -> "Page | None":
    """Returns the page of a server of the same generation and version; None if the command has to answer itself.

    Args:
        server: the value of ``--server``.
        directory: folder of the index; a server of a collection is not looked for.
        command: ``search`` or ``similar``.
        text: the text of the search box.
        options: the options of ``page_options``. The server refuses invalid ones, which the command then reports.
        explain: whether to say who answers, on standard error.
    """
    if server == "off" or isinstance(directory, str):
        return None
    from service.announcement import find_server

    announcement = find_server(directory)
    if announcement is None:
        return None
    address = f"the server on port {announcement.port}"
    try:
        question = {**_question(command, text, options), "index": _published_manifest(directory)}
        page = _request_page(announcement, question)
    except (_NoAnswer, PapersError, OSError, ValueError, ImportError) as error:
        if explain:
            click.echo(f"papers: {address} does not answer ({error}); the index is opened instead", err=True)
        return None
    if explain:
        click.echo(f"papers: answered by {address}", err=True)
    return page


def _question(command: str, text: str, options: dict[str, Any]) -> dict[str, Any]:
    values = {
        name: value for name, value in options.items() if name not in _PRINTING_OPTIONS and value not in (None, ())
    }
    parameters = {_PARAMETERS.get(name, name): value for name, value in values.items()}
    question = {"q": text, "command": command, "sort": choose_sort(options), "today": date.today().isoformat()}
    return {**parameters, **question}


def _request_page(announcement: "Announcement", question: dict[str, Any]) -> "Page":
    """Sends a question.

    Raises:
        _NoAnswer, OSError, ValueError: there is no page for it.
    """
    import http.client
    from importlib.metadata import version

    from service.formats.page_fields import load_page

    if announcement.version != version("papers-search"):
        raise _NoAnswer(f"it has version {announcement.version}")
    headers = {"Authorization": f"Bearer {announcement.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(announcement.host, announcement.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", "/commands/page", json.dumps(question).encode(), headers)
        response = connection.getresponse()
        content = response.read()
    except http.client.HTTPException as error:
        raise _NoAnswer(repr(error)) from None
    finally:
        connection.close()
    if response.status != 200:
        raise _NoAnswer(f"status {response.status}")
    return load_page(content)


def _published_manifest(directory: Path) -> str:
    """Returns the checksum of the manifest of the published generation.

    Raises:
        PapersError, OSError: there is no index, or it is damaged.
    """
    from search.index.layout import Layout, Manifest

    layout = Layout(directory.expanduser())
    return Manifest.read_sha256(layout.generation(layout.published_generation()).manifest)
