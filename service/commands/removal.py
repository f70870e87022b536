"""Removal of papers: ``papers remove | compact``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import INDEX_OPTION, JSON_OPTION, SEARCHED_INDEX_OPTION, load_embedder_for

if TYPE_CHECKING:
    from indexer.removal import RemovalReport
    from indexer.removal_selection import Selection
    from search.papers.json import Json

_MAX_LISTED_PAPERS = 10
"""Papers that a preview lists."""

YES_OPTION = click.option("--yes", is_flag=True, help="Remove the papers without asking.")


@click.command(cls=Command)
@click.argument("ids", nargs=-1)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Remove what a file has brought, by its path or name, or a source such as bibtex:zotero.bib. Papers that "
    "other files have too stay, without its records.",
)
@click.option("--query", metavar="TEXT", help="Remove all papers that meet the conditions and contain all other words.")
@YES_OPTION
@SEARCHED_INDEX_OPTION
@JSON_OPTION
def remove(
    ids: tuple[str, ...], source: Path | None, query: str | None, yes: bool, directory: Path | str, as_json: bool
) -> None:
    """Remove papers from the index, by ID, file or query.

    Lists what would be removed and asks; away from a terminal, it removes nothing without --yes. A removed paper stays
    removed when a file with it is imported again, unless papers index has --restore. What --source removes is left out
    of imports of that file only. The text of removed papers stays on disk until papers compact.

    \b
    papers remove arxiv:2604.24432 10.1145/3292500
    papers remove --source ~/refs/old.bib
    papers remove --query 'cat:math ti:"lecture notes" year:..1999' --yes
    papers remove arxiv:2604.24432 --index milvus://milvus.example.org:19530/papers
    """
    if bool(ids) + (source is not None) + (query is not None) != 1:
        raise click.UsageError(
            "give one of these: IDs, --source FILE, or --query TEXT; see papers sources for the files"
        )
    selection = _select(directory, ids, source, query)
    if as_json:
        report = _remove(directory, selection) if yes and selection.removals else None
        click.echo(_removal_json(selection, report))
        return
    for text in selection.removed_before:
        click.echo(f"{text} was removed earlier", err=True)
    if not selection.removals:
        click.echo("papers: nothing to remove: no paper in the index is selected", err=True)
        return
    remove_selection(directory, selection, yes=yes)


@click.command(cls=Command)
@INDEX_OPTION
def compact(directory: Path) -> None:
    """Rewrite the index without removed papers and earlier versions of papers.

    After that, no file of the index contains the text of a removed paper. Until the rewritten index is published,
    searches and running servers use the present one; servers then follow by themselves. It needs free space for a
    copy of the index. An interrupted run leaves the index as it was; the same command then starts again.

    \b
    papers compact
    papers compact --index ~/papers
    """
    from indexer.compaction import compact as compact_index
    from service.commands.index import show_stage
    from service.commands.progress import Progress

    with Progress() as progress:
        report = compact_index(
            directory,
            load_embedder_for,
            on_copied=progress.show_copied,
            on_stage=lambda name: show_stage(progress, name),
        )
    rewritten = (
        f"left out {format_count(report.removed_rows, 'row')}"
        if report.removed_rows
        else "there was nothing to leave out"
    )
    if report.is_rebuilt:
        rewritten += ", and kinds and citation counts were added, which earlier versions did not write"
    click.echo(
        f"papers: {rewritten}; {format_count(max(report.freed_bytes, 0), 'byte')} freed. The index has "
        f"{format_count(report.manifest.live)} ({report.manifest.generation}).",
        err=True,
    )
    if report.is_in_use:
        click.echo(
            "papers: another program, such as a running server, still reads the previous files, which have the text of "
            "removed papers; stop it, or let it answer a query, and run papers compact again to delete them",
            err=True,
        )


def _select(directory: Path | str, ids: tuple[str, ...], source: Path | None, query: str | None) -> "Selection":
    """Selects papers of an index in a folder or in a collection of Milvus, by one of the three."""
    if isinstance(directory, str):
        from indexer.collections import removal as collections
        from search.milvus.address import Address

        if source is not None:
            raise click.UsageError("--source needs an index in a folder; give IDs or --query for a collection")
        address = Address.parse(directory)
        return collections.select_ids(address, ids) if query is None else collections.select_query(address, query)
    from indexer.removal_selection import select_ids, select_query, select_source

    if source is not None:
        return select_source(directory, str(source))
    return select_ids(directory, ids) if query is None else select_query(directory, query)


def remove_selection(directory: Path | str, selection: "Selection", *, yes: bool) -> None:
    """Lists the papers of a selection, and removes them if ``yes`` or the answer on the terminal says so."""
    _print_preview(selection)
    if not yes and not sys.stdin.isatty():
        click.echo("papers: nothing was removed; to remove them, add --yes", err=True)
        return
    if not yes and not click.confirm("Remove them?", err=True):
        click.echo("papers: nothing was removed", err=True)
        return
    report = _remove(directory, selection)
    changed = f", {format_count(report.changed)} kept without records of the file" if report.changed else ""
    hint = " The removed text stays on disk until: papers compact" if isinstance(directory, Path) else ""
    click.echo(
        f"papers: removed {format_count(report.removed)}{changed}. The index has {format_count(report.papers)} "
        f"({report.generation}).{hint}",
        err=True,
    )


def _remove(directory: Path | str, selection: "Selection") -> "RemovalReport":
    if isinstance(directory, str):
        from indexer.collections.removal import remove as remove_from_collection
        from search.milvus.address import Address

        return remove_from_collection(Address.parse(directory), selection, load_embedder_for)
    from indexer.removal import remove as remove_papers
    from service.commands.index import show_stage
    from service.commands.progress import Progress

    with Progress() as progress:
        return remove_papers(directory, selection, load_embedder_for, on_stage=lambda name: show_stage(progress, name))


def _print_preview(selection: "Selection") -> None:
    from service.formats.render import sanitize_line

    papers, changed = selection.papers, selection.changed
    if papers:
        click.echo(f"{format_count(len(papers))} to remove:")
    for each in papers[:_MAX_LISTED_PAPERS]:
        click.echo(sanitize_line(f"   {each.id}  {each.title}"))
    if len(papers) > _MAX_LISTED_PAPERS:
        click.echo(f"   ... and {len(papers) - _MAX_LISTED_PAPERS:,} more")
    if changed:
        click.echo(
            f"{format_count(len(changed))} to keep, without records of this file, because other files have them too:"
        )
    for each in changed[:_MAX_LISTED_PAPERS]:
        click.echo(sanitize_line(f"   {each.id}  {each.title}"))
    if len(changed) > _MAX_LISTED_PAPERS:
        click.echo(f"   ... and {len(changed) - _MAX_LISTED_PAPERS:,} more")


def _removal_json(selection: "Selection", report: "RemovalReport | None") -> str:
    from search.papers.json import clean_object
    from service.formats.render import SCHEMA_VERSION, dump_json

    answer: dict[str, Json] = {
        "schema_version": SCHEMA_VERSION,
        "papers": [{"id": each.id, "title": each.title} for each in selection.papers],
        "papers_changed": [{"id": each.id, "title": each.title} for each in selection.changed],
        "removed_before": list(selection.removed_before),
        "removed": report is not None,
        "generation": report.generation if report else selection.generation,
    }
    return dump_json(clean_object(answer))
