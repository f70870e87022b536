"""Trends: ``papers trends``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from service.commands.choices import ChoicesOption
from service.commands.command import Command
from service.commands.options import (
    JSON_OPTION,
    SEARCHED_INDEX_OPTION,
    build_filter,
    open_searcher,
    query_options,
)

if TYPE_CHECKING:
    from service.formats.trends import TrendsFormat


def _pers() -> tuple[str, ...]:
    from search.trends.periods import PERS

    return PERS


def _measures() -> tuple[str, ...]:
    from search.trends.trends import MEASURES

    return MEASURES


def _trends_formats() -> tuple[str, ...]:
    from service.formats.trends import TRENDS_FORMATS

    return TRENDS_FORMATS


@click.command(cls=Command)
@click.argument("queries", nargs=-1)
@click.option(
    "--per",
    metavar="PERIOD",
    cls=ChoicesOption,
    choices=_pers,
    help="Length of the periods: {choices}; default: month if almost all papers are of the last three years.",
)
@click.option(
    "--measure",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_measures,
    help="What bars and lines show: {choices}; share is that of all papers of the period that match the filters. "
    "Default: share, if at least half of the periods have 50 papers.",
)
@click.option("--svg", "svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the chart to this file.")
@click.option("--verbatim", is_flag=True, help="Count for the texts as typed, even if only a correction has a match.")
@query_options
@SEARCHED_INDEX_OPTION
@JSON_OPTION
@click.option(
    "-f",
    "--format",
    "format_",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_trends_formats,
    help="Output format instead of text: {choices}.",
)
def trends(
    queries: tuple[str, ...],
    directory: Path | str,
    per: str | None,
    measure: str | None,
    svg: Path | None,
    **options: Any,
) -> None:
    """Count the papers on one or several queries by month or year.

    They are the papers that an order by date lists: those closest to a query, without text all that match. Every query
    may contain filters of its own; the options apply to all of them. Shares are of all papers of the index that are
    published in the period and match the options. Values with ± are estimates; in 19 of 20 cases the true value is
    within that range.

    \b
    papers trends "KV cache compression" "speculative decoding"
    papers trends "state space models" "cat:cs.CL transformers" --per year --measure papers
    papers trends "diffusion language models" --from 2024 --svg growth.svg
    papers trends "reward models" --format csv > reward-models.csv
    """
    if not queries:
        raise click.UsageError('missing query: give one or more, such as "KV cache compression"')
    from search.query.query import Query
    from search.trends.trends import parse_measure
    from service.formats.render import dump_json
    from service.formats.trends import trends_csv, trends_json, trends_text

    output_format = _parse_format(options["format_"], as_json=options["as_json"])
    shown = parse_measure(measure) if measure else None
    shared = {name: options[name] for name in ("mode", "like", "unlike", "verbatim")}
    query = Query(filter=build_filter(options), **shared)
    found = open_searcher(directory).session().trends(queries, query, per=per)
    if svg:
        write_chart(svg, found.to_svg(shown))
    if output_format == "json":
        click.echo(dump_json(trends_json(found)))
    elif output_format == "csv":
        click.echo(trends_csv(found), nl=False)
    elif output_format == "svg":
        click.echo(found.to_svg(shown))
    elif not svg:
        click.echo(trends_text(found, shown), nl=False)
    for notice in found.notices:
        click.echo(f"papers: {notice}", err=True)


def _parse_format(name: str | None, *, as_json: bool) -> "TrendsFormat | None":
    """Parses ``--format`` and ``--json``; returns None for text."""
    if name is None:
        return "json" if as_json else None
    from service.formats.trends import parse_trends_format

    parsed = parse_trends_format(name)
    if as_json and parsed != "json":
        raise InvalidValue("format", name, "it conflicts with --json; give one of the two")
    return parsed


def write_chart(path: Path, chart: str) -> None:
    """Writes an SVG document to the file of ``--svg``.

    Raises:
        InvalidValue: the file cannot be written.
    """
    try:
        path.write_text(chart, "utf-8")
    except OSError as error:
        raise InvalidValue("svg", str(path), f"cannot write the file: {error.strerror}") from None
