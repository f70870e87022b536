"""Copies of the index: ``papers backup | restore``."""

from pathlib import Path

import click

from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import INDEX_OPTION


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
@INDEX_OPTION
def backup(folder: Path, directory: Path) -> None:
    """Copy the index, with lists and saved searches, to a new folder, while it is searched and written.

    The copy has the papers of the published generation. It is verified before it appears under its name; a failed copy
    leaves nothing. It is an index itself, which every command opens with --index FOLDER.

    \b
    papers backup ~/backups/papers-2026-04-27
    papers backup ~/backups/papers-$(date +%F) --index ~/papers
    """
    from indexer.backup import back_up

    manifest = back_up(directory, folder, _show_step)
    click.echo(f"papers: copied {format_count(manifest.live)} ({manifest.generation}) to {folder}", err=True)


@click.command(cls=Command)
@click.argument("backup", type=click.Path(path_type=Path))
@INDEX_OPTION
@click.option("--replace", is_flag=True, help="Move an existing index to DIR.replaced first; stop its servers before.")
def restore(backup: Path, directory: Path, replace: bool) -> None:
    """Create the index from a backup.

    The copy is verified before the index appears. Without --replace, the folder of the index has to be new or empty.
    Lists and saved searches are restored only if there are none; to add those of the backup to others, run papers state
    import FOLDER.

    \b
    papers restore ~/backups/papers-2026-04-27 --index ~/papers
    papers restore ~/backups/papers-2026-04-27 --index ~/papers --replace
    """
    from indexer.backup import restore as restore_index

    manifest, previous = restore_index(backup, directory, replace=replace, on_step=_show_step)
    click.echo(f"papers: restored {format_count(manifest.live)} ({manifest.generation}) to {directory}", err=True)
    if previous:
        click.echo(
            f"papers: the previous content of the folder is in {previous}; delete it when it is not needed", err=True
        )


def _show_step(step: str) -> None:
    click.echo(step, err=True)
