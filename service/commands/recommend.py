"""Recommendations: ``papers recommend``."""

from pathlib import Path
from typing import Any

import click

from search.errors import InvalidValue
from service.commands.browse import check_browse, start_browser
from service.commands.command import Command
from service.commands.lists import open_lists
from service.commands.options import (
    BROWSE_OPTION,
    EXPLAIN_OPTION,
    FORMAT_OPTION,
    INDEX_OPTION,
    JSON_OPTION,
    LIMIT_OPTION,
    PROFILE_OPTION,
    build_filter,
    feed_options,
    filter_only_options,
    open_searcher,
    parse_format_option,
)
from service.commands.search import print_page


@click.command(cls=Command)
@click.option(
    "--library",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File or folder with the papers of the library, in any format that papers index reads.",
)
@click.option(
    "--list", "lists", metavar="NAME", multiple=True, help="List with papers of the library; see papers list."
)
@filter_only_options
@LIMIT_OPTION
@BROWSE_OPTION
@INDEX_OPTION
@PROFILE_OPTION
@EXPLAIN_OPTION
@JSON_OPTION
@FORMAT_OPTION
def recommend(
    paths: tuple[Path, ...],
    lists: tuple[str, ...],
    directory: Path,
    profile: str,
    explain: bool,
    browse: bool,
    **options: Any,
) -> None:
    """Find papers near those of a library, and say which of them each is near.

    The library is a file, a list, or several of them together.

    The library is grouped into interests. On the page, none has more than its share of the library. Papers of the
    library, and versions of them, are left out. Papers that the index lacks count as well, by title and abstract.

    \b
    papers recommend --library zotero.bib
    papers recommend --library zotero.bib --from 30d --category cs -n 20
    papers recommend --library thesis.bib --library reading.ris --format bibtex > new.bib
    papers recommend --list starred --added-from 7d
    papers recommend --list starred --browse
    """
    if not (paths or lists):
        raise click.UsageError("missing library: give --library FILE, --list NAME, or both")
    output_format = parse_format_option(options["format_"], as_json=options["as_json"])
    wanted = build_filter(options)
    if browse:
        check_browse({**options, "explain": explain})
    from indexer.library import read_library
    from search.query.query import Query

    session = open_searcher(directory).session()
    saved = [entry.paper for name in lists for entry in open_lists(directory, profile).entries(name)]
    if lists and not (saved or paths):
        raise InvalidValue("list", ", ".join(lists), "there are no papers on it; add one: papers list add NAME ID")
    query = Query(filter=wanted, limit=options["limit"])
    library = read_library(session.snapshot, paths, saved)
    try:
        page = session.recommend(library, query)
    except InvalidValue as error:
        if error.field != "library":
            raise
        given = ", ".join([*map(str, paths), *lists])
        raise InvalidValue("library" if paths else "list", given, error.allowed) from None
    if browse and page.hits:
        start_browser(session, lambda cursor: page, page, query, open_lists(directory, profile))  # noqa: ARG005
        return
    print_page(page, output_format, feed_options("", options, *map(str, paths), *lists), explain=explain)
