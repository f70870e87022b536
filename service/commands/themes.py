"""Themes: ``papers themes``."""

import sys
from pathlib import Path
from typing import Any

import click

from service.commands.command import Command
from service.commands.exit_status import ExitStatus
from service.commands.options import (
    JSON_OPTION,
    SEARCHED_INDEX_OPTION,
    added_options,
    build_filter,
    filter_options,
    open_searcher,
)


@click.command(cls=Command)
@click.argument("query", default="")
@click.option("--verbatim", is_flag=True, help="Group the papers of the text as typed, not those of its correction.")
@filter_options
@added_options
@SEARCHED_INDEX_OPTION
@JSON_OPTION
def themes(query: str, directory: Path | str, as_json: bool, **options: Any) -> None:
    """Group the papers relevant to a query into 5 to 12 themes.

    Each theme has a label of words from its papers, its number of papers, its share of all grouped papers, and the
    papers that fit the label best. Of the nearest 2,000 relevant papers those are grouped that match the query well;
    "other papers" are those of them that no theme describes. Fewer than 20 have no themes. papers search --theme
    LABEL lists the papers of a theme.

    \b
    papers themes "KV cache compression"
    papers themes "galaxy formation" --from 2026
    papers search "KV cache compression" --theme "KV cache eviction"
    """
    from search.query.query import Query
    from service.formats.render import dump_json
    from service.formats.themes import themes_heading, themes_json, themes_text

    examples = {name: options[name] for name in ("mode", "like", "unlike", "verbatim")}
    found = open_searcher(directory).themes(query, Query(filter=build_filter(options), **examples))
    if as_json:
        click.echo(dump_json(themes_json(found)))
    elif len(found):
        click.echo(themes_text(found), nl=False)
    if found.answered_query != query.strip() and found.relevant:
        click.echo(f"papers: grouped the papers of: {found.answered_query}", err=True)
    click.echo(f"papers: {themes_heading(found)}", err=True)
    if not len(found):
        sys.exit(ExitStatus.NOT_FOUND)
