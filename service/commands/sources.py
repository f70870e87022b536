"""Where papers came from: ``papers sources``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import INDEX_OPTION, JSON_OPTION

if TYPE_CHECKING:
    from indexer.harvest.service import Service
    from indexer.source_list import Source
    from search.papers.json import Json

_COUNTS = ("read", "new", "merged", "unchanged", "skipped", "removed")
"""Counts of the log in JSON."""


@click.command(cls=Command)
@INDEX_OPTION
@JSON_OPTION
def sources(directory: Path, as_json: bool) -> None:
    """List the files and harvests that papers came from, with when they were read and what became of their records.

    Read and skipped records are those of the last time; new papers and merged records are those of all times together.

    \b
    papers sources
    papers sources --json
    """
    from indexer.source_list import list_sources
    from search.papers.json import clean_object
    from service.formats.render import SCHEMA_VERSION, dump_json, sanitize_line

    found = list_sources(directory)
    if as_json:
        answer: dict[str, Json] = {
            "schema_version": SCHEMA_VERSION,
            "sources": [_source_json(each) for each in found],
        }
        click.echo(dump_json(clean_object(answer)))
        return
    for each in found:
        for line in _source_lines(each):
            click.echo(sanitize_line(line))
    if not found:
        click.echo("papers: no file was imported yet", err=True)


def _source_json(source: "Source") -> "dict[str, Json]":
    file, (format_, _, name) = source.file, source.source.partition(":")
    service = _find_service(source)
    return {
        "source": source.source,
        "format": format_,
        "file": name,
        "path": file.path if file and not file.is_harvest else None,
        "service": service.title if service else None,
        "licence": service.licence if service else None,
        "licence_url": service.licence_url or None if service else None,
        "first_read": file.first_read if file else None,
        "last_read": file.last_read if file else None,
        **{name: getattr(file, name) if file else None for name in _COUNTS},
        "papers": source.papers,
    }


def _source_lines(source: "Source") -> list[str]:
    """Returns a line with the name, one with all the rest and, of a harvest, one with the licence of the metadata."""
    papers = f"{format_count(source.papers)} in the index"
    file = source.file
    if not file:
        return [source.source, f"   imported by an earlier version, which kept no log; {papers}"]
    first, last = (time.replace("T", " ")[:16] for time in (file.first_read, file.last_read))
    again = f", last {last}" if last != first else ""
    left_out = f", {file.removed:,} left out" if file.removed else ""
    service = _find_service(source)
    licence = [f"   {service.title}; {' '.join((service.licence, service.licence_url)).strip()}"] if service else []
    return [
        file.path,
        f"   {source.source.partition(':')[0] or 'unknown format'}; read {first}{again} UTC; "
        f"{format_count(file.read, 'record')} read{left_out}, {file.skipped:,} skipped; "
        f"{format_count(file.new, 'new paper')} and {format_count(file.merged, 'merged record')} in all imports; "
        f"{papers}",
        *licence,
    ]


def _find_service(source: "Source") -> "Service | None":
    """Returns the service of a harvest, whose metadata has a licence; None for a file."""
    from indexer.harvest import find_service

    return find_service(source.file.path) if source.file and source.file.is_harvest else None
