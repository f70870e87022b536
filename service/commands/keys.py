"""API keys of the server: ``papers keys add | list | remove``."""

from pathlib import Path

import click

from service.commands.command import CommandGroup
from service.commands.options import JSON_OPTION

_KEYS_OPTION = click.option(
    "--keys",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PAPERS_KEYS",
    required=True,
    help="File of API keys, or set $PAPERS_KEYS.",
)


@click.group(cls=CommandGroup)
def keys() -> None:
    """Manage API keys.

    \b
    papers keys add anna --keys ~/keys.json
    papers keys list --keys ~/keys.json
    papers keys remove anna --keys ~/keys.json
    """


@keys.command(extra="serve")
@click.argument("name")
@_KEYS_OPTION
def add(name: str, file: Path) -> None:
    """Create a key for NAME and print it. The file stores only its hash."""
    from service.api.guard.keys import KeyFile

    click.echo(KeyFile(file).add(name))
    click.echo(f"papers: save the key, it is not shown again; servers running with {file} accept it now", err=True)


@keys.command("list", extra="serve")
@_KEYS_OPTION
@JSON_OPTION
def list_(file: Path, as_json: bool) -> None:
    """List the names that have a key and when each key was created."""
    from service.api.guard.keys import KeyFile
    from service.formats.render import SCHEMA_VERSION, dump_json

    loaded = KeyFile(file).load()
    if as_json:
        entries = [{"name": key.name, "created": key.created} for key in loaded]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "keys": entries}))
    for key in () if as_json else loaded:
        click.echo(f"{key.created}  {key.name}")


@keys.command(extra="serve")
@click.argument("name")
@_KEYS_OPTION
def remove(name: str, file: Path) -> None:
    """Remove the key of NAME. Running servers reject it immediately."""
    from service.api.guard.keys import KeyFile

    KeyFile(file).remove(name)
