"""Index maintenance: ``papers index | reindex | status | doctor``."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from search.errors import UnknownFormat
from search.query.counts import format_count
from service.commands.choices import ChoicesOption
from service.commands.command import Command, MissingExtra
from service.commands.exit_status import ExitStatus
from service.commands.options import (
    INDEX_OPTION,
    JSON_OPTION,
    MODEL_NAMES_HELP,
    SEARCHED_INDEX_OPTION,
    load_embedder_for,
    model_option,
    parse_day,
    precision_option,
)
from service.commands.removal import YES_OPTION, remove_selection

if TYPE_CHECKING:
    from indexer.build import ImportOptions, ImportReport, Stage
    from indexer.record_selection import RecordSelection
    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity
    from service.commands.progress import Progress

_MAX_LISTED_MESSAGES = 20
"""Lines of each kind that a report lists."""


def _source_formats() -> tuple[str, ...]:
    from indexer.sources import FORMATS

    return tuple(FORMATS)


@click.command("index", cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@SEARCHED_INDEX_OPTION
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_source_formats,
    help="Read all files as this format instead of detecting it: {choices}.",
)
@click.option("--as-of", metavar="DATE", help="Reference date for dates that lack a year (default: today).")
@click.option("--strict", is_flag=True, help="Stop at the first malformed record.")
@click.option("--restore", is_flag=True, help="Import removed papers again (papers remove).")
@click.option(
    "--mirror",
    is_flag=True,
    help="Remove papers that only these files had and no longer have, or only files deleted from these folders; lists "
    "them and asks, as papers remove does. The papers of another deleted file: papers remove --source FILE.",
)
@YES_OPTION
@click.option(
    "-c",
    "--category",
    multiple=True,
    help="Import only papers of this category or archive, by code or name; several: of any of them.",
)
@click.option(
    "--from", "start", metavar="DATE", help="Import only papers published on or after: 2026, 2026-04, 30d, last-year."
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Import only N papers, spread over all files: the same ones each time, and all those of a smaller sample.",
)
@model_option(
    help=f"Embedding model of a new index (default: small): {MODEL_NAMES_HELP}. An existing index keeps its model; "
    "papers reindex changes it."
)
@precision_option(
    help="float or int8 (default for a new index: int8 for small, else float). int8 takes two thirds of the "
    "time and hardly changes the hits; with this option, the import prints how close its vectors are to float vectors."
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Embed on the nodes of a Ray cluster: HOST:PORT of its head node, or auto for the one that this machine "
    "belongs to.",
)
def index_command(paths: tuple[Path, ...], directory: Path | str, format_: str | None, **options: Any) -> None:
    """Import files and folders of papers into the index.

    The format of each file is detected from its content; .gz, .xz, .zst and .bz2 files are decompressed. A paper that
    is already in the index is merged with its existing record. Unchanged papers are not embedded again. Records and
    files that cannot be read are skipped and listed with the reason.

    \b
    papers index papers.jsonl zotero.bib pages/ --index ~/papers
    papers index arxiv-metadata-oai-snapshot.json --category cs.CL --from 2024 --sample 10000
    papers index papers.jsonl --precision float --index ~/exact
    papers index papers.jsonl --model large --index ~/large
    papers index zotero.bib --mirror
    papers index ~/refs --mirror
    papers index /shared/papers --ray 10.0.0.5:6379
    papers index papers.jsonl --index milvus://milvus.example.org:19530/papers
    """
    from indexer import sources
    from indexer.build import ImportOptions
    from indexer.record_selection import find_largest_hash
    from indexer.removal_selection import select_missing
    from search.embedding.embedder import load_embedder
    from service.commands.progress import Progress

    if options["mirror"] and (options["category"] or options["start"] or options["sample"]):
        raise click.UsageError("--mirror needs all records of the files; omit --category, --from and --sample")
    if options["mirror"] and isinstance(directory, str):
        raise click.UsageError("--mirror needs an index in a folder; remove papers of a collection with papers remove")
    day = parse_day(options["as_of"]) or date.today()
    selection = _make_selection(options["category"], options["start"])
    import_options = ImportOptions(format_, day, options["strict"], restore=options["restore"], accepts=selection)
    files, folders = sources.discover(paths), sources.find_folders(paths)
    embedder = load_embedder(*choose_model(directory, options["model"], options["precision"]))
    with Progress() as progress:
        if options["sample"]:
            largest = find_largest_hash(files, import_options, options["sample"], progress.show_sampled)
            import_options = replace(import_options, accepts=replace(selection, largest_hash=largest))
        with _connect(options["ray"], embedder, progress) as (embedder, slices):
            options_of_import = replace(import_options, slices=slices)
            report = _index_files(files, folders, directory, embedder, options_of_import, progress)
    print_report(report)
    if report.skipped_count and options["mirror"]:
        _print_caution(report, has_folders=bool(folders))
    if report.missing and options["mirror"] and isinstance(directory, Path):
        remove_selection(directory, select_missing(directory, files, folders), yes=options["yes"])
    elif report.missing:
        _print_missing(report.missing, paths, directory)
    if options["precision"] == "int8":
        print_quality(embedder.model.name)
    if any(isinstance(error, UnknownFormat) for error in report.skipped):
        click.echo(
            "papers: papers index --help lists the formats that are read; if a file of unknown format has one of them, "
            "name it with --format",
            err=True,
        )
    if report.nothing_read:
        click.echo("papers: no record could be read; check the files, or name their format with --format", err=True)
        sys.exit(ExitStatus.FAILURE)


def _index_files(
    files: list[Path],
    folders: list[Path],
    directory: Path | str,
    embedder: "Embedder",
    options: "ImportOptions",
    progress: "Progress",
) -> "ImportReport":
    """Imports files into an index in a folder or in a collection of Milvus."""
    if isinstance(directory, str):
        from indexer.collections.importing import index_into_collection
        from search.milvus.address import Address

        address = Address.parse(directory)
        return index_into_collection(
            files,
            address,
            embedder,
            folders=folders,
            options=options,
            progress=progress.show,
            on_publish=lambda: progress.stage("publishing, and calibrating confidence"),
        )
    from indexer.build import index_files

    return index_files(
        files,
        directory,
        embedder,
        folders=folders,
        options=options,
        progress=progress.show,
        on_stage=lambda name: show_stage(progress, name),
    )


@click.command(cls=Command)
@INDEX_OPTION
@model_option(required=True, help=f"Model to move the index to: {MODEL_NAMES_HELP}.")
@precision_option(help="float or int8 (default: int8 for small, else float); see papers index.")
def reindex(directory: Path, model: str, precision: str | None) -> None:
    """Move the index to another embedding model.

    Embeds all papers again. Until the new vectors are complete and published, searches and running servers use the
    previous ones; servers then follow by themselves. An interrupted run keeps what it has embedded, and the same
    command continues. IDs do not change.

    \b
    papers reindex --model small
    papers reindex --model large --index ~/papers
    papers reindex --model small --precision float
    """
    from indexer.reindex import reindex as reindex_papers
    from search.embedding.embedder import load_embedder
    from search.embedding.model import default_precision
    from search.index.layout import Layout
    from service.commands.progress import Progress

    Layout(directory).published_generation()  # without an index, no model is loaded
    embedder = load_embedder(model, precision or default_precision(model))
    with Progress() as progress:
        report = reindex_papers(
            directory, embedder, on_embedded=progress.show_embedded, on_stage=lambda name: show_stage(progress, name)
        )
    manifest = report.manifest
    click.echo(
        f"{format_count(report.embedded, 'text')} embedded; {format_count(report.continued)} had vectors of {model} "
        f"in {embedder.model.precision}. The index has {format_count(manifest.live)} ({manifest.generation}).",
        err=True,
    )
    if report.embedded and precision == "int8":
        print_quality(model)


@click.command(cls=Command)
@INDEX_OPTION
@JSON_OPTION
def status(directory: Path, as_json: bool) -> None:
    """Show the number of papers, the embedding model and the size of the index.

    \b
    papers status
    papers status --json
    """
    from search.index.layout import Layout, Manifest
    from service.formats.render import dump_json, status_json, status_text

    layout = Layout(directory)
    manifest = Manifest.load(layout.generation(layout.published_generation()).manifest)
    size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    click.echo(dump_json(status_json(manifest, size)) if as_json else status_text(manifest, size), nl=as_json)


@click.command(cls=Command)
@INDEX_OPTION
@click.option("--repair", is_flag=True, help="Rebuild all derived index files from the stored papers and vectors.")
@JSON_OPTION
def doctor(directory: Path, repair: bool, as_json: bool) -> None:
    """Verify all checksums, counts and cross-references of the index, and the file of lists and saved searches.

    Prints each problem; exits 1 if there are any. A repair of the index does not embed papers again.

    \b
    papers doctor
    papers doctor --repair
    """
    from indexer.doctor import examine
    from indexer.doctor import repair as repair_index
    from indexer.state import StateDatabase
    from service.formats.render import SCHEMA_VERSION, dump_json

    problems = examine(directory, lambda step: click.echo(f"checking {step}", err=True))
    generation = repair_index(directory, load_embedder_for).generation if problems and repair else None
    state_problems = StateDatabase.of_index(directory).find_problems()
    if as_json:
        found = [*problems, *state_problems]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "problems": found, "repaired_generation": generation}))
    for problem in () if as_json else (*problems, *state_problems):
        click.echo(problem)
    if generation:
        click.echo(f"papers: repaired; published as {generation}", err=True)
    elif problems:
        click.echo("papers: the index is damaged; run: papers doctor --repair", err=True)
    if state_problems or (problems and not generation):
        sys.exit(ExitStatus.FAILURE)
    if not (as_json or problems):
        click.echo("no problems found")


@contextmanager
def _connect(address: str | None, local: "Embedder", progress: "Progress") -> "Iterator[tuple[Embedder, int]]":
    """Yields the embedder of a Ray cluster, or the local one without an address, and the slices to give it at once.

    Raises:
        ClusterUnavailable: the cluster cannot be reached, or has no worker with the model.
        InvalidValue: the address is invalid.
        MissingExtra: Ray is not installed.
    """
    from indexer.paper_writer import CONCURRENT_SLICES

    if address is None:
        yield local, CONCURRENT_SLICES
        return
    try:
        from indexer.ray_embedder import RayEmbedder
    except ModuleNotFoundError as error:
        raise MissingExtra("papers index --ray", "ray", error.name or "ray") from None
    with RayEmbedder(address, local.model, progress.print) as cluster:
        progress.count_workers = lambda: cluster.workers
        yield cluster, cluster.slices


def _print_missing(papers: int, paths: tuple[Path, ...], directory: Path | str) -> None:
    """Says how many papers are no longer in the files, and how to remove them from an index in a folder."""
    if isinstance(directory, str):
        click.echo(f"papers no longer in the files that had them: {papers:,}; they stay in the collection", err=True)
        return
    is_given = click.get_current_context().get_parameter_source("directory") is ParameterSource.COMMANDLINE
    arguments = shlex.join([*map(str, paths), "--mirror", *(["--index", str(directory)] if is_given else [])])
    verb = "is" if papers == 1 else "are"
    click.echo(
        f"{format_count(papers)} {verb} no longer in the files that had them; to remove them, run: "
        f"papers index {arguments}",
        err=True,
    )


def print_report(report: "ImportReport") -> None:
    """Prints warnings, skipped records and the counts of an import to standard error."""
    counts = report.counts
    _list_messages("warning", report.warnings, len(report.warnings))
    _list_messages("skipped", [str(error) for error in report.skipped], report.skipped_count)
    click.echo(
        f"{format_count(counts.read, 'record')} read: {format_count(counts.new, 'new paper')}, "
        f"{counts.merged:,} merged, {counts.unchanged:,} unchanged"
        + (f", {counts.removed:,} left out" if counts.removed else "")
        + f"; {report.skipped_count:,} skipped; {format_count(counts.embedded, 'text')} embedded. "
        f"The index has {format_count(report.papers)} ({report.generation}).",
        err=True,
    )
    if counts.outside:
        click.echo(f"records left out because they do not meet the conditions: {counts.outside:,}", err=True)
    if counts.removed:
        click.echo(
            "records were left out because their papers had been removed; to import them, add --restore",
            err=True,
        )


def _make_selection(categories: tuple[str, ...], start: str | None) -> "RecordSelection":
    """Parses ``--category`` and ``--from``.

    Raises:
        InvalidValue: there is no such category, or the date is invalid.
    """
    from indexer.record_selection import RecordSelection
    from search.papers.categories import resolve_codes
    from search.query.dates import parse_date

    codes = tuple(code for each in categories for code in resolve_codes(each))
    return RecordSelection(codes, parse_date(start, date.today(), "from") if start else None)


def _print_caution(report: "ImportReport", *, has_folders: bool) -> None:
    """Says which files keep their papers because records were skipped."""
    is_incomplete = any(not isinstance(error, UnknownFormat) for error in report.skipped)
    files = "files with skipped records"
    if has_folders and is_incomplete:
        files += ", and files deleted from the folders,"
    click.echo(f"papers: {files} lose no papers, since the skipped records may be the missing ones", err=True)


def _list_messages(kind: str, messages: list[str], count: int) -> None:
    for message in messages[:_MAX_LISTED_MESSAGES]:
        click.echo(f"{kind} {message}", err=True)
    if count > _MAX_LISTED_MESSAGES:
        click.echo(f"... and {count - _MAX_LISTED_MESSAGES:,} more", err=True)


def show_stage(progress: "Progress", name: "Stage") -> None:
    """Shows a stage of a publish and how many there are."""
    from indexer.build import PUBLISH_STAGES

    progress.stage(f"{name} ({PUBLISH_STAGES.index(name) + 1} of {len(PUBLISH_STAGES)})")


def choose_model(directory: Path | str, name: str | None, precision: str | None) -> tuple[str, str]:
    """Returns the name and precision to embed with: the options, or else those of the index, or else the defaults."""
    from search.embedding.model import DEFAULT_MODEL, default_precision

    found = _find_model(directory)
    if (
        found
        and found not in map(DEFAULT_MODEL.identity, DEFAULT_MODEL.precisions)
        and (name, precision) == (None, None)
    ):
        click.echo(
            f"papers: using the model of the index, {found.name} in {found.precision}; to move the index to another "
            f"one, run: papers reindex --model {DEFAULT_MODEL.name}",
            err=True,
        )
    chosen = name or (found.name if found else DEFAULT_MODEL.name)
    if not precision:
        precision = found.precision if found and found.name == chosen else default_precision(chosen)
    return chosen, precision


def _find_model(directory: Path | str) -> "ModelIdentity | None":
    """Returns the model of an index; None if it is new."""
    if isinstance(directory, str):
        from indexer.collections.importing import find_collection_model
        from search.milvus.address import Address

        return find_collection_model(Address.parse(directory))
    from indexer.generations import find_layout, find_model

    return find_model(find_layout(directory))


def print_quality(model: str) -> None:
    """Prints how close the int8 vectors of a built-in model are to its float vectors, to standard error."""
    from search.embedding.export import export_folder
    from search.embedding.model import BUILT_IN_MODELS
    from search.embedding.quantize import Quality

    quality = Quality.load(export_folder(BUILT_IN_MODELS[model], "int8"))
    click.echo(
        f"int8 vectors compared with float on {quality.papers} papers outside the calibration set: cosine "
        f"{quality.mean_cosine:.4f} on average, {quality.least_cosine:.4f} at least; {quality.recall:.0%} of the ten "
        "nearest papers are the same.",
        err=True,
    )
