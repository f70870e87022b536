"""Maps: ``papers map``."""

from pathlib import Path
from typing import Any

import click

from service.commands.command import Command
from service.commands.lists import open_lists
from service.commands.options import (
    INDEX_OPTION,
    JSON_OPTION,
    PROFILE_OPTION,
    build_filter,
    open_searcher,
    query_options,
)
from service.commands.trends import write_chart


@click.command(cls=Command, name="map")
@click.argument("query", default="")
@click.option(
    "--list", "list_", metavar="NAME", default="", help="Map the papers on this list instead; see papers list."
)
@click.option("--svg", "svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the map to this file.")
@click.option("--verbatim", is_flag=True, help="Map the papers of the text as typed, not those of its correction.")
@query_options
@INDEX_OPTION
@PROFILE_OPTION
@JSON_OPTION
def paper_map(
    query: str, directory: Path, list_: str, profile: str, svg: Path | None, as_json: bool, **options: Any
) -> None:
    """Place the papers relevant to a query, or those on a list, on a map, on which similar papers are near each other.

    Without --svg or --json, the themes of the map are printed. Of many relevant papers, the map has the 2,000 nearest
    to the query.

    \b
    papers map "KV cache compression" --svg map.svg
    papers map "galaxy formation" --from 2026 --svg galaxies.svg
    papers map "cat:cs.CL reward models" --json > map.json
    papers map --list starred --svg starred.svg
    """
    from search.query.query import Query
    from service.formats.maps import map_json, map_text
    from service.formats.render import dump_json

    shared = {name: options[name] for name in ("mode", "like", "unlike", "verbatim")}
    wanted = Query(filter=build_filter(options), **shared)
    if list_ and (query or wanted != Query(mode=wanted.mode)):
        raise click.UsageError("--list cannot be combined with a query, filters or --verbatim: leave out one of them")
    session = open_searcher(directory).session()
    if list_:
        entries = open_lists(directory, profile).entries(list_)
        found = session.map_papers([entry.paper.id for entry in entries])
    else:
        found = session.map(query, wanted)
    if svg:
        write_chart(svg, found.to_svg())
    if as_json:
        click.echo(dump_json(map_json(found)))
    elif not svg:
        click.echo(map_text(found), nl=False)
    if found.answered_query != query:
        click.echo(f"papers: mapped the papers of: {found.answered_query}", err=True)
