"""Lists: ``papers list add | remove | show | export | import | delete``, and ``papers list`` alone for all of them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.errors import InvalidValue
from search.query.counts import format_count
from service.commands.browse import check_browse, start_browser
from service.commands.command import DefaultGroup
from service.commands.exit_status import ExitStatus
from service.commands.options import (
    BROWSE_OPTION,
    FORMAT_OPTION,
    INDEX_OPTION,
    JSON_OPTION,
    PROFILE_OPTION,
    open_searcher,
)

if TYPE_CHECKING:
    from service.state.lists import Lists

_MAX_SHOWN_ERRORS = 5
"""Skipped records that an import names."""


@click.group("list", cls=DefaultGroup, default="all")
def lists() -> None:
    """Keep papers on lists, with notes. A star puts a paper on the list "starred".

    Lists are stored beside the index and survive when it is built again. A paper that the index lacks stays on its
    lists.

    \b
    papers list
    papers list add starred 2604.24432
    papers list add thesis 2604.24432 10.1145/3292500 --note "compare with chapter 3"
    papers list show thesis
    papers list export thesis --format bibtex > thesis.bib
    papers list import thesis zotero.bib
    """


@lists.command("all")
@INDEX_OPTION
@PROFILE_OPTION
@JSON_OPTION
def all_(directory: Path, profile: str, as_json: bool) -> None:
    """List all lists, with the number of their papers; papers list alone does the same.

    \b
    papers list
    papers list --json
    """
    from service.formats.render import SCHEMA_VERSION, dump_json

    summaries = open_lists(directory, profile).summaries()
    if as_json:
        found = [summary.to_json() for summary in summaries]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "lists": found}))
        return
    for summary in summaries:
        click.echo(f"{summary.papers:>8,} {'paper ' if summary.papers == 1 else 'papers'}  {summary.name}")
    if not summaries:
        click.echo("papers: no lists yet; create one: papers list add NAME ID", err=True)


@lists.command()
@click.argument("name")
@click.argument("ids", nargs=-1, required=True)
@click.option("--note", help="One line to remember about these papers.")
@INDEX_OPTION
@PROFILE_OPTION
def add(name: str, ids: tuple[str, ...], note: str | None, directory: Path, profile: str) -> None:
    """Add papers of the index to a list, which is created if it is missing.

    A paper that is on the list already gets the note, if one is given.

    \b
    papers list add starred 2604.24432
    papers list add thesis 2604.24432 10.1145/3292500 --note "compare with chapter 3"
    """
    found = open_lists(directory, profile)
    added = found.add(name, ids, open_searcher(directory).session(), note=note)
    known = f", {len(ids) - added:,} were on it already" if added < len(ids) else ""
    click.echo(f"papers: {added:,} added to {name}{known}", err=True)


@lists.command()
@click.argument("name")
@click.argument("ids", nargs=-1, required=True)
@INDEX_OPTION
@PROFILE_OPTION
def remove(name: str, ids: tuple[str, ...], directory: Path, profile: str) -> None:
    """Remove papers from a list; they stay in the index.

    \b
    papers list remove thesis 2604.24432
    """
    removed = open_lists(directory, profile).remove(name, ids, open_searcher(directory).session())
    click.echo(f"papers: {removed:,} removed from {name}", err=True)


@lists.command()
@click.argument("name")
@INDEX_OPTION
@PROFILE_OPTION
@BROWSE_OPTION
@JSON_OPTION
def show(name: str, directory: Path, profile: str, browse: bool, as_json: bool) -> None:
    """Show the papers of a list and the notes on them, in the order in which they were added.

    \b
    papers list show starred
    papers list show thesis --json
    papers list show thesis --browse
    """
    from search.query.query import Query
    from service.formats.render import dump_json
    from service.state.rendering import entries_page, entries_text, list_json

    if browse:
        check_browse({"as_json": as_json})
    found, session = open_lists(directory, profile), open_searcher(directory).session()
    entries = found.entries(name, session)
    if browse and entries:
        page = entries_page(name, entries, session.generation)
        start_browser(session, lambda cursor: page, page, Query(), found)  # noqa: ARG005
        return
    click.echo(dump_json(list_json(name, entries)) if as_json else entries_text(entries), nl=as_json)


@lists.command()
@click.argument("name")
@INDEX_OPTION
@PROFILE_OPTION
@FORMAT_OPTION
def export(name: str, directory: Path, profile: str, format_: str | None) -> None:
    """Print the papers of a list in a format of bibliographies or tables; default: bibtex.

    Of papers that the index lacks, IDs, title, authors and date are exported.

    \b
    papers list export thesis > thesis.bib
    papers list export thesis --format ris > thesis.ris
    """
    from service import formats
    from service.state.rendering import entries_page

    output_format = formats.parse_format(format_ or "bibtex")
    session = open_searcher(directory).session()
    entries = open_lists(directory, profile).entries(name, session)
    page = entries_page(name, entries, session.generation)
    click.echo(formats.render_page(output_format, page, formats.RenderOptions(feed_key=f"list\n{name}")), nl=False)


@lists.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@INDEX_OPTION
@PROFILE_OPTION
def import_(name: str, file: Path, directory: Path, profile: str) -> None:
    """Add the papers of a file to a list. The formats are those of papers index; the index is not changed.

    Papers are recognised by ID, or by title and authors. Those that the index lacks are on the list too, and are shown
    in full once the index has them.

    \b
    papers list import thesis zotero.bib
    papers list import reading export.ris
    """
    from service.state.bibliography import read_bibliography

    found = open_lists(directory, profile)
    read = read_bibliography(file, open_searcher(directory).session())
    for error in read.skipped[:_MAX_SHOWN_ERRORS]:
        click.echo(f"skipped {error}", err=True)
    if len(read.skipped) > _MAX_SHOWN_ERRORS:
        click.echo(f"... and {len(read.skipped) - _MAX_SHOWN_ERRORS:,} more", err=True)
    if not read.papers:
        click.echo(f"papers: {file} has no paper that can be read; the list is unchanged", err=True)
        sys.exit(ExitStatus.FAILURE)
    added = found.add_papers(name, read.papers)
    count = format_count(len(read.papers))
    missing = f"; not in the index at present: {read.missing:,}" if read.missing else ""
    click.echo(f"papers: {count} read, {added:,} added to {name}{missing}", err=True)


@lists.command()
@click.argument("name")
@INDEX_OPTION
@PROFILE_OPTION
def delete(name: str, directory: Path, profile: str) -> None:
    """Delete a list with its notes; its papers stay in the index.

    \b
    papers list delete thesis
    """
    open_lists(directory, profile).delete(name)


def open_lists(directory: Path | str, profile: str) -> "Lists":
    """Opens the lists of a profile beside an index.

    Args:
        directory: the index.
        profile: the name of the profile.

    Raises:
        InvalidValue: the name is invalid, or the index is a collection of Milvus, beside which there are no lists.
    """
    if isinstance(directory, str):
        raise InvalidValue("index", directory, "lists are kept beside an index in a folder; give one")
    from indexer.state import StateDatabase
    from service.state.lists import Lists
    from service.state.profiles import Profile

    return Lists(StateDatabase.of_index(directory), Profile.of_name(profile))
