"""Followed sources: ``papers follow``."""

from collections.abc import Iterable
from pathlib import Path

import click

from search.errors import InvalidValue
from service.commands.command import Command
from service.commands.options import INDEX_OPTION, JSON_OPTION


@click.command(cls=Command)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--remove", is_flag=True, help="Follow the sources no longer; their papers stay.")
@INDEX_OPTION
@JSON_OPTION
def follow(sources: tuple[str, ...], remove: bool, directory: Path, as_json: bool) -> None:
    """Follow harvests, files and folders; papers update brings all of them up to date.

    SOURCE is a file, a folder, or the name of a harvest as papers fetch and papers sources print it. Without any, what
    is followed is listed, with the outcome of the last update.

    \b
    papers follow 'arxiv?category=cs.IR&from=2026-01' ~/zotero.bib ~/pages
    papers follow
    papers follow --remove ~/pages
    """
    from service.formats.render import SCHEMA_VERSION, dump_json, sanitize_line
    from service.state.followed import FollowedSources

    followed = FollowedSources.of_index(directory)
    if remove and not sources:
        raise click.UsageError("name the sources that are to be followed no longer; papers follow lists them")
    if remove:
        followed.remove(sources)
    elif sources:
        _refuse_index(sources, directory)
        followed.add(sources)
    found = followed.sources()
    if as_json:
        entries = [
            {"source": each.source, "added": each.added, "last_update": each.last_update, "outcome": each.last_outcome}
            for each in found
        ]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "sources": entries}))
        return
    for each in found:
        time = (each.last_update or "").replace("T", " ")[:16]
        click.echo(sanitize_line(each.source))
        click.echo(sanitize_line(f"   {time} UTC; {each.last_outcome}" if time else "   not updated yet"))
    if not found:
        click.echo("papers: nothing is followed; follow a source with: papers follow SOURCE", err=True)


def _refuse_index(sources: Iterable[str], directory: Path) -> None:
    """Refuses the folder of the index, none of whose files is read.

    Raises:
        InvalidValue: A source is this folder, or is in it.
    """
    for each in sources:
        if each and Path(each).resolve().is_relative_to(directory.resolve()):
            raise InvalidValue("source", each, "it is in the index itself; follow the files that papers come from")
