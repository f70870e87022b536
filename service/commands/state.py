"""State: lists, saved searches and followed sources as one file: ``papers state export | import``."""

import json
from pathlib import Path
from typing import Any

import click

from search.errors import InvalidValue
from service.commands.command import CommandGroup
from service.commands.options import INDEX_OPTION


@click.group("state", cls=CommandGroup)
def state() -> None:
    """Move lists, saved searches and followed sources to another machine.

    \b
    papers state export lists.json
    papers state import lists.json
    """


@state.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@INDEX_OPTION
def export(file: Path, directory: Path) -> None:
    """Write the lists, notes, searches, corrections of people and followed sources of all profiles to a JSON file.

    The file has the addresses of private feeds; only you can read it.

    \b
    papers state export lists.json
    """
    from indexer.state import StateDatabase
    from search.files import replace_file
    from service.formats.render import dump_json
    from service.state.transfer import export_state

    content = export_state(StateDatabase.of_index(directory))
    replace_file(file, dump_json(content) + "\n", mode=0o600)
    click.echo(f"papers: wrote {_describe(content)}", err=True)


@state.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@INDEX_OPTION
def import_(file: Path, directory: Path) -> None:
    """Add what a file of papers state export, or the folder of a backup, has and the present state lacks.

    Lists are united. Notes, and saved searches of the same name, stay as they are.

    \b
    papers state import lists.json
    papers state import ~/backups/papers-2026-04-27
    """
    from indexer.state import StateDatabase
    from service.state.transfer import import_state

    document = _read_document(file)
    import_state(StateDatabase.of_index(directory), document)
    click.echo(f"papers: read {_describe(document)}; what was missing is added", err=True)


def _describe(document: Any) -> str:
    """Returns what an export has, as in ``2 lists, 1 saved search, 3 followed sources``."""
    counts = [
        (sum(len(each["lists"]) for each in document["profiles"]), "list", "lists"),
        (sum(len(each["watches"]) for each in document["profiles"]), "saved search", "saved searches"),
        (len(document["followed_sources"]), "followed source", "followed sources"),
    ]
    return ", ".join(f"{count:,} {one if count == 1 else several}" for count, one, several in counts)


def _read_document(file: Path) -> object:
    from indexer.backup import STATE_COPY
    from indexer.state import StateDatabase
    from service.state.transfer import export_state

    if (file / STATE_COPY).exists():
        return export_state(StateDatabase(file / STATE_COPY))
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise InvalidValue("file", str(file), f"cannot read the file: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InvalidValue("file", str(file), "it is not JSON; papers state export writes such a file") from None
