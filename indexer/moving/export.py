"""Exports an index to an archive."""

from collections.abc import Callable
from pathlib import Path

from indexer.folders_aside import is_free, written_aside
from indexer.moving.archive import ArchiveWriter
from indexer.moving.paper import Header
from indexer.moving.source import Source
from search.errors import InvalidValue
from search.files import fsync

OnMoved = Callable[[int, int], None]
"""Called while papers move, with the number of papers moved, and that of all papers."""


def export_index(source: Source, folder: Path, on_moved: OnMoved = lambda done, papers: None) -> Header:  # noqa: ARG005
    """Writes an index to a new archive; continues what an interrupted run of the same generation has written.

    Args:
        source: The index.
        folder: The folder to create; an empty folder is replaced.
        on_moved: See ``OnMoved``.

    Returns:
        What was exported.

    Raises:
        InvalidValue: The folder is not empty.
        IndexDamaged: The index is damaged; there is no archive.
        IndexBusy: Another process is writing to the same folder.
    """
    folder, header = folder.resolve(), source.header
    if not is_free(folder):
        raise InvalidValue("archive", str(folder), "it exists already; give the name of a new folder")
    with written_aside(folder, resumes=True) as aside:
        writer = ArchiveWriter(aside, header)
        for number in range(writer.written, header.batches):
            on_moved(number * header.batch_papers, header.papers)
            writer.write(source.read_batch(number))
        on_moved(header.papers, header.papers)
        for table in source.tables():
            writer.write_table(table)
        writer.finish()
        fsync(aside)
        aside.rename(folder)
    return header
