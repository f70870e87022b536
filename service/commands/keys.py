"""The commands that admit people to a server: ``papers keys add | list | remove``."""

from pathlib import Path

import click

from service.commands.options import JSON_OPTION

_KEYS_OPTION = click.option(
    "--keys",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PAPERS_KEYS",
    required=True,
    help="The file of keys; $PAPERS_KEYS sets it too.",
)


@click.group()
def keys() -> None:
    """Keep the keys that a server asks for.

    \b
    papers keys add anna --keys ~/keys.json
    papers keys list --keys ~/keys.json
    papers keys remove anna --keys ~/keys.json
    """


@keys.command()
@click.argument("name")
@_KEYS_OPTION
def add(name: str, file: Path) -> None:
    """Make a key for NAME and print it, this once: the file holds its hash only."""
    from service.api.guard.keys import KeyFile

    click.echo(KeyFile(file).add(name))
    click.echo(f"papers: keep it, it is not shown again; running servers with {file} know it already", err=True)


@keys.command("list")
@_KEYS_OPTION
@JSON_OPTION
def list_(file: Path, as_json: bool) -> None:
    """List who has a key, since when."""
    from service.api.guard.keys import KeyFile
    from service.formats.render import SCHEMA_VERSION, dump_json

    held = KeyFile(file).load()
    if as_json:
        people = [{"name": key.name, "created": key.created} for key in held]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "keys": people}))
    for key in () if as_json else held:
        click.echo(f"{key.created}  {key.name}")


@keys.command()
@click.argument("name")
@_KEYS_OPTION
def remove(name: str, file: Path) -> None:
    """Take the key of NAME away; running servers refuse it from now on."""
    from service.api.guard.keys import KeyFile

    KeyFile(file).remove(name)
