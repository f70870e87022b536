"""Recommendations: ``papers recommend``."""

from pathlib import Path
from typing import Any

import click

from service.commands.command import Command
from service.commands.options import (
    EXPLAIN_OPTION,
    FORMAT_OPTION,
    INDEX_OPTION,
    JSON_OPTION,
    LIMIT_OPTION,
    build_filter,
    filter_options,
    make_feed_key,
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
    required=True,
    help="File or folder with the papers of the library, in any format that papers index reads.",
)
@filter_options
@LIMIT_OPTION
@INDEX_OPTION
@EXPLAIN_OPTION
@JSON_OPTION
@FORMAT_OPTION
def recommend(paths: tuple[Path, ...], directory: Path, explain: bool, **options: Any) -> None:
    """Find papers near those of a library, and say which of them each is near.

    The library is grouped into interests. On the page, none has more than its share of the library. Papers of the
    library, and versions of them, are left out. Papers that the index lacks count as well, by title and abstract.

    \b
    papers recommend --library zotero.bib
    papers recommend --library zotero.bib --from 30d --category cs -n 20
    papers recommend --library thesis.bib --library reading.ris --format bibtex > new.bib
    """
    output_format = parse_format_option(options["format_"], as_json=options["as_json"])
    wanted = build_filter(options)
    from indexer.library import read_library

    session = open_searcher(directory).session()
    library = read_library(session.snapshot, paths)
    page = session.recommend(library, filter=wanted, limit=options["limit"])
    feed_key = make_feed_key("", options, *map(str, paths))
    print_page(page, output_format, feed_key, explain=explain)
