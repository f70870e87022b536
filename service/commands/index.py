"""The commands that keep an index and open its doors: ``papers index | status | doctor | serve | mcp``."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.choices import ChoicesOption
from service.commands.options import INDEX_OPTION, JSON_OPTION, complete_from, load_embedder_for, parse_day, precisions

if TYPE_CHECKING:
    from indexer.build import ImportReport

FAILED = 1


def _source_formats() -> tuple[str, ...]:
    from indexer.sources import FORMATS

    return tuple(FORMATS)


@click.command("index")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@INDEX_OPTION
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_source_formats,
    help="Format of all files, instead of the one detected by content: {choices}.",
)
@click.option("--as-of", metavar="DATE", help="No date without a year is later than this; default today.")
@click.option("--strict", is_flag=True, help="Stop at the first malformed record.")
@click.option("--model", metavar="NAME", help="Another sentence-transformers model: a folder or a cached name.")
@click.option(
    "--precision",
    default="float",
    show_default=True,
    shell_complete=complete_from(precisions),
    help="float or int8: int8 embeds faster, and says how near its vectors are to float ones.",
)
def index_command(paths: tuple[Path, ...], directory: Path, format_: str | None, **options: Any) -> None:
    """Read files and folders of papers into the index.

    A file's format is told by its content; .gz, .xz and .zst are read as they are. A paper that is held already is
    merged, not doubled, and nothing unchanged is embedded again.

    \b
    papers index papers.jsonl zotero.bib pages/ --index ~/papers
    papers index export.json --format arxiv-snapshot
    papers index papers.jsonl --precision int8 --index ~/fast
    """
    from indexer import sources
    from indexer.build import PUBLISH_STAGES, ImportOptions, index_files
    from search.embedding.embedder import load_embedder
    from service.progress import Progress

    reading = ImportOptions(format_, parse_day(options["as_of"]) or date.today(), options["strict"])
    files, embedder = sources.discover(paths), load_embedder(options["model"], options["precision"])
    with Progress(sys.stderr) as progress:
        report = index_files(
            files,
            directory,
            embedder,
            options=reading,
            progress=progress.show,
            on_stage=lambda name: progress.stage(f"{name} ({PUBLISH_STAGES.index(name) + 1} of {len(PUBLISH_STAGES)})"),
        )
    _print_report(report)
    if embedder.model.precision == "int8":
        _print_quality()
    if report.nothing_read:
        click.echo("papers: no record could be read; check the files, or name their format with --format", err=True)
        sys.exit(FAILED)


@click.command()
@INDEX_OPTION
@JSON_OPTION
def status(directory: Path, as_json: bool) -> None:
    """Say what the index holds."""
    from search.index.layout import Layout, Manifest
    from service.formats.render import dump_json, status_json, status_text

    layout = Layout(directory)
    manifest = Manifest.load(layout.generation(layout.published_generation()).manifest)
    size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    click.echo(dump_json(status_json(manifest, size)) if as_json else status_text(manifest, size), nl=as_json)


@click.command()
@INDEX_OPTION
@click.option("--repair", is_flag=True, help="Make all else again from papers and vectors.")
@JSON_OPTION
def doctor(directory: Path, repair: bool, as_json: bool) -> None:
    """Verify every checksum, count and cross-reference of the index.

    What is wrong is said in words; the exit status is then 1. A repair embeds no paper again.

    \b
    papers doctor
    papers doctor --repair
    """
    from indexer.doctor import examine
    from indexer.doctor import repair as repaired
    from service.formats.render import SCHEMA_VERSION, dump_json

    def say(step: str) -> None:
        click.echo(f"checking {step}", err=True)

    found = examine(directory, say)
    generation = repaired(directory, load_embedder_for).generation if found and repair else None
    if as_json:
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "problems": found, "repaired": generation}))
    for problem in () if as_json else found:
        click.echo(problem)
    if generation:
        click.echo(f"papers: made again and published as {generation}", err=True)
    elif found:
        click.echo("papers: the index is damaged; make it again with: papers doctor --repair", err=True)
        sys.exit(FAILED)
    elif not as_json:
        click.echo("the index is whole")


def _print_report(report: "ImportReport") -> None:
    counts = report.counts
    for error in report.skipped[:20]:
        click.echo(f"skipped {error}", err=True)
    if len(report.skipped) > 20:
        click.echo(f"... and {len(report.skipped) - 20:,} more", err=True)
    click.echo(
        f"{counts.read:,} records read: {counts.new:,} new papers, {counts.merged:,} merged, "
        f"{counts.unchanged:,} unchanged, {len(report.skipped):,} skipped; {counts.embedded:,} texts embedded. "
        f"{report.papers:,} papers in {report.generation}.",
        err=True,
    )


def _print_quality() -> None:
    from search.embedding.export import export_folder
    from search.embedding.quantize import Quality

    quality = Quality.load(export_folder("int8"))
    click.echo(
        f"int8 beside float, on {quality.papers} papers it was not calibrated on: cosine {quality.mean_cosine:.4f} "
        f"on average, {quality.least_cosine:.4f} at least; {quality.recall:.0%} of their ten nearest are the same.",
        err=True,
    )
