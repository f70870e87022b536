"""Moving an index between backends: ``papers export-index | import-index``."""

from pathlib import Path

import click

from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import SEARCHED_INDEX_OPTION, load_embedder_for


@click.command("export-index", cls=Command)
@click.argument("archive", type=click.Path(path_type=Path))
@SEARCHED_INDEX_OPTION
def export_index(archive: Path, directory: Path | str) -> None:
    """Write the papers of an index with their vectors to a new folder, from which papers import-index makes an index.

    An archive has the papers and their records, the vectors, decisions of papers merge and split, removed papers, the
    times at which papers were added, and the log of imports; docs/archive.md describes its files. The index may be
    searched and written meanwhile: the archive has the papers of the published generation. Repeat an interrupted export
    to continue it. To copy an index on the same kind of machine, or with lists and saved searches, papers backup is
    faster; papers state export writes lists and saved searches to a file.

    \b
    papers export-index ~/papers-archive
    papers export-index /mnt/disk/papers-archive --index ~/papers
    papers export-index ~/papers-archive --index milvus://milvus.example.org:19530/papers
    """
    from indexer.moving.export import export_index as write_archive
    from indexer.moving.source import open_source
    from service.commands.progress import Progress

    with Progress() as progress:
        header = write_archive(open_source(directory), archive, progress.show_copied)
    click.echo(f"papers: exported {format_count(header.papers)} ({header.generation}) to {archive}", err=True)


@click.command("import-index", cls=Command)
@click.argument("archive", type=click.Path(path_type=Path))
@SEARCHED_INDEX_OPTION
def import_index(archive: Path, directory: Path | str) -> None:
    """Create an index from an archive of papers export-index, or add its papers to an index; none is embedded again.

    A new index has the same papers, IDs, vectors, decisions, removed papers and times, and gives the same answers. In
    an index that exists, the papers are imported as by papers index: records of papers that it has are merged with
    them, what was removed stays removed, and new papers are added now. Both need the same model. Every file is compared
    with its checksum. Repeat an interrupted import to continue it.

    \b
    papers import-index ~/papers-archive --index ~/papers-copy
    papers import-index /mnt/disk/papers-archive --index ~/papers
    papers import-index ~/papers-archive --index milvus://milvus.example.org:19530/papers
    """
    from indexer.moving.archive import Archive
    from indexer.moving.imports import import_archive
    from service.commands.progress import Progress

    source = Archive(archive)
    with Progress() as progress:
        done = import_archive(
            source, directory, load_embedder_for, on_moved=progress.show_copied, on_stage=progress.stage
        )
    papers = format_count(source.header.papers)
    if done.counts is None:
        click.echo(f"papers: imported {papers} to {directory} ({done.generation})", err=True)
        return
    counts = done.counts
    click.echo(
        f"papers: imported an archive of {papers} to {directory} ({done.generation}): {counts.new:,} new, "
        f"{counts.merged:,} merged, {counts.unchanged:,} records unchanged, {counts.removed:,} left out as removed",
        err=True,
    )
